"""Backlog: how much memory an engine takes with many messages waiting, and how soon it delivers after it was killed."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.big.filling import fill
from tests.big.ground import lay_out
from tests.crash.kills.ground import Ground, free_port
from tests.crash.kills.life import Life
from tests.crash.kills.load import Crowd
from tests.crash.kills.scene import memory_mib, serves, until
from tests.crash.kills.sink import Sink

SERVES_SECONDS: Final = 60.0
SAMPLE_SECONDS: Final = 0.25
RATE_SECONDS: Final = 1.0
WARM: Final = 100
"""After so many answers everything that an engine reads in once is there."""


@dataclass(frozen=True)
class Figures:
    """What was measured, in seconds and MiB.

    `settled_mib` is the memory after the first answers, `most_mib` the most it ever took, `grown_mib` what it took more later,
    under load. `first_delivery_seconds` counts from the start of the process that followed a SIGKILL.
    """

    messages: int
    lanes: int
    filled_seconds: float
    store_mib: float
    serves_seconds: float
    settled_mib: float
    most_mib: float
    grown_mib: float
    answered_meanwhile: int
    first_delivery_seconds: float
    delivered_a_second: float


async def measured(folder: Path, messages: int, lanes: int, *, watched_seconds: float, kills: int = 3) -> Figures:
    """Fill; serve beside a dead destination, under load; kill; let the destination come back, and start again."""
    port = free_port()
    ground = lay_out(folder, f"http://127.0.0.1:{port}")
    filled_seconds = await fill(ground.store, messages, lanes)
    store_mib = ground.store.stat().st_size / 2**20
    crowd = Crowd(ground, 1, http=0, files=0)
    async with Life.begun(ground) as life:
        serves_seconds = await serves(ground.mllp, life)
        async with crowd.sending():
            await until(lambda: crowd.acknowledged >= WARM, SERVES_SECONDS)
            settled_mib = memory_mib(life.process.pid)
            samples = [settled_mib]
            end = time.monotonic() + watched_seconds
            while time.monotonic() < end:
                await asyncio.sleep(SAMPLE_SECONDS)
                samples.append(memory_mib(life.process.pid))
            await crowd.stopped()
        most_mib = memory_mib(life.process.pid, "VmHWM")
    first_seconds, rate = await _recovered(ground, port, kills)
    return Figures(
        messages=messages,
        lanes=lanes,
        filled_seconds=filled_seconds,
        store_mib=store_mib,
        serves_seconds=serves_seconds,
        settled_mib=settled_mib,
        most_mib=most_mib,
        grown_mib=max(samples) - settled_mib,
        answered_meanwhile=crowd.acknowledged,
        first_delivery_seconds=first_seconds,
        delivered_a_second=rate,
    )


async def _recovered(ground: Ground, port: int, kills: int) -> tuple[float, float]:
    """Seconds from the start of a process to its first delivery, the worst of some kills, and how many a second it then makes.

    The first start does not count: heads of lanes that were tried while the destination was dead have to wait their time.
    """
    sink = Sink()
    async with sink.serving(port=port):
        lives = [await _first_delivery(ground, sink) for _ in range(1 + kills)]
    return max(seconds for seconds, _ in lives[1:]), lives[-1][1]


async def _first_delivery(ground: Ground, sink: Sink) -> tuple[float, float]:
    """One life, from the start of its process to its first delivery, and how many a second follow; then it is killed."""
    before = len(sink.arrivals)
    began = time.monotonic()
    async with Life.begun(ground) as life, asyncio.timeout(SERVES_SECONDS):
        while len(sink.arrivals) == before:
            assert life.process.returncode is None, "the engine ended by itself"
            await asyncio.sleep(0.002)
        seconds = time.monotonic() - began
        await asyncio.sleep(RATE_SECONDS)
        return seconds, (len(sink.arrivals) - before) / RATE_SECONDS
