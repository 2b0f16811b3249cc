"""pause: stops a channel from taking anything in, or one of its destinations from being sent anything."""

from __future__ import annotations

from typing import Annotated

import typer

from interpres.cli import acting, talk
from interpres.cli.options import JsonOption, QuietOption, VarOption, WorkspaceOption, complete_channel, workspace


def command(
    place: Annotated[
        str, typer.Argument(metavar="CHANNEL[/DESTINATION]", help="What to pause.", autocompletion=complete_channel)
    ],
    reason: acting.ReasonOption,
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Pause a channel (it takes nothing in) or a destination (it is sent nothing) until it is resumed, also after a restart.

    Example: interpres pause adt_to_npca/npca --reason "NPCA is being updated tonight"
    """
    talk.manner(quiet=quiet, as_json=as_json)
    told = acting.done(workspace(folder, var), "pause", place=place, reason=reason)
    if as_json:
        talk.row(told)
        return
    before = "was paused before, and stays so: " if told["already"] else ""
    talk.result(f"{place} {before}{acting.paused_words(told['paused'])}")
    if told["destination"]:
        talk.say("what is for it waits in the store; what is for other destinations goes on")
    else:
        talk.say("it takes nothing in, so its senders keep what they have; what was taken goes on")
    if not told["engine"]:
        talk.say("no engine runs here; the next one will keep to it")
    talk.say(f"interpres resume {place} --reason … lets it go on; interpres status shows it")
