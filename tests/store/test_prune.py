"""Pruning: what was kept long enough goes, what somebody needs stays, and the proofs hold before, meanwhile and afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from interpres.fault import Fault
from interpres.store.acts import Act, Choice, Rerun
from interpres.store.changes import Arrival, Cutoff, NewMessage, Processed, Pruning, Worked
from interpres.store.fingerprint import identity_number
from interpres.store.reads import Search
from interpres.store.records import Prunable, Pruned
from interpres.store.store import Store
from tests.store.words import arrival, claim, owed, processed, run, settled

Make = Callable[[], Store]

OLD_MS, NEW_MS = 1_700_000_000_000, 1_800_000_000_000
BETWEEN_MS = 1_750_000_000_000

CONTENT = Pruning({"visits": Cutoff(content_ms=BETWEEN_MS)})
ALL = Pruning({"visits": Cutoff(content_ms=BETWEEN_MS, metadata_ms=BETWEEN_MS)})


async def prune(store: Store, pruning: Pruning) -> Pruned:
    """A whole round; the store holds together after each step."""
    steps = []
    async for step in store.prune(pruning):
        assert await store.verify() == ()
        steps.append(step)
    return Pruned(*(sum(s) for s in zip(*((s.content, s.metadata, s.freed_bytes) for s in steps), strict=True)))


async def delivered(store: Store, body: bytes, at_ms: int = OLD_MS, **changes: Any) -> int:
    """A message that came at that time and was delivered."""
    result = processed(owed(b"payload of " + body, send_now=True), context={"asked": "answer"})
    arrived = arrival(store, body, result, lane=body.decode(), at_ms=at_ms, **changes)
    (one,) = await store.accept(arrived)
    await store.settle(settled(one.delivery, "delivered", answer={"number": "42"}))
    return one.sequence


def test_content_goes_and_metadata_stays(make: Make) -> None:
    async def story(store: Store) -> None:
        old = await delivered(store, b"old", keys={"visit": "V1"})
        new = await delivered(store, b"new", NEW_MS)
        assert await store.prunable(CONTENT) == (Prunable("visits", 1, 0, 17, 0, 0),)
        done = await prune(store, CONTENT)
        assert (done.content, done.metadata) == (1, 0) and done.freed_bytes == 17
        for read, number in ((store.message, old), (store.payload, 1), (store.intake_body, old)):
            with pytest.raises(Fault) as pruned:
                await read(number)
            assert pruned.value.code == "N350"
        (found,) = await store.find(Search(keys={"visit": "V1"}))
        assert (found.sequence, found.state, found.size, found.context) == (old, "processed", 3, {}) and found.pruned_at
        (told,) = await store.deliveries(old)
        assert (told.state, told.answer, told.size) == ("delivered", None, 14)
        assert (await store.message(new)).body == b"new" and await store.payload(2) == b"payload of new"
        assert (await prune(store, CONTENT)).content == 0, "once"

    run(make, story)


def test_every_trace_goes_and_is_counted(make: Make) -> None:
    async def story(store: Store) -> None:
        for n in range(120):
            await delivered(store, b"old %d" % n, keys={"visit": "V1"})
        await delivered(store, b"new", NEW_MS)
        done = await prune(store, ALL)
        assert (done.content, done.metadata) == (120, 120)
        assert [r.sequence for r in await store.find(Search())] == [121]
        assert await store.find(Search(keys={"visit": "V1"})) == ()
        counts = {(c.destination, c.state): c.number for c in await store.counts()}
        assert counts == {("", "processed"): 1, ("", "pruned"): 120, ("npca", "delivered"): 1, ("npca", "pruned"): 120}

    run(make, story)


# what stays

REFUSED = Fault("M201", "no such code", "add it", value="secret of a patient")


async def trouble(store: Store) -> dict[str, int]:
    """Old messages that somebody needs, by why."""
    found: dict[str, int] = {}

    async def came(name: str, result: Processed | None) -> None:
        arrived = arrival(store, name.encode(), result, lane=name, at_ms=OLD_MS)
        found[name] = arrived.messages[0].sequence
        for one in await store.accept(arrived):
            if name in ("refused", "dead", "uncertain", "held delivery"):
                await store.settle(settled(one.delivery, name.removesuffix(" delivery"), faults=(REFUSED,)))

    await came("received", None)
    await came("held", processed(state="held", faults=(REFUSED,)))
    await came("rejected", processed(state="rejected", faults=(REFUSED,)))
    await came("waiting", processed(owed()))
    for name in ("sending", "uncertain", "held delivery", "refused", "dead"):
        await came(name, processed(owed(send_now=True)))
    await came("keeps its lane shut", processed(owed(faults=(REFUSED,), stops=True)))
    return found


async def left(store: Store) -> set[int]:
    return {r.sequence for r in await store.find(Search(limit=1000))}


def test_what_is_open_or_a_problem_stays_however_old_it_is(make: Make) -> None:
    async def story(store: Store) -> None:
        found = await trouble(store)
        gone = await delivered(store, b"done")
        (plan,) = await store.prunable(ALL)
        assert (plan.content, plan.metadata, plan.open, plan.problems) == (0, 1, 7, 3)
        await prune(store, ALL)
        assert await left(store) == set(found.values()) and gone not in await left(store)
        assert (await store.message(found["refused"])).body == b"refused" and await store.payload(1) == b"{}"

        (plan,) = await store.prunable(replace(ALL, problems_too=True))
        assert (plan.metadata, plan.open, plan.problems) == (3, 7, 0)
        await prune(store, replace(ALL, problems_too=True))
        seen_to = {found[name] for name in ("rejected", "refused", "dead")}
        assert await left(store) == set(found.values()) - seen_to
        assert {p.fault.code for p in await store.problems()} == {"M201"}

    run(make, story)


def test_a_problem_that_somebody_has_seen_to_goes(make: Make) -> None:
    async def story(store: Store) -> None:
        found = await trouble(store)
        dropped = Act("drop", "night shift", "known and done", (), (found["rejected"],))
        await store.act(dropped)
        (delivery,) = await store.deliveries(found["refused"])
        await store.act(replace(dropped, messages=(), deliveries=(delivery.id,)))
        await prune(store, ALL)
        assert set(found.values()) - await left(store) == {found["rejected"], found["refused"]}

    run(make, story)


def test_what_is_to_be_replayed_stays_until_it_was(make: Make) -> None:
    async def story(store: Store) -> None:
        old = await delivered(store, b"old")
        replay = await store.begin_replay("night shift", "a table was wrong", (old,), {})
        assert (await prune(store, ALL)).metadata == 0 and (await store.message(old)).body == b"old"
        await store.cancel_replay(replay)
        assert (await prune(store, ALL)).metadata == 1

    run(make, story)


def test_what_has_no_content_is_not_run_again_and_says_why(make: Make) -> None:
    async def story(store: Store) -> None:
        old = await delivered(store, b"old")
        await prune(store, CONTENT)
        for asked in ({}, {"as_it_was": True}):
            (touched,) = await store.rerun(Rerun("replay", "night shift", "once more", (old,), **asked))  # type: ignore[arg-type]
            assert not touched.after and "content was removed" in touched.why
        plan = await store.plan(Choice())
        assert plan.chosen == () and plan.left_out == {"their content was pruned": 1}

    run(make, story)


def test_a_lane_goes_on_after_those_before_it_went(make: Make) -> None:
    async def story(store: Store) -> None:
        for n in range(3):
            await store.accept(arrival(store, b"%d" % n, processed(owed(b"%d" % n)), at_ms=OLD_MS))
        (first,) = (await store.claim(claim())).claimed
        (second,) = (await store.settle(settled(first.delivery, "delivered"), claim())).claimed
        assert (await prune(store, ALL)).metadata == 1
        (third,) = (await store.settle(settled(second.delivery, "delivered"), claim())).claimed
        assert await store.payload(third.delivery) == b"2"

    run(make, story)


def test_a_duplicate_is_recognised_without_its_content(make: Make) -> None:
    async def story(store: Store) -> None:
        identity = identity_number("visits", "42")
        old = await delivered(store, b"old", identity=identity)
        await prune(store, CONTENT)
        known = await store.known(identity, hashlib.sha256(b"old").digest(), 0)
        assert known is not None and (known.sequence, known.same_bytes) == (old, True)
        await prune(store, ALL)
        assert await store.known(identity, hashlib.sha256(b"old").digest(), 0) is None

    run(make, story)


def test_no_sequence_is_used_again(make: Make) -> None:
    async def fills(store: Store) -> None:
        await delivered(store, b"one")
        await delivered(store, b"two")
        assert (await prune(store, ALL)).metadata == 2

    async def goes_on(store: Store) -> None:
        assert await left(store) == set() and store.reserve(1) == 3
        await delivered(store, b"three")
        assert (await store.deliveries(4))[0].id == 3

    run(make, fills, goes_on)


def test_a_message_of_an_intake_loses_its_content_by_itself_and_the_intake_with_the_last(make: Make) -> None:
    async def story(store: Store) -> None:
        first = store.reserve(3)
        body = b"row 1;row 2;row 3;"
        results = [processed(state="filtered"), None, processed(state="filtered")]
        messages = tuple(
            NewMessage(first + n, 6 * n, 6, hashlib.sha256(body[6 * n :][:6]).digest(), n, processed=result)
            for n, result in enumerate(results)
        )
        await store.accept(Arrival("visits", OLD_MS, body, hashlib.sha256(body).digest(), messages))
        done = await prune(store, CONTENT)
        assert (done.content, done.freed_bytes) == (2, 0)
        with pytest.raises(Fault, match="N350"):
            await store.message(first)
        assert (await store.message(first + 1)).body == b"row 2;"
        await store.process([Worked(first + 1, processed(state="filtered"))])
        assert (await prune(store, CONTENT)).freed_bytes == len(body)
        assert (await prune(store, ALL)).metadata == 3 and await left(store) == set()

    run(make, story)


def test_channels_are_pruned_each_by_its_own_age(make: Make) -> None:
    async def story(store: Store) -> None:
        for channel in ("visits", "results", "orders"):
            for at_ms in (OLD_MS, NEW_MS):
                await store.accept(arrival(store, b"m", processed(state="filtered"), lane=None, channel=channel, at_ms=at_ms))
        await prune(store, Pruning({"visits": Cutoff(BETWEEN_MS, None), "results": Cutoff(None, NEW_MS + 1)}))
        found = sorted((r.channel, bool(r.pruned_at)) for r in await store.find(Search()))
        assert found == [("orders", False), ("orders", False), ("visits", False), ("visits", True)]

    run(make, story)


def test_it_may_be_left_at_any_step_and_messages_are_stored_meanwhile(make: Make) -> None:
    async def story(store: Store) -> None:
        for n in range(400):
            await store.accept(arrival(store, b"old %d" % n, processed(state="filtered"), lane=None, at_ms=OLD_MS))
        removed = 0
        for _ in range(4):
            async for step in store.prune(ALL):
                assert step.metadata <= 50, "a step is small"
                removed += step.metadata
                await store.accept(arrival(store, b"new", processed(state="filtered"), lane=None))
                if removed % 100:
                    break
        await prune(store, ALL)
        assert {r.received_at[:4] for r in await store.find(Search(limit=1000))} == {"2027"}

    run(make, story)
