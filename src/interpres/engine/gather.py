"""Gather: several deliveries in one request, and what its answer means for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from interpres.channel import BatchFile
from interpres.delivery import Outcome, Parcel, batch_key
from interpres.engine.attempt import Attempt, Attempts, key_of
from interpres.fault import Fault, Faults
from interpres.format import Format
from interpres.store.changes import Settled
from interpres.store.records import Claimed

SPLITS: Final = frozenset({"400", "413", "422"})
"""A refusal of the whole request that may be the fault of one in it: each is then tried alone."""

Note = Callable[[Claimed, Attempt], None]


@dataclass(frozen=True, slots=True)
class _Request:
    """What goes out at once: the deliveries and how many entries of the joined list are each one's; 0 where it has no list."""

    members: tuple[Claimed, ...]
    counts: tuple[int, ...]
    payload: bytes

    @property
    def total(self) -> int:
        return sum(self.counts)


class Gather:
    """Sends what was claimed together. The same deliveries always make the same requests under the same keys."""

    def __init__(self, attempts: Attempts, batch: BatchFile, format: Format) -> None:
        self.attempts = attempts
        self.batch = batch
        self.format = format

    async def make(self, load: Sequence[Claimed], note: Note) -> tuple[Settled, ...]:
        """Send all of it once; `note` is told how each request ended. What the store is told of each delivery."""
        read = (self.attempts.shift.store.payload(claimed.delivery) for claimed in load)
        payloads = await asyncio.gather(*read, return_exceptions=True)
        if any(isinstance(p, BaseException) for p in payloads):
            return tuple(self._unread(load, payloads))
        settled: list[Settled] = []
        sick: Attempt | None = None
        for request in self._requests(load, payloads):  # type: ignore[arg-type]
            if sick is None:
                attempt = await self.attempts.send(self._parcel(request))
                note(request.members[0], attempt)
                sick = attempt if attempt.sick else None
                settled += self._settled(request, attempt)
            else:  # it was not sent: whatever is the matter with the peer, of this one nothing arrived
                not_sent = replace(sick, outcome=Outcome("waiting", after_seconds=sick.outcome.after_seconds))
                settled += self._alike(request.members, not_sent)
        return tuple(settled)

    def _unread(self, load: Sequence[Claimed], payloads: Sequence[Any]) -> Iterator[Settled]:
        """Where the store gives no answer just now, all wait. Without one that is damaged it is another batch."""
        clock = self.attempts.shift.clock
        began = (clock.steady_ms(), clock.wall_ms())
        ends = [
            self.attempts.ended(found, began, claimed.message_id) if isinstance(found, Exception) else None
            for claimed, found in zip(load, payloads, strict=True)
        ]
        if passing := next((end for end in ends if end is not None and end.outcome.state == "waiting"), None):
            yield from self._alike(load, passing)
            return
        others = Attempt(Outcome("waiting"), *began, "another delivery of its batch could not be read")
        for claimed, end in zip(load, ends, strict=True):
            settled = self.attempts.settled(claimed, end or others)
            yield settled if end else replace(settled, due_ms=began[0], batch="any")

    # what goes out

    def _requests(self, load: Sequence[Claimed], payloads: Sequence[bytes]) -> Iterator[_Request]:
        """One request for all payloads that are the same but for the list to be joined; what has no such list goes as it is."""
        alike: dict[bytes, list[tuple[Claimed, bytes, dict[str, Any]]]] = {}
        for claimed, payload in zip(load, payloads, strict=True):
            tree = self._tree(payload)
            if tree is None:
                yield _Request((claimed,), (0,), payload)
            else:
                alike.setdefault(self.format.encode({**tree, self.batch.join: []}), []).append((claimed, payload, tree))
        for group in alike.values():
            lists = [tree[self.batch.join] for _, _, tree in group]
            joined = self.format.encode({**group[0][2], self.batch.join: [entry for entries in lists for entry in entries]})
            payload = joined if len(group) > 1 else group[0][1]
            yield _Request(tuple(claimed for claimed, _, _ in group), tuple(map(len, lists)), payload)

    def _tree(self, payload: bytes) -> dict[str, Any] | None:
        """The payload, where it has the list to be joined."""
        try:
            tree = self.format.decode(payload).tree
        except (Fault, Faults):
            return None
        entries = tree.get(self.batch.join) if isinstance(tree, dict) else None
        return tree if isinstance(entries, list) and entries else None

    def _parcel(self, request: _Request) -> Parcel:
        first, *others = [self.attempts.names(claimed) for claimed in request.members]
        names = {k: v for k, v in first.items() if all(o.get(k) == v for o in others)}
        key = batch_key([key_of(claimed) for claimed in request.members])
        attempt = max(claimed.tries for claimed in request.members)
        each = self.batch.each if request.total else ""
        return Parcel(key, request.payload, request.members[0].media_type, None, names, attempt, each)

    # what the answer means

    def _settled(self, request: _Request, attempt: Attempt) -> Iterator[Settled]:
        outcome, items = attempt.outcome, attempt.outcome.items
        if outcome.state in ("waiting", "uncertain"):
            yield from self._alike(request.members, attempt)
        elif len(request.members) > 1 and self._may_be_one(outcome, request):
            yield from self._alone(request.members, attempt)
        elif items is None or (len(items) != request.total and outcome.state == "refused"):
            yield from (self.attempts.settled(claimed, attempt) for claimed in request.members)
        elif len(items) != request.total:
            faults = (*outcome.faults, _mismatch(request.total, len(items)))
            held = replace(attempt, outcome=replace(outcome, state="held", faults=faults))
            yield from (self.attempts.settled(claimed, held) for claimed in request.members)
        else:
            yield from self._each(request, attempt, items)

    def _may_be_one(self, outcome: Outcome, request: _Request) -> bool:
        """Whether the whole was refused, and nothing says which of them it is about."""
        told = outcome.items is not None and len(outcome.items) == request.total
        return outcome.state == "refused" and (outcome.status in SPLITS or (outcome.status.startswith("2") and not told))

    def _alike(self, members: Sequence[Claimed], attempt: Attempt) -> Iterator[Settled]:
        """All go on together or end together: the limits count for the youngest and least tried of them."""
        like = replace(
            members[0],
            born_ms=max(claimed.born_ms for claimed in members),
            tries=min(claimed.tries - claimed.spent for claimed in members),
            spent=0,
        )
        one = self.attempts.settled(like, attempt)
        yield from (replace(one, delivery=claimed.delivery, tries=claimed.tries) for claimed in members)

    def _alone(self, members: Sequence[Claimed], attempt: Attempt) -> Iterator[Settled]:
        """Each is to be tried by itself, so that one does not sink the others."""
        now_ms = self.attempts.shift.clock.steady_ms()
        again = replace(
            attempt, outcome=Outcome("waiting", attempt.outcome.status), says="its batch was refused: it is tried alone"
        )
        for claimed in members:
            yield replace(self.attempts.settled(claimed, again), states=("waiting",), due_ms=now_ms, faults=(), batch="alone")

    def _each(self, request: _Request, attempt: Attempt, items: Sequence[Outcome]) -> Iterator[Settled]:
        """To each delivery the entries that are its own, also of the answer that is kept."""
        start = 0
        entries = attempt.outcome.answer[self.batch.each]
        for claimed, count in zip(request.members, request.counts, strict=True):
            own = slice(start, start + count)
            answer = {**attempt.outcome.answer, self.batch.each: entries[own]}
            outcome = replace(_together(items[own]), status=attempt.outcome.status, answer=answer, items=None)
            yield self.attempts.settled(claimed, replace(attempt, outcome=outcome))
            start += count


def _together(items: Sequence[Outcome]) -> Outcome:
    """What became of one delivery, by its entries."""
    faults = tuple(fault for item in items for fault in item.faults)
    if len({item.state for item in items}) == 1:
        return replace(items[0], faults=faults)
    hint = "see what it answered for each entry, then drop it or resend what is missing as a message of its own"
    mixed = Fault("N322", "the destination took some entries of it and not the others", hint)
    return Outcome("held", faults=(*faults, mixed))


def _mismatch(sent: int, answered: int) -> Fault:
    hint = "ask the other side which of them it has; mark those delivered and release the others"
    return Fault("N321", f"{sent} entries were sent in one request, and the answer tells of {answered}: nobody knows which", hint)
