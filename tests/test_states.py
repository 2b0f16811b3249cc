"""The table of states, edge by edge: each edge is gone along by a store, and no store goes along any other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from interpres.delivery import DELIVERY_EDGES, MESSAGE_EDGES
from interpres.fault import Fault
from interpres.store.acts import Act, Rerun
from interpres.store.changes import Worked
from interpres.store.sqlite import SqliteStore
from interpres.store.store import Fenced
from tests.crash.checker import Evidence, check
from tests.crash.simulation.edges import ALL, walked
from tests.crash.snapshot import snapshot
from tests.store.words import FAR_MS, arrival, claim, opened, owed, processed, settled

FAULT = Fault("V102", "this is not one of the values allowed", "see the table")
WHO = {"who": "night", "reason": "it had to be"}
Verb = Callable[[SqliteStore, int], Awaitable[Any]]
"""Something done to the message with this sequence, or to the delivery with this id."""


def nothing_owed(**changes: Any) -> Any:
    """A result without deliveries."""
    return processed(**{"state": "rejected", "faults": (FAULT,), "reason": "it could not be read", **changes})


RESULTS = {
    "received": None,
    "processed": processed(owed()),
    "filtered": nothing_owed(state="filtered"),
    "rejected": nothing_owed(),
    "held": nothing_owed(state="held"),
}

DELIVERIES = tuple(state for state in DELIVERY_EDGES if state != "new")
MESSAGES = tuple(MESSAGE_EDGES)


async def message_in(store: SqliteStore, state: str) -> int:
    """A message in this state, in a lane of its own; its sequence."""
    new = arrival(store, b"1", RESULTS[state], lane=None)
    await store.accept(new)
    return new.messages[0].sequence


async def delivery_in(store: SqliteStore, state: str) -> int:
    """A delivery in this state; its id is its message's sequence where every message before owes one too."""
    new = arrival(store, b"1", processed(owed(send_now=state not in ("waiting", "dropped"))), lane=None)
    await store.accept(new)
    id_ = new.messages[0].sequence
    if state == "dropped":
        await store.act(Act("drop", deliveries=(id_,), **WHO))
    elif state not in ("waiting", "sending"):
        await store.settle(settled(id_, state, faults=(FAULT,)))
    return id_


# what may be done to them


def settle(*states: str) -> Verb:
    """The outcome of an attempt, kept as it comes."""

    async def verb(store: SqliteStore, id_: int) -> Any:
        under_way = (await store.deliveries(id_))[0].state == "sending"
        return await store.settle(settled(id_, *states, tries=1 if under_way else 2, faults=(FAULT,)))

    return verb


def on_delivery(kind: Any) -> Verb:
    """An act on a delivery."""
    return lambda store, id_: store.act(Act(kind, deliveries=(id_,), **WHO))


def on_message(kind: Any) -> Verb:
    """An act on a message."""
    return lambda store, sequence: store.act(Act(kind, messages=(sequence,), **WHO))


def again(kind: Any, **how: Any) -> Verb:
    """A new run."""
    return lambda store, sequence: store.rerun(Rerun(kind, messages=(sequence,), **WHO, **how))


def work(state: str) -> Verb:
    """A result of processing."""
    return lambda store, sequence: store.process([Worked(sequence, RESULTS[state])])  # type: ignore[list-item]


def interrupted(send_again: bool) -> Verb:
    """An engine before this one was sending."""
    return lambda store, _: store.settle_interrupted("visits", "npca", send_again, FAR_MS)


ACTS = ("resend", "release", "deliver", "drop", "hold")
ON_DELIVERY: dict[str, Verb] = {
    **{f"settle {state}": settle(state) for state in DELIVERY_EDGES},
    **{f"settle uncertain {state}": settle("uncertain", state) for state in DELIVERY_EDGES},
    **{f"{kind} delivery": on_delivery(kind) for kind in ACTS},
}
ON_MESSAGE: dict[str, Verb] = {
    **{f"{kind} message": on_message(kind) for kind in ACTS},
    **{f"work {state}": work(state) for state in sorted(MESSAGE_EDGES["received"])},
    **{f"{kind} again": again(kind) for kind in ("resend", "edit", "replay")},
    "edit": again("edit", body=b"2"),
    "as it was": again("replay", as_it_was=True),
}
ON_ALL: dict[str, Verb] = {
    "claim": lambda store, _: store.claim(claim(100)),
    "interrupted, again": interrupted(True),
    "interrupted, held": interrupted(False),
    "gone": lambda store, _: store.hold_gone("visits", frozenset(), FAULT),
    "wake": lambda store, _: store.wake("visits", FAR_MS),
    "cap": lambda store, _: store.cap_due(0),
}
VERBS = ON_DELIVERY | ON_MESSAGE | ON_ALL

MESSAGE_STORIES: dict[tuple[str, str], tuple[str, str]] = {
    **{("received", state): ("received", f"work {state}") for state in sorted(MESSAGE_EDGES["received"])},
    ("held", "received"): ("held", "release message"),
    ("held", "rejected"): ("held", "drop message"),
    **{(state, "received"): (state, "resend again") for state in ("rejected", "processed", "filtered")},
}
"""For each edge of a message the state that it begins in and the verb that takes it along."""

