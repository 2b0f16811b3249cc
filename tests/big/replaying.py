"""Replaying: stored messages compared with what a candidate makes of them, and sent once more by an engine that is killed."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from interpres.store.sqlite import SqliteStore
from tests.big.filling import CHANNEL, DESTINATION, fill
from tests.big.ground import lay_out
from tests.crash.kills.ground import Ground
from tests.crash.kills.life import Life, run_until_idle
from tests.crash.kills.scene import memory_mib, until
from tests.crash.kills.sink import Sink

A_MESSAGE_SECONDS: Final = 0.05
"""So long each message may take at most, before something is called stuck."""


@dataclass(frozen=True)
class Compared:
    """What `interpres replay --diff` said, how long it took in seconds, how often it told how far it was, and its memory."""

    messages: int
    differing: dict[str, int]
    seconds: float
    progress_told: int
    most_mib: float


@dataclass(frozen=True)
class Replayed:
    """What a replay under kills came to: `effects` says how many messages the sink acted on once, twice and so on."""

    messages: int
    kills: int
    seconds: float
    effects: dict[int, int]
    states: dict[tuple[str, str], int]
    broken: tuple[str, ...]


async def compared(ground: Ground, candidate: str, messages: int) -> Compared:
    """Every stored message by a candidate, in a process of its own."""
    began = time.monotonic()
    options = ("--channel", CHANNEL, "--to", DESTINATION, "--diff", "--mapping", candidate, "--json")
    process = await _replay(ground, *options)
    reading = asyncio.create_task(process.communicate())
    most = 0.0
    async with asyncio.timeout(60 + messages * A_MESSAGE_SECONDS):
        while not reading.done():
            try:
                most = max(most, memory_mib(process.pid))
            except (OSError, KeyError):
                break  # it has ended
            await asyncio.sleep(0.05)
        out, told = await reading
    groups = [json.loads(line) for line in out.splitlines()]
    differing = {f"{g['destination']} {g['path']} {g['change']}": g["messages"] for g in groups}
    assert process.returncode == (1 if differing else 0), told.decode()
    return Compared(messages, differing, time.monotonic() - began, told.count(b" of "), most)


async def replayed(ground: Ground, sink: Sink, messages: int, kills: int, seed: int) -> Replayed:
    """All of them once more, by an engine that is killed so many times on the way."""
    chance = random.Random(seed)
    began = time.monotonic()
    asked = await _replay(ground, "--channel", CHANNEL, "--to", DESTINATION, "--apply", "--yes", "--reason", "a drill")
    _, told = await asked.communicate()
    assert asked.returncode == 0, told.decode()
    limit_seconds = 60 + messages * A_MESSAGE_SECONDS
    for kill in range(1, kills + 1):
        share = messages * kill // (kills + 1)
        async with Life.begun(ground):
            await until(lambda share=share: len(sink.arrivals) >= share, limit_seconds)  # type: ignore[misc]
            await asyncio.sleep(chance.random() * 0.05)
    status = await run_until_idle(ground, limit_seconds)
    seconds = time.monotonic() - began
    effects = Counter(Counter(json.loads(body)["control"] for body in dict(sink.arrivals).values()).values())
    states, broken = await _left(ground)
    if status:
        broken = (*broken, f"the last engine ended with status {status}")
    return Replayed(messages, kills, seconds, dict(effects), states, broken)


async def _left(ground: Ground) -> tuple[dict[tuple[str, str], int], tuple[str, ...]]:
    store = SqliteStore(ground.store, read_only=True)
    await store.open()
    try:
        counts = {(c.destination, c.state): c.number for c in await store.counts()}
        return counts, tuple(f"{f.code} {f.says}" for f in await store.verify())
    finally:
        await store.close()


async def _replay(ground: Ground, *options: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "interpres", "replay", "--workspace", str(ground.folder), *options)
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)


async def measured(folder: Path, messages: int, lanes: int, kills: int, seed: int = 1) -> tuple[Compared, Compared, Replayed]:
    """By today's mapping, by a candidate, and then all once more."""
    sink = Sink()
    async with sink.serving() as url:
        ground = lay_out(folder, url)
        await fill(ground.store, messages, lanes, delivered=True)
        today = await compared(ground, "sink/visit_from_adt", messages)
        candidate = await compared(ground, "sink/candidate", messages)
        return today, candidate, await replayed(ground, sink, messages, kills, seed)
