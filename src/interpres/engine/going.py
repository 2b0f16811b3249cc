"""Going: what runs as long as the engine does, and is started again where it ends with an error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from interpres.engine.own_bug import own_bug
from interpres.engine.shift import Shift

LONGEST_REST_SECONDS: Final = 60.0


async def kept_going(shift: Shift, work: Callable[[], Coroutine[Any, Any, None]], while_: str) -> None:
    """Do the work until it ends by itself or the engine stops; after an error it rests, longer each time, and nobody else
    notices."""
    rest_seconds = 1.0
    while not shift.stopping.is_set():
        try:
            await work()
            return
        except Exception as error:
            own_bug(error, while_)
        await shift.pause(asyncio.Event(), rest_seconds)
        rest_seconds = min(rest_seconds * 2, LONGEST_REST_SECONDS)
