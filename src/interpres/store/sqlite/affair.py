"""Affair: what somebody may act on, as it stands, and the messages whose ids begin as somebody wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import apsw

from interpres.message import CROCKFORD, message_ulid
from interpres.store.records import Affair
from interpres.store.sqlite.sql import affair as sql
from interpres.store.sqlite.text import json_text

LONGEST: Final = 26
TIME: Final = 10
"""The signs of a ULID, and how many of them are its time."""

MOST_LOOKED_AT: Final = 200_000


def affairs(db: apsw.Connection, salt: bytes, messages: Sequence[int], deliveries: Sequence[int]) -> tuple[Affair, ...]:
    """Messages first, then deliveries, each in order of arrival; those that are not there are left out."""
    rows: Any = chain(
        db.execute(sql.MESSAGES, (json_text(list(messages)),)) if messages else (),
        db.execute(sql.DELIVERIES, (json_text(list(deliveries)),)) if deliveries else (),
    )
    return tuple(_affair(salt, row) for row in rows)


def _affair(salt: bytes, row: tuple[Any, ...]) -> Affair:
    message, delivery, at_ms, channel, destination, state, payload, overtaken = row
    id_ = message_ulid(at_ms, salt, message)
    return Affair(message, delivery, id_, channel, destination, state, bool(payload), bool(overtaken))


def beginning_with(db: apsw.Connection, salt: bytes, written: str, limit: int) -> tuple[int, ...] | None:
    """The messages whose ids begin so, at most `limit`; None where there are too many to be looked through."""
    if not written or len(written) > LONGEST or any(sign not in CROCKFORD for sign in written):
        return ()
    time = written[:TIME]
    first, last = _number(time.ljust(TIME, CROCKFORD[0])), _number(time.ljust(TIME, CROCKFORD[-1]))
    rows: list[Any] = db.execute(sql.BETWEEN, (first, last, MOST_LOOKED_AT)).fetchall()
    if len(rows) == MOST_LOOKED_AT:
        return None
    found = (sequence for sequence, at_ms in rows if message_ulid(at_ms, salt, sequence).startswith(written))
    return tuple(sequence for sequence, _ in zip(found, range(limit), strict=False))


def _number(signs: str) -> int:
    number = 0
    for sign in signs:
        number = number << 5 | CROCKFORD.index(sign)
    return number
