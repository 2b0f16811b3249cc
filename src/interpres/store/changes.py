"""Changes: what the engine asks the store to make durable, one dataclass for each step of a message's life."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from interpres.delivery import DeliveryState, MessageState
from interpres.fault import Fault


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A delivery that processing made; with faults it is born refused. `stops`: being refused or dead, it keeps its lane shut.

    `send_now` says that the engine has a free hand: where the lane is idle, the delivery is born `sending`.
    """

    destination: str
    part: int
    payload: bytes
    media_type: str
    names: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    stops: bool = False
    send_now: bool = False


@dataclass(frozen=True, slots=True)
class Awaits:
    """A held message waits until somebody remembers this key; `until_ms` (steady time) is its limit."""

    collection: str
    key: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class Processed:
    """The whole result of processing one message: written in one transaction. `recipe` is the digest of what it was made by.

    What `awaits` a key is held without being anybody's affair; where the key is there by the time of the commit, the message
    stays received and asks again.
    """

    state: MessageState
    recipe: str
    reason: str = ""
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    owed: tuple[NewDelivery, ...] = ()
    context: Mapping[str, Any] = field(default_factory=dict)
    awaits: tuple[Awaits, ...] = ()


@dataclass(frozen=True, slots=True)
class NewMessage:
    """One message of an arrival: `size` bytes from `start` of its body, after the arrival's head where it begins behind that.

    `digest` is the SHA-256 of the bytes that the message is read from (head and slice). `processed` is None where it was only
    received: then it waits behind the messages of its lane that are still open.
    """

    sequence: int
    start: int
    size: int
    digest: bytes
    lane: int
    keys: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[Fault, ...] = ()
    processed: Processed | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """An intake to be kept, with the messages that it holds, in order and numbered without a gap.

    `digest` is the SHA-256 of the bytes as the source took them; `identity` what a repetition is recognised by, if by anything.
    """

    channel: str
    at_ms: int
    body: bytes
    digest: bytes
    messages: tuple[NewMessage, ...]
    head: bytes = b""
    envelope: Mapping[str, str] = field(default_factory=dict)
    identity: int | None = None


@dataclass(frozen=True, slots=True)
class Worked:
    """A message that was received before and is processed now; `keys` are given where it was edited."""

    sequence: int
    processed: Processed
    keys: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Postponed:
    """A message that stays received: what it asked could not be answered, for a passing reason."""

    sequence: int
    due_ms: int
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """The engine has `limit` free hands for a destination: which deliveries are due?

    For a `batch` it has one hand for up to `limit` deliveries that go out together, and waits `patience_ms` for so many to come.
    """

    channel: str
    destination: str
    now_ms: int
    limit: int
    batch: bool = False
    patience_ms: int = 0


@dataclass(frozen=True, slots=True)
class Remembered:
    """A value kept under (collection, key); a message older than the one that wrote it last does not overwrite it."""

    collection: str
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Settled:
    """The outcome of attempt `tries` of a delivery: the states it goes through, the last of which stays.

    `due_ms` is when it is tried again (state `waiting`). `answer` is what the peer said, as a tree; `says` why it was put off.
    `batch` says of a delivery that was sent in a batch whether it is sent again with the same others, alone, or with any.
    """

    delivery: int
    tries: int
    states: tuple[DeliveryState, ...]
    at_ms: int
    took_ms: int
    due_ms: int = 0
    status: str = ""
    says: str = ""
    answer: Any = None
    faults: tuple[Fault, ...] = ()
    remembered: tuple[Remembered, ...] = ()
    batch: Literal["kept", "alone", "any"] = "kept"


@dataclass(frozen=True, slots=True)
class Cutoff:
    """Of what arrived before the one time the content may go, of what arrived before the other every trace; None: it is kept."""

    content_ms: int | None = None
    metadata_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Pruning:
    """What was kept long enough, by channel. What is a problem nobody has looked at is kept unless `problems_too`."""

    before: Mapping[str, Cutoff]
    problems_too: bool = False
