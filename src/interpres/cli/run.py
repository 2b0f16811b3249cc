"""run: runs the workspace's channels until it is stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from interpres.cli import talk
from interpres.cli.options import QuietOption, VarOption, VerboseOption, WorkspaceOption, complete_channel, workspace
from interpres.fault import Fault

if TYPE_CHECKING:
    from interpres.engine import Engine, Left
    from interpres.engine.reading import Reloaded
    from interpres.station import Station
    from interpres.watch import Watch

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
    health: Annotated[
        int | None,
        typer.Option(
            "--health",
            metavar="PORT",
            min=0,
            max=65535,
            help="Answer /health, /ready and /metrics on 127.0.0.1; by default as interpres.yaml says.",
            show_default=False,
        ),
    ] = None,
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
    log_file = here.var / "log" / "interpres.jsonl"
    to_file(log_file, echo=verbose)
    with Station(here, channels or ()) as station:
        if sandboxes:
            station.start_sandboxes()
            for name, running in station.sandboxes.items():
                talk.say(f"{name} is simulated at {running.base_url}")
        if missing := station.missing():
            talk.faults(missing)
            talk.say("nothing was started; interpres run --sandboxes supplies what simulated systems need")
            raise typer.Exit(3)
        watch = station.watch("" if health is None else f"127.0.0.1:{health}")
        log = watch.installation.file.log
        to_file(log_file, echo=verbose, level=log.level, largest_bytes=log.largest_mb << 20, kept=log.kept)
        left = run_loop(_run(station, watch, until_idle=until_idle))
    raise typer.Exit(_told(left, until_idle=until_idle))


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine on the fastest event loop that is here."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


async def _run(station: Station, watch: Watch, *, until_idle: bool) -> Left:
    calls = station.calls()
    engine: Engine = station.engine(calls, meter=watch.figures)
    try:
        engine.obey_signals(_tell_of_reload)
        async with watch.over(engine, station.systems, station.environment):
            _tell_of_health(watch)
            await engine.start()
            return await _served(station, engine, watch, until_idle=until_idle, drain_seconds=watch.installation.file.drain)
    finally:
        await calls.close()


def _tell_of_reload(done: Reloaded) -> None:
    from interpres.cli.reload import lines

    for line in lines({field.name: getattr(done, field.name) for field in fields(done)}):
        talk.say(line)
    for channel, faults in done.refused.items():
        talk.faults(faults, prefix=f"{channel}: ")


def _tell_of_health(watch: Watch) -> None:
    from interpres.watch.listener import warning_of_health

    if watch.address:
        talk.say(f"health is answered at http://{watch.address}/health (/ready, /metrics)")
        if warning := warning_of_health(watch.address):
            talk.say(warning)


async def _served(station: Station, engine: Engine, watch: Watch, *, until_idle: bool, drain_seconds: float) -> Left:
    """Run with the socket open by which the other verbs reach it. Raises `Fault` E111, E142: it ends in order."""
    from interpres.desk.desk import Desk
    from interpres.desk.line import SOCKET
    from interpres.desk.socket import serving

    here = station.workspace
    try:
        if watch.deaf is not None:
            raise watch.deaf
        async with serving(Desk(engine.store, here, engine, alerts=watch.open), here.var / SOCKET):
            for name, sentence in engine.listening.items():
                talk.say(f"{name} {sentence}")
            for p in engine.pausing.places:
                name = f"{p.channel}/{p.destination}" if p.destination else p.channel
                talk.say(f"{name} is paused, by {p.who}: {talk.printable(p.reason)}; interpres resume lets it go on")
            talk.say("running" if until_idle else "running; Ctrl-C ends it when what is in hand is finished")
            return await engine.run(until_idle=until_idle, drain_seconds=drain_seconds)
    except Fault:
        await engine.drain(drain_seconds)
        raise


def _told(left: Left, *, until_idle: bool) -> int:
    """Says what is left; with `--until-idle`, something left undelivered is a 1."""
    open_ = {
        **{f"messages {k}": v for k, v in left.messages.items()},
        **{f"deliveries {k}": v for k, v in left.deliveries.items()},
    }
    try:
        for what, number in open_.items():
            talk.say(f"{number} {what}")
        if left.refused:
            talk.say(f"{left.refused} refused; interpres messages shows them")
        talk.say("stopped; nothing is lost that was answered yes")
    except OSError:
        talk.nobody_listens()
    return 1 if until_idle and (left.undelivered or left.refused) else 0
