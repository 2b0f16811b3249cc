"""New runs of messages in the midst of their lanes: nothing passes what is held, and what was sent is sent as it was."""

from __future__ import annotations

from collections.abc import Callable

from interpres.fault import Fault
from interpres.store.acts import Rerun
from interpres.store.changes import Worked
from interpres.store.store import Store
from tests.store.words import arrival, owed, processed, run, states

Make = Callable[[], Store]
FAULT = Fault("V102", "this is not one of the values allowed", "see the table", target="sex", value="Z")
WHO = {"who": "night", "reason": "the table has its row now"}


async def heads(store: Store) -> list[int]:
    return [h.sequence for h in (await store.heads("visits", 1 << 60, 10))[0]]


def test_a_new_run_that_comes_up_while_its_lane_is_at_work_lets_nothing_pass_what_is_held(make: Make) -> None:
    async def story(store: Store) -> None:
        await store.accept(arrival(store, b"1", processed(state="filtered")))
        for body in (b"2", b"3", b"4"):
            await store.accept(arrival(store, body))
        # 2 and 3 are at work together when a person has 1 processed again.
        await store.rerun(Rerun("resend", messages=(1,), **WHO))
        held = processed(state="held", faults=(FAULT,))
        await store.process([Worked(2, processed(owed())), Worked(3, held)])
        assert await heads(store) == [1]
        await store.process([Worked(1, processed(owed()))])
        (third,) = await store.records(3, 1)
        if third.state == "received":  # it has its turn now
            assert await heads(store) == [3]
            await store.process([Worked(3, held)])
        assert await heads(store) == [], "4 stands behind 3, which is held"

    run(make, story)


def test_a_lane_has_one_head_whoever_was_put_into_its_midst(make: Make) -> None:
    async def story(store: Store) -> None:
        await store.accept(arrival(store, b"1", processed(state="filtered")))
        for body in (b"2", b"3", b"4", b"5"):
            await store.accept(arrival(store, body))
        await store.rerun(Rerun("resend", messages=(1,), **WHO))
        await store.process([Worked(2, processed(owed())), Worked(3, processed(owed()))])
        assert await heads(store) == [1]
        await store.process([Worked(1, processed(owed()))])
        assert await heads(store) == [4]

    run(make, story)


def test_what_was_sent_as_it_was_is_the_latest_of_each_destination(make: Make) -> None:
    async def story(store: Store) -> None:
        await store.accept(arrival(store, b"1", processed(owed(b"a0", destination="a"), owed(b"b0", destination="b"))))
        await store.rerun(Rerun("resend", messages=(1,), targets=frozenset({"b"}), **WHO))
        await store.process([Worked(1, processed(owed(b"b1", destination="b")))])
        await store.rerun(Rerun("replay", messages=(1,), as_it_was=True, **WHO))
        again = [d for d in await store.deliveries(1) if d.run == 2]
        assert [(d.destination, await store.payload(d.id)) for d in again] == [("a", b"a0"), ("b", b"b1")]
        (touched,) = await store.rerun(Rerun("replay", messages=(1,), as_it_was=True, targets=frozenset({"a"}), **WHO))
        assert touched.after == "processed"

    run(make, story)


def test_what_a_run_for_all_destinations_left_out_is_not_sent_as_it_was_before(make: Make) -> None:
    async def story(store: Store) -> None:
        await store.accept(arrival(store, b"1", processed(owed(b"a0", destination="a"), owed(b"b0", destination="b"))))
        await store.rerun(Rerun("edit", messages=(1,), body=b"2", **WHO))
        await store.process([Worked(1, processed(owed(b"a1", destination="a")), {})])
        await store.rerun(Rerun("replay", messages=(1,), as_it_was=True, **WHO))
        assert [d.destination for d in await store.deliveries(1) if d.run == 2] == ["a"]

    run(make, story)


def test_a_resend_makes_again_only_the_parts_that_were_not_sent(make: Make) -> None:
    async def story(store: Store) -> None:
        parts = [owed(b"1", part=1), owed(b"", part=2, faults=(FAULT,)), owed(b"3", part=3)]
        await store.accept(arrival(store, b"1", processed(*parts)))
        await store.rerun(Rerun("resend", messages=(1,), targets=frozenset({"npca"}), **WHO))
        job = await store.job(1)
        # Parts 1 and 3 are on their way and stay so; the run is for what was refused.
        assert job.without == {("npca", 1), ("npca", 3)}
        await store.process([Worked(1, processed(owed(b"2", part=2)))])
        assert await states(store, 1) == ["waiting", "dropped", "waiting", "waiting"]
        await store.rerun(Rerun("replay", messages=(1,), as_it_was=True, **WHO))
        again = [d for d in await store.deliveries(1) if d.run == 2]
        assert [await store.payload(d.id) for d in again] == [b"1", b"2", b"3"]

    run(make, story)


def test_where_nothing_was_ever_asked_a_replay_asks(make: Make) -> None:
    async def story(store: Store) -> None:
        await store.accept(arrival(store, b"1", processed(state="rejected", faults=(FAULT,))))
        await store.accept(arrival(store, b"2", processed(state="filtered", reason="keep")))
        await store.accept(arrival(store, b"3", processed(owed(), context={})))
        await store.accept(arrival(store, b"4", processed(state="rejected", faults=(FAULT,), context={"card": 1})))
        await store.rerun(Rerun("replay", messages=(1, 2, 3, 4), asks=False, **WHO))
        assert [(await store.job(n)).context for n in (1, 2, 3, 4)] == [None, None, {}, {"card": 1}]

    run(make, story)
