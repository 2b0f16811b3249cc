"""Recall: a message is joined with what was remembered earlier, and waits for what was not; nothing wakes it twice or never."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interpres.channel import Enrichment, Recipe, SourceCommon
from interpres.delivery import Outcome
from interpres.document import MISSING
from interpres.fault import Faults, Place
from interpres.memory import Memory
from interpres.store.acts import Act
from interpres.workspace import Workspace
from interpres.workspace.reference import copy_reference
from tests.engine.fakes import House, asking, drop, recipe, until

AT = Place("channels/bookings.yaml", 20, 7)


def claim_of(tree: Any, _: Any) -> Any:
    return tree.get("claim", MISSING)


def recalling(when_missing: str = "hold", seconds: float = 60.0, **changes: Any) -> Enrichment:
    """Every message is joined with the booking of its claim."""
    made = Enrichment("booking", "", {"key": claim_of}, None, 0.0, when_missing, "hold", "vems.bookings", seconds)  # type: ignore[arg-type]
    return replace(made, **changes)


def channels(**changes: Any) -> tuple[Recipe, Recipe]:
    """`bookings` remembers the booking's number by patient, `claims` recalls it."""
    bookings = recipe("bookings", to=("vems",))
    memory = Memory("vems.bookings", lambda _, names: names["patient"], lambda _, names: names["answer"]["number"], AT)
    bookings = replace(bookings, destinations={"vems": replace(bookings.destinations["vems"], memory=memory)})
    common = SourceCommon(answer="accepted")
    return bookings, replace(recipe("claims", source_common=common, enrich=(recalling(),)), **changes)


def booked(house: House) -> None:
    house.does("vems", lambda p: Outcome("delivered", "200", {"number": f"B{p.names['patient']}"}))


def states(house: House, channel: str = "claims") -> list[str]:
    return [e.state for e in house.events if e.kind == "message" and e.channel == channel]


def test_what_is_there_is_in_the_mapping_and_stored_with_the_message(house: House) -> None:
    async def story() -> None:
        booked(house)
        async with house.running(*channels()) as engine:
            await drop('{"patient": "7"}', "bookings")
            await until(lambda: any(e.state == "delivered" for e in house.events))
            receipt = await drop('{"claim": "7"}', "claims")
            await until(lambda: house.sent.get("npca"))
            assert b'"booking":"B7"' in house.sent["npca"][0].payload
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            assert (await engine.store.records(sequence, 1))[0].context == {"booking": "B7"}

    asyncio.run(story())


def test_a_message_waits_for_its_key_and_goes_on_by_itself(house: House) -> None:
    async def story() -> None:
        booked(house)
        async with house.running(*channels()) as engine:
            receipt = await drop('{"claim": "7", "lane": "a"}', "claims")
            await drop('{"claim": "8", "lane": "b"}', "claims")
            await until(lambda: states(house).count("held") == 2)
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            (record,) = await engine.store.records(sequence, 1)
            assert (record.reason, [f.code for f in record.faults]) == ("waits for vems.bookings", ["N309"])
            assert await engine.store.problems() == (), "it is nobody's affair"
            await drop('{"patient": "7"}', "bookings")
            await until(lambda: house.sent.get("npca"))
            assert b'"booking":"B7"' in house.sent["npca"][0].payload
            await drop('{"patient": "8"}', "bookings")
            await until(lambda: len(house.sent["npca"]) == 2)
            assert await engine.store.verify() == () and not await engine.store.open_lanes()

    asyncio.run(story())


def test_what_waits_still_waits_after_a_restart(house: House) -> None:
    async def story() -> None:
        booked(house)
        async with house.running(*channels()):
            await drop('{"claim": "7"}', "claims")
            await until(lambda: "held" in states(house))
        async with house.running(*channels()):
            await drop('{"patient": "7"}', "bookings")
            await until(lambda: house.sent.get("npca"))

    asyncio.run(story())


def test_a_key_that_comes_between_looking_and_waiting_is_not_missed(house: House) -> None:
    async def story() -> None:
        booked(house)
        async with house.running(*channels()) as engine:
            look = engine.store.remembered
            looked = 0

            async def late(collection: str, key: str) -> object:
                nonlocal looked
                looked += 1
                found = await look(collection, key)
                if looked == 1:
                    await drop('{"patient": "7"}', "bookings")
                    await until(lambda: any(e.state == "delivered" for e in house.events))
                return found

            engine.store.remembered = late
            await drop('{"claim": "7"}', "claims")
            await until(lambda: house.sent.get("npca"))
            assert looked == 2 and b'"booking":"B7"' in house.sent["npca"][0].payload
            assert await engine.store.verify() == () and not await engine.store.open_lanes()

    asyncio.run(story())


def test_many_keys_come_as_many_wait_for_them(house: House) -> None:
    async def story() -> None:
        booked(house)
        async with house.running(*channels()) as engine:
            claims = [drop(f'{{"claim": "{n}", "lane": "{n % 10}"}}', "claims") for n in range(100)]
            bookings = [drop(f'{{"patient": "{n}", "lane": "{n}"}}', "bookings") for n in reversed(range(100))]
            await asyncio.gather(*(one for pair in zip(claims, bookings, strict=True) for one in pair))
            await until(lambda: len(house.sent.get("npca", ())) == 100)
            assert not await engine.store.open_lanes()
            order = [int(p.payload.split(b'"booking":"B')[1].split(b'"')[0]) for p in house.sent["npca"]]
            for lane in range(10):
                assert [n for n in order if n % 10 == lane] == list(range(lane, 100, 10)), "a lane keeps its order while it waits"

    asyncio.run(story())


