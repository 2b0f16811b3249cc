"""Threads: what stands in for the thread and the queue of the store's writer, so that its own code runs on the virtual loop."""

from __future__ import annotations

import asyncio
import queue
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any


class _NothingToDo(BaseException):
    """The thread would sleep now."""


class Thread:
    """Runs its target on the loop whenever its queue has something, a moment (`delay` seconds) after that came in."""

    def __init__(self, lines: list[Queue], delay: Callable[[], float], target: Callable[[], None]) -> None:
        self.queue = lines.pop()
        self.queue.put_in = self._wake
        self.delay = delay
        self.target = target
        self.over = False
        self.woken = False

    def start(self) -> None:
        """Nothing is there yet."""

    def _wake(self) -> None:
        if not self.woken:
            self.woken = True
            asyncio.get_running_loop().call_later(self.delay(), self._turn)

    def _turn(self) -> None:
        self.woken = False
        if not self.over:
            try:
                self.target()
                self.over = True
            except _NothingToDo:
                pass

    def join(self) -> None:
        """Do now what is left."""
        self._turn()


class Pool:
    """Threads for those who ask; what was asked is answered before it is shut down."""

    def __init__(self, threads: int, name: str) -> None:
        self.asked: dict[int, Callable[[], None]] = {}
        self.number = 0

    def take(self, work: Callable[[], None]) -> Callable[[], None]:
        """What does this work once, now or when the pool is shut down."""
        self.number += 1
        number = self.number
        self.asked[number] = work

        def once() -> None:
            if number in self.asked:
                self.asked.pop(number)()

        return once

    def shutdown(self) -> None:
        """Answer what was asked."""
        for number in tuple(self.asked):
            self.asked.pop(number)()


class Queue:
    """What `queue.SimpleQueue` does; taking from an empty one ends the thread's turn."""

    def __init__(self, lines: list[Queue]) -> None:
        self.items: deque[Any] = deque()
        self.put_in: Callable[[], None] = lambda: None
        lines.append(self)

    def put(self, item: Any) -> None:
        self.items.append(item)
        self.put_in()

    def get(self) -> Any:
        if not self.items:
            raise _NothingToDo
        return self.items.popleft()

    def get_nowait(self) -> Any:
        if not self.items:
            raise queue.Empty
        return self.items.popleft()


def stand_ins(delay: Callable[[], float]) -> dict[str, Any]:
    """`threading` and `queue` as the store's writer knows them, and the pool of its readers.

    A writer makes its queue first, then its thread.
    """
    lines: list[Queue] = []

    def thread(*, target: Callable[[], None], name: str, daemon: bool) -> Thread:
        return Thread(lines, delay, target)

    return {
        "threading": SimpleNamespace(Thread=thread),
        "pool": Pool,
        "queue": SimpleNamespace(SimpleQueue=lambda: Queue(lines), Empty=queue.Empty),
    }
