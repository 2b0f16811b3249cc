"""The NPCA sandbox as the engine calls it: by system.yaml and openapi.yaml alone, with what its answers mean."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from interpres.answer import Answer
from interpres.calls import Calls
from interpres.catalog import part
from interpres.document import MISSING
from interpres.fault import TryAgain
from interpres.sandbox import start
from interpres.system import read_system
from tests.conftest import ROOT

SCHEMAS = ROOT / "schemas"
GOOD = ROOT / "samples" / "schemas" / "npca" / "good"


def called(work: Callable[[Calls], Awaitable[Any]], **settings: Any) -> tuple[Any, dict[str, Any]]:
    """What the work gives, and the effects that the sandbox then tells of."""
    npca = part("sandboxes", "npca")
    with start(npca(npca.Settings(**settings), SCHEMAS)) as running:

        async def opened() -> Any:
            calls = Calls({"npca": read_system("npca", SCHEMAS)}, running.environment)
            try:
                return await work(calls)
            finally:
                await calls.close()

        given = asyncio.run(opened())
        effects: dict[str, Any] = httpx2.get(f"{running.base_url}/_sandbox/effects").json()
        return given, effects


def body(name: str, **changes: Any) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((GOOD / f"{name}.json").read_text("utf-8"))
    tree["visits"][0].update(changes)
    return tree


def asked(card: str) -> Answer:
    answer, _ = called(lambda calls: calls.call("npca/searchBeneficiary", {"card_code": card}))
    assert isinstance(answer, Answer)
    return answer


@pytest.mark.parametrize(
    ("card", "state"), [("12-0984-5512", "active"), ("01-0226-0871", "expired"), ("12-8841-0925", "suspended")]
)
def test_a_card_that_is_known(card: str, state: str) -> None:
    answer = asked(card)
    assert answer.state == "delivered"
    assert answer.tree["data"]["card_status"] == state


def test_a_card_that_nobody_knows_is_missing_and_no_failure() -> None:
    assert asked("00-0000-0000").state == "missing"


def test_a_visit_is_delivered() -> None:
    answer, effects = called(lambda calls: calls.call("npca/submitVisit", body=body("opd_smallest"), key="k-1"))
    assert answer.state == "delivered"
    assert len(answer.tree["data"][0]["visit_ulid"]) == 26
    assert effects == {"counts": {"issueToken password": 1, "submitVisit created": 1}, "visits": {"V-7": 1}, "keys": 1}


def test_a_visit_that_is_covered_in_part_is_held() -> None:
    tree = body("ipd_discharge")
    tree["visits"][0]["invoices"][0]["payment_type"] = "HEF (CNP)"
    answer, _ = called(lambda calls: calls.call("npca/submitVisit", body=tree, key="k-1"))
    assert answer.state == "held"


def test_a_visit_that_is_refused_names_its_fields() -> None:
    answer, effects = called(lambda calls: calls.call("npca/submitVisit", body=body("opd_smallest", visit_type="opd"), key="k-1"))
    assert answer.state == "refused"
    assert [f.target for f in answer.faults if f.target] == ["visits[0].visit_type"]
    assert effects["visits"] == {}


def test_an_expired_token_is_renewed() -> None:
    async def twice(calls: Calls) -> list[str]:
        first = await calls.call("npca/searchBeneficiary", {"card_code": "12-0984-5512"})
        await asyncio.sleep(1.1)
        second = await calls.call("npca/searchBeneficiary", {"card_code": "12-0984-5512"})
        return [first.state, second.state]

    states, effects = called(twice, token_seconds=1)
    assert states == ["delivered", "delivered"]
    assert sum(n for what, n in effects["counts"].items() if what.startswith("issueToken")) >= 2


def test_silence_after_the_visit_was_taken_is_uncertain_and_the_same_key_settles_it(tmp_path: Path) -> None:
    file = tmp_path / "npca.sqlite"

    async def submit(calls: Calls) -> Any:
        return await calls.call("npca/submitVisit", body=body("opd_smallest"), key="k-1")

    async def submit_in_trouble(calls: Calls) -> Any:
        states = []
        for _ in range(25):
            try:
                states.append((await submit(calls)).state)
            except TryAgain as wrong:
                states.append("uncertain" if wrong.uncertain else "again")
        return states

    states, effects = called(submit_in_trouble, state=file, trouble="drop:0.2,drop-after:0.2,500:0.2,429:0.2", trouble_seed=5)
    assert {"uncertain", "again", "delivered"} <= set(states)
    answer, effects = called(submit, state=file)
    assert answer.state == "delivered"
    assert effects["visits"] == {"V-7": 1}


def test_missing_is_what_the_channel_then_sees() -> None:
    assert asked("00-0000-0000").tree.get("data", MISSING) in (None, MISSING)
