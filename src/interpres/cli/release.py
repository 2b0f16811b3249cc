"""release: lets go on what is held."""

from __future__ import annotations

from typing import Annotated

import typer

from interpres.cli import acting, deciding, talk
from interpres.cli.options import JsonOption, QuietOption, VarOption, WorkspaceOption, workspace


def command(
    reason: acting.ReasonOption,
    messages: deciding.MessagesArgument = None,
    problem: deciding.ProblemOption = None,
    destination: deciding.DestinationOption = None,
    delivered: Annotated[
        bool, typer.Option("--delivered", help="The other side has it: mark it as delivered, and do not send it again.")
    ] = False,
    yes: acting.YesOption = False,
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Let go on what is held: a delivery is sent, or marked as delivered where the other side has it; a message is processed.

    Example: interpres release 01KBM6Y3ZC4T8QW2N5R7V9XDHE --delivered --reason "NPCA has it, says its help desk"
    """
    talk.manner(quiet=quiet, as_json=as_json)
    asked = {"messages": messages or [], "problem": problem, "destination": destination, "delivered": delivered}
    question = "mark as delivered" if delivered else "let go on"
    raise typer.Exit(deciding.decided(workspace(folder, var), "release", question, asked, reason=reason, yes=yes))
