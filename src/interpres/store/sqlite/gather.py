"""Gather: deliveries that go out together in one request, and together again for as long as nobody knows what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from interpres.fault import Fault
from interpres.store.changes import Claim, Settled
from interpres.store.sqlite import trouble
from interpres.store.sqlite.ledger import Ledger, through
from interpres.store.sqlite.sql import delivery as sql_delivery
from interpres.store.sqlite.sql import gather as sql
from interpres.store.sqlite.text import note_text

Row = tuple[Any, ...]

FAR_MS: Final = 1 << 60

_BATCH: Final = -1
"""Where the batch stands in the row of a claimed delivery."""


def due(ledger: Ledger, destination: int, claim: Claim) -> list[Row]:
    """The rows of what is to go out together now, as `sql.delivery.CLAIMED` has them; what is longest due goes first.

    What was sent together goes together again, all of it. What was sent alone and may have arrived goes alone, under its own
    key. Of what is new, up to `limit` heads; fewer only once the first of them has waited for `patience_ms`.
    """
    due_ms, batch = _first_batch(ledger, destination, claim.now_ms)
    fresh: list[Any] = ledger.db.execute(sql.FRESH, (destination, claim.now_ms, claim.limit)).fetchall()
    if fresh and (batch is None or fresh[0][0] < due_ms):
        chosen = _chosen(fresh, claim)
        if chosen:
            return _joined(ledger, chosen)
    return [] if batch is None else ledger.db.execute(sql.WHOLE, (batch,)).fetchall()


def _first_batch(ledger: Ledger, destination: int, now_ms: int) -> tuple[int, int | None]:
    """When the batch that is longest due was due, and which it is."""
    found: Any = ledger.db.execute(sql.FIRST_BATCH, (destination, now_ms)).fetchone()
    due_ms, batch = found
    return due_ms, batch


def _chosen(fresh: list[Any], claim: Claim) -> list[Row]:
    """Those of the new ones that go now."""
    due_ms, uncertain, *first = fresh[0]
    if uncertain:
        return [tuple(first)]
    together = [row[2:] for row in fresh if not row[1]]
    is_enough = len(together) == claim.limit or due_ms <= claim.now_ms - claim.patience_ms
    return sorted(together) if is_enough else []


def _joined(ledger: Ledger, rows: list[Row]) -> list[Row]:
    batch = rows[0][0]
    ledger.db.executemany(sql.JOIN, [(batch, row[0]) for row in rows])
    return [(*row[:_BATCH], batch) for row in rows]


def next_due_ms(ledger: Ledger, destination: int, claim: Claim) -> int | None:
    """When the next is to go out: a batch that is due, or the first of what is new once it has waited enough."""
    due_ms, batch = _first_batch(ledger, destination, FAR_MS)
    fresh_ms = ledger.db.execute(sql.FIRST_FRESH, (destination,)).get
    waits = [due_ms] if batch is not None else []
    waits += [int(fresh_ms) + claim.patience_ms] if fresh_ms is not None else []
    return min(waits, default=None)


def keep(ledger: Ledger, settled: Settled) -> None:
    """Whether the delivery still belongs to the others that it was sent with."""
    if settled.batch == "alone":
        ledger.db.execute(sql.JOIN, (settled.delivery, settled.delivery))
    elif settled.batch == "any":
        _part(ledger, ledger.db.execute(sql.ONE, (settled.delivery,)).fetchall())


def break_up(ledger: Ledger, delivery: int) -> None:
    """A person took this one out of its batch: what it was sent with cannot go out again as it did."""
    batch = ledger.db.execute(sql.BATCH, (delivery,)).get
    if batch is not None:
        _part(ledger, ledger.db.execute(sql.OTHERS, (batch, delivery)).fetchall())


def dissolve(ledger: Ledger, destination: int, rows: Iterable[Row]) -> bool:
    """The destination gathers no more: where one of these rows went out in a batch, all are parted; gives whether any was."""
    if all(row[_BATCH] is None for row in rows):
        return False
    batched = ledger.db.execute(sql.OF_DESTINATION, (destination,)).fetchall()
    _part(ledger, batched)
    return bool(batched)


def _part(ledger: Ledger, rows: Iterable[Row]) -> None:
    """What certainly had no effect may go out with others; of the rest nobody knows, and another composition has another key."""
    for id_, message, uncertain, destination, channel in rows:
        ledger.db.execute(sql.JOIN, (None, id_))
        if uncertain:
            through(ledger, id_, (channel, destination), ("waiting", "held"))
            ledger.db.execute(sql_delivery.SETTLE, ("held", 0, ledger.row, note_text("", (_parted(),)), None, id_))
            trouble.note_delivery(ledger, destination, message, id_, (_parted(),))


def _parted() -> Fault:
    says = (
        "nobody can know whether the destination acted on it: it was sent in a batch that can no longer be sent again as it was"
    )
    hint = "ask the other side whether it came: if so mark it delivered, if not release it to be sent again"
    return Fault("N323", says, hint)
