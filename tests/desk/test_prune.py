"""Pruning asked of the desk: by the engine that runs, while messages go on, and with the ages of its own channels."""

from __future__ import annotations

import asyncio

import pytest

from interpres.channel import Retention
from interpres.fault import Fault
from interpres.store.reads import Search
from tests.desk.conftest import Office
from tests.engine.fakes import drop, recipe, until

SOON = Retention(content="20ms")  # type: ignore[arg-type]


def test_the_engine_prunes_by_its_channels_ages_while_messages_go_on(office: Office) -> None:
    async def story() -> None:
        async with office.open(recipe(retention=SOON), recipe("kept")) as engine:
            for n in range(3):
                for channel in ("visits", "kept"):
                    await drop(f'{{"patient": "P{n}"}}', channel)
            await until(lambda: len(office.sent["npca"]) == 6)
            await asyncio.sleep(0.05)
            kept, visits = (await office.ask("prunable"))["channels"]
            assert kept == {"channel": "kept", "keeps": {"content": None, "metadata": None}}
            assert (visits["content"], visits["open"]) == (3, 0)
            pruning = asyncio.create_task(office.ask("prune"))
            await drop('{"patient": "P9"}')
            done = await pruning
            assert done["engine"] and done["content"] in (3, 4)
            gone = [r.channel for r in await engine.store.find(Search()) if r.pruned_at]
            assert set(gone) == {"visits"}

    asyncio.run(story())


def test_what_is_open_stays_and_the_same_is_done_without_an_engine(office: Office) -> None:
    async def story() -> None:
        async with office.open():
            await drop('{"patient": "P1"}')
            await until(lambda: office.sent.get("npca"))
        await asyncio.sleep(0.05)
        done = await office.ask("prune", older_than_seconds=0.02)
        assert (done["content"], done["metadata"], done["engine"]) == (1, 0, False)
        done = await office.ask("prune", older_than_seconds=0.02, metadata=True, channels=("visits",))
        assert (done["content"], done["metadata"]) == (0, 1)
        with pytest.raises(Fault, match="C159"):
            await office.ask("prune", channels=("vists",))
        assert (await office.ask("verify"))["pruned"] == 1

    asyncio.run(story())
