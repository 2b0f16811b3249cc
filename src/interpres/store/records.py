"""Records: what the store gives back when it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from interpres.delivery import DeliveryState, MessageState
from interpres.fault import Fault


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is `sending` from this commit on: the attempt numbered `tries` may be made, by whoever claimed it."""

    delivery: int
    sequence: int
    message_id: str
    run: int
    destination: str
    part: int
    lane: int
    tries: int
    born_ms: int
    media_type: str
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a claim brought, and when the next delivery of the destination is due (None: none waits)."""

    claimed: tuple[Claimed, ...] = ()
    next_due_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """A received message that is the first open one of its lane. `tries` counts how often it was postponed."""

    sequence: int
    lane: int
    tries: int
    born_ms: int


@dataclass(frozen=True, slots=True)
class Known:
    """An intake that was taken before: its first message, how many there are, and whether its bytes were the same."""

    sequence: int
    messages: int
    at_ms: int
    same_bytes: bool


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt of a delivery: numbered from 1, `state` what it came to."""

    number: int
    at_ms: int
    took_ms: int
    state: str
    status: str
    says: str
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """A delivery as it stands; `due_ms` counts while it is waiting. Without `media_type` it has no payload (born refused)."""

    id: int
    sequence: int
    key: str
    run: int
    destination: str
    part: int
    state: DeliveryState
    due_ms: int
    tries: int
    born_ms: int
    size: int
    media_type: str
    faults: tuple[Fault, ...]
    answer: Any = field(repr=False, default=None)
    attempts: tuple[AttemptRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A message as it stands, without its bytes: `size` bytes from `start` of the intake whose first message is `intake`."""

    sequence: int
    intake: int
    id: str
    channel: str
    state: MessageState
    received_at: str
    start: int
    size: int
    run: int
    reason: str
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    early: bool
    recipe: str
    keys: Mapping[str, str] = field(repr=False, default_factory=dict)
    envelope: Mapping[str, str] = field(repr=False, default_factory=dict)
    context: Mapping[str, Any] = field(repr=False, default_factory=dict)


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of one message: itself, its deliveries, and each one's attempts."""

    message: MessageRecord
    deliveries: tuple[DeliveryRecord, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """How many messages (destination empty) or deliveries of a channel are in a state."""

    channel: str
    destination: str
    state: str
    number: int


@dataclass(frozen=True, slots=True)
class Size:
    """What the store takes on its disk, in bytes: all of it, the log in that, and what of the file is free to be used again."""

    total_bytes: int
    log_bytes: int
    free_bytes: int
