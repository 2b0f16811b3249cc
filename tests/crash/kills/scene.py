"""Scene: an engine at work under load in a process of its own, and the question in the end whether every promise held."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.crash.kills.campaign import wrong
from tests.crash.kills.ground import Ground, lay_out
from tests.crash.kills.life import Life, run_until_idle
from tests.crash.kills.load import Crowd
from tests.crash.kills.sink import Sink

ANSWER_SECONDS = 1.0
"""How long the crowd waits for an answer, and the engine for the sink's."""


@dataclass
class Scene:
    """What plays: the workspace, the engine's process, who sends, and who is sent to."""

    ground: Ground
    life: Life
    crowd: Crowd
    sink: Sink
    inside: Sequence[str] = ()

    async def more(self, yeses: int = 5, seconds: float = 20.0) -> float:
        """Wait until so many more messages were answered yes; seconds that took."""
        target = self.crowd.acknowledged + yeses
        return await until(lambda: self._lives() and self.crowd.acknowledged >= target, seconds)

    async def delivered(self, more: int = 5, seconds: float = 20.0) -> float:
        """Wait until the sink had so many more; seconds that took."""
        target = len(self.sink.arrivals) + more
        return await until(lambda: self._lives() and len(self.sink.arrivals) >= target, seconds)

    def _lives(self) -> bool:
        status = self.life.process.returncode
        assert status is None, f"the engine ended with status {status}: {self.life.log.read_text()[-2000:]}"
        return True

    async def ended_well(self) -> list[str]:
        """Let everybody finish; a sentence for each promise that was broken."""
        await self.crowd.stopped()
        statuses = [await self.life.drain(), await run_until_idle(self.ground, inside=self.inside)]
        return [*(f"ended with status {s}" for s in statuses if s), *await wrong(self.ground, self.crowd, self.sink)]


@contextlib.asynccontextmanager
async def scene(
    folder: Path,
    *,
    crowd: dict[str, int] | None = None,
    limits: str = "",
    environment: dict[str, str] | None = None,
    sink: Sink | None = None,
    sink_url: str = "",
    descriptors: int = 0,
    inside: Sequence[str] = (),
) -> AsyncIterator[Scene]:
    """An engine that serves, and senders at work. `limits` are those of the MLLP source; where the engine is `inside` something,
    only files reach it."""
    sink = sink or Sink()
    async with contextlib.AsyncExitStack() as things:
        url = sink_url or await things.enter_async_context(sink.serving())
        ground = lay_out(folder, url, ANSWER_SECONDS, limits)
        life = await things.enter_async_context(
            Life.begun(ground, environment=environment, descriptors=descriptors, inside=inside)
        )
        if not inside:
            await serves(ground.mllp, life)
        senders = Crowd(ground, 1, answer_seconds=ANSWER_SECONDS, **(crowd or {"mllp": 2, "http": 1, "files": 1}))
        await things.enter_async_context(senders.sending())
        yield Scene(ground, life, senders, sink, inside)


async def until(true: Callable[[], bool], seconds: float = 20.0) -> float:
    """Wait for something to become true; seconds that took."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)
    return time.monotonic() - began


async def serves(port: int, life: Life | None = None, seconds: float = 60.0) -> float:
    """Wait until somebody listens there; seconds that took."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return time.monotonic() - began
            assert life is None or life.process.returncode is None, "the engine ended by itself"
            await asyncio.sleep(0.01)


def memory_mib(pid: int, word: str = "VmRSS") -> float:
    """What a process takes of memory now, or took at most (`VmHWM`), in MiB; see proc(5)."""
    with open(f"/proc/{pid}/status") as lines:
        facts = dict(line.split(":", 1) for line in lines)
    return int(facts[word].split()[0]) / 1024


def descriptors_of(pid: int) -> int:
    """How many files and sockets a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))
