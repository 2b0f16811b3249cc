"""verify: proves that the store holds what it should."""

from __future__ import annotations

import typer

from interpres.cli import acting, talk
from interpres.cli.options import JsonOption, QuietOption, VarOption, WorkspaceOption, workspace
from interpres.fault import Faults


def command(
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Prove from the store that nothing was lost, added or changed: every count, every reference, the hash chain.

    Example: interpres verify
    """
    talk.manner(quiet=quiet, as_json=as_json)
    try:
        told = acting.done(workspace(folder, var), "verify")
    except Faults as wrong:
        talk.faults(wrong.faults)
        talk.say("the store does not hold what it should; interpres store check says more, interpres store restore helps")
        raise typer.Exit(1) from None
    if as_json:
        talk.row({**told, "faults": []})
    else:
        talk.result(f"{told['messages']} messages and {told['deliveries']} deliveries are all there; the hash chain is whole")
