"""What people decide: problems by cause; sent again, dropped, released, edited; always with a reason, the history untouched."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from interpres.channel import DestinationCommon, Recipe
from interpres.delivery import Outcome, Parcel
from interpres.desk import deciding
from interpres.desk.acts.edit import packed
from interpres.desk.desk import this_user
from interpres.fault import Fault, Faults, TryAgain
from interpres.mapping.compiling.compile import Made
from interpres.store.records import Story
from tests.desk.conftest import Office
from tests.engine.fakes import drop, recipe, until

WHY = "the agency knows of it"


class Table:
    """A code table that can be mended while the engine runs."""

    def __init__(self, *codes: str) -> None:
        self.codes = set(codes)

    def __call__(self, document: Any, context: Any) -> Made:
        code = document.tree["sex"]
        if code not in self.codes:
            fault = Fault("M201", "table sex has no row for this code", "add the code to sex", source="PID-8", value=code)
            return Made((), faults=(fault,))
        return Made(({"sex": code},))


def visit(sex: str, lane: str = "a") -> str:
    return f'{{"sex": "{sex}", "lane": "{lane}"}}'


async def story_of(office: Office, sequence: int) -> Story:
    store = office.store(read_only=True)
    await store.open()
    try:
        found = await store.story(sequence)
    finally:
        await store.close()
    assert found is not None
    return found


async def problem(office: Office) -> Any:
    (one,) = (await office.ask("problems"))["problems"]
    return one


def refusing(parcel: Parcel) -> Outcome:
    return Outcome("refused", "422", faults=(Fault("N221", "the answer says: facility unknown", target="visits[0].facility"),))


def test_problems_are_grouped_by_their_cause_and_keep_their_names(office: Office) -> None:
    async def story() -> None:
        table = Table("M")
        async with office.open(recipe(mapping=table)):
            for sex in ("X9", "M", "X9", "X8", "X9"):
                await drop(visit(sex))
            first, second = (await office.ask("problems"))["problems"]
            assert (first["value"], first["messages"], first["code"], first["channel"], first["destination"]) == (
                "X9",
                3,
                "M201",
                "visits",
                "",
            )
            assert (second["value"], second["messages"]) == ("X8", 1)
            assert first["first_at"] <= first["last_at"]
            assert len(first["samples"]) == 3
            assert f'interpres resend --problem {first["problem"]} --reason "…"' in first["can"]
            full = await office.ask("problems", problem=first["problem"][:5])
            assert [a["state"] for a in full["affected"]] == ["rejected"] * 3
            assert {a["message"] for a in full["affected"]} == set(first["samples"])
            assert (await office.ask("problems", channel="others"))["problems"] == []
        alone = (await office.ask("problems"))["problems"]
        assert [p["problem"] for p in alone] == [first["problem"], second["problem"]]

    asyncio.run(story())


def beside_an_archive(made: Recipe) -> Recipe:
    """The same channel, whose messages go as they come to an archive too."""
    archive = replace(made.destinations["npca"], name="archive", mapping=None)
    return replace(made, destinations={**made.destinations, "archive": archive})


@pytest.mark.parametrize("rejected", [False, True], ids=["delivery refused", "message rejected"])
def test_what_lacked_a_code_is_made_anew_once_the_table_is_mended(office: Office, rejected: bool) -> None:
    async def story() -> None:
        table = Table("M")
        async with office.open(beside_an_archive(recipe(mapping=table, common=DestinationCommon(must=rejected)))):
            for lane in "abc":
                await drop(visit("X9", lane))
            await until_settled(office)
            one = await problem(office)
            assert one["destination"] == ("" if rejected else "npca")
            plan = await office.ask("resend", problem=one["problem"])
            assert (plan["total"], plan["left_out"]) == (3, [])
            assert plan["will"][0]["what"] == "processed again"
            assert "npca" not in office.sent, "a plan does nothing"
            table.codes.add("X9")
            told = await office.ask("resend", problem=one["problem"], reason=WHY, apply=True)
            assert told["done"] == 3
            await until(lambda: len(office.sent.get("npca", ())) == 3)
            await until_settled(office)
            assert (await office.ask("problems"))["problems"] == []
            assert len(office.sent["archive"]) == 3, "who had it does not have it again"
        history = await story_of(office, 1)
        assert [(a.kind, a.who, a.reason) for a in history.acts] == [("resend", this_user(), WHY)]
        assert history.message.run == 1
        assert [r.number for r in history.runs] == [0, 1]

    asyncio.run(story())


async def until_settled(office: Office) -> None:
    async with asyncio.timeout(5):
        while True:
            channel = (await office.ask("status"))["channels"][0]
            waiting = sum(d["deliveries"].get(s, 0) for d in channel["destinations"] for s in ("waiting", "sending"))
            if not waiting and not channel["messages"].get("received"):
                return
            await asyncio.sleep(0.01)


def test_what_a_peer_refused_is_sent_again_with_its_payload_and_its_key(office: Office) -> None:
    async def story() -> None:
        async with office.open():
            office.does("npca", refusing)
            await drop('{"lane": "a"}')
            await until_settled(office)
            one = await problem(office)
            assert (one["says"], one["target"]) == ("the answer says: facility unknown", "visits[].facility")
            assert f"interpres replay --problem {one['problem']}" in one["can"]
            office.does("npca", lambda _: Outcome("delivered", "200"))
            told = await office.ask("resend", messages=one["samples"], reason=WHY, apply=True)
            assert told["became"] == [{"channel": "visits", "destination": "npca", "state": "waiting", "number": 1}]
            await until(lambda: len(office.sent["npca"]) == 2)
            before, after = office.sent["npca"]
            assert (before.key, before.payload) == (after.key, after.payload)

    asyncio.run(story())


def test_what_its_lane_has_gone_past_is_left_out_unless_it_is_asked_for(office: Office) -> None:
    async def story() -> None:
        async with office.open():
            office.does("npca", refusing)
            for lane in "ab":
                await drop(f'{{"lane": "{lane}"}}')
            await until_settled(office)
            office.does("npca", lambda _: Outcome("delivered", "200"))
            await drop('{"lane": "a", "newer": 1}')
            await until_settled(office)
            one = await problem(office)
            plan = await office.ask("resend", problem=one["problem"])
            assert plan["total"] == 1
            assert plan["left_out"] == [{"why": deciding.OVERTAKEN, "number": 1}]
            await office.ask("resend", problem=one["problem"], reason=WHY, apply=True)
            await until(lambda: len(office.sent["npca"]) == 4)
            (left,) = (await problem(office))["samples"]
            told = await office.ask("resend", messages=[left], reason=WHY, apply=True)
            assert (told["done"], told["left_out"]) == (0, [{"why": deciding.OVERTAKEN, "number": 1}])
            told = await office.ask("resend", messages=[left], reason=WHY, older=True, apply=True)
            assert told["done"] == 1
            await until(lambda: len(office.sent["npca"]) == 5)

    asyncio.run(story())


@pytest.mark.parametrize("delivered", [True, False], ids=["the peer has it", "to be sent again"])
def test_what_nobody_can_know_has_two_ways_out(office: Office, delivered: bool) -> None:
    async def story() -> None:
        async with office.open():
            office.does("npca", lambda _: TryAgain("the answer did not come", uncertain=True))
            await drop('{"lane": "a"}')
            await until(lambda: any(e.state == "held" for e in office.events))
            office.does("npca", lambda _: Outcome("delivered", "200"))
            await drop('{"lane": "a", "newer": 1}')
            one = await problem(office)
            assert one["code"] == "N302"
            assert any("--delivered" in command for command in one["can"])
            assert len(office.sent["npca"]) == 1, "what is held holds its lane"
            told = await office.ask("release", problem=one["problem"], delivered=delivered, reason=WHY, apply=True)
            assert told["became"][0]["state"] == ("delivered" if delivered else "waiting")
            await until(lambda: len(office.sent["npca"]) == (2 if delivered else 3))
            await until_settled(office)
            assert (await office.ask("problems"))["problems"] == []

    asyncio.run(story())


def test_what_shall_not_be_sent_is_dropped_and_its_lane_goes_on(office: Office) -> None:
    async def story() -> None:
        async with office.open():
            office.does("npca", lambda _: TryAgain("the answer did not come", uncertain=True))
            await drop('{"lane": "a"}')
            await until(lambda: any(e.state == "held" for e in office.events))
            office.does("npca", lambda _: Outcome("delivered", "200"))
            await drop('{"lane": "a", "newer": 1}')
            one = await problem(office)
            assert (await office.ask("drop", problem=one["problem"], reason=WHY, apply=True))["done"] == 1
            await until(lambda: len(office.sent["npca"]) == 2)
        assert (await story_of(office, 1)).deliveries[0].state == "dropped"

    asyncio.run(story())


def test_a_rejected_message_that_is_dropped_is_asked_about_no_more(office: Office) -> None:
    async def story() -> None:
        async with office.open():
            await drop("no JSON")
            one = await problem(office)
            assert (await office.ask("drop", messages=one["samples"], reason=WHY, apply=True))["done"] == 1
            assert (await office.ask("problems"))["problems"] == []
        assert (await story_of(office, 1)).message.state == "rejected"

    asyncio.run(story())


def test_all_of_it_works_without_an_engine_and_the_next_one_goes_on(office: Office) -> None:
    async def story() -> None:
        async with office.open():
            office.does("npca", refusing)
            for lane in "abcd":
                await drop(f'{{"lane": "{lane}"}}')
            await until_settled(office)
        office.does("npca", lambda _: Outcome("delivered", "200"))
        one = await problem(office)
        told = await office.ask("drop", messages=one["samples"][:1], reason=WHY, apply=True)
        assert (told["done"], told["engine"]) == (1, False)
        assert (await office.ask("resend", problem=one["problem"], reason=WHY, apply=True))["done"] == 3
        async with office.open():
            await until(lambda: len(office.sent["npca"]) == 7)
            await until_settled(office)
            assert (await office.ask("problems"))["problems"] == []
        assert (await office.ask("verify"))["deliveries"] == 4

    asyncio.run(story())


def test_what_came_into_trouble_after_the_plan_is_left_alone(office: Office) -> None:
    async def story() -> None:
        async with office.open():
            office.does("npca", refusing)
            await drop('{"lane": "a"}')
            await until_settled(office)
            one = await problem(office)
            plan = await office.ask("drop", problem=one["problem"])
            await asyncio.sleep(0.01)
            await drop('{"lane": "b"}')
            await until_settled(office)
            told = await office.ask("drop", problem=one["problem"], reason=WHY, apply=True, until_ms=plan["until_ms"])
            assert told["done"] == 1
            assert (await problem(office))["messages"] == 1

    asyncio.run(story())


def test_much_is_done_in_steps_and_told_meanwhile(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deciding, "STEP", 2)
    monkeypatch.setattr(deciding, "LOOKED_AT", 3)

    async def story() -> None:
        async with office.open():
            office.does("npca", refusing)
            for lane in "abcde":
                await drop(f'{{"lane": "{lane}"}}')
            await until_settled(office)
            one = await problem(office)
            assert (await office.ask("drop", problem=one["problem"], reason=WHY, apply=True))["done"] == 5
        assert office.told == [{"done": n, "of": 5} for n in (2, 3)], "three were looked at first, then the other two"

    asyncio.run(story())


def test_an_edit_is_a_new_run_and_what_came_stays(office: Office) -> None:
    async def story() -> None:
        async with office.open(recipe(mapping=Table("M"))):
            await drop(visit("X9"))
            one = await problem(office)
            (message,) = one["samples"]
            asked = {"message": message[:14], "body": packed(visit("M").encode()), "reason": WHY}
            told = await office.ask("edit", **asked, run=0)
            assert (told["message"], told["run"]) == (message, 1)
            await until(lambda: office.sent.get("npca"))
            await until_settled(office)
            with pytest.raises(Faults) as stale:
                await office.ask("edit", **asked, run=0)
            assert [f.code for f in stale.value] == ["N334"]
        store = office.store(read_only=True)
        await store.open()
        assert (await store.message(1)).body == visit("X9").encode()
        assert await store.run_body(1, 1) == visit("M").encode()
        await store.close()
        history = await story_of(office, 1)
        assert (history.message.run, history.message.state) == (1, "processed")
        assert [(d.run, d.state) for d in history.deliveries] == [(1, "delivered")]
        assert [(r.kind, r.edited, r.reason) for r in history.runs][1:] == [("edit", True, WHY)]
        assert (await office.ask("problems"))["problems"] == []

    asyncio.run(story())


@pytest.mark.parametrize(
    ("word", "asked", "code"),
    [
        ("resend", {"messages": ["01ZZZZZZZZZZZZZZZZZZZZZZZZ"]}, "C156"),
        ("resend", {"messages": ["0"]}, "C166"),
        ("drop", {"problem": "ZZZZZZZZ"}, "C167"),
        ("release", {}, "N333"),
        ("release", {"messages": ["0"], "problem": "Z"}, "N333"),
        ("problems", {"problem": ""}, "C167"),
    ],
)
def test_what_cannot_be_found_is_told(office: Office, word: str, asked: dict[str, Any], code: str) -> None:
    async def story() -> None:
        async with office.open():
            for lane in "ab":
                await drop(f'{{"lane": "{lane}"}}')
            await until_settled(office)
            with pytest.raises((Fault, Faults)) as wrong:
                await office.ask(word, **asked)
            found = wrong.value.faults if isinstance(wrong.value, Faults) else (wrong.value,)
            assert [f.code for f in found] == [code]

    asyncio.run(story())


def test_what_is_not_in_trouble_is_left_alone_and_told_why(office: Office) -> None:
    async def story() -> None:
        async with office.open():
            await drop('{"lane": "a"}')
            await until_settled(office)
            message = (await office.store_ids())[0]
            for word in ("resend", "release", "drop"):
                told = await office.ask(word, messages=[message], reason=WHY, apply=True)
                assert (told["done"], told["left_out"]) == (0, [{"why": "what is owed to npca is delivered", "number": 1}]), word
            elsewhere = await office.ask("drop", messages=[message], destination="archive", reason=WHY, apply=True)
            assert elsewhere["left_out"] == [{"why": "nothing is owed to archive", "number": 1}]

    asyncio.run(story())
