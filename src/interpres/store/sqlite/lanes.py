"""Lanes: which lanes are open, so that what is new knows whether it must queue."""

from __future__ import annotations

import apsw


class Lanes:
    """How many messages block each (channel, lane), or deliveries each (destination, lane); an idle lane is not in here."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._blocking: dict[tuple[int, int], int] = {}

    def load(self, db: apsw.Connection) -> None:
        """As the tables have it: at start, and after a transaction that came to nothing."""
        self._blocking = {(of, lane): n for of, lane, n in db.execute(self._query)}

    def is_idle(self, of: int, lane: int) -> bool:
        """Whether nothing blocks it."""
        return (of, lane) not in self._blocking

    def blocking(self, of: int, lane: int) -> int:
        """How many block it."""
        return self._blocking.get((of, lane), 0)

    def block(self, of: int, lane: int) -> None:
        """One more is unsettled there."""
        key = (of, lane)
        self._blocking[key] = self._blocking.get(key, 0) + 1

    def unblock(self, of: int, lane: int) -> bool:
        """One fewer is; whether others remain."""
        key = (of, lane)
        left = self._blocking[key] - 1
        if left:
            self._blocking[key] = left
        else:
            del self._blocking[key]
        return left > 0

    def __len__(self) -> int:
        return len(self._blocking)
