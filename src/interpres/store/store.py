"""Store: the ledger of messages and deliveries, durable before anything is answered; what every implementation promises."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from interpres.fault import Fault
from interpres.message import Message, message_ulid
from interpres.store.changes import Arrival, Claim, Postponed, Settled, Worked
from interpres.store.records import Claimed, Claims, Count, DeliveryRecord, Head, Known, MessageRecord, Story


class CannotStore(Exception):
    """Nothing of the change was kept. `broken`: a sync failed; the store takes nothing more until it was closed and reopened."""

    def __init__(self, fault: Fault, *, broken: bool = False) -> None:
        super().__init__(f"{fault.code} {fault.says}")
        self.fault = fault
        self.broken = broken


@dataclass(frozen=True, slots=True)
class Search:
    """Which messages to find: each that is given must be met. `until_ms` is not within; `keys` are compared as they stand."""

    channel: str | None = None
    state: str | None = None
    keys: Mapping[str, str] | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    limit: int = 100


class Store(ABC):
    """One engine writes, whoever wants reads.

    What changes something is submitted when it is called, in the order of the calls; its future ends when it is durable (synced
    to disk), or with `CannotStore`. Changes that wait together share one transaction. What reads is a coroutine; it raises
    `Fault` E124 where stored bytes no longer match their checksum, E128 where they cannot be read at all.
    """

    salt: bytes
    """Drawn once for each store; message ids are derived from it."""

    # opening and closing

    @abstractmethod
    async def open(self) -> None:
        """Take the store for this engine. Raises `Fault`: E120 another engine holds it, E121 the library is too old,
        E122 it cannot be opened, E123 a newer version wrote it."""

    @abstractmethod
    async def close(self) -> None:
        """Write what was submitted, then let go."""

    @abstractmethod
    async def reopen(self, under_way: Callable[[], frozenset[int]]) -> Mapping[tuple[str, int], int]:
        """Close and open again without letting another engine in; the only way on after a failed sync.

        Before anything else is taken, what is `sending` and not `under_way` waits again: this engine never sent it. Gives the
        open lanes as they are then (see `open_lanes`). Until it is open, changes are refused with `CannotStore` and reads wait.
        """

    # changing

    @abstractmethod
    async def room(self) -> None:
        """Wait while as much waits for the disk as may: whoever takes intakes asks for room first."""

    @abstractmethod
    def reserve(self, count: int) -> int:
        """The first of `count` sequences in a row; messages stored with them keep the order of arrival."""

    @abstractmethod
    def accept(self, arrival: Arrival) -> asyncio.Future[tuple[Claimed, ...]]:
        """Keep an intake and its messages, with what processing made of them; gives the deliveries born `sending`."""

    @abstractmethod
    def process(self, worked: Sequence[Worked]) -> asyncio.Future[tuple[Claimed, ...]]:
        """Keep the results of messages that were received before, each in its turn; the next of each lane becomes its head.

        A message whose result is there already is left alone.
        """

    @abstractmethod
    def postpone(self, postponed: Postponed) -> asyncio.Future[None]:
        """Leave a message received until it is due again."""

    @abstractmethod
    def claim(self, claim: Claim) -> asyncio.Future[Claims]:
        """Make due heads of lanes `sending`, the longest due first."""

    @abstractmethod
    def settle(self, settled: Settled, claim: Claim | None = None) -> asyncio.Future[Claims]:
        """Keep an attempt's outcome, move its lane on, and claim in the same transaction.

        Settling the same attempt twice changes nothing.
        """

    @abstractmethod
    def settle_interrupted(
        self, channel: str, destination: str, again: bool, now_ms: int, sparing: frozenset[int] = frozenset()
    ) -> asyncio.Future[int]:
        """What was `sending` when an engine ended is `uncertain`, then waits to be sent `again`, or is held; gives how many."""

    @abstractmethod
    def hold_gone(self, channel: str, destinations: frozenset[str], fault: Fault) -> asyncio.Future[int]:
        """Hold what waits for destinations of a channel other than these: they are no longer there; gives how many."""

    @abstractmethod
    def cap_due(self, latest_ms: int) -> asyncio.Future[None]:
        """Nothing waits longer than that: a clock that jumped must not keep it."""

    @abstractmethod
    def mark_early(self, sequence: int, count: int) -> asyncio.Future[None]:
        """These messages were answered before they were processed."""

    @abstractmethod
    def tell(self, channel: str, word: str) -> asyncio.Future[None]:
        """Count something that left no message: `duplicate`, `refused` at the edge."""

    @abstractmethod
    def pin(self, digest: str, files: Mapping[str, str]) -> asyncio.Future[None]:
        """Keep a recipe by its digest; messages processed by it name it."""

    # reading

    @abstractmethod
    async def known(self, identity: int, digest: bytes, since_ms: int) -> Known | None:
        """The latest intake of that identity since then, one with the same bytes before any other."""

    @abstractmethod
    async def heads(self, channel: str, now_ms: int, limit: int) -> tuple[tuple[Head, ...], int | None]:
        """Received messages that are due and first in their lane, and when the next is due after them."""

    @abstractmethod
    async def lane(self, channel: str, lane: int, limit: int) -> tuple[Head, ...]:
        """The received messages of a lane in order of arrival, its head first."""

    @abstractmethod
    async def open_lanes(self) -> Mapping[tuple[str, int], int]:
        """How many messages are received or held in each (channel, lane) that has any."""

    @abstractmethod
    async def message(self, sequence: int) -> Message:
        """The message with its bytes. Raises KeyError where there is none."""

    @abstractmethod
    async def intake_body(self, sequence: int) -> bytes:
        """The bytes of the whole intake that a message came in."""

    @abstractmethod
    async def payload(self, delivery: int) -> bytes:
        """What a delivery sends. Raises KeyError where there is no such delivery."""

    @abstractmethod
    async def records(self, sequence: int, count: int) -> tuple[MessageRecord, ...]:
        """So many messages in a row."""

    @abstractmethod
    async def deliveries(self, sequence: int) -> tuple[DeliveryRecord, ...]:
        """All deliveries of a message, run by run, in the order they were made; without their attempts."""

    @abstractmethod
    async def find(self, search: Search) -> tuple[MessageRecord, ...]:
        """Messages, the latest first."""

    @abstractmethod
    async def sequence_of(self, message_id: str) -> int | None:
        """The message with that id."""

    @abstractmethod
    async def story(self, sequence: int) -> Story | None:
        """A message, its deliveries and their attempts."""

    @abstractmethod
    async def counts(self) -> tuple[Count, ...]:
        """How many messages and deliveries are in each state, by channel and destination; zeros are left out."""

    @abstractmethod
    async def next_due_ms(self, channel: str) -> int | None:
        """When the next message or delivery of a channel wants work; None where none does."""

    @abstractmethod
    async def remembered(self, collection: str, key: str) -> object:
        """The value kept under (collection, key), or None."""

    @abstractmethod
    async def recipe(self, digest: str) -> Mapping[str, str] | None:
        """The files of a recipe that was pinned."""

    @abstractmethod
    async def verify(self) -> tuple[Fault, ...]:
        """Proof of conservation and of the hash chain; no fault where both hold."""

    def message_id(self, at_ms: int, sequence: int) -> str:
        """The ULID of a message that arrived at that time under that sequence."""
        return message_ulid(at_ms, self.salt, sequence)
