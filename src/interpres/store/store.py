"""Store: the ledger of messages and deliveries, durable before anything is answered; what every implementation promises."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from interpres.fault import Fault
from interpres.message import message_ulid
from interpres.store.acts import Act, Place, Rerun, Touched
from interpres.store.changes import Arrival, Claim, Postponed, Pruning, Settled, Worked
from interpres.store.reads import Reads, Search
from interpres.store.records import Claimed, Claims, Pruned


class CannotStore(Exception):
    """Nothing of the change was kept. `broken`: a sync failed; the store takes nothing more until it was closed and reopened."""

    def __init__(self, fault: Fault, *, broken: bool = False) -> None:
        super().__init__(f"{fault.code} {fault.says}")
        self.fault = fault
        self.broken = broken


class Fenced(Exception):
    """The attempt is not this engine's any more: somebody took the delivery over while it was silent. Nothing of it was kept."""


class Store(Reads):
    """One engine writes, whoever wants reads.

    What changes something is submitted when it is called, in the order of the calls; its future ends when it is durable (synced
    to disk), or with `CannotStore`. Changes that wait together share one transaction. What reads is a coroutine; it raises
    `Fault` E124 where stored bytes no longer match their checksum, E128 where they cannot be read at all.
    """

    salt: bytes
    """Drawn once for each store; message ids are derived from it."""

    durability: Mapping[str, str]
    """What stands behind a yes while it is open: how commits are synced, and what shares one (`synchronous: full`)."""

    when_broken: Callable[[CannotStore], None] | None = None
    """Called on the event loop once a sync failed, whoever's change it was: from then on nothing is taken until `reopen`."""

    # opening and closing

    @abstractmethod
    async def open(self) -> None:
        """Take the store for this engine. Raises `Fault`: E120 another engine holds it, E121 the library is too old,
        E122 it cannot be opened, E123 a newer version wrote it."""

    @abstractmethod
    async def close(self) -> None:
        """Write what was submitted, then let go."""

    @abstractmethod
    async def reopen(self, under_way: Callable[[], frozenset[tuple[int, int]]]) -> Mapping[tuple[str, int], int]:
        """Close and open again without letting another engine in; the only way on after a failed sync.

        Before anything else is taken, what is `sending` and not `under_way` (delivery and number of its attempt) waits again:
        this engine never sent it. Gives the open lanes as they are then (see `open_lanes`). Until it is open, changes are
        refused with `CannotStore` and reads wait.
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
        """Make due heads of lanes `sending`, the longest due first.

        What was sent in a batch is claimed with all of it, or, where the claim is for no batch, held as long as nobody knows
        what came of it: alone it would have another key.
        """

    @abstractmethod
    def settle(self, settled: Settled, claim: Claim | None = None) -> asyncio.Future[Claims]:
        """Keep an attempt's outcome, move its lane on, and claim in the same transaction.

        An attempt that somebody else has ended or begun anew meanwhile changes nothing: the future ends with `Fenced`.
        Settling the same attempt twice changes nothing.
        """

    @abstractmethod
    def settle_together(self, settled: Sequence[Settled], claim: Claim | None = None) -> asyncio.Future[Claims]:
        """The same for deliveries that went out in one batch, in one transaction: they stay together or part together."""

    @abstractmethod
    def settle_interrupted(
        self, channel: str, destination: str, again: bool, now_ms: int, sparing: frozenset[int] = frozenset()
    ) -> asyncio.Future[int]:
        """What was `sending` when an engine ended is `uncertain`, then waits to be sent `again`, or is held; gives how many."""

    @abstractmethod
    def hold_gone(self, channel: str, destinations: frozenset[str], fault: Fault, *, sending: bool = True) -> asyncio.Future[int]:
        """Hold what waits for destinations of a channel other than these: they are no longer there; gives how many.

        What is `sending` is uncertain and held too; an engine that still sends it says `sending` false, and it is left to end.
        """

    @abstractmethod
    def wake(self, channel: str, now_ms: int) -> asyncio.Future[None]:
        """Received messages of a channel that wait for a later time are due now."""

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

    @abstractmethod
    def prune(self, pruning: Pruning) -> AsyncIterator[Pruned]:
        """Remove what was kept long enough, in steps that are durable each and let others write in between; gives each step.

        What is open (not settled, or to be replayed) is never removed. It may be left at any step; the next round goes on.
        """

    # what people do

    @abstractmethod
    def act(self, act: Act) -> asyncio.Future[tuple[Touched, ...]]:
        """Do this to deliveries and messages, each where its state allows it; kept with the reason, as is what it changed."""

    @abstractmethod
    def rerun(self, rerun: Rerun) -> asyncio.Future[tuple[Touched, ...]]:
        """Begin a new run of messages that are processed, filtered, rejected or held; history stays as it was."""

    @abstractmethod
    def give_up_waiting(self, now_ms: int, fault: Fault) -> asyncio.Future[tuple[Touched, ...]]:
        """Reject what has waited for its key up to its limit."""

    @abstractmethod
    def pause(self, place: Place) -> asyncio.Future[None]:
        """Keep that somebody stopped this."""

    @abstractmethod
    def resume(self, channel: str, destination: str, who: str, reason: str) -> asyncio.Future[None]:
        """It goes on."""

    @abstractmethod
    def begin_replay(self, who: str, reason: str, chosen: Sequence[int], how: Mapping[str, Any]) -> asyncio.Future[int]:
        """Keep what a replay is to do; gives its id. Nothing is run yet."""

    @abstractmethod
    def cancel_replay(self, replay: int) -> asyncio.Future[None]:
        """What it has not begun stays as it is."""

    def message_id(self, at_ms: int, sequence: int) -> str:
        """The ULID of a message that arrived at that time under that sequence."""
        return message_ulid(at_ms, self.salt, sequence)


__all__ = ["CannotStore", "Fenced", "Search", "Store"]
