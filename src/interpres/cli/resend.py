"""resend: sends once more what was refused or given up."""

from __future__ import annotations

import typer

from interpres.cli import acting, deciding, talk
from interpres.cli.options import JsonOption, QuietOption, VarOption, WorkspaceOption, workspace


def command(
    reason: acting.ReasonOption,
    messages: deciding.MessagesArgument = None,
    problem: deciding.ProblemOption = None,
    destination: deciding.DestinationOption = None,
    older: deciding.OlderOption = False,
    yes: acting.YesOption = False,
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Send once more what was refused, given up or rejected: the stored payload, or made anew where there is none.

    Example: interpres resend --problem 4XK2M7QR --reason "code X9 is in the table now" --yes
    """
    talk.manner(quiet=quiet, as_json=as_json)
    asked = {"messages": messages or [], "problem": problem, "destination": destination, "older": older}
    raise typer.Exit(deciding.decided(workspace(folder, var), "resend", "send again", asked, reason=reason, yes=yes))
