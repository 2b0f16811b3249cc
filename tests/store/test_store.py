"""What every store promises, written against the interface alone."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from decimal import Decimal

import pytest

from interpres.delivery import idempotency_key
from interpres.fault import Fault
from interpres.message import message_ulid
from interpres.store.changes import Arrival, NewMessage, Postponed, Remembered, Worked
from interpres.store.fingerprint import identity_number, lane_number
from interpres.store.store import Fenced, Search, Store
from tests.store.words import FAR_MS, RECIPE, arrival, claim, owed, processed, run, settled, states

Make = Callable[[], Store]
FAULT = Fault("M201", "no row for this code", "add a row", target="visit.sex", source="PID-8", value="X")


def test_a_message_is_as_it_was_after_the_store_was_opened_again(make: Make) -> None:
    body = bytes(range(256)) * 9000  # more than two pieces
    kept: dict[str, object] = {}

    async def first(store: Store) -> None:
        result = processed(
            owed(b"payload" * 400_000, names={"visit": "V1"}), warnings=(FAULT,), context={"share": Decimal("0.10")}
        )
        one = arrival(store, body, result, keys={"patient": "ជា"}, envelope={"source_name": "a.hl7"})
        await store.accept(one)
        kept["id"] = store.message_id(one.at_ms, one.messages[0].sequence)

    async def again(store: Store) -> None:
        sequence = await store.sequence_of(str(kept["id"]))
        assert sequence is not None
        message = await store.message(sequence)
        assert (message.id, message.body, message.channel) == (kept["id"], body, "visits")
        assert message.received_at == "2027-01-15T08:00:00.000Z" and message.envelope == {"source_name": "a.hl7"}
        assert message.id == message_ulid(1_800_000_000_000, store.salt, sequence)
        (record,) = await store.records(sequence, 1)
        assert (record.state, record.keys, record.recipe, record.warnings) == ("processed", {"patient": "ជា"}, RECIPE, (FAULT,))
        assert str(record.context["share"]) == "0.10"
        (delivery,) = await store.deliveries(sequence)
        assert await store.payload(delivery.id) == b"payload" * 400_000
        assert delivery.key == idempotency_key(message.id, 0, "npca", 1)
        assert store.reserve(1) == sequence + 1

    run(make, first, again)


def test_an_intake_of_several_messages_is_stored_once_and_read_in_slices(make: Make) -> None:
    head, lines = b"name;born\n", [b"a;1\n", b"b;2\n", b"c;3\n"]
    whole = head + b"".join(lines)
    slices = [(0, 14), (14, 18), (18, 22)]

    async def story(store: Store) -> None:
        first = store.reserve(3)
        messages = []
        for n, (start, end) in enumerate(slices):
            data = whole[start:end] if start < len(head) else head + whole[start:end]
            digest = hashlib.sha256(data).digest()
            messages.append(
                NewMessage(first + n, start, end - start, digest, n, processed=processed(state="filtered", reason="x"))
            )
        digest = hashlib.sha256(whole).digest()
        identity = identity_number("visits", "a")
        await store.accept(Arrival("visits", 5, whole, digest, tuple(messages), head, {}, identity))
        assert [(await store.message(first + n)).body for n in range(3)] == [whole[:14], head + b"b;2\n", head + b"c;3\n"]
        assert await store.intake_body(first + 1) == whole
        assert [(r.start, r.size, r.intake, r.reason) for r in await store.records(first, 3)] == [
            (s, e - s, first, "x") for s, e in slices
        ]
        known = await store.known(identity, digest, 0)
        assert known is not None and (known.sequence, known.messages, known.same_bytes) == (first, 3, True)

    run(make, story)


def test_an_intake_is_known_by_identity_and_bytes(make: Make) -> None:
    identity = identity_number("visits", "HIS|1")

    async def first(store: Store) -> None:
        for n, body in enumerate((b"one", b"two", b"two")):
            await store.accept(arrival(store, body, processed(state="filtered"), identity=identity, at_ms=1000 + n))

    async def again(store: Store) -> None:
        two, three = hashlib.sha256(b"two").digest(), hashlib.sha256(b"three").digest()
        same = await store.known(identity, two, 0)
        assert same is not None and same.same_bytes and same.sequence == 3, "the latest with these bytes"
        other = await store.known(identity, three, 0)
        assert other is not None and not other.same_bytes
        assert await store.known(identity, two, 1003) is None, "not older than asked for"
        assert await store.known(identity_number("other", "HIS|1"), two, 0) is None

    run(make, first, again)


def test_a_lane_has_one_delivery_under_way_and_keeps_its_order(make: Make) -> None:
    async def story(store: Store) -> None:
        born = []
        for n in range(4):
            born += await store.accept(arrival(store, b"%d" % n, processed(owed(b"p%d" % n, send_now=True))))
        assert [c.sequence for c in born] == [1], "only the first of an idle lane is born sending"
        assert (await store.claim(claim(10))).claimed == ()
        following = (await store.settle(settled(born[0].delivery, "delivered"), claim())).claimed
        assert [c.sequence for c in following] == [2]
        again = await store.settle(settled(following[0].delivery, "waiting", due_ms=77), claim(now_ms=76))
        assert again.claimed == () and again.next_due_ms == 77
        (same,) = (await store.claim(claim(10, now_ms=77))).claimed
        assert (same.sequence, same.tries) == (2, 2), "what waits stays before those behind it"
        assert await store.payload(same.delivery) == b"p1"

    async def after_opening_again(store: Store) -> None:
        assert (await store.claim(claim(10))).claimed == (), "the lane is still busy"
        assert await store.settle_interrupted("visits", "npca", True, 5) == 1
        order = []
        for tries in (3, 1, 1):
            (one,) = (await store.claim(claim(10))).claimed
            assert one.tries == tries
            order.append(one.sequence)
            await store.settle(settled(one.delivery, "delivered", tries=tries))
        assert order == [2, 3, 4]

    run(make, story, after_opening_again)


@pytest.mark.parametrize(("last", "goes_on"), [("refused", True), ("dead", True), ("held", False)])
def test_what_lets_a_lane_go_on(make: Make, last: str, goes_on: bool) -> None:
    async def story(store: Store) -> None:
        (one,) = await store.accept(arrival(store, b"1", processed(owed(send_now=True))))
        await store.accept(arrival(store, b"2", processed(owed())))
        following = await store.settle(settled(one.delivery, last, faults=(FAULT,)), claim())
        assert [c.sequence for c in following.claimed] == ([2] if goes_on else [])
        (record,) = await store.deliveries(1)
        assert record.state == last and record.faults == (FAULT,)

    async def after_opening_again(store: Store) -> None:
        (born,) = await store.accept(arrival(store, b"3", processed(owed(send_now=True)), lane="other"))
        assert born.sequence == 3
        assert await store.accept(arrival(store, b"4", processed(owed(send_now=True)))) == ()
        assert await states(store, 4) == ["waiting"]

    run(make, story, after_opening_again)


def test_a_refusal_that_stops_keeps_what_came_after_it_and_lets_what_came_before_go(make: Make) -> None:
    async def story(store: Store) -> None:
        (one,) = await store.accept(arrival(store, b"1", processed(owed(send_now=True))))
        await store.accept(arrival(store, b"2", processed(owed())))
        await store.accept(arrival(store, b"3", processed(owed(faults=(FAULT,), stops=True))))
        await store.accept(arrival(store, b"4", processed(owed())))
        (two,) = (await store.settle(settled(one.delivery, "delivered"), claim())).claimed
        assert two.sequence == 2
        assert (await store.settle(settled(two.delivery, "delivered"), claim())).claimed == ()
        assert await states(store, 4) == ["waiting"]

    async def after_opening_again(store: Store) -> None:
        assert (await store.claim(claim(5))).claimed == ()
        assert await store.accept(arrival(store, b"5", processed(owed(send_now=True)))) == ()

    run(make, story, after_opening_again)


def test_a_message_without_a_lane_shares_none(make: Make) -> None:
    async def story(store: Store) -> None:
        born = [await store.accept(arrival(store, b"%d" % n, processed(owed(send_now=True)), lane=None)) for n in range(3)]
        assert [len(b) for b in born] == [1, 1, 1]
        parts = await store.accept(arrival(store, b"x", processed(owed(send_now=True), owed(part=2, send_now=True)), lane=None))
        assert [c.part for c in parts] == [1], "its own parts keep their order"

    run(make, story)


def test_the_longest_due_is_claimed_first(make: Make) -> None:
    async def story(store: Store) -> None:
        for n, due in enumerate((30, 10, 20)):
            (one,) = await store.accept(arrival(store, b"%d" % n, processed(owed(send_now=True)), lane=str(n)))
            await store.settle(settled(one.delivery, "waiting", due_ms=due))
        claims = await store.claim(claim(5, now_ms=20))
        assert [c.sequence for c in claims.claimed] == [2, 3] and claims.next_due_ms == 30
        assert await store.next_due_ms("visits") == {"npca": 30}
        await store.cap_due(25)
        assert [c.sequence for c in (await store.claim(claim(5, now_ms=25))).claimed] == [1]

    run(make, story)


def test_received_messages_of_a_lane_come_up_one_by_one(make: Make) -> None:
    lane = lane_number("visits", "L", 0)

    async def story(store: Store) -> None:
        for n in range(3):
            await store.accept(arrival(store, b"%d" % n, None))
        await store.accept(arrival(store, b"x", None, lane="M"))
        heads, next_due = await store.heads("visits", 0, 10)
        assert [h.sequence for h in heads] == [1, 4] and next_due is None
        assert [h.sequence for h in await store.lane("visits", lane, 10)] == [1, 2, 3]
        assert await store.open_lanes() == {("visits", lane): 3, ("visits", lane_number("visits", "M", 0)): 1}
        await store.postpone(Postponed(1, 50, (FAULT,)))
        heads, next_due = await store.heads("visits", 49, 10)
        assert [h.sequence for h in heads] == [4] and next_due == 50

    async def after_opening_again(store: Store) -> None:
        heads, _ = await store.heads("visits", 50, 1)
        assert [(h.sequence, h.tries) for h in heads] in ([(4, 0)], [(1, 1)])
        claimed = await store.process([Worked(1, processed(owed(send_now=True))), Worked(2, processed(owed(send_now=True)))])
        assert [c.sequence for c in claimed] == [1]
        assert [h.sequence for h in await store.lane("visits", lane, 10)] == [3]
        assert await store.process([Worked(1, processed(owed()))]) == (), "a second result changes nothing"
        assert len(await store.deliveries(1)) == 1
        await store.process([Worked(3, processed(state="held", faults=(FAULT,)))])
        assert (await store.open_lanes())["visits", lane] == 1

    run(make, story, after_opening_again)


def test_a_message_that_comes_while_its_lane_is_being_cleared_is_not_left_behind(make: Make) -> None:
    async def story(store: Store) -> None:
        for n in range(20):
            await store.accept(arrival(store, b"a", None))
            cleared = store.process([Worked(2 * n + 1, processed(state="filtered"))])
            following = store.accept(arrival(store, b"b", None))
            await asyncio.gather(cleared, following)
            heads, _ = await store.heads("visits", 0, 10)
            assert [h.sequence for h in heads] == [2 * n + 2]
            await store.process([Worked(2 * n + 2, processed(state="filtered"))])

    run(make, story)


def test_settling_twice_changes_nothing(make: Make) -> None:
    async def story(store: Store) -> None:
        (one,) = await store.accept(arrival(store, b"1", processed(owed(send_now=True))))
        await store.accept(arrival(store, b"2", processed(owed())))
        await store.settle(settled(one.delivery, "delivered", status="200", answer={"n": Decimal("1.50")}))
        await store.settle(settled(one.delivery, "delivered", status="200"))
        story = await store.story(1)
        assert story is not None
        (delivery,) = story.deliveries
        assert [(a.number, a.state, a.status, a.took_ms) for a in delivery.attempts] == [(1, "delivered", "200", 5)]
        assert str(delivery.answer["n"]) == "1.50"
        assert len((await store.claim(claim(5))).claimed) == 1

    run(make, story)


def test_whoever_was_silent_and_comes_back_changes_nothing(make: Make) -> None:
    async def story(store: Store) -> None:
        (mine,) = await store.accept(arrival(store, b"1", processed(owed(send_now=True))))
        await store.settle_interrupted("visits", "npca", True, 5)  # another took over
        with pytest.raises(Fenced):
            await store.settle(settled(mine.delivery, "refused", faults=(FAULT,)))
        (theirs,) = (await store.claim(claim())).claimed
        assert (theirs.delivery, theirs.tries) == (mine.delivery, 2)
        with pytest.raises(Fenced):
            await store.settle(settled(mine.delivery, "refused", faults=(FAULT,)))
        assert await states(store, 1) == ["sending"]
        await store.settle(settled(theirs.delivery, "delivered", tries=2))
        assert await states(store, 1) == ["delivered"] and await store.problems() == ()

    run(make, story)


def test_what_was_interrupted_is_sent_again_or_held(make: Make) -> None:
    async def story(store: Store) -> None:
        for destination in ("sure", "unsure"):
            await store.accept(arrival(store, b"1", processed(owed(destination=destination, send_now=True)), lane=destination))

    async def again(store: Store) -> None:
        assert await store.settle_interrupted("visits", "sure", True, 9) == 1
        assert await store.settle_interrupted("visits", "unsure", False, 9) == 1
        assert [await states(store, n) for n in (1, 2)] == [["waiting"], ["held"]]
        assert await store.settle_interrupted("visits", "sure", True, 9) == 0

    run(make, story, again)


def test_deliveries_of_a_destination_that_is_gone_are_held(make: Make) -> None:
    async def story(store: Store) -> None:
        for n in range(3):
            await store.accept(arrival(store, b"%d" % n, processed(owed(send_now=True))))
        await store.accept(arrival(store, b"x", processed(owed(destination="kept")), lane="M"))
        assert await store.hold_gone("visits", frozenset({"kept"}), FAULT) == 3
        assert [await states(store, n) for n in (1, 2, 3, 4)] == [["held"], ["held"], ["held"], ["waiting"]]
        assert (await store.deliveries(2))[0].faults == (FAULT,)

    run(make, story)


def test_what_an_engine_is_still_sending_is_left_to_end_where_a_destination_goes(make: Make) -> None:
    async def story(store: Store) -> None:
        for n in range(3):
            await store.accept(arrival(store, b"%d" % n, processed(owed(send_now=True))))
        assert await store.hold_gone("visits", frozenset(), FAULT, sending=False) == 2
        assert [await states(store, n) for n in (1, 2, 3)] == [["sending"], ["held"], ["held"]]
        (delivery,) = await store.deliveries(1)
        await store.settle(settled(delivery.id, "waiting"))
        assert await store.hold_gone("visits", frozenset(), FAULT, sending=False) == 1
        assert await states(store, 1) == ["held"]
        assert await store.verify() == ()

    run(make, story)


def test_a_value_that_an_older_message_remembers_does_not_overwrite_a_newer_one(make: Make) -> None:
    async def story(store: Store) -> None:
        for n, lane in enumerate("AB"):
            await store.accept(arrival(store, b"%d" % n, processed(owed(send_now=True)), lane=lane))
        for sequence in (2, 1):
            (delivery,) = await store.deliveries(sequence)
            await store.settle(settled(delivery.id, "delivered", remembered=(Remembered("visits", "V1", {"by": sequence}),)))
        assert await store.remembered("visits", "V1") == {"by": 2}
        assert await store.remembered("visits", "V2") is None

    run(make, story)


def test_messages_are_found_by_what_is_asked(make: Make) -> None:
    async def story(store: Store) -> None:
        for n in range(6):
            state = "rejected" if n % 2 else "processed"
            deliveries = () if n % 2 else (owed(),)
            keys = {"patient": f"P{n % 3}", "visit": f"V{n}"}
            await store.accept(
                arrival(store, b"%d" % n, processed(*deliveries, state=state), keys=keys, at_ms=1000 + n, lane=str(n))
            )
        await store.accept(arrival(store, b"r", None, channel="other"))

        async def found(**asked: object) -> list[int]:
            return [r.sequence for r in await store.find(Search(**asked))]  # type: ignore[arg-type]

        assert await found() == [7, 6, 5, 4, 3, 2, 1]
        assert await found(limit=2) == [7, 6]
        assert await found(channel="other", state="received") == [7]
        assert await found(state="rejected") == [6, 4, 2]
        assert await found(keys={"patient": "P1"}) == [5, 2]
        assert await found(keys={"patient": "P1", "visit": "V4"}) == [5]
        assert await found(keys={"visit": "P1"}) == []
        assert await found(since_ms=1002, until_ms=1004) == [4, 3]
        assert await found(text="3") == [4] and await found(text="ជា") == []
        assert await store.sequence_of("0" * 26) is None and await store.sequence_of("no ulid") is None

    run(make, story)


def test_conservation_is_always_at_hand(make: Make) -> None:
    async def story(store: Store) -> None:
        await store.accept(arrival(store, b"1", processed(owed(send_now=True), owed(destination="archive", faults=(FAULT,)))))
        await store.accept(arrival(store, b"2", processed(owed())))
        await store.accept(arrival(store, b"3", processed(state="filtered", reason="keep is not true")))
        await store.tell("visits", "duplicate")
        counts = {(c.destination, c.state): c.number for c in await store.counts()}
        assert counts == {
            ("", "processed"): 2,
            ("", "filtered"): 1,
            ("", "duplicate"): 1,
            ("npca", "sending"): 1,
            ("npca", "waiting"): 1,
            ("archive", "refused"): 1,
        }

    run(make, story)


def test_early_answers_are_marked(make: Make) -> None:
    async def story(store: Store) -> None:
        for n in range(3):
            await store.accept(arrival(store, b"%d" % n, None, lane=str(n)))
        await store.mark_early(1, 2)
        assert [r.early for r in await store.records(1, 3)] == [True, True, False]

    run(make, story)


def test_a_recipe_is_kept_by_its_digest(make: Make) -> None:
    async def story(store: Store) -> None:
        assert await store.recipe(RECIPE) == {"channels/visits.yaml": "about: …"}
        assert await store.recipe("1" * 64) is None

    run(make, story, story)


def test_many_at_once_share_transactions_and_keep_their_order(make: Make) -> None:
    async def story(store: Store) -> None:
        born = await asyncio.gather(
            *(store.accept(arrival(store, b"%d" % n, processed(owed(b"p%d" % n)), lane=str(n % 10))) for n in range(500))
        )
        assert not any(born)
        order: dict[int, list[int]] = {}
        claimed = list((await store.claim(claim(500))).claimed)
        assert len(claimed) == 10
        while claimed:
            for one in claimed:
                order.setdefault(one.lane, []).append(one.sequence)
            claims = await asyncio.gather(*(store.settle(settled(c.delivery, "delivered"), claim()) for c in claimed))
            claimed = [c for one in claims for c in one.claimed]
        assert all(s == sorted(s) and len(s) == 50 for s in order.values()) and len(order) == 10

    run(make, story)


def test_our_own_bug_in_one_change_does_not_spoil_the_others(make: Make) -> None:
    async def story(store: Store) -> None:
        good = store.accept(arrival(store, b"1", processed(owed(send_now=True))))
        bad = store.settle(settled(999, "delivered"))
        also_good = store.accept(arrival(store, b"2", processed(owed()), lane="M"))
        done = await asyncio.gather(good, bad, also_good, return_exceptions=True)
        assert [isinstance(d, BaseException) for d in done] == [False, True, False]
        assert [len(await store.deliveries(n)) for n in (1, 2)] == [1, 1]

    run(make, story)


def test_what_nobody_stored_is_not_there(make: Make) -> None:
    async def story(store: Store) -> None:
        for read in (store.message, store.intake_body, store.payload):
            with pytest.raises(KeyError):
                await read(7)
        assert await store.story(7) is None and await store.records(7, 1) == () and await store.deliveries(7) == ()
        assert await store.heads("nowhere", FAR_MS, 5) == ((), None) and await store.next_due_ms("nowhere") == {}

    run(make, story)
