"""Deciding: what a person decides for what is in trouble: which messages and deliveries, what is left out, and the doing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import groupby, islice
from typing import Any, Final, TypeVar, cast

import msgspec

from interpres.desk.desk import Desk
from interpres.desk.named import message_named, problem_named
from interpres.desk.places import reason_given
from interpres.fault import Fault
from interpres.store.acts import Act, ActKind, Rerun, Touched
from interpres.store.records import Affair

T = TypeVar("T")

STEP: Final = 250
"""How many are done in one transaction: what was done stays done, should the rest be interrupted."""
LOOKED_AT: Final = 10_000
"""How many of a problem are in memory at a time: to see what each lane has gone past costs a look at all deliveries."""
SAMPLES: Final = 5
OVERTAKEN: Final = "older than something already sent in its lane (--older takes it too)"

_MESSAGE: Final = "the message"
ANEW: Final = "processed again"
"""The way of what has to be made anew by today's recipe; the others are kinds of acts."""
WORDS: Final = {
    "resend": "sent again",
    "release": "let go on",
    "deliver": "marked as delivered",
    "drop": "dropped",
    ANEW: ANEW,
}
"""What becomes of things, as people are told."""


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`messages` by id (or its beginning), or all of a `problem`; of one `destination` only, where that is given.

    Without `apply` it is only told what would be done; with it, `reason` is kept. `until_ms` is from that plan: what came into
    trouble since is left alone.
    """

    messages: tuple[str, ...] = ()
    problem: str | None = None
    destination: str | None = None
    reason: str = ""
    apply: bool = False
    until_ms: int | None = None


Way = Callable[[Affair], str | None]
"""What is done to a thing; None where nothing can be."""

Decided = tuple[str, Affair]


async def decided(desk: Desk, chosen: Chosen, way: Way, *, older: bool = True) -> dict[str, Any]:
    """What would be done, or what became of it. However much it is, only some of it is in memory at a time.

    `older`: also what its lane has gone past. Raises `Fault` C156, C166, C167 for what is not there, N332 without a reason, N333
    where nothing is chosen, `CannotStore`: what was done by then stays done.
    """
    if bool(chosen.messages) is bool(chosen.problem):
        raise Fault("N333", "it is not said for what", "name messages by their ids, or a problem with --problem")
    sums = _Sums(desk.steady_ms())
    reason = reason_given(chosen.reason) if chosen.apply else ""
    async for found in _chosen(desk, chosen, sums):
        some = list(_sorted(found, chosen, way, sums, older=older))
        sums.take(some)
        if chosen.apply:
            await _do(desk, some, reason, sums)
    return {**(sums.became() if chosen.apply else sums.plan()), "engine": desk.engine is not None}


class _Sums:
    """What is told in the end."""

    def __init__(self, until_ms: int) -> None:
        self.until_ms = until_ms
        self.of = 0
        self.total = 0
        self.looked_at = 0
        self.left_out: Counter[str] = Counter()
        self.samples: list[str] = []
        self._will: Counter[tuple[str, str, str]] = Counter()
        self._became: Counter[tuple[str, str, str]] = Counter()

    def take(self, some: Iterable[Decided]) -> None:
        """These are to be done."""
        for way, affair in some:
            self.total += 1
            self._will[WORDS[way], affair.channel, affair.destination] += 1
            if len(self.samples) < SAMPLES and affair.id not in self.samples:
                self.samples.append(affair.id)

    def touched(self, step: Iterable[Touched]) -> None:
        """These were done, or could not be by then."""
        for one in step:
            if one.why:
                self.left_out[one.why] += 1
            else:
                self._became[one.channel, one.destination, one.after] += 1

    def plan(self) -> dict[str, Any]:
        """What would be done."""
        will = [{"what": w, "channel": c, "destination": d, "number": n} for (w, c, d), n in sorted(self._will.items())]
        return {"total": self.total, "will": will, **self._facts(), "until_ms": self.until_ms}

    def became(self) -> dict[str, Any]:
        """What was done."""
        became = [{"channel": c, "destination": d, "state": s, "number": n} for (c, d, s), n in sorted(self._became.items())]
        return {"done": sum(self._became.values()), "became": became, **self._facts()}

    def _facts(self) -> dict[str, Any]:
        return {"left_out": [{"why": why, "number": n} for why, n in self.left_out.most_common()], "samples": self.samples}


# which


async def _chosen(desk: Desk, chosen: Chosen, sums: _Sums) -> AsyncIterator[list[Affair]]:
    """Everything that is chosen, in order of arrival, some at a time."""
    if chosen.problem is None:
        sequences = sorted({await message_named(desk.store, written) for written in chosen.messages})
        sums.of = len(sequences)
        for sequence in sequences:
            owed = [d.id for d in await desk.store.deliveries(sequence)]
            yield list(await desk.store.affairs([sequence], owed))
        return
    problem = await problem_named(desk.store, chosen.problem)
    sums.of = max(problem.messages, problem.deliveries)
    after = (0, 0)
    while some := await desk.store.troubled(problem.cause, LOOKED_AT, after):
        after = (some[-1].message, some[-1].delivery)
        wanted = [t for t in some if chosen.until_ms is None or t.at_ms <= chosen.until_ms]
        messages, deliveries = [t.message for t in wanted if not t.delivery], [t.delivery for t in wanted if t.delivery]
        found = await desk.store.affairs(messages, deliveries)
        yield sorted(found, key=lambda a: (a.message, a.delivery))


def _sorted(found: list[Affair], chosen: Chosen, way: Way, sums: _Sums, *, older: bool) -> Iterator[Decided]:
    """What is done to which of these. Of a message that was named, what nothing can be done to counts only where that is all."""
    nothing: Counter[str] = Counter()
    taken = 0
    for affair in found:
        if chosen.destination not in (None, affair.destination):
            continue
        what = way(affair)
        if what is None:
            nothing[f"{_whose(affair)} is {affair.state}"] += 1
            continue
        taken += 1
        if affair.overtaken and not older:
            sums.left_out[OVERTAKEN] += 1
        else:
            yield what, affair
    if chosen.problem is not None:
        sums.left_out.update(nothing)
    elif not taken:
        owed = [words for words in nothing if not words.startswith(_MESSAGE)]
        sums.left_out[", ".join(owed or nothing) or f"nothing is owed to {chosen.destination}"] += 1


def _whose(affair: Affair) -> str:
    return f"what is owed to {affair.destination}" if affair.destination else _MESSAGE


# doing


async def _do(desk: Desk, some: list[Decided], reason: str, sums: _Sums) -> None:
    for step in _steps(some):
        for way, found in groupby(step, key=lambda w: w[0]):
            affairs = [affair for _, affair in found]
            if way != ANEW:
                sums.touched(await _act(desk, way, affairs, reason))
                continue
            for targets, messages in _by_targets(affairs):
                sums.touched(await _rerun(desk, Rerun("resend", desk.who, reason, messages, targets)))
        sums.looked_at += len(step)
        if sums.looked_at < sums.of:
            await desk.tell({"done": sums.looked_at, "of": sums.of})


def _by_targets(step: Iterable[Affair]) -> Iterator[tuple[frozenset[str] | None, tuple[int, ...]]]:
    """Messages in order, those in a row together whose new run is for the same destinations (None: for all)."""
    wanted: dict[int, set[str] | None] = defaultdict(set)
    for affair in step:
        targets = wanted[affair.message]
        if not affair.delivery:
            wanted[affair.message] = None
        elif targets is not None:
            targets.add(affair.destination)
    for key, messages in groupby(wanted, key=lambda m: None if wanted[m] is None else frozenset(wanted[m] or ())):
        yield key, tuple(messages)


async def _act(desk: Desk, kind: str, affairs: list[Affair], reason: str) -> tuple[Touched, ...]:
    deliveries = tuple(a.delivery for a in affairs if a.delivery)
    act = Act(cast("ActKind", kind), desk.who, reason, deliveries, tuple(a.message for a in affairs if not a.delivery))
    return await (desk.engine.again.act(act) if desk.engine else desk.store.act(act))


async def _rerun(desk: Desk, rerun: Rerun) -> tuple[Touched, ...]:
    return await (desk.engine.again.rerun(rerun) if desk.engine else desk.store.rerun(rerun))


def _steps(things: Iterable[T]) -> Iterator[list[T]]:
    """So many at a time."""
    rest = iter(things)
    while step := list(islice(rest, STEP)):
        yield step
