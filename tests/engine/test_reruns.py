"""New runs while the engine runs: to the destinations they are for, no part twice, nobody waits for what is gone."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from interpres.answer import Answer
from interpres.channel import SourceCommon
from interpres.delivery import Outcome
from interpres.fault import Fault
from interpres.mapping.compiling.compile import Made
from interpres.replaying.compare import compare
from interpres.store.acts import Act, Choice, Rerun
from tests.engine.fakes import House, asking, drop, recipe, until

WHO = {"who": "night", "reason": "the table has its row now"}
FAULT = Fault("V102", "this is not one of the values allowed", "see the table", target="sex", value="Z")


def bodies(house: House, name: str = "npca") -> list[bytes]:
    return [p.payload for p in house.sent.get(name, [])]


class Knows:
    """A promise that allows what is known."""

    name = "test"

    def __init__(self, known: set[str]) -> None:
        self.known = known
        self.checker = self

    def faults(self, document: Any) -> list[Fault]:
        return [] if document.tree["sex"] in self.known else [FAULT]


def test_a_part_that_was_sent_is_not_sent_again_with_the_one_that_was_refused(house: House) -> None:
    known = {"F", "M"}
    one = recipe(mapping=lambda document, _: Made(tuple({"sex": s} for s in document.tree["all"])))
    promised = replace(one.destinations["npca"], promise=Knows(known))
    one = replace(one, destinations={"npca": promised})

    async def story() -> None:
        async with house.running(one) as engine:
            await drop('{"all": ["F", "X", "M"], "lane": "A"}')
            await until(lambda: len(bodies(house)) == 2)
            known.add("X")
            await engine.again.rerun(Rerun("resend", messages=(1,), targets=frozenset({"npca"}), **WHO))
            await until(lambda: len(bodies(house)) == 3)
            await asyncio.sleep(0.05)
            assert bodies(house) == [b'{"sex":"F"}', b'{"sex":"M"}', b'{"sex":"X"}']
            assert await engine.store.verify() == ()

    asyncio.run(story())


def test_a_resend_to_a_destination_that_is_gone_leaves_it_a_problem(house: House) -> None:
    def never(document: Any, context: Any) -> Made:
        return Made((), faults=(FAULT,))

    async def first() -> None:
        both = recipe(to=("npca", "lab"))
        both = replace(both, destinations={**both.destinations, "lab": replace(both.destinations["lab"], mapping=never)})
        async with house.running(both):
            await drop('{"lane": "A"}')
            await until(lambda: bodies(house))

    async def again() -> None:
        async with house.running() as engine:
            await engine.again.rerun(Rerun("resend", messages=(1,), targets=frozenset({"lab"}), **WHO))
            await until(lambda: any(e.kind == "message" and e.state == "rejected" for e in house.events))
            owed = {d.destination: d.state for d in await engine.store.deliveries(1)}
            assert owed == {"npca": "delivered", "lab": "refused"}
            assert await engine.store.problems()

    asyncio.run(first())
    house.events.clear()
    asyncio.run(again())


def test_what_is_released_or_sent_as_it_was_to_a_destination_that_is_gone_is_held(house: House) -> None:
    async def first() -> None:
        house.does("lab", lambda _: Outcome("held", faults=(FAULT,)))
        async with house.running(recipe(to=("npca", "lab"))) as engine:
            await drop('{"lane": "A"}')
            await until(lambda: engine.shift.ended["held"])

    async def again() -> None:
        async with house.running() as engine:

            async def states() -> dict[tuple[int, str], str]:
                return {(d.run, d.destination): d.state for d in await engine.store.deliveries(1)}

            (stuck,) = [d for d in await engine.store.deliveries(1) if d.destination == "lab"]
            await engine.again.act(Act("release", deliveries=(stuck.id,), **WHO))
            async with asyncio.timeout(2):
                while (await states())[0, "lab"] != "held":
                    await asyncio.sleep(0.01)
            await engine.again.rerun(Rerun("replay", messages=(1,), as_it_was=True, **WHO))
            async with asyncio.timeout(2):
                while (await states()).get((1, "lab")) != "held":
                    await asyncio.sleep(0.01)

    asyncio.run(first())
    asyncio.run(again())


def test_a_replay_of_what_was_rejected_before_anything_was_asked_asks(house: House) -> None:
    class Registry:
        async def call(self, call: str, parameters: Any = None) -> Any:
            return Answer("delivered", 200, tree={"card": 7})

    house.calls = Registry()
    keeps = [False]

    async def story() -> None:
        async with house.running(recipe(enrich=(asking(),), keep=lambda tree, names: keeps[0])) as engine:
            await drop('{"lane": "A"}')
            keeps[0] = True
            await engine.again.rerun(Rerun("replay", messages=(1,), asks=False, **WHO))
            await until(lambda: bodies(house))
            assert json.loads(bodies(house)[0])["context"]["beneficiary"] == {"card": 7}

    asyncio.run(story())


def test_a_replay_does_not_wait_for_what_no_channel_here_works_on(house: House, monkeypatch: Any) -> None:
    monkeypatch.setattr("interpres.engine.again.MOST_AT_WORK", 1)

    async def leave() -> None:
        engine = house.engine(recipe(), recipe("gone", source_common=SourceCommon(answer="accepted"), enrich=(asking(),)))
        await engine.start()
        for worker in engine._workers.values():
            worker.leave()
        for n in range(3):
            await drop(f'{{"lane": "{n}"}}', "gone")
        await drop('{"lane": "A"}')
        await engine.drain(0.1)

    async def again() -> None:
        engine = house.engine()
        await engine.start()
        sent = len(bodies(house))
        plan = await engine.store.plan(Choice(channels=("visits",)))
        await engine.store.begin_replay("night", "a new mapping", plan.chosen, {"asks": False})
        engine.again.begin()
        async with asyncio.timeout(5):
            await engine.run(until_idle=True)
        assert len(bodies(house)) == sent + 1

    asyncio.run(leave())
    asyncio.run(again())


def test_a_duplicate_of_what_was_delivered_is_one_whatever_became_of_its_replay(house: House) -> None:
    outcomes = [Outcome("delivered", "200"), Outcome("refused", "422", faults=(FAULT,))]

    async def story() -> None:
        house.does("npca", lambda _: outcomes.pop(0))
        async with house.running(recipe(source_common=SourceCommon(answer="delivered"))) as engine:
            assert (await drop('{"lane": "A"}', identity="1")).accepted
            await engine.again.rerun(Rerun("replay", messages=(1,), **WHO))
            await until(lambda: engine.shift.ended["refused"])
            again = await drop('{"lane": "A"}', identity="1")
            assert again.duplicate and again.accepted
            assert len(await engine.store.records(1, 10)) == 1

    asyncio.run(story())


def test_a_duplicate_of_what_was_refused_and_then_delivered_by_a_replay_has_no_second_effect(house: House) -> None:
    outcomes = [Outcome("refused", "422", faults=(FAULT,)), Outcome("delivered", "200")]

    async def story() -> None:
        house.does("npca", lambda _: outcomes.pop(0))
        async with house.running(recipe(source_common=SourceCommon(answer="delivered"))) as engine:
            assert not (await drop('{"lane": "A"}', identity="1")).accepted
            await engine.again.rerun(Rerun("replay", messages=(1,), **WHO))
            await until(lambda: engine.shift.ended["delivered"])
            again = await drop('{"lane": "A"}', identity="1")
            assert again.duplicate and again.accepted

    asyncio.run(story())


def test_a_duplicate_of_what_was_good_is_one_though_a_replay_of_it_was_rejected(house: House) -> None:
    refuses = [False]

    def mapping(document: Any, context: Any) -> Made:
        return Made((), faults=(FAULT,)) if refuses[0] else Made((document.tree,))

    async def story() -> None:
        async with house.running(recipe(mapping=mapping)) as engine:
            assert (await drop('{"lane": "A"}', identity="1")).accepted
            refuses[0] = True
            await engine.again.rerun(Rerun("replay", messages=(1,), **WHO))
            await until(lambda: [e.state for e in house.events if e.kind == "message"][-1] == "rejected")
            again = await drop('{"lane": "A"}', identity="1")
            assert again.duplicate and again.accepted
            assert len(await engine.store.records(1, 10)) == 1

    asyncio.run(story())


def test_a_resend_to_several_destinations_one_of_which_is_gone_drops_none_of_them(house: House) -> None:
    def never(document: Any, context: Any) -> Made:
        return Made((), faults=(FAULT,))

    async def first() -> None:
        three = recipe(to=("npca", "lab", "ward"))
        sick = {n: replace(three.destinations[n], mapping=never) for n in ("lab", "ward")}
        async with house.running(replace(three, destinations={**three.destinations, **sick})):
            await drop('{"lane": "A"}')
            await until(lambda: bodies(house))

    async def again() -> None:
        async with house.running(recipe(to=("npca", "ward"))) as engine:
            await engine.again.rerun(Rerun("resend", messages=(1,), targets=frozenset({"lab", "ward"}), **WHO))
            await until(lambda: any(e.kind == "message" and e.state == "rejected" for e in house.events))
            owed = {d.destination: d.state for d in await engine.store.deliveries(1)}
            assert owed == {"npca": "delivered", "lab": "refused", "ward": "refused"}

    asyncio.run(first())
    asyncio.run(again())


def test_a_run_to_one_destination_makes_no_difference_to_what_the_others_had(house: House) -> None:
    both = recipe(to=("npca", "lab"))

    async def story() -> None:
        async with house.running(both) as engine:
            await drop('{"lane": "A"}')
            await until(lambda: bodies(house) and bodies(house, "lab"))
            await engine.again.rerun(Rerun("replay", messages=(1,), targets=frozenset({"lab"}), **WHO))
            await until(lambda: len(bodies(house, "lab")) == 2)
            found = [c async for c in compare(engine.store, [1], {"visits": both})][-1]
            assert (found.compared, found.differing) == (1, 0)

    asyncio.run(story())
