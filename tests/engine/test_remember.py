"""Remember: what is kept of an answer, in the transaction that says it was delivered; and what is wrong with the words for it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interpres.channel import Recipe
from interpres.delivery import Outcome
from interpres.document import MISSING
from interpres.fault import Fault, Faults, Place, TryAgain
from interpres.memory import Memory
from interpres.workspace import Workspace
from interpres.workspace.editor import schema_of
from interpres.workspace.reference import copy_reference
from tests.engine.fakes import House, drop, recipe, until

AT = Place("channels/visits.yaml", 20, 7)


def patient(_: Any, names: Any) -> Any:
    return names["patient"]


def number(_: Any, names: Any) -> Any:
    return names["answer"].get("ulid", MISSING) if isinstance(names["answer"], dict) else MISSING


def remembering(value: Any = None, **changes: Any) -> Recipe:
    """A channel whose destination keeps the answer's `ulid` by patient."""
    made = recipe(**changes)
    memory = Memory("npca.visits", patient, {"visit_ulid": number} if value is None else value, AT)
    return replace(made, destinations={"npca": replace(made.destinations["npca"], memory=memory)})


def settled(house: House, state: str = "delivered") -> int:
    return sum(e.kind == "delivery" and e.state == state for e in house.events)


def test_what_was_answered_is_kept_by_its_key(house: House) -> None:
    async def story() -> None:
        house.does("npca", lambda p: Outcome("delivered", "200", {"ulid": f"U{p.names['patient']}"}))
        async with house.running(remembering()) as engine:
            await drop('{"patient": "1", "lane": "a"}')
            await drop('{"patient": "2", "lane": "b"}')
            await until(lambda: settled(house) == 2)
            assert await engine.store.remembered("npca.visits", "1") == {"visit_ulid": "U1"}
            assert await engine.store.remembered("npca.visits", "2") == {"visit_ulid": "U2"}
            assert await engine.store.remembered("npca.visits", "3") is None

    asyncio.run(story())


@pytest.mark.parametrize(
    ("message", "answer", "why"),
    [
        ('{"patient": "1"}', {"other": 1}, "the answer has nothing for visit_ulid"),
        ('{"patient": "1"}', None, "the answer has nothing for visit_ulid"),
        ('{"name": "nobody"}', {"ulid": "U1"}, "there is no value for its key"),
    ],
)
def test_what_is_missing_keeps_nothing_and_is_told_on_the_delivery(house: House, message: str, answer: Any, why: str) -> None:
    async def story() -> None:
        house.does("npca", lambda _: Outcome("delivered", "200", answer))
        async with house.running(remembering()) as engine:
            receipt = await drop(message)
            await until(lambda: settled(house) == 1)
            assert await engine.store.remembered("npca.visits", "1") is None
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            (delivery,) = (await engine.store.story(sequence)).deliveries
            (told,) = delivery.attempts[0].faults
            assert (delivery.state, told.code, told.level, told.at) == ("delivered", "N308", "warning", AT)
            assert told.says == f"nothing was kept in npca.visits: {why}"
            assert await engine.store.problems() == ()

    asyncio.run(story())


@pytest.mark.parametrize("outcome", [Outcome("refused", "422", {"ulid": "U1"}), Outcome("held", "200", {"ulid": "U1"})])
def test_only_what_was_delivered_is_remembered(house: House, outcome: Outcome) -> None:
    async def story() -> None:
        house.does("npca", lambda _: outcome)
        async with house.running(remembering()) as engine:
            await drop('{"patient": "1"}')
            await until(lambda: settled(house, outcome.state) == 1)
            assert await engine.store.remembered("npca.visits", "1") is None

    asyncio.run(story())


def test_an_older_message_does_not_overwrite_a_newer_one_s(house: House) -> None:
    async def story() -> None:
        later = asyncio.Event()

        async def send(parcel: Any) -> Outcome:
            if parcel.names["part"] == "1" and b'"old"' in parcel.payload:
                await later.wait()
                return Outcome("delivered", "200", {"ulid": "OLD"})
            return Outcome("delivered", "200", {"ulid": "NEW"})

        house.does("npca", send)
        async with house.running(remembering()) as engine:
            await drop('{"patient": "1", "lane": "a", "is": "old"}')
            await drop('{"patient": "1", "lane": "b"}')
            await until(lambda: settled(house) == 1)
            later.set()
            await until(lambda: settled(house) == 2)
            assert await engine.store.remembered("npca.visits", "1") == {"visit_ulid": "NEW"}

    asyncio.run(story())


def test_a_formula_that_fails_is_a_warning_and_no_more(house: House) -> None:
    def wrong(_: Any, names: Any) -> Any:
        raise Fault("M301", "this is no number", "see it", at=AT)

    async def story() -> None:
        async with house.running(remembering(wrong)) as engine:
            receipt = await drop('{"patient": "1"}')
            await until(lambda: settled(house) == 1)
            sequence = await engine.store.sequence_of(receipt.fates[0].message_id)
            (delivery,) = await engine.store.deliveries(sequence)
            assert [(f.code, f.level) for f in delivery.faults] == [("M301", "warning")]

    asyncio.run(story())


def test_what_failed_in_passing_is_kept_once_it_is_through(house: House) -> None:
    async def story() -> None:
        house.does("npca", lambda p: TryAgain("is away") if p.attempt < 2 else Outcome("delivered", "200", {"ulid": "U"}))
        async with house.running(remembering()) as engine:
            await drop('{"patient": "1"}')
            await until(lambda: settled(house) == 1)
            assert await engine.store.remembered("npca.visits", "1") == {"visit_ulid": "U"}

    asyncio.run(story())


# what stands in a channel file

CHANNEL = """about: Visits become records.
source:
  mllp: {port: 0}
format: hl7v2
keys:
  visit: =PV1-19.1
destinations:
  npca:
    call: npca/submitVisit
    remember:
      in: npca.visits
      key: =visit
      value: {visit_ulid: "=answer.data[0].visit_ulid", from: =channel}
"""

WRONG = {
    "a key that there is not": ("key: =visit", "key: =vist", "12:13 M105 there is no name 'vist' here — did you mean 'visit'?"),
    "a field of the message": (
        "=answer.data",
        "=data",
        "M105 there is no name 'data' here — what the peer answered begins with answer",
    ),
    "no formula for a key": (
        "key: =visit",
        "key: visit",
        "12:12 C121 the key is not a formula: every message would have the same",
    ),
    "a formula that is cut short": ("=answer.data[0].visit_ulid", "=answer.data[0", "13:"),
    "a setting misspelt": ("in: npca", "inn: npca", "C101 there is no key 'inn' here — did you mean 'in'?"),
    "no value": (
        '      value: {visit_ulid: "=answer.data[0].visit_ulid", from: =channel}\n',
        "",
        "C102 the key 'value' is missing",
    ),
    "no collection": ("in: npca.visits", 'in: ""', "11:11 C104"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    copy_reference(folder)
    return folder


def read(place: Path, text: str) -> Recipe:
    (place / "channels" / "tried.yaml").write_text(text, "utf-8")
    return Workspace(place).recipe("tried")


def test_a_channel_file_becomes_a_memory(place: Path) -> None:
    memory = read(place, CHANNEL).destinations["npca"].memory
    assert memory is not None
    names = {"visit": "V1", "channel": "tried"}
    assert memory.worked({"data": [{"visit_ulid": "U1"}]}, names) == ("V1", {"visit_ulid": "U1", "from": "tried"})
    with pytest.raises(Fault, match="N308"):
        memory.worked({"data": []}, names)
    with pytest.raises(Fault, match="N308"):
        memory.worked({"data": [{"visit_ulid": "U1"}]}, {**names, "visit": ""})


def test_a_plain_value_works_too(place: Path) -> None:
    plain = CHANNEL.replace('{visit_ulid: "=answer.data[0].visit_ulid", from: =channel}', "=answer.data[0].visit_ulid")
    memory = read(place, plain).destinations["npca"].memory
    assert memory is not None and memory.worked({"data": [{"visit_ulid": 12}]}, {"visit": "V1"}) == ("V1", 12)


def test_editors_know_the_words() -> None:
    destination = schema_of("channel")["properties"]["destinations"]["additionalProperties"]
    remember = destination["properties"]["remember"]["anyOf"][0]
    assert set(remember["properties"]) == set(remember["required"]) == {"in", "key", "value"}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_told_at_its_place(place: Path, mistake: str) -> None:
    right, wrong, sentence = WRONG[mistake]
    assert right in CHANNEL
    with pytest.raises(Faults) as told:
        read(place, CHANNEL.replace(right, wrong, 1))
    found = [f.line() for f in told.value]
    assert any(line.startswith("channels/tried.yaml:") and sentence in line for line in found), found
