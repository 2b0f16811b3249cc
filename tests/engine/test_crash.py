"""Crash: an engine that is killed under load has kept every message that it said yes to, and goes on with each in order."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from interpres.store.sqlite import SqliteStore
from interpres.store.store import Search
from tests.conftest import ROOT
from tests.engine.victim import house_in, message, recipes

KILLS = 4


def killed(folder: Path, round_: int, after_seconds: float) -> list[tuple[int, int, int]]:
    """Start the victim, kill it so long after its first yes; what it was answered yes for."""
    victim = subprocess.Popen(
        [sys.executable, "-m", "tests.engine.victim", str(folder), str(round_)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert victim.stdout is not None
    first = victim.stdout.readline()
    assert first, "the engine took nothing"
    time.sleep(after_seconds)
    victim.kill()
    lines = [first, *victim.stdout.read().splitlines(keepends=True)]
    victim.wait()
    victim.stdout.close()
    return [tuple(map(int, line.split())) for line in lines if line.endswith(b"\n")]  # type: ignore[misc]


@pytest.mark.slow
def test_killing_the_engine_loses_nothing_that_was_answered_yes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    answered = [one for round_ in range(KILLS) for one in killed(tmp_path, round_, chance.uniform(0.05, 0.5))]
    house = house_in(tmp_path, monkeypatch)

    async def look_after() -> None:
        engine = house.engine(*recipes())
        await engine.start()
        left = await engine.run(until_idle=True)
        assert left.undelivered == 0, f"seed {seed}"
        store = SqliteStore(tmp_path / "var" / "store.db", read_only=True)
        await store.open()
        stored = {r.keys["patient"]: r for r in await store.find(Search(limit=1_000_000))}
        for round_, client, number in answered:
            sequence = stored[f"{round_}-{client}-{number}"].sequence
            assert (await store.message(sequence)).body == message(round_, client, number), f"seed {seed}"
        for record in stored.values():
            states = [d.state for d in await store.deliveries(record.sequence)]
            assert (record.state, states) == ("processed", ["delivered"]), f"seed {seed}"
        assert await store.verify() == (), f"seed {seed}"
        await store.close()

    asyncio.run(look_after())
    assert_in_order(tmp_path / "sink", seed)


def assert_in_order(sink: Path, seed: int) -> None:
    """One key for each message, however often it was sent; the first effects of each client's messages in their order."""
    keys: dict[str, str] = {}
    for line in sink.read_text().splitlines():
        _, patient, key = line.split()
        assert keys.setdefault(patient, key) == key, f"seed {seed}: two keys for one message"
    firsts: dict[tuple[str, str], list[int]] = {}
    for patient in keys:
        round_, client, number = patient.split("-")
        firsts.setdefault((round_, client), []).append(int(number))
    assert all(numbers == sorted(numbers) for numbers in firsts.values()), f"seed {seed}: out of order"
