"""Reload: channels go over to new recipes one by one; nothing is lost, doubled or out of order, and what did not change stays."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, ClassVar

import msgspec
import pytest

from interpres import catalog
from interpres.answer import Answer
from interpres.channel import DestinationCommon, DestinationRecipe, Recipe, SourceCommon
from interpres.delivery import Outcome, Parcel
from interpres.engine import Engine
from interpres.engine.reading import Reading
from interpres.fault import Fault, Faults, TryAgain
from interpres.mapping.compiling.compile import Made
from interpres.settings import Settings
from interpres.store.acts import Place
from interpres.store.store import CannotStore
from tests.engine.fakes import FakeDestination, FakeSource, House, asking, drop, recipe, until
from tests.engine.test_work import Agency, known

FAULT = Fault("M110", "this mapping says what cannot be", "mend it")


class Port(Settings):
    """A source's settings that can differ."""

    port: int = 1
    limit: int = 1


class To(Settings):
    """A destination's settings that can differ."""

    to: str = "here"


class PortSource(FakeSource):
    """Takes a port; only one has it at a time."""

    taken: ClassVar[set[int]] = set()
    others: ClassVar[set[int]] = set()

    async def open(self) -> str:
        if self.settings.port in self.taken | self.others:  # type: ignore[attr-defined]
            raise Fault("E111", f"port {self.settings.port} is taken", "choose another")  # type: ignore[attr-defined]
        self.taken.add(self.settings.port)  # type: ignore[attr-defined]
        self.holds = True
        return await super().open()

    async def close(self) -> None:
        if getattr(self, "holds", False):
            self.taken.discard(self.settings.port)  # type: ignore[attr-defined]
            self.holds = False


