"""Teller: brings news to one recipient: gathers what changes together, and tries again what could not be told."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import structlog

from interpres.clock import Clock
from interpres.engine.own_bug import own_bug
from interpres.fault import Fault, TryAgain
from interpres.installation import Recipient
from interpres.notice import Item, News
from interpres.retry import Retry

log = structlog.get_logger("interpres.watch")

MOST_WAITING: Final = 200
"""More changes than this do not wait for a recipient that cannot be reached: the oldest are left out, and counted."""
RETRY: Final = Retry(first_seconds=10.0, longest_seconds=900.0)
LONGEST_SECONDS: Final = 600.0
"""A notice has limits of its own; this one is for a notice that forgot."""


class Teller:
    """One recipient's. `hear` never waits; `run` tells until it is cancelled."""

    def __init__(
        self,
        engine: str,
        recipient: Recipient,
        gather_seconds: float,
        clock: Clock,
        chance: Callable[[], float],
        told: Callable[[str, Sequence[Item]], None] = lambda name, items: None,
    ) -> None:
        """`told` is called with the recipient's name and what has reached it."""
        self.recipient = recipient
        self._was_told = told
        self._engine = engine
        self._gather_seconds = gather_seconds
        self._clock = clock
        self._chance = chance
        self._waiting: deque[Item] = deque()
        self._left_out = 0
        self._wake = asyncio.Event()

    def hear(self, items: Iterable[Item]) -> Sequence[Item]:
        """These changed; gives those that the recipient wants, which will be told."""
        wanted = [item for item in items if self.recipient.wants(item.rule)]
        self._waiting += wanted
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self._left_out += 1
        if self._waiting:
            self._wake.set()
        return wanted

    async def run(self) -> None:
        """Wait for news, gather what comes with it, tell it; until it was told, what comes meanwhile goes with it."""
        while True:
            await self._wake.wait()
            await self._clock.sleep(self._gather_seconds)
            tries = 0
            while not await self._told():
                tries += 1
                await self._clock.sleep(RETRY.wait_seconds(tries, self._chance()))
            if not self._waiting:
                self._wake.clear()

    async def _told(self) -> bool:
        """Tell all that waits, once; whether that worked. What comes meanwhile is told next."""
        items, left_out = tuple(self._waiting), self._left_out
        news = News(self._engine, self._clock.wall_ms(), items, left_out)
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await self.recipient.notice.tell(news)
        except TryAgain as sick:
            self._failed("", sick.says)
        except Fault as wrong:
            self._failed(wrong.code, wrong.says)
        except TimeoutError:
            self._failed("", "it did not come back")
        except Exception as error:
            own_bug(error, "telling an alert")
        else:
            self._take_away(items, left_out)
            self._was_told(self.recipient.name, items)
            log.info("told", recipient=self.recipient.name, changes=len(items))
            return True
        return False

    def _failed(self, code: str, says: str) -> None:
        log.warning("an alert could not be told", recipient=self.recipient.name, code=code, says=says)

    def _take_away(self, items: tuple[Item, ...], left_out: int) -> None:
        """What was told waits no longer. What was left out while it was being told was told all the same."""
        told = set(map(id, items))
        left = deque(item for item in self._waiting if id(item) not in told)
        crowded_out = len(items) - (len(self._waiting) - len(left))
        self._waiting = left
        self._left_out -= left_out + crowded_out
