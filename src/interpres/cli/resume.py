"""resume: lets a channel or a destination that was paused go on."""

from __future__ import annotations

from typing import Annotated

import typer

from interpres.cli import acting, talk
from interpres.cli.options import JsonOption, QuietOption, VarOption, WorkspaceOption, complete_channel, workspace


def command(
    place: Annotated[
        str, typer.Argument(metavar="CHANNEL[/DESTINATION]", help="What was paused.", autocompletion=complete_channel)
    ],
    reason: acting.ReasonOption,
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Let a paused channel or destination go on; what waited meanwhile is sent.

    Example: interpres resume adt_to_npca/npca --reason "NPCA answers again"
    """
    talk.manner(quiet=quiet, as_json=as_json)
    told = acting.done(workspace(folder, var), "resume", place=place, reason=reason)
    if as_json:
        talk.row(told)
    elif told["was"] is None:
        talk.result(f"{place} was not paused")
    else:
        talk.result(f"{place} goes on; it was {acting.paused_words(told['was'])}")
        if told["says"] and not told["destination"]:
            talk.say(f"{told['channel']} {told['says']}")
        if not told["engine"]:
            talk.say("no engine runs here; the next one will take it up")
