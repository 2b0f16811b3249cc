"""demo: a whole cycle against a simulated system, in a temporary place."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interpres.cli import talk
from interpres.cli.options import QuietOption

if TYPE_CHECKING:
    from collections.abc import Callable

    from interpres.playing import Played, Player
    from interpres.station import Station

LONGEST_SECONDS = 120.0


def names() -> list[str]:
    """The demos that there are: the files of samples/demo."""
    from interpres.workspace.reference import reference_folder

    return sorted(f.stem for f in (reference_folder() / "samples" / "demo").glob("*.yaml"))


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which system to send to.", autocompletion=names)] = "npca",
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Where to work instead of a temporary folder.", show_default=False),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Run the reference channels against a simulated system, send them every sample, and show what became of each.

    Example: interpres demo npca
    """
    from interpres.cli.live import Board
    from interpres.cli.run import run_loop
    from interpres.logs import to_file
    from interpres.station import Station
    from interpres.workspace import Workspace
    from interpres.workspace.reference import copy_reference

    talk.manner(quiet=quiet)
    story = _story(name)
    place = keep or Path(tempfile.mkdtemp(prefix="interpres-demo-"))
    copy_reference(place)
    to_file(place / "var" / "log" / "interpres.jsonl")
    here = Workspace(place)
    with Station(here, story["channels"]) as station:
        station.start_sandboxes()
        station.listen_anywhere()
        with Board(story["about"], _reference_of(story, here), quiet=quiet) as board:
            player = run_loop(_played(station, board.show))
    unmet = [one for one in player.played if not one.met]
    _sum_up(player, unmet, place)
    raise typer.Exit(1 if unmet else 0)


def _story(name: str) -> dict[str, Any]:
    from interpres import yaml
    from interpres.fault import Fault, did_you_mean
    from interpres.workspace.reference import reference_folder

    if name not in names():
        raise Fault("C158", f"there is no demo '{name}'", did_you_mean(name, names()) or f"there are {', '.join(names())}")
    file = f"samples/demo/{name}.yaml"
    story: dict[str, Any] = yaml.plain(yaml.read((reference_folder() / file).read_bytes(), file))
    return story


def _reference_of(story: dict[str, Any], here: Any) -> Callable[[Any], str]:
    """What a system calls what it took, out of its answer; empty where its answer does not say."""
    from interpres.document import MISSING
    from interpres.fault import Fault, Place
    from interpres.yaml import Leaf

    leaf = Leaf(story["reference"], story["reference"], True, Place("samples/demo"))
    formula = here.formula(leaf, here.format("json"), (), "UTC")

    def reference(answer: Any) -> str:
        try:
            found = formula(answer, {})
        except Fault:
            return ""
        return "" if found is MISSING or found is None else str(found)

    return reference


async def _played(station: Station, show: Callable[[list[Played]], None]) -> Player:
    from interpres.playing import Player
    from interpres.samples import samples_in

    calls = station.calls()
    engine = station.engine(calls)
    player = Player(engine)
    await engine.start()
    try:
        for sample in samples_in(station.workspace):
            if sample.channel in station.recipes:
                await player.play(sample)
                await player.look()
                show(player.played)
        async with asyncio.timeout(LONGEST_SECONDS):
            while not all(one.met for one in player.played) and not await engine.is_idle():
                await asyncio.sleep(0.2)
                await player.look()
                show(player.played)
    except TimeoutError:
        talk.say(f"not everything had come to its end after {LONGEST_SECONDS:.0f} s")
    finally:
        await player.look()
        show(player.played)
        await engine.drain()
        await calls.close()
    return player


def _sum_up(player: Player, unmet: list[Played], place: Path) -> None:
    sent = sum(len(one.bodies) for one in player.played)
    talk.say("")
    if unmet:
        talk.say(f"{len(unmet)} of {len(player.played)} samples did not come as the files beside them say:")
        for one in unmet:
            talk.say(f"  {one.sample.name}: {_counted(one.fates)}, not {_counted(one.expected)}")
    else:
        talk.say(f"{sent} messages in {len(player.played)} files came as they should.")
    talk.say(f"Everything lies in {place}: what was sent in samples/, what the engine keeps in var/. Try next:")
    talk.say(f"  interpres messages --workspace {place} --state rejected")
    rejected = next((r for one in player.played for r in one.found.values() if r.state == "processed"), None)
    if rejected is not None:
        talk.say(f"  interpres show {rejected.id} --workspace {place}")


def _counted(fates: Any) -> str:
    return ", ".join(f"{number} {word}" for word, number in sorted(fates.items())) or "nothing"
