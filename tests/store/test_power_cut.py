"""The power goes off at any operation on the disk: what was acknowledged is there afterwards, and the store is whole."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import apsw
import pytest

from interpres.fault import Fault
from interpres.store.sqlite import SqliteStore
from tests.store.power_cut import Power
from tests.store.words import RECIPE, arrival, claim, owed, processed, settled

POINTS = 40


def cut_at(place: Path, point: int, chance: random.Random, *, honest: bool = True) -> list[int]:
    """A store under load in a child process, cut off at that operation: the sequences that it acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        os.close(reading)
        try:
            power = Power(point, chance, honest=honest)
            asyncio.run(load(place, writing))
            power.cut()
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as acknowledged:
        lines = acknowledged.read().splitlines(keepends=True)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 9, "the child ended by itself"
    return [int(line) for line in lines if line.endswith(b"\n")]


async def load(place: Path, acknowledged: int) -> None:
    """Messages in five lanes, delivered one after the other, until the power goes."""
    store = SqliteStore(place / "store.db", vfs="power")
    await store.open()
    await store.pin(RECIPE, {})

    async def one(number: int) -> None:
        body = b"message %d " % number * 30
        arrived = arrival(store, body, processed(owed(b"payload %d" % number, send_now=True)), lane=str(number % 5))
        claimed = await store.accept(arrived)
        os.write(acknowledged, b"%d\n" % arrived.messages[0].sequence)
        for started in claimed:
            following = [started]
            while following:
                claims = await store.settle(settled(following[0].delivery, "delivered", tries=following[0].tries), claim())
                following = list(claims.claimed)

    for start in range(0, 400, 4):
        await asyncio.gather(*(one(n) for n in range(start, start + 4)))


async def lost(place: Path, acknowledged: list[int]) -> int:
    """How many of the acknowledged messages are not there as they were sent; everything else must hold."""
    store = SqliteStore(place / "store.db")
    await store.open()
    missing = 0
    for sequence in acknowledged:
        try:
            message = await store.message(sequence)
            missing += message.body != b"message %d " % (sequence - 1) * 30
            missing += not await store.deliveries(sequence)
        except KeyError:
            missing += 1
    assert await store.verify() == ()
    await store.close()
    return missing


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_power_cut(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    acknowledged = 0
    for number in range(POINTS):
        place = tmp_path / str(number)
        place.mkdir()
        answered = cut_at(place, chance.randrange(20, 900), chance)
        assert asyncio.run(lost(place, answered)) == 0, f"seed {seed}, point {number}"
        acknowledged += len(answered)
    assert acknowledged > POINTS, "the points lie where something was acknowledged"


@pytest.mark.slow
def test_the_same_cuts_lose_messages_where_nothing_is_synced(tmp_path: Path) -> None:
    chance = random.Random(7)
    hurt = 0
    for number in range(10):
        place = tmp_path / str(number)
        place.mkdir()
        answered = cut_at(place, chance.randrange(300, 900), chance, honest=False)
        try:
            hurt += asyncio.run(lost(place, answered)) > 0
        except (AssertionError, apsw.Error, Fault):
            hurt += 1  # not even whole
    assert hurt > 0, "a test of power cuts that an unsynced store passes proves nothing"
