"""One look: each road with its source, counts and destinations; alerts, refused reloads, and what a person reads of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from interpres.cli.status import lines
from interpres.delivery import Outcome
from interpres.desk.desk import Desk
from interpres.fault import Fault, Faults, TryAgain
from interpres.watch.alarms import Alert
from tests.desk.conftest import Office
from tests.engine.fakes import asking, drop, recipe, until


def road(status: Any) -> Any:
    (channel,) = status["channels"]
    return channel


def test_a_road_tells_what_it_took_and_what_each_destination_has(office: Office) -> None:
    async def story() -> None:
        going = asyncio.Event()

        async def slowly(_: Any) -> Outcome:
            await going.wait()
            return Outcome("delivered", "200")

        office.does("npca", slowly)
        office.does("archive", lambda _: Outcome("refused", "422", faults=(Fault("N221", "no"),)))
        async with office.open(recipe(to=("npca", "archive"))):
            for _ in range(3):
                await drop('{"lane": "a"}')
            await drop("no JSON")
            await until(lambda: len(office.sent.get("archive", ())) == 3)
            await asyncio.sleep(0.05)
            channel = road(await office.ask("status"))
            assert channel["says"] == "listens to a test"
            assert channel["taking"]
            assert channel["messages"] == {"processed": 3, "rejected": 1}
            by_name = {d["destination"]: d for d in channel["destinations"]}
            assert by_name["npca"]["deliveries"] == {"sending": 1, "waiting": 2}
            assert by_name["npca"]["oldest_seconds"] is not None
            assert by_name["npca"]["last_delivered_at"] is None
            assert by_name["archive"]["deliveries"] == {"refused": 3}
            going.set()
            await until(lambda: len(office.sent["npca"]) == 3)
            await asyncio.sleep(0.1)
            after = next(d for d in road(await office.ask("status"))["destinations"] if d["destination"] == "npca")
            assert after["deliveries"] == {"delivered": 3}
            assert after["oldest_seconds"] is None
            assert after["last_delivered_at"].endswith("Z")

    asyncio.run(story())


def test_a_person_reads_a_line_for_each_channel_and_one_for_each_destination(office: Office) -> None:
    async def story() -> None:
        async with office.open(recipe(to=("npca", "archive"))):
            await drop('{"lane": "a"}')
            await until(lambda: len(office.sent) == 2)
            await asyncio.sleep(0.1)
            await office.ask("pause", place="visits/archive", reason="full")
            first, channel, archive, npca, store = lines(await office.ask("status"))
        assert first.startswith("the engine runs, version ")
        assert channel == "visits  listens to a test  ·  1 taken"
        assert archive.startswith("    → archive  paused since ")
        assert ": full  ·  nothing waits, 1 delivered, last at " in archive
        assert npca.startswith("    → npca  up  ·  nothing waits, 1 delivered, last at ")
        assert store.startswith("the store takes ")
        assert "commits synced: full" in store
        first, channel, *_ = lines(await office.ask("status"))
        assert first.startswith("no engine runs here")
        assert channel.startswith("visits  does not run  ·  1 taken")

    asyncio.run(story())


def test_open_alerts_and_refused_reloads_are_told(office: Office) -> None:
    alert = Alert("quiet", "visits", "nothing came for 3 h", "see the ward", "docs/how-to/watch-it.md", 0, 0)

    async def story() -> None:
        async with office.running() as engine:
            engine.reloading.refused = {"visits": Faults([Fault("M101", "no such key", "see the file", value="Sok Dara")])}
            desk = Desk(engine.store, office.workspace, engine)
            status = await replace(desk, alerts=lambda: (alert,)).do("status", {})
            assert status["alerts"][0]["says"] == "nothing came for 3 h"
            assert "Sok" not in str(status)
            told = list(lines(status))
            assert "visits goes by its files of before: the new ones have faults" in told
            assert "    M101 no such key — see the file" in told
            assert "ALERT since 1970-01-01T00:00:00.000Z  visits: nothing came for 3 h — see the ward" in told

    asyncio.run(story())


def test_a_destination_that_rests_says_so(office: Office) -> None:
    async def story() -> None:
        office.does("npca", lambda _: TryAgain("connection refused"))
        async with office.open():
            for lane in "abcdefgh":
                await drop(f'{{"lane": "{lane}"}}')
            async with asyncio.timeout(10):
                while (status := road(await office.ask("status"))["destinations"][0])["state"] != "resting":
                    await asyncio.sleep(0.05)
            assert status["rests"]["says"] == "connection refused"
            assert status["deliveries"]["waiting"] >= 1

    asyncio.run(story())


def test_a_system_that_is_asked_and_rests_is_told_where_messages_wait_for_it(office: Office) -> None:
    class Registry:
        async def call(self, call: str, parameters: Any = None) -> Any:
            raise TryAgain("registry does not answer")

    office.calls = Registry()

    async def story() -> None:
        async with office.open(recipe(enrich=(asking("registry/find"),), lane=None)):
            waiting = [asyncio.create_task(drop(f'{{"card": "{n}"}}')) for n in range(3)]
            async with asyncio.timeout(30):
                while not (asks := road(await office.ask("status"))["asks"]):
                    await asyncio.sleep(0.05)
            assert asks["registry"]["says"] == "registry does not answer"
            told = list(lines(await office.ask("status")))
            assert any(line.startswith("    ? registry  resting for ") for line in told)
            for one in waiting:
                one.cancel()

    asyncio.run(story())
