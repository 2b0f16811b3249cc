"""Acts: what people do to deliveries and messages, each with its reason, in one transaction with what it changes."""

from __future__ import annotations

from typing import Any

from interpres.delivery import UNSETTLED
from interpres.store.acts import FROM, INTO, Act, Touched
from interpres.store.sqlite import gather, trouble
from interpres.store.sqlite.ledger import Ledger, through
from interpres.store.sqlite.settle import advance
from interpres.store.sqlite.sql import delivery as sql_delivery
from interpres.store.sqlite.sql import run as sql


def act(ledger: Ledger, what: Act) -> tuple[Touched, ...]:
    """Do this where the states allow it."""
    ledger.flush()
    number = begin(ledger, what.kind, what.who, what.reason)
    messages = [_on_message(ledger, what, message) for message in what.messages]
    deliveries = [_on_delivery(ledger, what.kind, delivery) for delivery in what.deliveries]
    for touched in (*messages, *deliveries):
        if not touched.why:
            ledger.db.execute(sql.ADD_ACTED, (number, touched.message, touched.delivery))
    for place in {(ledger.destination(t.channel, t.destination), t.lane) for t in deliveries if not t.why}:
        advance(ledger, *place)
    return (*messages, *deliveries)


def begin(ledger: Ledger, kind: str, who: str, reason: str) -> int:
    """Keep who does what, and why, in the tables and in the chain."""
    number: int = ledger.db.execute(sql.ADD_ACT, (ledger.now_ms, kind, who, reason)).get
    ledger.record(("x", number, kind, who, reason))
    return number


def _on_message(ledger: Ledger, what: Act, message: int) -> Touched:
    state, channel, lane = _message(ledger, message)
    left = Touched(message, 0, channel, "", state, "", lane=lane)
    if what.kind in ("release", "resend") and state == "held":
        trouble.release(ledger, message)
        return Touched(message, 0, channel, "", state, "received", lane=lane)
    if what.kind == "drop" and state == "held":
        return trouble.reject(ledger, message, f"dropped: {what.reason}")
    if what.kind == "drop" and state == "rejected":
        trouble.clear(ledger, message, 0)
        return Touched(message, 0, channel, "", state, state, lane=lane)
    return _left(left, what.kind)


def _message(ledger: Ledger, message: int) -> tuple[str, str, int]:
    row: Any = ledger.db.execute(sql.MESSAGE, (message,)).fetchone()
    state, channel, _, lane, *_ = row
    return ("received" if state == "behind" else state), channel, lane


def _on_delivery(ledger: Ledger, kind: str, delivery: int) -> Touched:
    row: Any = ledger.db.execute(sql_delivery.FOR_ACT, (delivery,)).fetchone()
    stored, destination, lane, message, stops, media_type, channel_number, channel, name = row
    state = "waiting" if stored == "behind" else stored
    left = Touched(message, delivery, channel, name, state, "", lane=lane)
    if state not in FROM[kind]:
        return _left(left, kind)
    after = INTO[kind]
    if after in ("waiting", "delivered") and not media_type:
        return Touched(
            message, delivery, channel, name, state, "", "it has no payload: its message has to be processed again", lane
        )
    through(ledger, delivery, (channel_number, destination), (state, after))
    if state == "waiting":
        gather.break_up(ledger, delivery)
    _place(ledger, delivery, after)
    blocked, blocks = state in UNSETTLED or stops, after in UNSETTLED
    if blocks and not blocked:
        ledger.deliveries.block(destination, lane)
    elif blocked and not blocks:
        ledger.deliveries.unblock(destination, lane)
    if state in trouble.IN_TROUBLE:
        trouble.clear(ledger, message, delivery)
    return Touched(message, delivery, channel, name, state, after, lane=lane)


def _place(ledger: Ledger, delivery: int, after: str) -> None:
    """What is to be sent again stands behind until its lane comes to it, with all its attempts before it."""
    if after == "waiting":
        ledger.db.execute(sql_delivery.AGAIN, (ledger.now_ms, ledger.row, delivery))
    else:
        ledger.db.execute(sql_delivery.END, (after, ledger.row, delivery))


def _left(touched: Touched, kind: str) -> Touched:
    wanted = ", ".join(sorted(FROM[kind])) if touched.delivery else "held" + (" or rejected" if kind == "drop" else "")
    why = f"it is {touched.before}; only what is {wanted} can be {_DONE[kind]}"
    return Touched(touched.message, touched.delivery, touched.channel, touched.destination, touched.before, "", why, touched.lane)


_DONE = {"resend": "resent", "release": "released", "drop": "dropped", "deliver": "marked as delivered", "hold": "held"}
