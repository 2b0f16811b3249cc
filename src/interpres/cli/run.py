"""run: runs the workspace's channels until it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from interpres.cli import talk
from interpres.cli.options import QuietOption, VarOption, VerboseOption, WorkspaceOption, complete_channel, workspace

if TYPE_CHECKING:
    from interpres.engine import Engine, Left
    from interpres.station import Station

T = TypeVar("T")


def command(
    channels: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CHANNEL…", help="Only these; by default all.", autocompletion=complete_channel, show_default=False
        ),
    ] = None,
    sandboxes: Annotated[bool, typer.Option("--sandboxes", help="Simulate the systems, and supply their environment.")] = False,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="End when nothing is due within 30 s.")] = False,
    folder: WorkspaceOption = None,
    var: VarOption = None,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Run the workspace's channels, or those named, until it is stopped (Ctrl-C or SIGTERM: what is in hand is finished).

    Example: interpres run --sandboxes --until-idle
    """
    from interpres.logs import to_file
    from interpres.station import Station

    talk.manner(quiet=quiet, verbose=verbose)
    here = workspace(folder, var)
    to_file(here.var / "log" / "interpres.jsonl", echo=verbose)
    with Station(here, channels or ()) as station:
        if sandboxes:
            station.start_sandboxes()
            for name, running in station.sandboxes.items():
                talk.say(f"{name} is simulated at {running.base_url}")
        if missing := station.missing():
            talk.faults(missing)
            talk.say("nothing was started; interpres run --sandboxes supplies what simulated systems need")
            raise typer.Exit(3)
        left = run_loop(_run(station, until_idle=until_idle))
    raise typer.Exit(_told(left, until_idle=until_idle))


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine on the fastest event loop that is here."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


async def _run(station: Station, *, until_idle: bool) -> Left:
    calls = station.calls()
    engine: Engine = station.engine(calls)
    try:
        engine.obey_signals()
        await engine.start()
        for name, sentence in engine.listening.items():
            talk.say(f"{name} {sentence}")
        talk.say("running" if until_idle else "running; Ctrl-C ends it when what is in hand is finished")
        return await engine.run(until_idle=until_idle)
    finally:
        await calls.close()


def _told(left: Left, *, until_idle: bool) -> int:
    """Says what is left; with `--until-idle`, something left undelivered is a 1."""
    open_ = {
        **{f"messages {k}": v for k, v in left.messages.items()},
        **{f"deliveries {k}": v for k, v in left.deliveries.items()},
    }
    for what, number in open_.items():
        talk.say(f"{number} {what}")
    if left.refused:
        talk.say(f"{left.refused} refused; interpres messages shows them")
    talk.say("stopped; nothing is lost that was answered yes")
    return 1 if until_idle and (left.undelivered or left.refused) else 0
