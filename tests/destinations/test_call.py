"""A payload sent to an operation, and what its answer settles to; against a peer and against the NPCA sandbox."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from interpres.answer import Answer
from interpres.delivery import Outcome, Parcel
from interpres.destination import Target
from interpres.destinations.call import Call, CallSettings
from interpres.document import MISSING
from interpres.fault import Fault, Faults, TryAgain
from interpres.openapi import Operation
from tests.conformance import DestinationSuite


class Asked:
    """Calls as a destination sees them."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.calls: list[tuple[Any, ...]] = []
        self.known = Operation("write", "POST", "/", media_type="application/json", idempotent=True)

    def operation(self, call: str) -> Operation:
        if call != "things/write":
            raise Fault("N220", f"there is no operation '{call}'")
        return self.known

    async def call(self, call: str, parameters: Any, body: Any, key: str, media_type: str | None, each: str) -> Answer:
        self.calls.append((call, parameters, body, key, media_type))
        if isinstance(self.answer, Exception):
            raise self.answer
        assert isinstance(self.answer, Answer)
        return self.answer


class TestCall(DestinationSuite):
    word = "call"

    def settings(self, folder: Path) -> dict[str, Any]:
        return {"operation": "things/write"}

    def target(self, folder: Path) -> Target:
        self.asked = Asked(Answer("delivered", 200, tree={"id": 7}))
        return Target("visits", "npca", folder, self.asked)

    def received(self, folder: Path) -> list[bytes]:
        return list(dict.fromkeys(body for _, _, body, _, _ in self.asked.calls))

    def outcome(self, folder: Path, answer: Any, parcel: Parcel | None = None, **settings: Any) -> Outcome:
        destination = self.made(folder, **settings)
        self.asked.answer = answer
        (outcome,) = self.sent(destination, parcel or self.parcel())
        return outcome

    def test_the_answer_is_kept(self, tmp_path: Path) -> None:
        outcome = self.outcome(tmp_path, Answer("delivered", 200, tree={"id": 7}, after_seconds=2.0))
        assert outcome == Outcome("delivered", "200", {"id": 7}, (), 2.0)
        assert self.asked.calls == [("things/write", {}, b'{"a":1}', "key-1", None)]

    @pytest.mark.parametrize(
        ("state", "settles"), [("delivered", "delivered"), ("held", "held"), ("refused", "refused"), ("missing", "held")]
    )
    def test_what_answers_settle_to(self, tmp_path: Path, state: Any, settles: str) -> None:
        outcome = self.outcome(tmp_path, Answer(state, 404, tree=MISSING))
        assert (outcome.state, outcome.answer) == (settles, None)
        assert [f.code for f in outcome.faults] == (["N243"] if state == "missing" else [])

    def test_names_fill_parameters(self, tmp_path: Path) -> None:
        parcel = self.parcel(visit="V/1")
        self.outcome(tmp_path, Answer("delivered", 200), parcel, parameters={"code": "x-{visit}"})
        assert self.asked.calls[0][1] == {"code": "x-V/1"}

    def test_another_media_type_is_said(self, tmp_path: Path) -> None:
        self.outcome(tmp_path, Answer("delivered", 200), Parcel("k", b"MSH", "application/hl7-v2"))
        assert self.asked.calls[0][4] == "application/hl7-v2"

    def test_an_operation_without_a_body_is_sent_none(self, tmp_path: Path) -> None:
        destination = self.made(tmp_path)
        self.asked.known = Operation("write", "GET", "/")
        self.sent(destination, self.parcel())
        assert self.asked.calls[0][2:] == (None, "key-1", None)

    @pytest.mark.parametrize(
        ("wrong", "state"),
        [
            (Fault("E104", "URL is not set"), "held"),
            (Fault("N222", "no request can be written"), "held"),
            (Faults([Fault("N221", "a value is missing")]), "refused"),
        ],
    )
    def test_what_is_wrong_with_the_recipe_holds_what_is_wrong_with_the_message_refuses(
        self, tmp_path: Path, wrong: Exception, state: str
    ) -> None:
        outcome = self.outcome(tmp_path, wrong)
        assert (outcome.state, len(outcome.faults)) == (state, 1)

    def test_a_sick_peer_is_the_engines_affair(self, tmp_path: Path) -> None:
        with pytest.raises(TryAgain):
            self.outcome(tmp_path, TryAgain("not now"))

    def test_keys_are_honoured_where_the_operation_is_idempotent(self, tmp_path: Path) -> None:
        destination = self.made(tmp_path)
        assert destination.honours_keys
        self.asked.known = Operation("write", "POST", "/")
        assert not destination.honours_keys
        assert not self.made(tmp_path, operation="things/other").honours_keys


def test_settings() -> None:
    assert CallSettings.model_validate("npca/submitVisit").operation == "npca/submitVisit"
    for wrong in ("npca", "npca/", "/x", "a/b/c"):
        with pytest.raises(ValidationError, match="a system and its operation are wanted here"):
            CallSettings.model_validate(wrong)


def test_cancelling_a_call_is_no_outcome(tmp_path: Path) -> None:
    async def story() -> None:
        asked = Asked(asyncio.CancelledError())
        asked.call = _never  # type: ignore[method-assign]
        task = asyncio.create_task(Call(CallSettings(operation="things/write"), Target("c", "d", tmp_path, asked)).send(_PARCEL))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    asyncio.run(story())


_PARCEL = Parcel("k", b"{}", "application/json")


async def _never(*_: Any, **__: Any) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError
