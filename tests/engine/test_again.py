"""What people do while the engine runs: resend, edit, release, drop; replays that go on after a crash, each message once."""

from __future__ import annotations

import asyncio
from typing import Any

from interpres.delivery import Outcome, Parcel
from interpres.fault import Fault
from interpres.mapping.compiling.compile import Made
from interpres.store.acts import Act, Choice, Rerun
from tests.engine.fakes import House, drop, recipe, until

WHO = {"who": "night", "reason": "the table has its row now"}
FAULT = Fault("V102", "this is not one of the values allowed", "see the table", target="sex", value="Z")


def strict(known: set[str]) -> Any:
    """A mapping that knows these sexes only."""

    def mapping(document: Any, context: Any) -> Made:
        if document.tree.get("sex") not in known:
            return Made((), faults=(FAULT,))
        return Made(({"sex": document.tree["sex"]},))

    return mapping


def bodies(house: House, name: str = "npca") -> list[bytes]:
    return [p.payload for p in house.sent.get(name, [])]


def test_a_rejected_message_goes_on_once_the_recipe_knows_it(house: House) -> None:
    known: set[str] = set()

    async def story() -> None:
        async with house.running(recipe(mapping=strict(known))) as engine:
            receipt = await drop('{"sex": "X9", "lane": "A"}')
            assert not receipt.accepted
            (problem,) = await engine.store.problems()
            known.add("X9")
            messages = tuple(t.message for t in await engine.store.troubled(problem.cause))
            (touched,) = await engine.again.rerun(Rerun("resend", messages=messages, **WHO))
            assert touched.after == "received"
            await until(lambda: bodies(house) == [b'{"sex":"X9"}'])
            assert await engine.store.problems() == ()
            assert (await drop('{"sex": "X9", "lane": "A"}')).accepted, "its lane is idle again"
            assert not engine._roads["visits"].open_lanes

    asyncio.run(story())


def test_an_edited_message_is_sent_in_the_place_of_the_held_one(house: House) -> None:
    def holds_the_first(parcel: Parcel) -> Outcome:
        return Outcome("held", faults=(FAULT,)) if b'"Z"' in parcel.payload else Outcome("delivered")

    async def story() -> None:
        house.does("npca", holds_the_first)
        async with house.running(recipe(mapping=strict({"Z", "F", "M"}))) as engine:
            await drop('{"sex": "Z", "lane": "A"}')
            await until(lambda: len(bodies(house)) == 1)
            await drop('{"sex": "M", "lane": "A"}')
            await engine.again.rerun(Rerun("edit", messages=(1,), body=b'{"sex": "F", "lane": "A"}', **WHO))
            await until(lambda: len(bodies(house)) == 3)
            assert bodies(house)[1:] == [b'{"sex":"F"}', b'{"sex":"M"}']
            story = await engine.store.story(1)
            assert [(d.run, d.state) for d in story.deliveries] == [(0, "dropped"), (1, "delivered")]
            assert (await engine.store.message(1)).body == b'{"sex": "Z", "lane": "A"}'
            assert len({p.key for p in house.sent["npca"]}) == 3

    asyncio.run(story())


def test_a_dead_delivery_is_sent_again_with_its_key_and_limits_anew(house: House) -> None:
    refuses = [True]
    common = recipe().destinations["npca"].common.model_copy(update={"attempts": 1})

    async def story() -> None:
        house.does("npca", lambda parcel: Outcome("waiting") if refuses[0] else Outcome("delivered"))
        async with house.running(recipe(common=common)) as engine:
            await drop('{"lane": "A"}')
            await until(lambda: engine.shift.ended["dead"])
            refuses[0] = False
            (delivery,) = await engine.store.deliveries(1)
            await engine.again.act(Act("resend", deliveries=(delivery.id,), **WHO))
            await until(lambda: engine.shift.ended["delivered"])
            assert len({p.key for p in house.sent["npca"]}) == 1

    asyncio.run(story())


