"""Message: what arrived, the bytes and their envelope; never changed after it is stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from interpres.fault import Fault

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def message_ulid(at_ms: int, salt: bytes, sequence: int) -> str:
    """The ULID that people and files see: 48 bits of time in ms, then 80 bits of hash over the store's salt and sequence.

    Derived, never drawn: the same row always has the same id (https://github.com/ulid/spec, Crockford base 32).
    """
    tail = hashlib.sha256(salt + sequence.to_bytes(8, "big")).digest()[:10]
    number = (at_ms & (1 << 48) - 1) << 80 | int.from_bytes(tail, "big")
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


@dataclass(frozen=True, slots=True)
class Intake:
    """What a source took in one piece: a frame, a file, a request body. `envelope` holds names, never content:
    `source_name` (file name as data), `peer`, `content_type`, `idempotency_key`, `identity` (what a repetition is known by,
    beside its bytes). With `faults` the framing was damaged: it is stored as it came and rejected with them."""

    channel: str
    body: bytes
    envelope: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an intake. `sequence` is the store's order of arrival; `received_at` is ISO 8601 UTC with ms."""

    id: str
    sequence: int
    channel: str
    received_at: str
    body: bytes
    envelope: Mapping[str, str] = field(default_factory=dict)

    def but(self, *, body: bytes) -> Message:
        """The same message with what an edit made of its bytes."""
        return replace(self, body=body)

    def __repr__(self) -> str:
        return f"Message({self.id} {self.channel} {len(self.body)} bytes)"
