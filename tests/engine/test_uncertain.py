"""Uncertain: the request was out and no answer came; what each destination does about it, over connections and with files."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from interpres import catalog
from interpres.calls import Calls
from interpres.channel import BatchFile, DestinationCommon, Recipe
from interpres.destinations import folder as folder_part
from interpres.engine import Engine
from interpres.engine.rest import FAILURES
from interpres.filing import write_whole
from interpres.mapping.compiling.compile import Made
from interpres.retry import Retry
from interpres.system import read_system
from tests.engine.fakes import House, drop, recipe, until
from tests.peers import Asked, HttpPeer, Said

OPENAPI = """openapi: 3.1.0
paths:
  /visits:
    post:
      operationId: submit
      requestBody: {content: {application/json: {schema: {}}}}
      responses: {"200": {description: It, content: {application/json: {schema: {}}}}}
    put:
      operationId: keep
      requestBody: {content: {application/json: {schema: {}}}}
      responses: {"200": {description: It, content: {application/json: {schema: {}}}}}
"""
KEYED = "operations: {submit: {idempotent: true, key_header: Idempotency-Key}}\n"
PLAIN = "operations: {submit: {key_header: Idempotency-Key}}\n"


class Agency:
    """Acts on a request and then breaks off, so many times; knows keys, and acts once on each."""

    def __init__(self, silences: int, status: int | None = None) -> None:
        self.silences = silences
        self.status = status
        self.effects: Counter[str] = Counter()

    def __call__(self, asked: Asked) -> Said:
        key = asked.headers.get("idempotency-key", "")
        if key not in self.effects:
            self.effects[key] += 1
        if self.silences:
            self.silences -= 1
            return Said(self.status) if self.status else Said(cut=True)
        return Said(200, {"ok": True})


def calling(operation: str = "agency/submit", **common: Any) -> Recipe:
    made = recipe(mapping=lambda document, _: Made(({"visits": [document.tree]},)), common=DestinationCommon(**common))
    settings = catalog.part("destinations", "call").Settings(operation=operation)
    return replace(made, destinations={"npca": replace(made.destinations["npca"], word="call", settings=settings)})


@asynccontextmanager
async def running(
    house: House, agency: Agency, system: str, made: Recipe, *, at: str = ""
) -> AsyncIterator[tuple[Engine, HttpPeer]]:
    """An engine whose destination calls this agency."""
    place = house.folder / "schemas" / "agency"
    place.mkdir(parents=True)
    (place / "system.yaml").write_text(f"about: It\nbase_url: ${{URL}}\nlimits: {{timeout_seconds: 1}}\n{system}", "utf-8")
    (place / "openapi.yaml").write_text(OPENAPI, "utf-8")
    peer = HttpPeer(agency)
    async with peer.serving() as url:
        house.calls = Calls({"agency": read_system("agency", house.folder / "schemas")}, {"URL": at or url})
        try:
            async with house.running(made) as engine:
                engine._roads["visits"].outlets["npca"].attempts.retry = Retry(first_seconds=0.05, longest_seconds=0.05)
                yield engine, peer
        finally:
            await house.calls.close()


def ended(house: House, state: str) -> int:
    return sum(e.kind == "delivery" and e.state == state for e in house.events)


@pytest.mark.parametrize("status", [None, 502, 504])
def test_a_call_that_honours_keys_goes_out_again_with_the_same_key(house: House, status: int | None) -> None:
    async def story() -> None:
        agency = Agency(2, status)
        async with running(house, agency, KEYED, calling()) as (engine, peer):
            await drop('{"patient": "1"}')
            await until(lambda: ended(house, "delivered") == 1)
            assert len(peer.asked) == 3 and list(agency.effects.values()) == [1], "one effect"
            (delivery,) = (await engine.store.story(1)).deliveries
            assert [a.state for a in delivery.attempts] == ["uncertain", "uncertain", "delivered"]
            assert delivery.attempts[0].says

    asyncio.run(story())


def test_a_method_that_has_one_effect_by_itself_goes_out_again(house: House) -> None:
    async def story() -> None:
        async with running(house, Agency(1), PLAIN, calling("agency/keep")) as (_, peer):
            await drop('{"patient": "1"}')
            await until(lambda: ended(house, "delivered") == 1)
            assert [asked.method for asked in peer.asked] == ["PUT", "PUT"]

    asyncio.run(story())


def test_any_other_call_is_held_for_a_person_with_the_reason(house: House) -> None:
    async def story() -> None:
        async with running(house, Agency(1), PLAIN, calling()) as (engine, peer):
            await drop('{"patient": "1"}')
            await until(lambda: ended(house, "held") == 1)
            await asyncio.sleep(0.2)
            assert len(peer.asked) == 1, "never twice"
            (delivery,) = (await engine.store.story(1)).deliveries
            (fault,) = delivery.faults
            assert fault.code == "N302" and "broke off the connection before it had answered" in fault.says and fault.hint
            assert [p.fault.code for p in await engine.store.problems()] == ["N302"]

    asyncio.run(story())


def test_a_call_that_never_went_out_is_not_uncertain(house: House) -> None:
    async def story() -> None:
        async with running(house, Agency(0), PLAIN, calling(), at="http://127.0.0.1:9") as (engine, peer):
            await drop('{"patient": "1"}')
            await until(lambda: ended(house, "waiting") >= 2)
            (delivery,) = (await engine.store.story(1)).deliveries
            assert {a.state for a in delivery.attempts} == {"waiting"} and not peer.asked

    asyncio.run(story())


@pytest.mark.parametrize(("system", "state", "asked"), [(KEYED, "delivered", 2), (PLAIN, "held", 1)])
def test_a_batch_goes_out_again_whole_or_is_held_whole(house: House, system: str, state: str, asked: int) -> None:
    async def story() -> None:
        made = calling(batch=BatchFile(count=3, seconds=60, join="visits"))
        async with running(house, Agency(1), system, made) as (_, peer):
            for n in range(3):
                await drop(f'{{"patient": "{n}", "lane": "{n}"}}')
            await until(lambda: ended(house, state) == 3)
            assert len(peer.asked) == asked and len({(a.body, a.headers["idempotency-key"]) for a in peer.asked}) == 1

    asyncio.run(story())


def test_a_file_that_was_written_before_the_engine_was_cut_off_counts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is there; the engine ends before the store knows. The next one finds the same content and delivers it once."""
    made = recipe()
    settings = catalog.part("destinations", "folder").Settings(path="out")
    made = replace(made, destinations={"npca": replace(made.destinations["npca"], word="folder", settings=settings)})

    def write_and_hang(*values: Any) -> str:
        write_whole(*values)
        raise asyncio.CancelledError

    async def cut_off() -> None:
        monkeypatch.setattr(folder_part, "write_whole", write_and_hang)
        engine = house.engine(made)
        await engine.start()
        await drop('{"patient": "1"}')
        await until(lambda: list((house.folder / "out").rglob("*.json")))
        await engine.drain(0.1)

    async def again() -> None:
        monkeypatch.undo()
        house_again = House(house.folder, monkeypatch)
        async with house_again.running(made) as engine:
            await until(lambda: ended(house_again, "delivered") == 1)
            (delivery,) = (await engine.store.story(1)).deliveries
            assert (delivery.state, delivery.attempts[-1].status, delivery.tries) == ("delivered", "there already", 2)

    asyncio.run(cut_off())
    asyncio.run(again())
    assert len(list((Path(house.folder) / "out").rglob("*.json"))) == 1


def test_retry_storm_a_slow_peer_is_not_flooded_with_copies(house: House) -> None:
    """T-RETRYSTORM: a peer that answers too late gets one request a lane at most, then probes; no copy has a second effect."""

    async def story() -> None:
        agency = Agency(10_000)
        async with running(house, agency, KEYED, calling()) as (engine, peer):
            outlet = engine._roads["visits"].outlets["npca"]
            outlet.rest.probes = Retry(first_seconds=0.2, longest_seconds=0.2)
            for n in range(300):
                await drop(f'{{"patient": "{n}", "lane": "{n % 100}"}}')
            await until(lambda: outlet.state == "resting" and not outlet.busy)
            storm = len(peer.asked)
            await asyncio.sleep(1.0)
            assert storm < 100 and len(peer.asked) - storm <= 10, "a probe every fifth of a second"
            assert peer.most_at_once <= 64 and outlet.rest.failures >= FAILURES
            agency.silences = 0
            await until(lambda: ended(house, "delivered") == 300, 15.0)
            assert len(agency.effects) == 300 and set(agency.effects.values()) == {1}
            assert await engine.store.verify() == ()

    asyncio.run(story())
