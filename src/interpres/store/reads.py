"""Reads: what may be asked of a store, by the engine that writes it and by whoever looks on beside it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from interpres.fault import Fault
from interpres.message import Message
from interpres.store.acts import Choice, Place, Plan, ReplayRecord
from interpres.store.changes import Pruning
from interpres.store.records import (
    Affair,
    Arrived,
    Count,
    DeliveryRecord,
    Head,
    Job,
    Known,
    MessageRecord,
    Problem,
    Prunable,
    Queue,
    Size,
    Story,
    Troubled,
)


@dataclass(frozen=True, slots=True)
class Search:
    """Which messages to find: each that is given must be met. `until_ms` is not within; `keys` are compared as they stand.

    `text` is looked for in the bytes as they came, in UTF-8: that reads them all, the latest first.
    """

    channel: str | None = None
    state: str | None = None
    keys: Mapping[str, str] | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    limit: int = 100
    text: str | None = None


class Reads(ABC):
    """Each is a coroutine; it raises `Fault` E124 where stored bytes no longer match their checksum, E128 where they cannot
    be read at all."""

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
    async def next_due_ms(self, channel: str) -> Mapping[str, int]:
        """When the next delivery to each destination of a channel wants work, and under the empty name the next message; what
        has nothing waiting is left out."""

    @abstractmethod
    async def remembered(self, collection: str, key: str) -> object:
        """The value kept under (collection, key), or None."""

    @abstractmethod
    async def recipe(self, digest: str) -> Mapping[str, str] | None:
        """The files of a recipe that was pinned."""

    @abstractmethod
    async def queues(self) -> tuple[Queue, ...]:
        """What waits for work, by channel and destination; cheap enough to be asked every few seconds."""

    @abstractmethod
    async def arrivals(self, since_ms: int, slot_ms: int) -> tuple[Arrived, ...]:
        """In which slots of time, so long each, messages of each channel came since then; of the latest messages only, where
        there are very many."""

    @abstractmethod
    async def last_delivered(self) -> Mapping[tuple[str, str], int]:
        """When (wall time) each destination, by channel and name, last had something; left out where that was long ago."""

    @abstractmethod
    async def size(self) -> Size:
        """What the store takes on its disk; cheap enough to be asked every few seconds."""

    @abstractmethod
    async def prunable(self, pruning: Pruning) -> tuple[Prunable, ...]:
        """What a round of pruning would remove, by channel."""

    @abstractmethod
    async def verify(self) -> tuple[Fault, ...]:
        """Proof of conservation and of the hash chain; no fault where both hold."""

    # what people look at

    @abstractmethod
    async def job(self, sequence: int) -> Job:
        """A received message and how it is to be processed. Raises KeyError where there is none."""

    @abstractmethod
    async def run_body(self, sequence: int, run: int) -> bytes:
        """The bytes that a run was made of: the message's own, or what an edit before it made of them."""

    @abstractmethod
    async def problems(self, channel: str | None = None) -> tuple[Problem, ...]:
        """What troubles messages and deliveries, by cause, the most troublesome first."""

    @abstractmethod
    async def troubled(self, cause: int, limit: int = 1_000_000, after: tuple[int, int] = (0, 0)) -> tuple[Troubled, ...]:
        """What a problem is about, in order of arrival, beginning `after` this message and delivery."""

    @abstractmethod
    async def affairs(self, messages: Sequence[int], deliveries: Sequence[int]) -> tuple[Affair, ...]:
        """How these stand now, messages by their sequences first; what is not there is left out."""

    @abstractmethod
    async def beginning_with(self, written: str, limit: int) -> tuple[int, ...] | None:
        """At most so many messages whose ids begin so; None where too many came in that time to be looked through."""

    @abstractmethod
    async def paused(self) -> tuple[Place, ...]:
        """What somebody stopped."""

    @abstractmethod
    async def next_give_up_ms(self) -> int | None:
        """When the first message that waits for a key reaches its limit."""

    @abstractmethod
    async def plan(self, choice: Choice) -> Plan:
        """What a replay of these would do."""

    @abstractmethod
    async def replays(self) -> tuple[ReplayRecord, ...]:
        """All replays, the latest first."""

    @abstractmethod
    async def to_replay(self, replay: int, limit: int) -> tuple[int, ...]:
        """The next messages that a replay has to do, in order of arrival."""
