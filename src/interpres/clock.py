"""Clock: the time that the engine goes by, handed in so that a test may bring its own."""

from __future__ import annotations

import asyncio
import time


class Clock:
    """Two readings, in milliseconds since 1970: what the wall says, and a steady one that no correction turns back.

    People and files see wall time. Whatever waits (retries, time limits) goes by the steady one, which begins at the wall's
    reading and then follows the monotonic clock.
    """

    def __init__(self) -> None:
        self._begin_ms = time.time() * 1000 - time.monotonic() * 1000

    def wall_ms(self) -> int:
        """What the wall clock says now; it may jump."""
        return int(time.time() * 1000)

    def steady_ms(self) -> int:
        """A reading that never jumps while the process lives; stored next tries are written in it."""
        return int(self._begin_ms + time.monotonic() * 1000)

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        await asyncio.sleep(seconds)


def iso_time(at_ms: int) -> str:
    """ISO 8601 in UTC with milliseconds (`2026-01-31T08:15:00.250Z`)."""
    seconds, ms = divmod(at_ms, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{ms:03d}Z"