def test_a_dropped_message_lets_its_lane_go_on(house: House) -> None:
    def bug(document: Any, context: Any) -> Made:
        if document.tree.get("bad"):
            raise RuntimeError("ours")
        return Made((document.tree,))

    async def story() -> None:
        async with house.running(recipe(mapping=bug)) as engine:
            await drop('{"lane": "A", "bad": 1}')
            waiting = asyncio.create_task(drop('{"lane": "A"}'))
            await asyncio.sleep(0.05)
            assert not bodies(house)
            (touched,) = await engine.again.act(Act("drop", messages=(1,), **WHO))
            assert touched.after == "rejected"
            assert (await waiting).accepted
            await until(lambda: len(bodies(house)) == 1)
            assert not engine._roads["visits"].open_lanes

    asyncio.run(story())


def test_a_replay_sends_each_message_once_more_in_order_and_survives_an_engine_that_ends(house: House) -> None:
    count = 600

    async def first() -> None:
        async with house.running() as engine:
            for n in range(count):
                await drop(f'{{"n": {n}, "lane": "{n % 7}"}}')
            await until(lambda: len(bodies(house)) == count)
            plan = await engine.store.plan(Choice(channels=("visits",)))
            assert len(plan.chosen) == count
            house.sent["npca"].clear()
            await engine.store.begin_replay("night", "a new mapping", plan.chosen, {"asks": False})
            engine.again.begin()
            await until(lambda: len(bodies(house)) > 10)

    async def again() -> None:
        async with house.running() as engine:
            await until(lambda: len(bodies(house)) >= count, seconds=20)
            (replay,) = await engine.store.replays()
            assert (replay.state, replay.done) == ("done", count)
            assert await engine.store.verify() == ()

    asyncio.run(first())
    asyncio.run(again())
    keys = [p.key for p in house.sent["npca"]]
    assert len(set(keys)) == count
    order: dict[Any, list[int]] = {}
    for parcel in {p.key: p for p in house.sent["npca"]}.values():
        tree = parcel.tree["from"] if parcel.tree is not None else __import__("json").loads(parcel.payload)["from"]
        order.setdefault(tree["lane"], []).append(tree["n"])
    assert all(numbers == sorted(numbers) for numbers in order.values())


def test_a_replay_has_the_stored_context_and_asks_nobody(house: House) -> None:
    class Registry:
        asked = 0

        async def call(self, call: str, parameters: Any = None) -> Any:
            from interpres.answer import Answer

            self.asked += 1
            return Answer("delivered", 200, tree={"card": self.asked})

    from tests.engine.fakes import asking

    house.calls = Registry()

    async def story() -> None:
        async with house.running(recipe(enrich=(asking(),))) as engine:
            await drop('{"lane": "A", "card": "1"}')
            await until(lambda: len(bodies(house)) == 1)
            await engine.again.rerun(Rerun("replay", messages=(1,), asks=False, **WHO))
            await until(lambda: len(bodies(house)) == 2)
            assert bodies(house)[0] == bodies(house)[1] and house.calls.asked == 1
            await engine.again.rerun(Rerun("replay", messages=(1,), asks=True, **WHO))
            await until(lambda: len(bodies(house)) == 3)
            assert bodies(house)[2] != bodies(house)[0]
            await engine.again.rerun(Rerun("replay", messages=(1,), as_it_was=True, **WHO))
            await until(lambda: len(bodies(house)) == 4)
            assert bodies(house)[3] == bodies(house)[2]

    asyncio.run(story())


def test_what_arrives_during_a_long_replay_has_its_turn_before_the_replay_ends(house: House) -> None:
    count = 2000

    async def story() -> None:
        async with house.running(recipe(word="honest", lane=None)) as engine:
            await drop("\n".join(f'{{"n": {n}}}' for n in range(count)))
            await until(lambda: len(bodies(house)) == count, seconds=30)
            house.sent["npca"].clear()
            chosen = (await engine.store.plan(Choice(channels=("visits",)))).chosen
            await engine.store.begin_replay("night", "a new mapping", chosen, {"asks": False})
            engine.again.begin()
            await until(lambda: len(bodies(house)) > 10)
            assert (await drop('{"n": "new"}')).accepted
            (replay,) = await engine.store.replays()
            assert replay.done < count, "it was processed while the replay was under way"

    asyncio.run(story())
