"""/health, /ready and /metrics: what they say of an engine before its start, at work, in trouble and at its end."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from interpres import __version__
from interpres.delivery import MESSAGE_EDGES, Outcome
from interpres.fault import Fault, TryAgain
from interpres.store.acts import Place
from tests.engine.fakes import FakeSource, House, drop, recipe, until
from tests.watch.places import installation, watched


@pytest.fixture(autouse=True)
def always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interpres.watch.watch.FRESH_SECONDS", 0.0)


def test_it_is_ready_when_every_channel_takes_and_not_before(house: House) -> None:
    async def story() -> None:
        async with watched(house, installation(), start=False) as asked:
            before = await asked.get("/ready")
            assert (before.status_code, before.json()["missing"]) == (503, ["the engine has not started yet"])
            assert (await asked.get("/health")).status_code == 200, "it lives"
            await asked.engine.start()
            await until(lambda: asked.engine.standing()[0].taking)
            ready = await asked.get("/ready")
            assert (ready.status_code, ready.json()) == (200, {"ready": True, "missing": []})
            await asked.engine.pausing.pause(Place("visits", "", 1_800_000_000_000, "somebody", "the ward moves"))
            assert (await asked.get("/ready")).json()["missing"] == ["channel visits is paused"]
            await asked.engine.drain()
            after = await asked.get("/ready")
            assert after.status_code == 503 and "the store takes nothing" in after.json()["missing"]

    asyncio.run(story())


def test_a_source_that_ended_is_missing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaks(self: FakeSource, accept: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr(FakeSource, "run", breaks)

    async def story() -> None:
        async with watched(house, installation()) as asked:
            await asyncio.sleep(0.05)
            assert (await asked.get("/ready")).json()["missing"] == ["channel visits takes nothing"]
            assert (await asked.get("/health")).json()["channels"]["visits"]["source"]["state"] == "down"

    asyncio.run(story())


def test_a_store_that_takes_nothing_is_missing(house: House) -> None:
    async def story() -> None:
        async with watched(house, installation()) as asked:
            await until(lambda: asked.engine.standing()[0].taking)
            asked.engine.shift.broken = True
            assert (await asked.get("/ready")).json()["missing"] == ["the store takes nothing"]
            asked.engine.shift.broken = False
            assert (await asked.get("/ready")).status_code == 200

    asyncio.run(story())


def test_health_says_how_everything_stands(house: House) -> None:
    house.does("npca", lambda _: TryAgain("it is away", after_seconds=60.0))

    async def story() -> None:
        async with watched(house, installation(), recipe()) as asked:
            await until(lambda: asked.engine.standing()[0].taking)
            assert (await asked.get("/health")).json()["channels"]["visits"]["source"]["last_message_at"] is None
            for lane in "ab":
                await drop(f'{{"lane": "{lane}"}}')
            await until(lambda: asked.engine.standing()[0].destinations["npca"] == "resting")
            said = (await asked.get("/health")).json()
            assert (said["version"], said["ready"], said["alerts"]) == (__version__, True, [])
            assert said["store"]["open"] and said["store"]["bytes"] > 0
            assert said["store"]["durability"] == {"synchronous": "full", "commit": "group"}
            visits = said["channels"]["visits"]
            assert visits["source"] | {"last_message_at": ""} == {
                "state": "up",
                "says": "listens to a test",
                "last_message_at": "",
            }
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", visits["source"]["last_message_at"])
            assert visits["destinations"]["npca"]["state"] == "resting"
            assert visits["destinations"]["npca"]["waiting"] == 2
            assert 0 <= visits["destinations"]["npca"]["oldest_seconds"] < 30

    asyncio.run(story())


def test_metrics_agree_with_the_store_and_only_grow(house: House) -> None:
    tries: list[Any] = [TryAgain("away", after_seconds=0.0), Outcome("refused", "422", faults=(Fault("N210", "no", "x"),))]
    house.does("npca", lambda _: tries.pop(0) if tries else Outcome("delivered", "200"))

    async def story() -> None:
        async with watched(house, installation()) as asked:
            await until(asked.engine.standing)
            assert (await asked.metrics())['interpres_messages_received_total{channel="visits"}'] == 0
            await drop('{"lane": "a"}', identity="1")
            await until(lambda: not tries)
            await drop('{"lane": "b"}', identity="2")
            await drop('{"lane": "b"}', identity="2")
            await drop("no json")
            FakeSource.opened["visits"].setting.refused(Fault("N131", "not here", "elsewhere"))
            await until(lambda: asked.watch.figures.deliveries["visits", "npca", "delivered"])
            first = await asked.metrics()
            visits = '{channel="visits"}'
            npca = '{channel="visits",destination="npca"}'
            assert first[f"interpres_messages_received_total{visits}"] == 3
            assert first['interpres_messages_ended_total{channel="visits",state="processed"}'] == 2
            assert first['interpres_messages_ended_total{channel="visits",state="rejected"}'] == 1
            assert first['interpres_answers_total{channel="visits",state="yes"}'] == 3, "a duplicate of what was good is a yes"
            assert first['interpres_answers_total{channel="visits",state="no"}'] == 1
            assert first[f"interpres_duplicates_total{visits}"] == 1
            assert first['interpres_edge_refusals_total{channel="visits",code="N131"}'] == 1
            assert first['interpres_faults_total{channel="visits",code="J101"}'] == 1
            assert first['interpres_faults_total{channel="visits",code="N210"}'] == 1
            assert first['interpres_deliveries_ended_total{channel="visits",destination="npca",state="delivered"}'] == 1
            assert first['interpres_deliveries_ended_total{channel="visits",destination="npca",state="refused"}'] == 1
            assert first['interpres_attempts_total{channel="visits",destination="npca",state="waiting"}'] == 1
            assert first[f"interpres_retries_total{npca}"] == 1
            assert first[f"interpres_storing_seconds_count{visits}"] == 3
            assert first[f"interpres_delivering_seconds_count{npca}"] == 3
            assert first[f"interpres_end_to_end_seconds_count{npca}"] == 1
            assert first[f"interpres_end_to_end_seconds_sum{npca}"] < 30
            assert first['interpres_destination_state{channel="visits",destination="npca",state="up"}'] == 1
            assert first["interpres_store_open"] == 1 and first['interpres_store_bytes{state="total"}'] > 0
            assert first["process_resident_memory_bytes"] > 1e6 and first["process_open_fds"] > 3
            for count in await asked.engine.store.counts():
                labels = f'channel="visits",destination="npca",state="{count.state}"'
                if count.destination:
                    assert first[f"interpres_deliveries{{{labels}}}"] == count.number
                elif count.state in MESSAGE_EDGES:
                    assert first[f'interpres_messages{{channel="visits",state="{count.state}"}}'] == count.number
            await drop('{"lane": "c"}')
            second = await asked.metrics()
            shrunk = [n for n, v in first.items() if re.search("_total|_bucket|_count|_sum", n) and second[n] < v]
            assert shrunk == []

    asyncio.run(story())


def test_what_waits_is_told_with_its_age_and_its_lanes(house: House) -> None:
    house.does("npca", lambda _: TryAgain("it is away", after_seconds=60.0))

    async def story() -> None:
        async with watched(house, installation()) as asked:
            for lane in "aab":
                await drop(f'{{"lane": "{lane}"}}')
            await until(lambda: asked.engine.standing()[0].destinations["npca"] == "resting")
            said = await asked.metrics()
            npca = '{channel="visits",destination="npca"}'
            assert said['interpres_deliveries{channel="visits",destination="npca",state="waiting"}'] == 3
            assert said[f"interpres_lanes_open{npca}"] == 2
            assert said['interpres_destination_state{channel="visits",destination="npca",state="resting"}'] == 1
            assert said['interpres_destination_state{channel="visits",destination="npca",state="up"}'] == 0
            assert 0 <= said[f"interpres_oldest_waiting_seconds{npca}"] < 30

    asyncio.run(story())


def test_the_text_is_what_prometheus_reads(house: House) -> None:
    """Text format 0.0.4: HELP and TYPE once before a family's samples, buckets that grow up to +Inf and equal the count."""

    async def story() -> None:
        async with watched(house, installation()) as asked:
            await drop('{"lane": "a"}')
            answer = await asked.get("/metrics")
            assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
            seen: list[str] = []
            buckets: dict[str, list[float]] = {}
            for line in answer.text.splitlines():
                if line.startswith("#"):
                    _, word, name, rest = line.split(" ", 3)
                    assert rest and (word == "HELP") == (name not in seen)
                    seen += [name] if word == "HELP" else []
                    continue
                match = re.fullmatch(r'([a-z_]+)(\{(?:[a-z]+="[^"\\\n]*",?)*\})? (\S+)', line)
                assert match, line
                family = seen[-1]
                assert re.fullmatch(f"{family}(_bucket|_sum|_count)?", match[1]), line
                value = float(match[3])
                if match[1].endswith("_bucket"):
                    buckets.setdefault(re.sub(r',?le="[^"]+"', "", line.rsplit(" ", 1)[0]), []).append(value)
                if match[1].endswith("_count"):
                    assert buckets[match[1].replace("_count", "_bucket") + (match[2] or "")][-1] == value
            assert len(seen) == len(set(seen)) > 20 and buckets
            assert all(counts == sorted(counts) for counts in buckets.values())

    asyncio.run(story())


def test_nothing_else_is_answered(house: House) -> None:
    async def story() -> None:
        async with watched(house, installation()) as asked:
            assert (await asked.get("/")).status_code == 404
            assert (await asked.get("/metrics/../var")).status_code == 404

    asyncio.run(story())
