"""The door: what is new, what came before, and when its sender is told yes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from interpres.channel import SourceCommon
from interpres.delivery import Outcome
from interpres.fault import Fault
from interpres.mapping.compiling.compile import Made
from interpres.message import Intake
from interpres.store.store import Search
from tests.engine.fakes import FakeSource, House, asking, drop, recipe, until


def answering(answer: str, within: float = 10.0) -> SourceCommon:
    return SourceCommon(answer=answer, answer_within_seconds=within)


def count(house: House, state: str, kind: str = "message") -> int:
    return sum(e.state == state and e.kind == kind for e in house.events)


def test_the_same_bytes_with_the_same_identity_have_the_same_answer_and_no_second_effect(house: House) -> None:
    async def story() -> None:
        async with house.running() as engine:
            first = await drop('{"patient": "P1"}', identity="HIS/1")
            again = await drop('{"patient": "P1"}', identity="HIS/1")
            assert again.accepted and again.duplicate and again.fates == first.fates
            await until(lambda: house.sent.get("npca"))
            assert count(house, "processed") == 1
            counts = {(c.destination, c.state): c.number for c in await engine.store.counts()}
            assert counts["", "duplicate"] == 1 and counts["", "processed"] == 1
        async with house.running():
            after_restart = await drop('{"patient": "P1"}', identity="HIS/1")
            assert after_restart.duplicate and [f.message_id for f in after_restart.fates] == [first.fates[0].message_id]
        assert len(house.sent["npca"]) == 1

    asyncio.run(story())


def test_what_comes_twice_at_once_is_kept_once(house: House) -> None:
    async def story() -> None:
        async with house.running():
            receipts = await asyncio.gather(*(drop('{"patient": "P1"}', identity="HIS/1") for _ in range(20)))
            assert sum(r.duplicate for r in receipts) == 19 and all(r.accepted for r in receipts)
            assert len({r.fates[0].message_id for r in receipts}) == 1

    asyncio.run(story())


def test_a_file_is_known_by_its_bytes_whatever_its_name(house: House) -> None:
    async def story() -> None:
        async with house.running():
            assert not (await drop('{"patient": "P1"}', source_name="a.json")).duplicate
            assert (await drop('{"patient": "P1"}', source_name="b.json")).duplicate
            assert not (await drop('{"patient": "P2"}', source_name="b.json")).duplicate

    asyncio.run(story())


def test_without_an_identity_nothing_is_a_duplicate(house: House) -> None:
    async def story() -> None:
        async with house.running():
            await drop('{"patient": "P1"}')
            assert not (await drop('{"patient": "P1"}')).duplicate

    asyncio.run(story())


def test_a_resend_after_a_no_is_a_new_message(house: House) -> None:
    async def story() -> None:
        async with house.running():
            first = await drop("no json", identity="HIS/1")
            again = await drop("no json", identity="HIS/1")
            assert first.stored and not first.accepted
            assert again.stored and not again.accepted and not again.duplicate
            assert again.fates[0].message_id != first.fates[0].message_id

    asyncio.run(story())


def test_a_table_of_which_a_part_was_taken_is_not_taken_twice(house: House) -> None:
    async def story() -> None:
        body = '{"patient": "P1"}\nnot json\n'
        async with house.running():
            first = await drop(body, source_name="a.jsonl")
        async with house.running() as engine:
            again = await drop(body, source_name="a.jsonl")
            assert not again.accepted and again.duplicate and again.fates == first.fates
            assert len(await engine.store.find(Search())) == 2
        assert len(house.sent["npca"]) == 1

    asyncio.run(story())


def test_the_same_id_with_other_bytes_is_processed_and_flagged(house: House) -> None:
    async def story() -> None:
        async with house.running() as engine:
            await drop('{"patient": "P1"}', identity="HIS/1")
            other = await drop('{"patient": "P2"}', identity="HIS/1")
            assert other.accepted and not other.duplicate
            record = (await engine.store.find(Search(limit=1)))[0]
            assert [w.code for w in record.warnings if w.code == "N304"] == ["N304"]

    asyncio.run(story())


def test_the_same_id_with_other_bytes_is_refused_where_the_channel_says_so(house: House) -> None:
    async def story() -> None:
        async with house.running(recipe(source_word="http"), recipe("other", on_conflict="refuse")):
            for channel in ("visits", "other"):
                await drop('{"patient": "P1"}', channel, idempotency_key="k")
                other = await drop('{"patient": "P2"}', channel, idempotency_key="k")
                assert not other.stored and [f.code for f in other.faults] == ["N304"] and not other.cannot_store

    asyncio.run(story())


def test_duplicates_are_forgotten_after_their_time(house: House) -> None:
    async def story() -> None:
        async with house.running(recipe(duplicates_within_seconds=0.02)):
            await drop('{"patient": "P1"}', identity="HIS/1")
            await asyncio.sleep(0.05)
            assert not (await drop('{"patient": "P1"}', identity="HIS/1")).duplicate

    asyncio.run(story())


def test_one_intake_of_many_messages_has_a_fate_for_each(house: House) -> None:
    async def story() -> None:
        body = b'# head\n{"patient": "P1"}\nnot json\n{"patient": "P3"}\n'
        async with house.running() as engine:
            receipt = await drop(body, source_name="three.jsonl")
            assert [f.state for f in receipt.fates] == ["processed", "rejected", "processed"]
            assert not receipt.accepted
            assert b"".join(body[f.start : f.end] for f in receipt.fates) == body
            assert [f.source for f in receipt.fates[1].faults] == ["line 3"]
            first = await engine.store.sequence_of(receipt.fates[0].message_id)
            bodies = [(await engine.store.message(first + n)).body for n in range(3)]
            assert bodies == [b'# head\n{"patient": "P1"}\n', b"# head\nnot json\n", b'# head\n{"patient": "P3"}\n']
            assert await engine.store.intake_body(first + 2) == body
            stored = await engine.store.records(first + 1, 1)
            assert stored[0].faults == receipt.fates[1].faults

    asyncio.run(story())


def test_a_large_intake_is_stored_first_and_processed_in_order(house: House) -> None:
    async def story() -> None:
        lines = [f'{{"patient": "P{n}", "lane": "L{n % 3}", "n": {n}}}\n' for n in range(400)]
        lines[333] = "not json\n"
        async with house.running() as engine:
            receipt = await drop("".join(lines), source_name="many.jsonl")
            states = [f.state for f in receipt.fates]
            assert states.count("processed") == 399 and states[333] == "rejected"
            assert receipt.fates[333].faults[0].source == "line 334"
            await until(lambda: len(house.sent.get("npca", ())) == 399)
            await until(lambda: count(house, "delivered", "delivery") == 399)
            assert await engine.store.verify() == ()
        by_lane: dict[str, list[int]] = {}
        for parcel in house.sent["npca"]:
            n = int(parcel.payload.split(b'"n":')[1].split(b"}")[0])
            by_lane.setdefault(f"L{n % 3}", []).append(n)
        assert all(ns == sorted(ns) for ns in by_lane.values())

    asyncio.run(story())


def test_answer_accepted_does_not_wait_for_what_is_asked(house: House) -> None:
    async def story() -> None:
        house.calls = NeverAnswers()
        async with house.running(recipe(enrich=(asking(),), source_common=answering("accepted"))):
            receipt = await drop('{"patient": "P1"}')
            assert receipt.accepted and [f.state for f in receipt.fates] == ["received"] and not receipt.early

    asyncio.run(story())


def test_what_takes_too_long_and_is_stored_is_answered_early(house: House) -> None:
    async def story() -> None:
        house.calls = NeverAnswers()
        async with house.running(recipe(enrich=(asking(),), source_common=answering("processed", 0.05))) as engine:
            receipt = await drop('{"patient": "P1"}', identity="1")
            assert receipt.accepted and receipt.early
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            assert (await engine.store.records(sequence, 1))[0].early
            again = await drop('{"patient": "P1"}', identity="1")
            assert again.accepted and again.duplicate and again.early
            house.calls.go.set()
            await until(lambda: house.sent.get("npca"))
            later = await drop('{"patient": "P1"}', identity="1")
            assert later.duplicate and [f.state for f in later.fates] == ["processed"]

    asyncio.run(story())


def test_answer_delivered_waits_for_those_that_must(house: House) -> None:
    async def story() -> None:
        go = asyncio.Event()

        async def slow(_: Any) -> Outcome:
            await go.wait()
            return Outcome("delivered", "200")

        house.does("slow", slow)
        made = recipe(source_common=answering("delivered"), to=("npca", "slow"))
        must = replace(made.destinations["npca"], common=made.destinations["npca"].common.model_copy(update={"must": True}))
        async with house.running(replace(made, destinations={**made.destinations, "npca": must})):
            receipt = await drop('{"patient": "P1"}')
            assert receipt.accepted and not receipt.early
            go.set()

    asyncio.run(story())


def test_answer_delivered_says_no_where_the_destination_does(house: House) -> None:
    async def story() -> None:
        fault = Fault("N240", "the agency refused it", "see what it says")
        house.does("npca", lambda _: Outcome("refused", "422", faults=(fault,)))
        async with house.running(recipe(source_common=answering("delivered"))):
            receipt = await drop('{"patient": "P1"}', identity="1")
            assert receipt.stored and not receipt.accepted
            assert [(f.state, [w.code for w in f.faults]) for f in receipt.fates] == [("refused", ["N240"])]
            house.does("npca", lambda _: Outcome("delivered", "200"))
            again = await drop('{"patient": "P1"}', identity="1")
            assert again.accepted and not again.duplicate

    asyncio.run(story())


def test_answer_delivered_says_no_where_one_could_not_even_be_made(house: House) -> None:
    async def story() -> None:
        fault = Fault("M205", "visit_code is missing", "fill it", target="visit_code")
        made = recipe(source_common=answering("delivered"), to=("npca", "broken"))
        broken = replace(made.destinations["broken"], mapping=lambda document, context: Made((), (fault,)))
        async with house.running(replace(made, destinations={**made.destinations, "broken": broken})):
            receipt = await drop('{"patient": "P1"}')
            assert receipt.stored and not receipt.accepted
            assert [(f.state, f.faults) for f in receipt.fates] == [("refused", (fault,))]
            assert len(house.sent["npca"]) == 1

    asyncio.run(story())


def test_a_source_that_lets_go_loses_nothing(house: House) -> None:
    async def story() -> None:
        async with house.running():
            gone = asyncio.create_task(drop('{"patient": "P1"}'))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            await drop('{"patient": "P2"}')
            await until(lambda: count(house, "delivered", "delivery") == len(house.sent["npca"]) >= 1)

    asyncio.run(story())


def test_a_bug_in_a_mapping_holds_the_message_and_others_go_on(house: House) -> None:
    async def story() -> None:
        def broken(document: Any, context: Any) -> Any:
            if document.tree["patient"] == "P1":
                raise ZeroDivisionError("P1 is a secret")
            return recipe().destinations["npca"].mapping(document, context)

        async with house.running(recipe(mapping=broken)) as engine:
            held = await drop('{"patient": "P1", "lane": "P1"}')
            assert held.accepted and [f.state for f in held.fates] == ["held"]
            assert [f.code for f in held.fates[0].faults] == ["X001"]
            assert "secret" not in str(held.fates[0].faults)
            behind = asyncio.create_task(drop('{"patient": "P2", "lane": "P1"}'))
            other = await drop('{"patient": "P3", "lane": "P3"}')
            assert [f.state for f in other.fates] == ["processed"]
            await asyncio.sleep(0.05)
            assert not behind.done(), "what is held blocks its lane"
            behind.cancel()
            assert len(await engine.store.open_lanes()) == 1
        async with house.running(recipe(mapping=broken)):
            await asyncio.sleep(0.05)
            assert count(house, "held") == 1, "a restart does not try it again by itself"
            assert [f.state for f in (await drop('{"patient": "P4", "lane": "P4"}')).fates] == ["processed"]

    asyncio.run(story())


def test_what_came_in_a_damaged_frame_is_kept_and_rejected(house: House) -> None:
    async def story() -> None:
        fault = Fault("N101", "the frame was damaged", "see the sender")
        async with house.running() as engine:
            accept = await FakeSource.opened["visits"].accept
            receipt = await accept(Intake("visits", b'{"patient": "P1"}\x0b{}', {}, (fault,)))
            assert receipt.stored and not receipt.accepted and receipt.fates[0].faults == (fault,)
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            assert (await engine.store.message(sequence)).body == b'{"patient": "P1"}\x0b{}'
        assert not house.sent

    asyncio.run(story())


def test_what_is_refused_at_the_edge_is_counted(house: House) -> None:
    async def story() -> None:
        async with house.running() as engine:
            FakeSource.opened["visits"].setting.refused(Fault("N102", "an empty frame", "send a message"))
            await until(lambda: True)
            await engine.store.tell("visits", "duplicate")
            assert {c.state: c.number for c in await engine.store.counts()} == {"refused": 1, "duplicate": 1}
            assert await engine.store.verify() == ()

    asyncio.run(story())


def test_intakes_keep_the_order_in_which_they_were_handed_in(house: House) -> None:
    async def story() -> None:
        large = '{"patient": "P0", "filling": "' + "x" * 1_500_000 + '"}'
        async with house.running(recipe(lane=None)) as engine:
            await drop('{"patient": "P9"}', identity="9")
            dropped = [asyncio.create_task(drop(large, identity="0"))]
            dropped += [asyncio.create_task(drop(f'{{"patient": "P{n}"}}', identity=str(n))) for n in range(1, 6)]
            receipts = await asyncio.gather(*dropped)
            assert all(r.accepted for r in receipts)
            found = [r.keys["patient"] for r in await engine.store.find(Search(limit=6))]
            assert found == ["P5", "P4", "P3", "P2", "P1", "P0"]

    asyncio.run(story())


def test_a_format_that_breaks_holds_what_arrived(house: House) -> None:
    async def story() -> None:
        made = recipe()

        class Broken(type(made.format)):  # type: ignore[misc]
            def unpack(self, body: bytes) -> bytes:
                raise ZeroDivisionError

        async with house.running(replace(made, format=Broken(made.format.settings))) as engine:
            receipt = await drop('{"patient": "P1"}')
            assert [(f.state, f.faults[0].code) for f in receipt.fates] == [("held", "X001")]
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            assert (await engine.store.message(sequence)).body == b'{"patient": "P1"}'

    asyncio.run(story())


class NeverAnswers:
    """A system that answers once it is let."""

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def call(self, call: str, parameters: Any = None) -> Any:
        await self.go.wait()
        from interpres.answer import Answer

        return Answer("missing", 404)
