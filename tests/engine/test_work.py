"""Work: what is asked before mapping, its answers kept with the message, and what happens where there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from interpres.answer import Answer
from interpres.channel import SourceCommon
from interpres.fault import Fault, TryAgain
from interpres.retry import Retry
from tests.engine.fakes import House, asking, drop, recipe, until


class Agency:
    """Answers as a test says, and remembers what it was asked."""

    def __init__(self, does: Callable[[str], Any]) -> None:
        self.does = does
        self.asked: list[str] = []

    async def call(self, call: str, parameters: Any = None) -> Answer:
        await asyncio.sleep(0)
        self.asked.append(parameters["card"])
        answer = self.does(parameters["card"])
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, Answer)
        return answer


def known(card: str) -> Answer:
    return Answer("delivered", 200, tree={"card": card, "share": Decimal("0.10"), "many": 12345678901234567890})


def test_what_was_answered_is_in_the_mapping_and_stored_exactly(house: House) -> None:
    async def story() -> None:
        house.calls = Agency(known)
        async with house.running(recipe(enrich=(asking(),))) as engine:
            receipt = await drop('{"patient": "P1", "card": "C1"}')
            assert [f.state for f in receipt.fates] == ["processed"]
            await until(lambda: house.sent.get("npca"))
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            stored = (await engine.store.records(sequence, 1))[0].context["beneficiary"]
            assert stored == {"card": "C1", "share": Decimal("0.10"), "many": 12345678901234567890}
            assert str(stored["share"]) == "0.10"
            assert b'"card":"C1"' in house.sent["npca"][0].payload

    asyncio.run(story())


@pytest.mark.parametrize(
    ("missing", "state", "codes"), [("continue", "processed", []), ("hold", "held", ["N306"]), ("reject", "rejected", ["N306"])]
)
def test_what_there_is_no_answer_to(house: House, missing: str, state: str, codes: list[str]) -> None:
    async def story() -> None:
        house.calls = Agency(lambda _: Answer("missing", 404))
        async with house.running(recipe(enrich=(asking(when_missing=missing),))):
            (fate,) = (await drop('{"patient": "P1", "card": "C1"}')).fates
            assert (fate.state, [f.code for f in fate.faults]) == (state, codes)

    asyncio.run(story())


@pytest.mark.parametrize("failed", ["hold", "reject"])
@pytest.mark.parametrize("how", ["refused", "fault"])
def test_a_failure_that_will_not_pass(house: House, failed: str, how: str) -> None:
    fault = Fault("N221", "the call cannot be made", "see its parameters")
    answer = fault if how == "fault" else Answer("refused", 400, faults=(fault,))

    async def story() -> None:
        house.calls = Agency(lambda _: answer)
        async with house.running(recipe(enrich=(asking(when_failed=failed),))):
            (fate,) = (await drop('{"patient": "P1", "card": "C1"}')).fates
            assert fate.state == {"hold": "held", "reject": "rejected"}[failed] and fate.faults == (fault,)

    asyncio.run(story())


def test_a_passing_failure_keeps_the_message_received_and_its_lane_in_order(house: House) -> None:
    async def story() -> None:
        tries: list[str] = []

        def away_once(card: str) -> Any:
            tries.append(card)
            return TryAgain("is away") if card == "C0" and tries.count("C0") < 3 else known(card)

        house.calls = Agency(away_once)
        made = recipe(enrich=(asking(),), source_common=SourceCommon(answer="accepted"))
        async with house.running(made) as engine:
            engine._workers["visits"].retry = Retry(first_seconds=0.02, longest_seconds=0.02)
            for n in range(6):
                await drop(f'{{"patient": "P{n}", "lane": "L{n % 2}", "card": "C{n}"}}')
            await until(lambda: len(house.sent.get("npca", ())) == 6)
            sent = [p.payload for p in house.sent["npca"]]
            even = [n for p in sent for n in (0, 2, 4) if f'"P{n}"'.encode() in p]
            assert even == [0, 2, 4] and house.calls.asked.count("C0") == 3
            assert any(b"P1" in p for p in sent[:3]), "the other lane does not wait"
            assert await engine.store.verify() == () and not await engine.store.open_lanes()

    asyncio.run(story())


def test_asking_is_given_up_in_the_end(house: House) -> None:
    async def story() -> None:
        house.calls = Agency(lambda _: TryAgain("is away"))
        async with house.running(recipe(enrich=(asking(),))) as engine:
            engine._workers["visits"].retry = Retry(attempts=3, first_seconds=0.01, longest_seconds=0.01)
            (fate,) = (await drop('{"patient": "P1"}')).fates
            assert (fate.state, [f.code for f in fate.faults]) == ("held", ["N305"])
            assert len(house.calls.asked) == 3

    asyncio.run(story())


def test_an_answer_serves_others_for_as_long_as_the_channel_says(house: House) -> None:
    async def story() -> None:
        house.calls = Agency(known)
        async with house.running(recipe(enrich=(asking(keep_for_seconds=60.0),))):
            for card in ("C1", "C1", "C2", "C1"):
                await drop(f'{{"patient": "P1", "card": "{card}"}}')
            assert house.calls.asked == ["C1", "C2"]

    asyncio.run(story())


def test_a_bug_while_asking_holds_the_message(house: House) -> None:
    async def story() -> None:
        house.calls = Agency(lambda _: RuntimeError("C1 is a secret"))
        async with house.running(recipe(enrich=(asking(),))):
            (fate,) = (await drop('{"patient": "P1", "card": "C1"}')).fates
            assert fate.state == "held" and [f.code for f in fate.faults] == ["X001"]
            assert "secret" not in str(fate.faults)

    asyncio.run(story())


def test_a_message_whose_bytes_were_damaged_is_held_and_others_go_on(house: House) -> None:
    async def story() -> None:
        house.calls = Agency(lambda _: TryAgain("is away"))
        made = recipe(enrich=(asking(),), source_common=SourceCommon(answer="accepted"))
        async with house.running(made):
            for n in range(2):
                await drop(f'{{"patient": "P{n}", "lane": "L{n}"}}')
        damage(house)
        house.calls = Agency(known)
        async with house.running(made):
            await until(lambda: {e.state for e in house.events if e.kind == "message"} >= {"held", "processed"})
            held = [e for e in house.events if e.state == "held"]
            assert [e.codes for e in held] == [("E124",)]

    asyncio.run(story())


def damage(house: House) -> None:
    """Flip one bit of the first message's bytes."""
    import apsw

    db = apsw.Connection(str(house.folder / "var" / "store.db"))
    codec, z = db.execute("select codec, z from body order by id limit 1").fetchone()
    assert codec == 0
    db.execute("update body set z = ? where id = (select min(id) from body)", (bytes([z[0] ^ 1]) + z[1:],))
    db.close()
