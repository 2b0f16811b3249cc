"""Ending: counts the steps of a life and ends it at one of them, as SIGKILL or the loss of power would."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

KILLED: Final = 9
ANY: Final = "any"
"""The step that every step counts as."""


class Ending:
    """The life ends at the `at`-th step of that name. Whatever the world may see of it passes through `step` or `told`.

    All that changes the disk happens while `lock` is held: once the end has begun, nothing more is written, and nobody hears of
    anything.
    """

    def __init__(self, step: str = "", at: int = 0) -> None:
        self.lock = threading.RLock()
        self.seen: Counter[str] = Counter()
        self.before_the_end: Callable[[], None] = lambda: None
        self._step = step
        self._at = at

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """This is about to be done, and is done before anybody else does anything."""
        with self.lock:
            self.reached(name)
            yield

    def reached(self, name: str) -> None:
        """Here the life may end."""
        with self.lock:
            self.seen[name] += 1
            self.seen[ANY] += 1
            if self._at and self.seen[self._step] == self._at and self._step in (name, ANY):
                self.before_the_end()
                os._exit(KILLED)

    def told(self, tell: Callable[..., Any], *what: Any) -> None:
        """The world learns of something: not any more once the end has begun."""
        with self.lock:
            tell(*what)
