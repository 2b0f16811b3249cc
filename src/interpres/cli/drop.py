"""drop: gives up what shall not be sent."""

from __future__ import annotations

import typer

from interpres.cli import acting, deciding, talk
from interpres.cli.options import JsonOption, QuietOption, VarOption, WorkspaceOption, workspace


def command(
    reason: acting.ReasonOption,
    messages: deciding.MessagesArgument = None,
    problem: deciding.ProblemOption = None,
    destination: deciding.DestinationOption = None,
    yes: acting.YesOption = False,
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Give up for good what is held, refused, dead or rejected, or still waits: it stays stored, and is not sent.

    Example: interpres drop 01KBM6Y3ZC4T8QW2N5R7V9XDHE --reason "a test patient, sent by mistake"
    """
    talk.manner(quiet=quiet, as_json=as_json)
    asked = {"messages": messages or [], "problem": problem, "destination": destination}
    raise typer.Exit(deciding.decided(workspace(folder, var), "drop", "give up", asked, reason=reason, yes=yes))
