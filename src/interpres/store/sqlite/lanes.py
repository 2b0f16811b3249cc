"""Lanes: which lanes owe something, so that a new delivery knows whether it must queue."""

from __future__ import annotations

import apsw

from interpres.store.sqlite.sql import delivery as sql


class Lanes:
    """How many deliveries of each (destination, lane) block it; a lane that nothing blocks is not in here."""

    def __init__(self) -> None:
        self._blocking: dict[tuple[int, int], int] = {}

    def load(self, db: apsw.Connection) -> None:
        """As the tables have it: at start, and after a transaction that came to nothing."""
        self._blocking = {(d, lane): n for d, lane, n in db.execute(sql.BUSY_LANES)}

    def is_idle(self, destination: int, lane: int) -> bool:
        """Whether nothing blocks it."""
        return (destination, lane) not in self._blocking

    def block(self, destination: int, lane: int) -> None:
        """One more delivery is unsettled there."""
        key = (destination, lane)
        self._blocking[key] = self._blocking.get(key, 0) + 1

    def unblock(self, destination: int, lane: int) -> bool:
        """One fewer is; whether others remain."""
        key = (destination, lane)
        left = self._blocking[key] - 1
        if left:
            self._blocking[key] = left
        else:
            del self._blocking[key]
        return left > 0

    def __len__(self) -> int:
        return len(self._blocking)
