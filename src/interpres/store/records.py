"""Records: what the store gives back when it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from interpres.delivery import DeliveryState, MessageState
from interpres.fault import Fault
from interpres.message import Message


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
    spent: int = 0
    """Attempts before somebody sent it again: limits count from there."""
    batch: int | None = None
    """The first delivery of those it was sent with before, where it was sent in a batch."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a claim brought, and when the next delivery of the destination is due (None: none waits).

    `woken`: channels of which a message was waiting for what has just been remembered, and is received again.
    """

    claimed: tuple[Claimed, ...] = ()
    next_due_ms: int | None = None
    woken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Job:
    """A received message and how it is to be processed: `message.body` is what an edit made of it.

    `context` is given where nothing is to be asked again; `targets` limits the run to these destinations,
    and `without` leaves out what was sent to them: (destination, part).
    """

    message: Message
    run: int
    start: int
    size: int
    intake: int
    context: Mapping[str, Any] | None = None
    targets: frozenset[str] | None = None
    edited: bool = False
    without: frozenset[tuple[str, int]] = frozenset()


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
    """A message as it stands, without its bytes: `size` bytes from `start` of the intake whose first message is `intake`.

    `pruned_at` is when its content was removed, as kept long enough; empty where it has it.
    """

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
    pruned_at: str = ""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run of a message that has more than one; `state` is what it came to, empty while it is the latest."""

    number: int
    at_ms: int
    kind: str
    who: str
    reason: str
    state: str
    edited: bool
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class ActRecord:
    """What somebody did to a message (delivery 0) or to one of its deliveries."""

    at_ms: int
    kind: str
    who: str
    reason: str
    delivery: int


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of one message: itself, its deliveries, each one's attempts, its runs and what people did."""

    message: MessageRecord
    deliveries: tuple[DeliveryRecord, ...]
    runs: tuple[RunRecord, ...] = ()
    acts: tuple[ActRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Messages and deliveries with the same cause of trouble. `cause` is its number, `fault` the first one seen, without a value
    unless that is a code; `samples` are sequences of a few messages, the latest first."""

    cause: int
    channel: str
    destination: str
    fault: Fault
    messages: int
    deliveries: int
    first_ms: int
    last_ms: int
    samples: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Troubled:
    """One message (delivery 0) or delivery that is in trouble."""

    message: int
    delivery: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Affair:
    """Something that somebody may act on: a message (delivery 0) or a delivery of it, in its state now.

    `has_payload` is false for a delivery that was refused before one was made. `overtaken`: something newer of its lane was sent.
    """

    message: int
    delivery: int
    id: str
    channel: str
    destination: str
    state: str
    has_payload: bool
    overtaken: bool


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


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits in a channel to be processed (destination empty), or for a destination: in how many lanes, and since when its
    oldest does (None: everything there is under way or held)."""

    channel: str
    destination: str
    lanes: int
    oldest_ms: int | None


@dataclass(frozen=True, slots=True)
class Arrived:
    """When messages of a channel came: the beginnings of the slots of time in which any did, ascending, and the last of all."""

    channel: str
    slots_ms: tuple[int, ...]
    last_ms: int


@dataclass(frozen=True, slots=True)
class Prunable:
    """What pruning would do to a channel: how many messages lose their content, how many go without a trace, how many bytes that
    frees; and how many that are old enough stay, for being open or a problem."""

    channel: str
    content: int
    metadata: int
    frees_bytes: int
    open: int
    problems: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """What one step of pruning removed: messages' content, messages without a trace, stored bytes of content."""

    content: int = 0
    metadata: int = 0
    freed_bytes: int = 0


def content_removed(at: str = "") -> Fault:
    """What is said of content that was kept as long as its channel wants it kept; `at` is when it was removed, ISO 8601."""
    says = "the content of this message was removed, as it had been kept long enough"
    hint = "what became of it is still told; its bytes are only in backups that were made before they were removed"
    return Fault("N350", f"{says} (on {at[:10]})" if at else says, hint)
