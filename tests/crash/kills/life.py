"""Life: one process of the engine from its start to its end, which may be a violent one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.kills.ground import Ground

SYSCALLS = ("fdatasync", "pwrite64", "write", "sendto", "rename", "close", "fsync", "openat")
"""At the n-th of which the engine is killed; what else it does lies between two of these."""
LONGEST_LIFE_SECONDS = 20.0


class EndedError(Exception):
    """An engine that should have lived did not."""


@dataclass(frozen=True)
class Death:
    """When a life ends: after so many more yeses and a moment, so many seconds after its start, or at the n-th system call."""

    yeses: int = 0
    seconds: float = 0.0
    syscall: str = ""
    nth: int = 0

    @classmethod
    def drawn(cls, chance: random.Random) -> Death:
        """Mostly while it serves, often while it starts and recovers, sometimes in the middle of a system call."""
        kind = chance.random()
        if kind < 0.15 and shutil.which("strace"):
            return cls(syscall=chance.choice(SYSCALLS), nth=int(2 ** (chance.random() * 9)))
        if kind < 0.4:
            return cls(seconds=chance.uniform(0.3, 1.8))
        return cls(yeses=chance.randrange(1, 50), seconds=chance.random() * 0.03)


class Life:
    """An engine that runs the workspace's channels."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log

    @classmethod
    async def begin(
        cls,
        ground: Ground,
        *options: str,
        death: Death | None = None,
        environment: Mapping[str, str] | None = None,
        descriptors: int = 0,
        inside: Sequence[str] = (),
    ) -> Life:
        """Start it, under strace where it is to die at a system call; `descriptors`: how many files it may have open, `inside`:
        what runs it elsewhere (`ip netns exec`)."""
        command = [*inside, sys.executable, "-m", "interpres", "run", "--workspace", str(ground.folder), "--quiet", *options]
        if death is not None and death.syscall:
            inject = f"inject={death.syscall}:signal=SIGKILL:when={death.nth}"
            tracer = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={death.syscall}", "-e", inject]
            command = [*tracer, *command]
        if descriptors:
            command = ["sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh", *command]
        with (ground.folder / "engine.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *command, stdout=log, stderr=log, start_new_session=True, env={**os.environ, **(environment or {})}
            )
        return cls(process, ground.folder / "engine.log")

    @classmethod
    @contextlib.asynccontextmanager
    async def begun(cls, ground: Ground, *options: str, **named: Any) -> AsyncIterator[Life]:
        """The same, and sure to have ended afterwards."""
        life = await cls.begin(ground, *options, **named)
        try:
            yield life
        finally:
            await life.kill()

    async def until(self, death: Death, yeses: Callable[[], int]) -> None:
        """Let it live until its death has come, then kill it and all that it started."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_LIFE_SECONDS):
                if death.syscall:
                    await self.process.wait()
                else:
                    target = yeses() + death.yeses
                    while yeses() < target and self.process.returncode is None:
                        await asyncio.sleep(0.002)
                    await asyncio.sleep(death.seconds)
        ended = self.process.returncode
        await self.kill()
        if ended not in (None, -signal.SIGKILL):
            raise EndedError(f"the engine ended by itself, with status {ended}: {self.log.read_text()[-2000:]}")

    async def kill(self) -> None:
        """SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    async def drain(self, seconds: float = 30.0) -> int:
        """SIGTERM; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(seconds):
            return await self.process.wait()


async def run_until_idle(ground: Ground, seconds: float = 60.0, inside: Sequence[str] = ()) -> int:
    """Let an engine finish what is there; its exit status."""
    async with Life.begun(ground, "--until-idle", inside=inside) as life, asyncio.timeout(seconds):
        return await life.process.wait()