def test_it_does_not_wait_for_ever(house: House) -> None:
    async def story() -> None:
        async with house.running(*channels(enrich=(recalling(seconds=0.3),))) as engine:
            receipt = await drop('{"claim": "7", "lane": "a"}', "claims")
            await drop('{"claim": "8", "lane": "a"}', "claims")
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            async with asyncio.timeout(5):
                while (record := (await engine.store.records(sequence, 1))[0]).state != "rejected":
                    await asyncio.sleep(0.02)
            assert [f.code for f in record.faults] == ["N307", "N309"]
            assert "vems.bookings" in record.faults[1].says and record.faults[0].hint
            assert {p.fault.code for p in await engine.store.problems()} == {"N307"}
            async with asyncio.timeout(5):
                while await engine.store.open_lanes():
                    await asyncio.sleep(0.02)

    asyncio.run(story())


def test_released_by_a_person_it_looks_again_and_waits_again(house: House) -> None:
    async def story() -> None:
        async with house.running(*channels()) as engine:
            receipt = await drop('{"claim": "7"}', "claims")
            await until(lambda: "held" in states(house))
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            await engine.again.act(Act("release", "night", "look again", (), (sequence,)))
            await until(lambda: states(house).count("held") == 2)

    asyncio.run(story())


@pytest.mark.parametrize(("missing", "state"), [("continue", "processed"), ("reject", "rejected")])
def test_what_is_not_there_may_be_passed_over_or_refused(house: House, missing: str, state: str) -> None:
    async def story() -> None:
        async with house.running(*channels(enrich=(recalling(missing),))):
            await drop('{"claim": "7"}', "claims")
            await until(lambda: states(house)[-1:] == [state])

    asyncio.run(story())


def test_a_message_without_a_key_is_held_for_a_person(house: House) -> None:
    async def story() -> None:
        async with house.running(*channels()) as engine:
            receipt = await drop('{"other": "7"}', "claims")
            await until(lambda: "held" in states(house))
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            (record,) = await engine.store.records(sequence, 1)
            assert [f.code for f in record.faults] == ["C142"] and "vems.bookings" in record.faults[0].says
            assert await engine.store.next_give_up_ms() is None

    asyncio.run(story())


def test_questions_of_one_message_are_asked_side_by_side(house: House) -> None:
    class Slow:
        at_once = most = 0

        async def call(self, call: str, parameters: Any = None) -> Any:
            from interpres.answer import Answer

            self.at_once += 1
            self.most = max(self.most, self.at_once)
            await asyncio.sleep(0.02)
            self.at_once -= 1
            return Answer("delivered", 200, tree={"of": call})

    async def story() -> None:
        house.calls = Slow()
        enrich = (asking(), asking("his/ward", name="ward"), asking("his/doctor", name="doctor"))
        async with house.running(recipe(enrich=enrich)):
            await drop('{"patient": "1", "card": "C"}')
            await until(lambda: house.sent.get("npca"))
            assert house.calls.most == 3 and b'"ward":{"of":"his/ward"}' in house.sent["npca"][0].payload

    asyncio.run(story())


# what stands in a channel file

CHANNEL = """about: Claims are joined with their bookings.
source:
  mllp: {port: 0}
format: hl7v2
keys:
  claim: =PV1-19.1
enrich:
  booking:
    recall: vems.bookings
    key: =claim
    take: =number
    when_missing: hold
    for_at_most: 2d
destinations:
  out:
    folder: var/out
"""

WRONG = {
    "neither": ("    recall: vems.bookings\n    key: =claim\n", "", "one of call: and recall: is wanted here"),
    "both": ("    recall: vems", "    call: npca/searchBeneficiary\n    recall: vems", "one of call: and recall: is wanted here"),
    "no key": ("    key: =claim\n", "", "recall: needs a key"),
    "a key that is no formula": ("key: =claim", "key: claim", "C121 key is not a formula"),
    "a name that there is not": ("key: =claim", "key: =clam", "M105"),
    "what only a call has": ("take: =number", "keep_for: 1h", "'keep_for' says nothing beside recall"),
    "what only a recall has": (
        "    recall: vems.bookings\n    key: =claim\n",
        "    call: npca/searchBeneficiary\n",
        "'for_at_most' says nothing beside call",
    ),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    copy_reference(folder)
    return folder


def read(place: Path, text: str) -> Recipe:
    (place / "channels" / "tried.yaml").write_text(text, "utf-8")
    return Workspace(place).recipe("tried")


def test_a_channel_file_becomes_a_question(place: Path) -> None:
    (question,) = read(place, CHANNEL).enrich
    assert (question.recall, question.call, question.for_at_most_seconds) == ("vems.bookings", "", 2 * 86400.0)
    assert question.kept({"number": "B7"}) == "B7"


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_told_at_its_place(place: Path, mistake: str) -> None:
    right, wrong, sentence = WRONG[mistake]
    assert right in CHANNEL
    with pytest.raises(Faults) as told:
        read(place, CHANNEL.replace(right, wrong, 1))
    found = [f.line() for f in told.value]
    assert any(line.startswith("channels/tried.yaml:") and sentence in line for line in found), found
