"""What people do to messages and deliveries: each where its state allows it, with the reason, and history stays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from interpres.fault import Fault, Place
from interpres.store.acts import Act, Choice, Rerun
from interpres.store.acts import Place as Stopped
from interpres.store.changes import Awaits, Remembered, Worked
from interpres.store.store import Store
from tests.store.words import FAR_MS, arrival, claim, owed, processed, run, settled, states

Make = Callable[[], Store]
FAULT = Fault("V102", "this is not one of the values allowed", "see the table", target="visits[0].sex", value="Z")
WHO = {"who": "night", "reason": "the table has its row now"}


async def sent(store: Store, *, limit: int = 10) -> list[int]:
    """Deliver whatever is due, lane by lane; the sequences in the order in which they went."""
    order = []
    claimed = list((await store.claim(claim(limit))).claimed)
    while claimed:
        one = claimed.pop(0)
        order.append(one.sequence)
        claims = await store.settle(settled(one.delivery, "delivered", tries=one.tries), claim(limit))
        claimed += claims.claimed
    return order


@pytest.mark.parametrize(
    ("last", "kind", "after"),
    [
        ("refused", "resend", "waiting"),
        ("refused", "drop", "dropped"),
        ("dead", "resend", "waiting"),
        ("dead", "drop", "dropped"),
        ("held", "resend", "waiting"),
        ("held", "release", "waiting"),
        ("held", "deliver", "delivered"),
        ("held", "drop", "dropped"),
    ],
)
def test_a_delivery_goes_where_an_act_sends_it(make: Make, last: str, kind: str, after: str) -> None:
    async def story(store: Store) -> None:
        (one,) = await store.accept(arrival(store, b"1", processed(owed(send_now=True))))
        await store.accept(arrival(store, b"2", processed(owed())))
        await store.settle(settled(one.delivery, last, faults=(FAULT,)))
        assert len(await store.problems()) == 1
        (touched,) = await store.act(Act(kind, deliveries=(one.delivery,), **WHO))  # type: ignore[arg-type]
        assert (touched.before, touched.after, touched.why) == (last, after, "")
        assert await states(store, 1) == [after]
        assert await store.problems() == ()
        told = await store.story(1)
        assert told is not None and [(a.kind, a.who, a.delivery) for a in told.acts] == [(kind, "night", one.delivery)]

    async def again(store: Store) -> None:
        order = await sent(store)
        goes_first = after == "waiting" and last == "held"
        assert order == ([1, 2] if goes_first else [2, 1] if after == "waiting" else [2])

    run(make, story, again)


def test_an_act_that_the_state_does_not_allow_says_why(make: Make) -> None:
    async def story(store: Store) -> None:
        (one,) = await store.accept(arrival(store, b"1", processed(owed(send_now=True))))
        await store.accept(arrival(store, b"2", processed(owed(faults=(FAULT,))), lane="M"))
        (born_refused,) = await store.deliveries(2)
        under_way, no_payload = await store.act(Act("resend", deliveries=(one.delivery, born_refused.id), **WHO))
        assert under_way.why.startswith("it is sending") and "no payload" in no_payload.why
        (message,) = await store.act(Act("release", messages=(1,), **WHO))
        assert message.why.startswith("it is processed")
        told = await store.story(1)
        assert told is not None and told.acts == (), "what changed nothing is no act of this message"

    run(make, story)


def test_what_is_sent_again_has_its_limits_anew_and_keeps_its_attempts(make: Make) -> None:
    async def story(store: Store) -> None:
        (one,) = await store.accept(arrival(store, b"1", processed(owed(send_now=True))))
        await store.settle(settled(one.delivery, "dead", faults=(FAULT,)))
        await store.act(Act("resend", deliveries=(one.delivery,), **WHO))
        (again,) = (await store.claim(claim())).claimed
        assert (again.tries, again.spent, again.delivery) == (2, 1, one.delivery)

    run(make, story)


def test_a_lane_of_several_held_deliveries_goes_on_when_the_last_is_released(make: Make) -> None:
    async def story(store: Store) -> None:
        for n in range(3):
            await store.accept(arrival(store, b"%d" % n, processed(owed())))
        assert await store.hold_gone("visits", frozenset(), FAULT) == 3
        ids = [(await store.deliveries(n))[0].id for n in (1, 2, 3)]
        await store.act(Act("release", deliveries=(ids[1],), **WHO))
        assert (await store.claim(claim(5))).claimed == (), "two are held, and the lane with them"
        await store.act(Act("release", deliveries=(ids[0], ids[2]), **WHO))
        assert await sent(store) == [1, 2, 3]

    run(make, story)


def test_a_refusal_that_stops_its_lane_opens_it_when_it_is_dropped(make: Make) -> None:
    async def story(store: Store) -> None:
        await store.accept(arrival(store, b"1", processed(owed(faults=(FAULT,), stops=True))))
        await store.accept(arrival(store, b"2", processed(owed())))
        assert (await store.claim(claim(5))).claimed == ()
        (stopping,) = await store.deliveries(1)
        await store.act(Act("drop", deliveries=(stopping.id,), **WHO))
        assert await sent(store) == [2]

    run(make, story)


def test_what_waits_can_be_dropped_or_held(make: Make) -> None:
    async def story(store: Store) -> None:
        for n in range(4):
            await store.accept(arrival(store, b"%d" % n, processed(owed())))
        ids = [(await store.deliveries(n))[0].id for n in (1, 2, 3)]
        await store.act(Act("drop", deliveries=(ids[0], ids[1]), **WHO))
        await store.act(Act("hold", deliveries=(ids[2],), **WHO))
        assert [await states(store, n) for n in (1, 2, 3, 4)] == [["dropped"], ["dropped"], ["held"], ["waiting"]]
        assert (await store.claim(claim(5))).claimed == ()
        await store.act(Act("release", deliveries=(ids[2],), **WHO))
        assert await sent(store) == [3, 4]

    run(make, story)


def test_nothing_passes_what_is_held_in_the_midst_of_its_lane(make: Make) -> None:
    """What came after it was sent as soon as what stood before it was settled: found by seed 96 of the simulation."""

    async def story(store: Store) -> None:
        for n in range(4):
            await store.accept(arrival(store, b"%d" % n, processed(owed())))
        (third,) = await store.deliveries(3)
        await store.act(Act("hold", deliveries=(third.id,), **WHO))
        assert await sent(store) == [1, 2]
        (fourth,) = await store.deliveries(4)
        await store.act(Act("hold", deliveries=(fourth.id,), **WHO))
        await store.act(Act("release", deliveries=(fourth.id,), **WHO))
        assert await sent(store) == []
        await store.act(Act("release", deliveries=(third.id,), **WHO))
        assert await sent(store) == [3, 4]

    run(make, story)


def test_what_stands_before_the_held_goes_on(make: Make) -> None:
    async def story(store: Store) -> None:
        for n in range(3):
            await store.accept(arrival(store, b"%d" % n, processed(owed())))
        first, third = [(await store.deliveries(n))[0].id for n in (1, 3)]
        await store.act(Act("hold", deliveries=(third,), **WHO))
        await store.act(Act("drop", deliveries=(first,), **WHO))
        assert await sent(store) == [2]

    run(make, story)


def test_a_held_message_is_released_in_its_place_or_dropped(make: Make) -> None:
    async def story(store: Store) -> None:
        for n in range(3):
            await store.accept(arrival(store, b"%d" % n, None))
        await store.process([Worked(1, processed(state="held", faults=(FAULT,)))])
        assert (await store.heads("visits", FAR_MS, 5))[0] == ()
        (problem,) = await store.problems()
        assert (problem.channel, problem.destination, problem.messages, problem.samples) == ("visits", "", 1, (1,))
        assert problem.fault.value is None, "a value of a message stays with the message"
        (touched,) = await store.act(Act("release", messages=(1,), **WHO))
        assert touched.after == "received" and await store.problems() == ()
        heads, _ = await store.heads("visits", FAR_MS, 5)
        assert [h.sequence for h in heads] == [1]
        await store.process([Worked(1, processed(state="held", faults=(FAULT,)))])
        (touched,) = await store.act(Act("drop", messages=(1,), **WHO))
        assert touched.after == "rejected" and await store.problems() == ()
        heads, _ = await store.heads("visits", FAR_MS, 5)
        assert [h.sequence for h in heads] == [2], "its lane goes on"
        (record,) = await store.records(1, 1)
        assert record.state == "rejected" and record.reason == "dropped: the table has its row now"

    run(make, story, lambda store: asyncio.sleep(0))


def test_a_rejected_message_is_processed_again_as_a_new_run(make: Make) -> None:
    async def story(store: Store) -> None:
        await store.accept(arrival(store, b"1", processed(state="rejected", faults=(FAULT,))))
        assert [p.messages for p in await store.problems()] == [1]
        (touched,) = await store.rerun(Rerun("resend", messages=(1,), **WHO))
        assert (touched.before, touched.after) == ("rejected", "received") and await store.problems() == ()
        job = await store.job(1)
        assert (job.run, job.message.body, job.context, job.targets, job.edited) == (1, b"1", None, None, False)
        (born,) = await store.process([Worked(1, processed(owed(b"made", send_now=True)))])
        assert (born.run, born.sequence) == (1, 1)
        told = await store.story(1)
        assert told is not None
        assert [(r.number, r.kind, r.state) for r in told.runs] == [(0, "", "rejected"), (1, "resend", "")]
        assert told.runs[0].faults == (FAULT,)
        assert [(d.run, d.state) for d in told.deliveries] == [(1, "sending")]

    run(make, story)


def test_an_edit_keeps_what_came_and_takes_the_place_of_what_it_replaces(make: Make) -> None:
    async def story(store: Store) -> None:
        (one,) = await store.accept(arrival(store, b"1", processed(owed(b"a", send_now=True), owed(b"b", part=2))))
        for n in (2, 3):
            await store.accept(arrival(store, b"%d" % n, processed(owed())))
        await store.settle(settled(one.delivery, "held", faults=(FAULT,)))
        await store.rerun(Rerun("edit", messages=(1,), body=b"one", **WHO))
        job = await store.job(1)
        assert (job.message.body, job.edited) == (b"one", True)
        assert (await store.message(1)).body == b"1" and await store.run_body(1, 1) == b"one"
        result = processed(owed(b"A", send_now=True), owed(b"B", part=2, send_now=True))
        assert await store.process([Worked(1, result, {"patient": "P9"})]) == ()
        assert await states(store, 1) == ["dropped", "dropped", "waiting", "waiting"]
        assert await sent(store) == [1, 1, 2, 3]
        assert (await store.records(1, 1))[0].keys == {"patient": "P9"}

    run(make, story)


def test_an_edit_that_is_refused_again_leaves_what_there_was(make: Make) -> None:
    async def story(store: Store) -> None:
        (one,) = await store.accept(arrival(store, b"1", processed(owed(b"a", send_now=True))))
        await store.settle(settled(one.delivery, "held", faults=(FAULT,)))
        await store.rerun(Rerun("edit", messages=(1,), body=b"one", **WHO))
        await store.process([Worked(1, processed(state="rejected", faults=(FAULT,)))])
        assert await states(store, 1) == ["held"]
        assert {p.destination for p in await store.problems()} == {"", "npca"}

    run(make, story)


def test_a_resend_to_one_destination_leaves_the_others_alone(make: Make) -> None:
    async def story(store: Store) -> None:
        await store.accept(arrival(store, b"1", processed(owed(destination="archive"), owed(faults=(FAULT,)))))
        await store.rerun(Rerun("resend", messages=(1,), targets=frozenset({"npca"}), **WHO))
        assert (await store.job(1)).targets == {"npca"}
        await store.process([Worked(1, processed(owed(b"made")))])
        assert [(d.destination, d.run, d.state) for d in await store.deliveries(1)] == [
            ("archive", 0, "waiting"),
            ("npca", 0, "dropped"),
            ("npca", 1, "waiting"),
        ]
        assert await store.problems() == ()

    run(make, story)


def test_what_was_sent_is_sent_once_more_as_it_was(make: Make) -> None:
    async def story(store: Store) -> None:
        await store.accept(arrival(store, b"1", processed(owed(b"a"), owed(b"1", part=2))))
        assert await sent(store) == [1, 1]
        (touched,) = await store.rerun(Rerun("replay", messages=(1,), as_it_was=True, **WHO))
        assert touched.after == "processed"
        both = (await store.deliveries(1))[2:]
        assert [await store.payload(d.id) for d in both] == [b"a", b"1"]
        assert len({d.key for d in await store.deliveries(1)}) == 4, "a run of its own has keys of its own"
        assert await sent(store) == [1, 1]
        (left,) = await store.rerun(Rerun("replay", messages=(1,), as_it_was=True, targets=frozenset({"other"}), **WHO))
        assert "nothing was made" in left.why

    run(make, story)


def test_a_new_run_has_the_context_of_the_one_before_unless_it_asks_again(make: Make) -> None:
    async def story(store: Store) -> None:
        await store.accept(arrival(store, b"1", None))
        await store.process([Worked(1, processed(owed(), context={"card": "known"}))])
        await store.rerun(Rerun("replay", messages=(1,), asks=False, **WHO))
        assert (await store.job(1)).context == {"card": "known"}
        await store.process([Worked(1, processed(owed(), context={"card": "known"}))])
        await store.rerun(Rerun("replay", messages=(1,), asks=True, **WHO))
        assert (await store.job(1)).context is None
        (busy,) = await store.rerun(Rerun("replay", messages=(1,), **WHO))
        assert "just now" in busy.why

    run(make, story)


def test_a_message_waits_until_its_key_is_remembered(make: Make) -> None:
    async def story(store: Store) -> None:
        for n, lane in enumerate("AB"):
            await store.accept(arrival(store, b"%d" % n, None, lane=lane))
        held = processed(state="held", reason="its booking is not known yet", awaits=(Awaits("bookings", "C1", 500),))
        await store.process([Worked(1, held)])
        assert (await store.records(1, 1))[0].state == "held" and await store.problems() == ()
        assert await store.next_give_up_ms() == 500
        (one,) = await store.process([Worked(2, processed(owed(send_now=True)))])
        claims = await store.settle(settled(one.delivery, "delivered", remembered=(Remembered("bookings", "C1", "B7"),)))
        assert claims.woken == {"visits"}
        assert [h.sequence for h in (await store.heads("visits", FAR_MS, 5))[0]] == [1]
        await store.process([Worked(1, held)])
        assert (await store.records(1, 1))[0].state == "received", "the key is there by now: nothing to wait for"

    async def again(store: Store) -> None:
        assert await store.next_give_up_ms() is None

    run(make, story, again)


def test_what_waited_too_long_for_its_key_is_rejected(make: Make) -> None:
    async def story(store: Store) -> None:
        for n in range(2):
            await store.accept(arrival(store, b"%d" % n, None))
        await store.process([Worked(1, processed(state="held", awaits=(Awaits("bookings", "C1", 500),)))])
        assert await store.give_up_waiting(499, FAULT) == ()
        (touched,) = await store.give_up_waiting(500, FAULT)
        assert (touched.message, touched.after) == (1, "rejected")
        assert [h.sequence for h in (await store.heads("visits", FAR_MS, 5))[0]] == [2]
        assert [p.messages for p in await store.problems()] == [1]

    run(make, story)


def test_problems_are_grouped_by_cause_and_a_code_is_a_cause_of_its_own(make: Make) -> None:
    at = Place("mappings/npca/visit.yaml", 12, 4)

    def unmapped(code: str, target: str) -> Fault:
        return Fault("M201", "table sex has no row for this code", "add it", target=target, source="PID-8", value=code, at=at)

    async def story(store: Store) -> None:
        for n, fault in enumerate(
            (unmapped("X9", "visits[0].sex"), unmapped("X9", "guardian.sex"), unmapped("Y", "visits[0].sex"))
        ):
            await store.accept(arrival(store, b"%d" % n, processed(owed(faults=(fault,))), lane=str(n)))
        found = await store.problems()
        assert [(p.fault.value, p.messages, p.deliveries) for p in found] == [("X9", 2, 2), ("Y", 1, 1)]
        assert [(t.message, t.delivery > 0) for t in await store.troubled(found[0].cause)] == [(1, True), (2, True)]
        assert await store.problems("other") == ()

    run(make, story)


def test_what_somebody_paused_stays_paused(make: Make) -> None:
    async def story(store: Store) -> None:
        await store.pause(Stopped("visits", "npca", 0, "night", "it answers nonsense"))
        await store.pause(Stopped("visits", "", 0, "night", "moving house"))
        await store.resume("visits", "", "day", "moved")

    async def again(store: Store) -> None:
        (place,) = await store.paused()
        assert (place.channel, place.destination, place.who, place.reason) == ("visits", "npca", "night", "it answers nonsense")

    run(make, story, again)


def test_a_replay_is_planned_kept_and_done_step_by_step(make: Make) -> None:
    async def story(store: Store) -> None:
        for n in range(6):
            await store.accept(arrival(store, b"%d" % n, processed(owed(b"p%d" % n)), lane=str(n % 2)))
        assert sorted(await sent(store)) == [1, 2, 3, 4, 5, 6]
        await store.accept(arrival(store, b"6", None, lane="M"))
        plan = await store.plan(Choice(channels=("visits",)))
        assert plan.chosen == (1, 2, 3, 4, 5, 6) and plan.left_out == {"still at work": 1}
        plan = await store.plan(Choice(sequences=(1, 4, 6)))
        assert plan.chosen == (4, 6), "3 and 5 of its lane were sent after 1"
        assert list(plan.left_out.values()) == [1]
        assert (await store.plan(Choice(sequences=(1, 4, 6), older=True))).chosen == (1, 4, 6)
        assert (await store.plan(Choice(state="rejected"))).chosen == ()
        id_ = await store.begin_replay("night", "new table", (2, 4, 6), {"older": False})
        step = Rerun("replay", "night", "new table", await store.to_replay(id_, 2), asks=False, replay=id_)
        assert [t.message for t in await store.rerun(step)] == [2, 4]
        assert await store.rerun(step) == (), "a step that was made is not made again"

    async def again(store: Store) -> None:
        (replay,) = await store.replays()
        assert (replay.state, replay.total, replay.done, replay.how) == ("going", 3, 2, {"older": False})
        assert await store.to_replay(replay.id, 10) == (6,)
        await store.rerun(Rerun("replay", "night", "new table", (6,), replay=replay.id))
        assert [(r.state, r.done) for r in await store.replays()] == [("done", 3)]
        other = await store.begin_replay("night", "again", (1,), {})
        await store.cancel_replay(other)
        assert await store.to_replay(other, 10) == ()
        assert await store.rerun(Rerun("replay", "night", "again", (1,), replay=other)) == ()

    run(make, story, again)