class Parts(FakeDestination):
    """Remembers which of its parts sent what, and which were closed."""

    sent_by: ClassVar[list[tuple[str, str]]] = []
    closed: ClassVar[list[str]] = []

    async def send(self, parcel: Parcel) -> Outcome:
        self.sent_by.append((self.settings.to, parcel.payload.decode()))  # type: ignore[attr-defined]
        return await super().send(parcel)

    async def close(self) -> None:
        self.closed.append(self.settings.to)  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def parts(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources with ports and destinations with places, beside the house's own."""
    PortSource.taken, PortSource.others, Parts.sent_by, Parts.closed = set(), set(), [], []
    real = catalog.part
    fakes = {("sources", "port"): PortSource, ("destinations", "parts"): Parts}
    monkeypatch.setattr(catalog, "part", lambda room, name: fakes.get((room, name)) or real(room, name))


def version(number: int, name: str = "visits", **changes: Any) -> Recipe:
    """A recipe whose payloads say its number."""

    def mapping(document: Any, context: Any) -> Made:
        return Made(({"by": number, "n": document.tree["n"]},))

    return replace(recipe(name, mapping=mapping, **changes), digest=f"{name}-{number}")


def listening(number: int, name: str = "visits", **settings: int) -> Recipe:
    """One with a port."""
    return replace(version(number, name), source_word="port", source_settings=Port(**settings))


def sending(number: int, *to: str, **changes: Any) -> Recipe:
    """One whose destinations are named as the places to which they send."""
    made = version(number, to=to, **changes)
    destinations = {n: replace(d, word="parts", settings=To(to=n)) for n, d in made.destinations.items()}
    return replace(made, destinations=destinations)


def elsewhere(made: Recipe, name: str, to: str) -> Recipe:
    """The same with other settings of a destination."""
    changed: DestinationRecipe = replace(made.destinations[name], settings=To(to=to))
    return replace(made, destinations={**made.destinations, name: changed})


class Files:
    """The workspace as an engine is told that it is: what stands here is read by the next reload."""

    def __init__(self, *recipes: Recipe) -> None:
        self.recipes = list(recipes)
        self.refused: dict[str, Faults] = {}
        self.reads = 0

    async def read(self, running: Mapping[str, Recipe]) -> Reading:
        self.reads += 1
        found = Reading({r.name: r for r in self.recipes}, self.refused)
        await asyncio.sleep(0.01)
        return found


@asynccontextmanager
async def running(house: House, files: Files) -> AsyncIterator[Engine]:
    """A started engine that reads these files, drained at the end; then nothing that it stored contradicts itself."""
    engine = house.engine(*files.recipes)
    engine.reloading._anew = files.read
    await engine.start()
    try:
        yield engine
        assert await engine.store.verify() == ()
    finally:
        await engine.drain()


def by(parcel: Parcel) -> tuple[int, int]:
    """The number of the recipe and of the message."""
    tree = msgspec.json.decode(parcel.payload)
    return tree["by"], tree["n"]


async def states(engine: Engine) -> dict[str, int]:
    """How many deliveries are in each state."""
    found: Counter[str] = Counter()
    for count in await engine.store.counts():
        if count.destination:
            found[count.state] += count.number
    return dict(found)


# what stays


def test_what_did_not_change_is_untouched(house: House) -> None:
    async def story() -> None:
        files = Files(version(1), version(1, "other"))
        async with running(house, files) as engine:
            source, outlet = engine.source("visits"), engine._roads["visits"].outlets["npca"]
            files.recipes[1] = version(2, "other")
            done = await engine.reload()
            assert (done.kept, done.swapped, done.refused) == (("visits",), ("other",), {})
            assert engine.source("visits") is source and engine._roads["visits"].outlets["npca"] is outlet

    asyncio.run(story())


def test_a_new_recipe_with_the_same_source_keeps_the_listener_and_the_destination(house: House) -> None:
    async def story() -> None:
        files = Files(version(1))
        async with running(house, files) as engine:
            source, outlet = engine.source("visits"), engine._roads["visits"].outlets["npca"]
            await drop('{"n": 1}')
            files.recipes = [version(2)]
            assert (await engine.reload()).swapped == ("visits",)
            await drop('{"n": 2}')
            await until(lambda: len(house.sent.get("npca", ())) == 2)
            assert [by(p) for p in house.sent["npca"]] == [(1, 1), (2, 2)]
            assert engine.source("visits") is source and engine._roads["visits"].outlets["npca"] is outlet
            assert [(await engine.store.records(s, 1))[0].recipe for s in (1, 2)] == ["visits-1", "visits-2"]
            assert await engine.store.recipe("visits-2") is not None
            assert engine.recipes["visits"].digest == "visits-2"
            assert engine.source("visits").setting.format is engine.recipes["visits"].format

    asyncio.run(story())


def test_a_channel_with_faults_keeps_what_it_has_and_the_others_go_on(house: House) -> None:
    async def story() -> None:
        files = Files(version(1), version(1, "other"))
        async with running(house, files) as engine:
            files.recipes, files.refused = [version(2, "other")], {"visits": Faults([FAULT]), "new": Faults([FAULT])}
            done = await engine.reload()
            assert (done.swapped, sorted(done.refused), done.left_out) == (("other",), ["new", "visits"], ("new",))
            assert engine.refused["visits"].faults == (FAULT,)
            await drop('{"n": 1}')
            await drop('{"n": 1}', "other")
            await until(lambda: len(house.sent.get("npca", ())) == 2)
            assert sorted(by(p) for p in house.sent["npca"]) == [(1, 1), (2, 1)]
            files.recipes, files.refused = [version(3), version(2, "other")], {}
            assert (await engine.reload()).swapped == ("visits",)
            assert engine.refused == {}

    asyncio.run(story())


def test_where_nothing_can_be_read_nothing_changes_and_every_channel_says_why(house: House) -> None:
    async def story() -> None:
        files = Files(version(1), version(1, "other"))
        async with running(house, files) as engine:

            async def unreadable(_: Mapping[str, Recipe]) -> Reading:
                raise Fault("C171", "the files change", "wait")

            engine.reloading._anew = unreadable
            done = await engine.reload()
            assert {n: [f.code for f in faults] for n, faults in done.refused.items()} == {"visits": ["C171"], "other": ["C171"]}
            assert (await drop('{"n": 1}')).accepted

    asyncio.run(story())


def test_a_recipe_that_cannot_be_stored_is_not_gone_over_to(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        files = Files(version(1))
        async with running(house, files) as engine:

            def full(digest: str, files: Mapping[str, str]) -> asyncio.Future[None]:
                refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                refused.set_exception(CannotStore(Fault("E130", "the disk is full", "free some")))
                return refused

            monkeypatch.setattr(engine.store, "pin", full)
            files.recipes = [version(2)]
            done = await engine.reload()
            assert [f.code for f in done.refused["visits"]] == ["E130"] and engine.recipes["visits"].digest == "visits-1"
            assert (await drop('{"n": 1}')).accepted

    asyncio.run(story())


# what is in hand


def test_a_message_that_is_being_asked_about_ends_by_the_recipe_that_it_was_begun_by(house: House) -> None:
    async def story() -> None:
        answered = asyncio.Event()

        class Slow(Agency):
            async def call(self, call: str, parameters: Any = None) -> Answer:
                if parameters["card"] == "slow":
                    self.asked.append("slow")
                    await answered.wait()
                return await super().call(call, parameters)

        house.calls = Slow(known)
        accepted = SourceCommon(answer="accepted")
        files = Files(version(1, enrich=(asking(),), source_common=accepted))
        async with running(house, files) as engine:
            await drop('{"n": 1, "card": "slow"}')
            await until(lambda: house.calls.asked)
            files.recipes = [version(2, enrich=(asking(),), source_common=accepted)]
            assert (await engine.reload()).swapped == ("visits",)
            await drop('{"n": 2, "lane": "M", "card": "quick"}')
            await until(lambda: house.sent.get("npca"))
            answered.set()
            await until(lambda: len(house.sent["npca"]) == 2)
            assert [by(p) for p in house.sent["npca"]] == [(2, 2), (1, 1)]
            assert [(await engine.store.records(s, 1))[0].recipe for s in (1, 2)] == ["visits-1", "visits-2"]

    asyncio.run(story())


def test_under_load_nothing_is_lost_doubled_or_out_of_order_while_recipes_come_and_go(house: House) -> None:
    """Eight senders, a hundred messages each, all of one lane a sender; a reload whenever there is time for one."""

    async def story() -> None:
        async def slowly(_: Parcel) -> Outcome:
            await asyncio.sleep(0.001)
            return Outcome("delivered", "200")

        house.does("npca", slowly)
        house.does("archive", slowly)
        files = Files(sending(1, "npca", "archive"))
        async with running(house, files) as engine:
            sent = [asyncio.create_task(send(number)) for number in range(8)]
            reloads = 0
            while not all(task.done() for task in sent):
                reloads += 1
                made = sending(reloads + 1, "npca", "archive")
                files.recipes = [elsewhere(made, "archive", f"archive-{reloads}") if reloads % 2 else made]
                assert not (await engine.reload()).refused
            await asyncio.gather(*sent)
            assert reloads > 5
            await until(lambda: all(len(house.sent.get(d, ())) == 800 for d in ("npca", "archive")), 20)
            for destination in ("npca", "archive"):
                got = [by(p) for p in house.sent[destination]]
                assert sorted(n for _, n in got) == list(range(800)), "each once"
                for lane in range(8):
                    in_lane = [(v, n) for v, n in got if n // 100 == lane]
                    assert in_lane == sorted(in_lane, key=lambda one: one[1]), "a lane keeps its order"
                    assert [v for v, _ in in_lane] == sorted(v for v, _ in in_lane), "and never goes back to an older recipe"
            await until_states(engine, {"delivered": 1600})

    async def send(sender: int) -> None:
        for n in range(sender * 100, sender * 100 + 100):
            assert (await drop(f'{{"n": {n}, "lane": "L{sender}"}}')).accepted

    asyncio.run(story())


# destinations


def test_other_settings_are_for_new_sends_and_what_is_being_sent_ends_where_it_began(house: House) -> None:
    async def story() -> None:
        ends = asyncio.Event()

        async def when_told(_: Parcel) -> Outcome:
            await ends.wait()
            return Outcome("delivered", "200")

        house.does("npca", when_told)
        files = Files(sending(1, "npca"))
        async with running(house, files) as engine:
            await drop('{"n": 1, "lane": "A"}')
            await drop('{"n": 2, "lane": "A"}')
            await until(lambda: Parts.sent_by)
            files.recipes = [elsewhere(sending(2, "npca"), "npca", "there")]
            assert (await engine.reload()).swapped == ("visits",)
            await drop('{"n": 3, "lane": "A"}')
            await drop('{"n": 4, "lane": "B"}')
            await until(lambda: len(Parts.sent_by) == 2)
            assert [(to, msgspec.json.decode(p)["n"]) for to, p in Parts.sent_by] == [("npca", 1), ("there", 4)]
            assert Parts.closed == []
            ends.set()
            await until(lambda: len(Parts.sent_by) == 4)
            assert [(to, msgspec.json.decode(p)["n"]) for to, p in Parts.sent_by][2:] == [("there", 2), ("there", 3)]
            await until(lambda: Parts.closed == ["npca"])
            assert await states(engine) == {"delivered": 4} and not engine._roads["visits"].leaving

    asyncio.run(story())


def test_what_waits_for_a_destination_that_is_gone_is_held_and_what_is_being_sent_ends(house: House) -> None:
    async def story() -> None:
        ends = asyncio.Event()

        async def when_told(_: Parcel) -> Outcome:
            await ends.wait()
            return Outcome("delivered", "200")

        house.does("npca", when_told)
        files = Files(sending(1, "npca", "archive"))
        async with running(house, files) as engine:
            for n in (1, 2):
                await drop(f'{{"n": {n}, "lane": "A"}}')
            await until(lambda: len(house.sent.get("npca", ())) == 1)
            files.recipes = [sending(2, "archive")]
            assert (await engine.reload()).swapped == ("visits",)
            await until_states(engine, {"delivered": 2, "sending": 1, "held": 1})
            (_, second) = [(await engine.store.deliveries(s)) for s in (1, 2)]
            assert [f.code for d in second for f in d.faults] == ["N303"]
            ends.set()
            await until_states(engine, {"delivered": 3, "held": 1})
            files.recipes = [sending(3, "npca", "archive")]
            await engine.reload()
            await drop('{"n": 3, "lane": "B"}')
            await until_states(engine, {"delivered": 5, "held": 1})

    asyncio.run(story())


@pytest.mark.parametrize("meanwhile", ["elsewhere", "gone"])
def test_what_fails_after_two_reloads_is_tried_again_by_who_is_there_now(house: House, meanwhile: str) -> None:
    """Nobody was told of it, and it waited until something else was due: found by seed 64 of the simulation."""

    async def story() -> None:
        ends = asyncio.Event()

        async def when_told(_: Parcel) -> Outcome:
            await ends.wait()
            if len(Parts.sent_by) == 1:
                raise TryAgain("is away")
            return Outcome("delivered", "200")

        house.does("npca", when_told)
        files = Files(sending(1, "npca", "archive"))
        async with running(house, files) as engine:
            await drop('{"n": 1, "lane": "A"}')
            await until(lambda: house.sent.get("npca"))
            Parts.sent_by = [one for one in Parts.sent_by if one[0] == "npca"]
            whole = sending(2, "npca", "archive")
            files.recipes = [sending(2, "archive") if meanwhile == "gone" else elsewhere(whole, "npca", "second")]
            await engine.reload()
            files.recipes = [elsewhere(sending(3, "npca", "archive"), "npca", "third")]
            await engine.reload()
            ends.set()
            await until_states(engine, {"delivered": 2})
            assert [to for to, _ in Parts.sent_by] == ["npca", "third"]

    asyncio.run(story())


async def until_states(engine: Engine, wanted: dict[str, int]) -> None:
    async with asyncio.timeout(5):
        while (found := await states(engine)) != wanted:
            await asyncio.sleep(0.01)
    assert found == wanted


def test_what_an_earlier_recipe_owes_a_moment_later_to_a_destination_that_is_gone_is_held_too(house: House) -> None:
    async def story() -> None:
        answered = asyncio.Event()

        class Slow(Agency):
            async def call(self, call: str, parameters: Any = None) -> Answer:
                self.asked.append(parameters["card"])
                await answered.wait()
                return known(parameters["card"])

        house.calls = Slow(known)
        accepted = SourceCommon(answer="accepted")
        files = Files(sending(1, "npca", "archive", enrich=(asking(),), source_common=accepted))
        async with running(house, files) as engine:
            await drop('{"n": 1}')
            await until(lambda: house.calls.asked)
            files.recipes = [sending(2, "archive", enrich=(asking(),), source_common=accepted)]
            await engine.reload()
            answered.set()
            await until_states(engine, {"delivered": 1, "held": 1})

    asyncio.run(story())


def test_limits_of_a_destination_are_todays(house: House) -> None:
    async def story() -> None:
        files = Files(version(1))
        async with running(house, files) as engine:
            files.recipes = [version(2, common=DestinationCommon(attempts=3))]
            await engine.reload()
            assert engine._roads["visits"].outlets["npca"].attempts.retry.attempts == 3

    asyncio.run(story())


# sources


def test_other_settings_of_a_source_close_it_and_open_the_new_one(house: House) -> None:
    async def story() -> None:
        files = Files(listening(1, port=1))
        async with running(house, files) as engine:
            before = engine.source("visits")
            files.recipes = [listening(2, port=2)]
            assert (await engine.reload()).swapped == ("visits",)
            assert engine.source("visits") is not before and PortSource.taken == {2}
            await drop('{"n": 1}')
            await until(lambda: house.sent.get("npca"))
            assert by(house.sent["npca"][0]) == (2, 1)
            files.recipes = [listening(3, port=2, limit=9)]
            assert (await engine.reload()).swapped == ("visits",), "the very port: the old one goes first"
            assert PortSource.taken == {2} and engine.source("visits").settings.limit == 9  # type: ignore[attr-defined]
            assert (await drop('{"n": 2}')).accepted

    asyncio.run(story())


def test_where_the_new_port_cannot_be_had_the_old_one_stays_open(house: House) -> None:
    async def story() -> None:
        files = Files(listening(1, port=1))
        async with running(house, files) as engine:
            PortSource.others = {2}
            before = engine.source("visits")
            files.recipes = [listening(2, port=2)]
            done = await engine.reload()
            assert [f.code for f in done.refused["visits"]] == ["E111"]
            assert engine.source("visits") is before and engine.recipes["visits"].digest == "visits-1"
            await drop('{"n": 1}')
            await until(lambda: house.sent.get("npca"))
            assert by(house.sent["npca"][0]) == (1, 1)
            PortSource.others = set()
            assert (await engine.reload()).swapped == ("visits",)

    asyncio.run(story())


def test_a_source_whose_own_port_was_snatched_meanwhile_comes_back_when_it_can(house: House) -> None:
    async def story() -> None:
        files = Files(listening(1, port=1))
        async with running(house, files) as engine:
            real = PortSource.close

            async def snatched(self: PortSource) -> None:
                await real(self)
                PortSource.others = {1}

            PortSource.close = snatched  # type: ignore[method-assign]
            try:
                files.recipes = [listening(2, port=1, limit=9)]
                assert [f.code for f in (await engine.reload()).refused["visits"]] == ["E111"]
            finally:
                PortSource.close = real  # type: ignore[method-assign]
            assert "visits" not in engine.listening
            PortSource.others = set()
            await until(lambda: "visits" in engine.listening)
            await until(lambda: FakeSource.opened["visits"].accept.done())
            await drop('{"n": 1}')
            await until(lambda: house.sent.get("npca"))
            assert by(house.sent["npca"][0]) == (1, 1)

    asyncio.run(story())


def test_a_port_goes_from_one_channel_to_another_in_one_reload(house: House) -> None:
    async def story() -> None:
        files = Files(listening(1, "a", port=1), listening(1, "b", port=2))
        async with running(house, files) as engine:
            files.recipes = [listening(2, "a", port=2), listening(2, "b", port=3), listening(1, "c", port=1)]
            done = await engine.reload()
            assert (done.swapped, done.opened, done.refused) == (("a", "b"), ("c",), {})
            assert PortSource.taken == {1, 2, 3}
            files.recipes = [listening(1, "d", port=2)]
            done = await engine.reload()
            assert (done.closed, done.opened) == (("a", "b", "c"), ("d",)) and PortSource.taken == {2}

    asyncio.run(story())


def test_a_paused_channel_stays_paused_and_opens_with_its_new_settings(house: House) -> None:
    async def story() -> None:
        files = Files(listening(1, port=1))
        async with running(house, files) as engine:
            await engine.pausing.pause(Place("visits", "", 0, "somebody", "a look"))
            files.recipes = [listening(2, port=2)]
            assert (await engine.reload()).swapped == ("visits",)
            assert PortSource.taken == set() and not engine.listening
            await engine.pausing.resume(Place("visits", "", 0, "somebody", "seen"))
            assert PortSource.taken == {2} and (await drop('{"n": 1}')).accepted

    asyncio.run(story())


# channels that come and go


def test_a_channel_that_is_gone_drains_and_one_that_comes_takes_up_what_it_left(house: House) -> None:
    async def story() -> None:
        accepted = SourceCommon(answer="accepted")
        house.does("npca", lambda _: Outcome("waiting"))
        files = Files(version(1, source_common=accepted), version(1, "other"))
        async with running(house, files) as engine:
            await drop('{"n": 1}')
            await until(lambda: house.sent.get("npca"))
            files.recipes = [version(1, "other")]
            done = await engine.reload()
            assert (done.closed, done.kept) == (("visits",), ("other",)) and "visits" not in engine.recipes
            assert await states(engine) == {"waiting": 1}
            house.does("npca", lambda _: Outcome("delivered", "200"))
            await engine.store.cap_due(0)
            files.recipes = [version(2), version(1, "other")]
            assert (await engine.reload()).opened == ("visits",)
            await until_states(engine, {"delivered": 1})
            assert by(house.sent["npca"][-1]) == (1, 1), "what was made by the old recipe is sent as it was made"
            assert (await drop('{"n": 2}')).accepted

    asyncio.run(story())


def test_what_was_being_sent_when_the_engine_died_is_taken_up_when_its_channel_comes_back(house: House) -> None:
    async def story() -> None:
        async def never(_: Parcel) -> Outcome:
            await asyncio.Event().wait()
            raise AssertionError

        house.does("npca", never)
        first = house.engine(version(1))
        await first.start()
        await drop('{"n": 1}')
        await until(lambda: house.sent.get("npca"))
        await first.drain(0.1)
        files = Files(version(1, "other"))
        async with running(house, files) as engine:
            assert await states(engine) == {"sending": 1}
            files.recipes.append(version(1))
            await engine.reload()
            assert await states(engine) == {"held": 1}, "its destination honours no keys: a person decides"

    asyncio.run(story())


# asking for it


def test_who_asks_before_the_engine_has_begun_waits_until_it_has(house: House) -> None:
    async def story() -> None:
        files = Files(listening(1, port=1))
        engine = house.engine(*files.recipes)
        engine.reloading._anew = files.read
        early = asyncio.create_task(engine.reload())
        await asyncio.sleep(0.02)
        assert files.reads == 0
        files.recipes = [listening(2, port=1)]
        await engine.start()
        assert (await early).swapped == ("visits",) and PortSource.taken == {1}
        await engine.drain()

    asyncio.run(story())


def test_who_asks_while_one_waits_its_turn_is_given_that_one(house: House) -> None:
    async def story() -> None:
        files = Files(version(1))
        async with running(house, files) as engine:
            first = asyncio.create_task(engine.reload())
            await until(lambda: files.reads == 1)
            files.recipes = [version(2)]
            others = await asyncio.gather(*(engine.reload() for _ in range(50)))
            assert (await first).kept == ("visits",)
            assert files.reads == 2 and {o.swapped for o in others} == {("visits",)}

    asyncio.run(story())


@pytest.mark.parametrize("pause", [0.0, 0.005, 0.011, 0.012, 0.02])
def test_an_engine_that_is_stopped_in_the_middle_of_a_reload_ends_in_order(house: House, pause: float) -> None:
    async def story() -> None:
        files = Files(listening(1, "a", port=1), listening(1, "b", port=2), version(1))
        engine = house.engine(*files.recipes)
        engine.reloading._anew = files.read
        await engine.start()
        assert (await drop('{"n": 1}')).accepted
        files.recipes = [listening(2, "a", port=3), version(2), listening(1, "c", port=2)]
        reload = asyncio.create_task(engine.reload())
        await asyncio.sleep(pause)
        left = await engine.drain()
        await asyncio.gather(reload, return_exceptions=True)
        assert PortSource.taken == set() and left.undelivered == 0
        assert not (await engine.reload()).swapped, "nothing is begun after the end"

    asyncio.run(story())


def test_a_crash_in_the_middle_of_a_reload_loses_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process ends between pinning and going over: the next engine reads the files as they are, and takes up all."""

    async def story() -> None:
        accepted = SourceCommon(answer="accepted")
        house.does("npca", lambda _: Outcome("waiting"))
        files = Files(version(1, source_common=accepted))
        engine = house.engine(*files.recipes)
        await engine.start()
        for n in range(3):
            await drop(f'{{"n": {n}, "lane": "L{n}"}}')
        await until(lambda: len(house.sent.get("npca", ())) == 3)
        await engine.store.pin("visits-2", {})
        await engine.drain(0.1)
        house.does("npca", lambda _: Outcome("delivered", "200"))
        async with running(house, Files(version(2))) as again:
            await again.store.cap_due(0)
            again._roads["visits"].outlets["npca"].nudge()
            await until_states(again, {"delivered": 3})

    asyncio.run(story())
