"""reload: lets the running engine go over to the workspace's files as they are now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import typer

from interpres.cli import acting, talk
from interpres.cli.options import JsonOption, QuietOption, VarOption, WorkspaceOption, workspace
from interpres.fault import Fault

WORDS: Final = {
    "swapped": "goes by its new files",
    "opened": "runs from now on",
    "closed": "runs no more",
    "kept": "did not change",
}


def command(
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Let the running engine go over to changed files, channel by channel; a channel with faults keeps what it has.

    Example: interpres reload
    """
    talk.manner(quiet=quiet, as_json=as_json)
    told = acting.done(workspace(folder, var), "reload")
    if as_json:
        talk.row(told)
    else:
        for line in lines(told):
            talk.result(line)
    for channel, faults in told["refused"].items():
        talk.faults([Fault.from_dict(facts) for facts in faults], prefix=f"{channel}: ")
    raise typer.Exit(1 if told["refused"] else 0)


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """What became of each channel, in sentences."""
    for kind, what in WORDS.items():
        for channel in told[kind]:
            yield f"{channel} {what}"
    for channel in told["refused"]:
        new = channel in told["left_out"]
        yield f"{channel} {'does not run' if new else 'keeps what it had'}: its {'' if new else 'new '}files have faults"
