"""Delivery: what one destination is owed — payload, state, attempts, answer — and the states that it may pass through."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

MessageState = Literal["received", "processed", "filtered", "rejected", "held"]
DeliveryState = Literal["new", "waiting", "sending", "delivered", "refused", "held", "uncertain", "dead", "dropped"]

MESSAGE_EDGES: Final[Mapping[str, frozenset[str]]] = {
    "received": frozenset({"processed", "filtered", "rejected", "held"}),
    "held": frozenset({"received", "rejected"}),
    "rejected": frozenset({"received"}),
    "processed": frozenset({"received"}),
    "filtered": frozenset({"received"}),
}
"""From each state of a message to the states that may follow it (back to `received`: as a new run, but for what is held)."""

DELIVERY_EDGES: Final[Mapping[str, frozenset[str]]] = {
    "new": frozenset({"waiting", "sending", "refused"}),
    "waiting": frozenset({"sending", "held", "dropped"}),
    "sending": frozenset({"delivered", "waiting", "refused", "dead", "held", "uncertain"}),
    "uncertain": frozenset({"waiting", "held"}),
    "held": frozenset({"waiting", "delivered", "dropped"}),
    "refused": frozenset({"waiting", "dropped"}),
    "dead": frozenset({"waiting", "dropped"}),
    "delivered": frozenset(),
    "dropped": frozenset(),
}
"""From each state of a delivery to the states that may follow it."""

UNSETTLED: Final = frozenset({"waiting", "sending", "uncertain", "held"})
"""The states in which a delivery blocks its lane."""

_KEYS: Final = uuid.UUID("7d2f0f6e-5c63-5f0e-9a55-6a1d4f3f7c10")


def idempotency_key(message_id: str, run: int, destination: str, part: int) -> str:
    """The key that stays the same over retries, restarts and duplicates: a uuid5 of the four (RFC 9562, 5.5)."""
    return str(uuid.uuid5(_KEYS, f"{message_id}/{run}/{destination}/{part}"))


def batch_key(keys: Sequence[str]) -> str:
    """The key of deliveries that go out together: the same for the same ones in the same order; of one it is its own."""
    return keys[0] if len(keys) == 1 else str(uuid.uuid5(_KEYS, "/".join(keys)))


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a destination is given to send: the payload and what its names and headers may be made of.

    `names` holds message_id, received_on, channel, destination, run, part, source_name and those of `keys:`; of several
    deliveries in one, those that are the same for all. `each` is the answer's list that says what became of each entry sent.
    """

    key: str
    payload: bytes
    media_type: str
    tree: Any = None
    names: Mapping[str, str] = field(default_factory=dict)
    attempt: int = 1
    each: str = ""

    def __repr__(self) -> str:
        return f"Parcel({self.key} {self.media_type} {len(self.payload)} bytes)"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt: the state to settle to, what the peer answered, and the faults it named.

    `answer` is the decoded answer (a tree) for `remember` and `reply`; `status` the protocol's own word for it
    (`200`, `AA`); `after_seconds` what a peer in trouble asked us to wait. `items` is what became of each entry where the answer
    has a list of that (see `Parcel.each`).
    """

    state: Literal["delivered", "waiting", "refused", "held", "uncertain"]
    status: str = ""
    answer: Any = None
    faults: tuple[Any, ...] = ()
    after_seconds: float | None = None
    items: tuple[Outcome, ...] | None = None
