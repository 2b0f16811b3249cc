"""Campaign: one workspace whose engine is killed again and again under load, and what is asked of it afterwards."""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from interpres.delivery import idempotency_key
from interpres.store.sqlite import SqliteStore
from tests.crash.checker import Acknowledged, Effect, Evidence, broken
from tests.crash.kills.ground import Ground, lay_out
from tests.crash.kills.life import LONGEST_LIFE_SECONDS, Death, EndedError, Life, run_until_idle
from tests.crash.kills.load import Crowd
from tests.crash.kills.sink import Sink
from tests.crash.sums import Sum

SICK: Final = 0.003
SILENT: Final = 0.005
LONGEST_SECONDS: Final = 120.0
OWES: Final = {
    "from_mllp": frozenset({"sink", "archive"}),
    "from_http": frozenset({"sink"}),
    "from_files": frozenset({"sink"}),
}


async def campaign(kills: int, seed: int) -> Sum:
    """So many kills of one engine's processes, drawn from the seed; then everything must have come to its end."""
    sink = Sink(seed, sick=SICK, silent=SILENT)
    with tempfile.TemporaryDirectory(prefix="interpres-kills-") as folder:
        async with sink.serving() as url:
            ground = lay_out(Path(folder), url)
            crowd = Crowd(ground, seed)
            found = await _lived(ground, crowd, kills, random.Random(seed))
        found += await wrong(ground, crowd, sink)
    sum_ = Sum(kills=kills, acknowledged=crowd.acknowledged)
    return sum_.found(f"kills:{seed}:{kills}", found)


async def _lived(ground: Ground, crowd: Crowd, kills: int, chance: random.Random) -> list[str]:
    """All lives; a sentence for each that did not go as it should."""
    found: list[str] = []
    try:
        async with asyncio.timeout(LONGEST_SECONDS + kills * LONGEST_LIFE_SECONDS):
            statuses = await _lives(ground, crowd, kills, chance)
    except* EndedError as ended:
        found += [str(each) for each in ended.exceptions]
    except* TimeoutError:
        found.append("senders still wait for answers, or an engine for its end")
    else:
        found += [f"an engine that was let go ended with status {status}" for status in statuses if status]
    return found


async def _lives(ground: Ground, crowd: Crowd, kills: int, chance: random.Random) -> list[int]:
    """The violent lives, a peaceful one in which every sender gets its last answer, and one that finishes what is left."""
    async with crowd.sending():
        for _ in range(kills):
            death = Death.drawn(chance)
            async with Life.begun(ground, death=death) as life:
                await life.until(death, lambda: crowd.acknowledged)
        async with Life.begun(ground) as life:
            await crowd.stopped()
            drained = await life.drain()
    return [drained, await run_until_idle(ground)]


async def wrong(ground: Ground, crowd: Crowd, sink: Sink) -> list[str]:
    """A sentence for each promise that was broken, and for each sign of more than one effect."""
    evidence = Evidence(
        [Acknowledged(yes.channel, yes.body, yes.lane, yes.number) for yes in crowd.all_acknowledged],
        [*(_effect(key, body) for key, body in sink.arrivals), *_archived(ground)],
        frozenset({f"{channel}/{name}" for channel, names in OWES.items() for name in names}),
        OWES,
    )
    store = SqliteStore(ground.store, read_only=True)
    await store.open()
    try:
        return await broken(store, evidence, settled=True)
    finally:
        await store.close()


def _effect(key: str, body: bytes) -> Effect:
    channel, lane, number = told_by(body)
    return Effect(key, f"{channel}/{number}", lane, number, "sink")


def told_by(body: bytes) -> tuple[str, str, int]:
    """Channel, lane and number of what one of the crowd sent, or of what a mapping made of it."""
    if body.startswith(b"MSH"):
        name, _, number = body.split(b"|", 10)[9].decode().partition("-")
        lane = body.split(b"PID|1||")[1].split(b"^")[0].decode()
        return name, lane, int(number)
    tree = json.loads(body)
    return tree["lane"].partition("p")[0], tree["lane"], tree["number"]


def _archived(ground: Ground) -> Iterator[Effect]:
    """Files are named by the id of their message; nothing half-written may lie beside them."""
    for file in ground.archive.rglob("*"):
        assert not file.name.startswith("."), "a file was left half-written"
        body = file.read_bytes()
        name, _, number = told_by(body)
        yield Effect(idempotency_key(file.stem, 0, "archive", 1), f"{name}/{number}", "", number, "archive")
