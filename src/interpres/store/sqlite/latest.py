"""Latest: when each destination last had something."""

from __future__ import annotations

from typing import Any, Final

import apsw

from interpres.store.sqlite.sql import latest as sql

FAR_BACK: Final = 100_000
"""Among so many of the latest deliveries it is looked for: beyond a long queue it is not known."""
LOOKED_AT: Final = 1_000
"""Deliveries are not delivered quite in the order they were made: the latest of so many counts."""


def last_delivered(db: apsw.Connection) -> dict[tuple[str, str], int]:
    """By channel and destination, in milliseconds of wall time."""
    found: dict[tuple[str, str], int] = {}
    rows: list[Any] = db.execute(sql.DESTINATIONS).fetchall()
    for number, channel, destination in rows:
        at_ms: Any = db.execute(sql.LATEST, (number, FAR_BACK, LOOKED_AT)).get
        if at_ms is not None:
            found[channel, destination] = at_ms
    return found