DELIVERY_STORIES: dict[tuple[str, str], tuple[str, str]] = {
    ("waiting", "sending"): ("waiting", "claim"),
    ("waiting", "held"): ("waiting", "hold delivery"),
    ("waiting", "dropped"): ("waiting", "drop delivery"),
    **{("sending", state): ("sending", f"settle {state}") for state in sorted(DELIVERY_EDGES["sending"])},
    ("uncertain", "waiting"): ("sending", "interrupted, again"),
    ("uncertain", "held"): ("sending", "interrupted, held"),
    ("held", "waiting"): ("held", "release delivery"),
    ("held", "delivered"): ("held", "deliver delivery"),
    ("held", "dropped"): ("held", "drop delivery"),
    **{(state, "waiting"): (state, "resend delivery") for state in ("refused", "dead")},
    **{(state, "dropped"): (state, "drop delivery") for state in ("refused", "dead")},
}


def lived(folder: Path, story: Callable[[SqliteStore], Awaitable[None]]) -> None:
    """The story in a store of its own, in which every promise holds at the end."""

    async def live() -> None:
        async with opened(lambda: SqliteStore(folder / "store.db")) as store:
            await story(store)
            assert check(await snapshot(store), Evidence(), settled=False) == []

    asyncio.run(live())


async def refusal(verb: Verb, store: SqliteStore, number: int) -> str:
    """Why it was not done; empty where it was."""
    try:
        touched = await verb(store, number)
    except Fenced:
        return "no such attempt is under way"
    except AssertionError as bug:
        return str(bug)
    return " ".join(t.why for t in touched) if isinstance(touched, tuple) else ""


def test_every_edge_has_a_story() -> None:
    births = {("delivery", "new", state) for state in DELIVERY_EDGES["new"]}
    stories = {("message", *edge) for edge in MESSAGE_STORIES} | {("delivery", *edge) for edge in DELIVERY_STORIES}
    assert stories | births == set(ALL)


@pytest.mark.parametrize("edge", MESSAGE_STORIES, ids="-".join)
def test_a_message_goes_along_the_edge(edge: tuple[str, str], tmp_path: Path) -> None:
    begins, verb = MESSAGE_STORIES[edge]

    async def story(store: SqliteStore) -> None:
        number = await message_in(store, begins)
        assert await refusal(VERBS[verb], store, number) == ""
        held = await snapshot(store)
        assert walked(held)["message", *edge] == 1
        assert held.messages[0].state == edge[1]

    lived(tmp_path, story)


@pytest.mark.parametrize("edge", DELIVERY_STORIES, ids="-".join)
def test_a_delivery_goes_along_the_edge(edge: tuple[str, str], tmp_path: Path) -> None:
    begins, verb = DELIVERY_STORIES[edge]

    async def story(store: SqliteStore) -> None:
        number = await delivery_in(store, begins)
        assert await refusal(VERBS[verb], store, number) == ""
        held = await snapshot(store)
        assert walked(held)["delivery", *edge] == 1
        assert held.deliveries[0].state == edge[1]

    lived(tmp_path, story)


@pytest.mark.parametrize(("new", "born"), [({}, "waiting"), ({"send_now": True}, "sending"), ({"faults": (FAULT,)}, "refused")])
def test_a_delivery_is_born(new: dict[str, Any], born: str, tmp_path: Path) -> None:
    async def story(store: SqliteStore) -> None:
        await store.accept(arrival(store, b"1", processed(owed(**new))))
        held = await snapshot(store)
        assert walked(held)["delivery", "new", born] == 1
        assert held.deliveries[0].state == born

    lived(tmp_path, story)


@pytest.mark.parametrize("name", VERBS)
def test_nothing_goes_along_another_edge(name: str, tmp_path: Path) -> None:
    """Each verb on something in each state: the history stays within the table, and what is refused changes nothing."""

    async def story(store: SqliteStore) -> None:
        deliveries = [await delivery_in(store, state) for state in DELIVERIES]
        messages = [await message_in(store, state) for state in MESSAGES]
        numbers = deliveries if name in ON_DELIVERY else messages if name in ON_MESSAGE else [0]
        for number in numbers:
            before = walked(await snapshot(store))
            why = await refusal(VERBS[name], store, number)
            after = walked(await snapshot(store))
            assert after.keys() <= set(ALL), f"{name} on {number}"
            assert not why or after == before, f"{name} on {number} was refused and done all the same: {why}"

    lived(tmp_path, story)


@pytest.mark.parametrize("before", DELIVERIES)
def test_an_attempt_cannot_end_along_another_edge(before: str, tmp_path: Path) -> None:
    """Whatever an engine may say of an attempt: states that no edge joins are refused, and the attempt is still under way."""

    async def story(store: SqliteStore) -> None:
        number = await delivery_in(store, "sending")
        way = () if before == "sending" else (before,)
        for after in DELIVERY_EDGES.keys() - DELIVERY_EDGES[before]:
            assert (await refusal(settle(*way, after), store, number)).startswith("no edge from"), f"{before} to {after}"
        assert (await store.deliveries(number))[0].state == "sending"

    lived(tmp_path, story)
