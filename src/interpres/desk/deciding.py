"""Deciding: what a person decides for what is in trouble: which messages and deliveries, what is left out, and the doing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any, Final, TypeVar

import msgspec

from interpres.desk.desk import Desk
from interpres.desk.named import message_named, problem_named
from interpres.fault import Fault
from interpres.store.acts import Act, ActKind, Rerun, Touched
from interpres.store.records import Affair

T = TypeVar("T")

STEP: Final = 250
"""How many are done in one transaction: what was done stays done, should the rest be interrupted."""
SAMPLES: Final = 5
OVERTAKEN: Final = "older than something already sent in its lane (--older takes it too)"

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

    Without `apply` it is only told what would be done. `until_ms` is from that plan: what came into trouble since is left alone.
    """

    messages: tuple[str, ...] = ()
    problem: str | None = None
    destination: str | None = None
    reason: str = ""
    apply: bool = False
    until_ms: int | None = None


@dataclass(slots=True)
class Plan:
    """What is to be done to what, in order of arrival, and how many are left out, by why."""

    ways: list[tuple[str, Affair]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    until_ms: int = 0

    def facts(self) -> dict[str, Any]:
        """What is told of it."""
        will = Counter((WORDS[way], a.channel, a.destination) for way, a in self.ways)
        return {
            "total": len(self.ways),
            "messages": len({a.message for _, a in self.ways}),
            "will": [{"what": w, "channel": c, "destination": d, "number": n} for (w, c, d), n in sorted(will.items())],
            "left_out": left_out(self.left_out),
            "samples": list(dict.fromkeys(a.id for _, a in self.ways))[:SAMPLES],
            "until_ms": self.until_ms,
        }


def left_out(counts: Counter[str]) -> list[dict[str, Any]]:
    """What is told of it, the most first."""
    return [{"why": why, "number": n} for why, n in counts.most_common()]


async def planned(desk: Desk, chosen: Chosen, way: Callable[[Affair], str | None], *, older: bool = True) -> Plan:
    """`way` says what is done to a thing, or None where nothing can be. Raises `Fault` C156, C166, C167, N333."""
    plan = Plan(until_ms=desk.steady_ms())
    if bool(chosen.messages) is bool(chosen.problem):
        raise Fault("N333", "it is not said for what", "name messages by their ids, or a problem with --problem")
    if chosen.problem:
        _sort(plan, await _of_problem(desk, chosen), way, chosen, older=older)
    else:
        for written in dict.fromkeys(chosen.messages):
            before = len(plan.ways) + sum(plan.left_out.values())
            found = await _of_message(desk, await message_named(desk.store, written))
            _sort(plan, found, way, chosen, older=older, telling=False)
            if len(plan.ways) + sum(plan.left_out.values()) == before:
                plan.left_out[_nothing(found, chosen)] += 1
    plan.ways.sort(key=lambda w: (w[1].message, w[1].delivery))
    return plan


async def _of_problem(desk: Desk, chosen: Chosen) -> list[Affair]:
    assert chosen.problem is not None
    problem = await problem_named(desk.store, chosen.problem)
    troubled = await desk.store.troubled(problem.cause)
    wanted = [t for t in troubled if chosen.until_ms is None or t.at_ms <= chosen.until_ms]
    found: list[Affair] = []
    for step in steps(wanted):
        found += await desk.store.affairs([t.message for t in step if not t.delivery], [t.delivery for t in step if t.delivery])
    return found


async def _of_message(desk: Desk, sequence: int) -> list[Affair]:
    return list(await desk.store.affairs([sequence], [d.id for d in await desk.store.deliveries(sequence)]))


def _sort(
    plan: Plan, found: Iterable[Affair], way: Callable[[Affair], str | None], chosen: Chosen, *, older: bool, telling: bool = True
) -> None:
    """`telling`: what nothing can be done to is told one by one; of a message that was named only where that is all it has."""
    for affair in found:
        if affair.delivery and chosen.destination not in (None, affair.destination):
            continue
        if chosen.destination is not None and not affair.delivery:
            continue
        what = way(affair)
        if what is None:
            if telling:
                plan.left_out[f"it is {affair.state} by now"] += 1
        elif affair.overtaken and not older:
            plan.left_out[OVERTAKEN] += 1
        else:
            plan.ways.append((what, affair))


def _nothing(found: Iterable[Affair], chosen: Chosen) -> str:
    """Why nothing is done to a message that was named."""
    states = [f"{a.destination} {a.state}" for a in found if a.delivery and chosen.destination in (None, a.destination)]
    if chosen.destination is not None and not states:
        return f"nothing is owed to {chosen.destination}"
    return ", ".join(states) or next(f"it is {a.state}" for a in found if not a.delivery)


async def done(desk: Desk, plan: Plan, reason: str) -> dict[str, Any]:
    """Do it, step by step; what became of it. Raises `CannotStore`: what was done by then stays done."""
    became: Counter[tuple[str, str, str]] = Counter()
    left = Counter(plan.left_out)
    count = 0
    for touched in _changes(desk, plan, reason):
        step = await touched
        for one in step:
            if one.why:
                left[one.why] += 1
            else:
                became[one.channel, one.destination, one.after] += 1
        count += len(step)
        if count < len(plan.ways):
            await desk.tell({"done": count, "of": len(plan.ways)})
    facts = plan.facts()
    return {
        "done": sum(became.values()),
        "became": [{"channel": c, "destination": d, "state": s, "number": n} for (c, d, s), n in sorted(became.items())],
        "left_out": left_out(left),
        "samples": facts["samples"],
        "engine": desk.engine is not None,
    }


def _changes(desk: Desk, plan: Plan, reason: str) -> Iterator[Any]:
    """One change of the store after the other, each begun when it is awaited."""
    for way, found in groupby(plan.ways, key=lambda w: w[0]):
        affairs = [affair for _, affair in found]
        for step in steps(affairs):
            if way == ANEW:
                for targets, messages in _by_targets(step):
                    yield _rerun(desk, Rerun("resend", desk.who, reason, messages, targets))
            else:
                yield _act(desk, way, step, reason)


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


async def _act(desk: Desk, kind: ActKind, step: Iterable[Affair], reason: str) -> tuple[Touched, ...]:
    affairs = list(step)
    deliveries = tuple(a.delivery for a in affairs if a.delivery)
    act = Act(kind, desk.who, reason, deliveries, tuple(a.message for a in affairs if not a.delivery))
    return await (desk.engine.again.act(act) if desk.engine else desk.store.act(act))


async def _rerun(desk: Desk, rerun: Rerun) -> tuple[Touched, ...]:
    return await (desk.engine.again.rerun(rerun) if desk.engine else desk.store.rerun(rerun))


def steps(things: Iterable[T]) -> Iterator[list[T]]:
    """So many at a time."""
    rest = iter(things)
    while step := list(islice(rest, STEP)):
        yield step
