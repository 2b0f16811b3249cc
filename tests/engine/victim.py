"""Victim: an engine under load in a process of its own, to be killed; tells on standard output what it was answered yes for.

`python -m tests.engine.victim FOLDER ROUND` sends from 16 clients at once until it is killed. Each yes is one line on standard
output, written whole: `client number`. What the destination was sent goes to `FOLDER/sink`, one line for each attempt.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog

from interpres.answer import Answer
from interpres.delivery import Outcome, Parcel
from interpres.fault import TryAgain
from tests.engine.fakes import House, asking, drop, recipe

CLIENTS = 16


def message(round_: int, client: int, number: int) -> bytes:
    """What a client sends: its lane is its own, its numbers ascend."""
    filling = "ស្រី" * (number % 40)
    return f'{{"patient": "{round_}-{client}-{number}", "lane": "{client}", "name": "{filling}"}}'.encode()


class Agency:
    """Answers quickly, and sometimes is away."""

    def __init__(self) -> None:
        self.asked = 0

    async def call(self, call: str, parameters: Any = None) -> Answer:
        self.asked += 1
        await asyncio.sleep(0.001)
        if self.asked % 29 == 0:
            raise TryAgain("is away")
        return Answer("delivered", 200, tree={"card": "known"})


def house_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """The same house for the victim and for who looks after it; its destination honours keys and writes down what it gets."""
    house = House(folder, monkeypatch)
    house.calls = Agency()
    sink = os.open(folder / "sink", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    async def send(parcel: Parcel) -> Outcome:
        await asyncio.sleep(0)
        os.write(sink, f"{parcel.names['channel']} {parcel.names['patient']} {parcel.key}\n".encode())
        return Outcome("delivered", "200")

    house.does("npca", send)
    return house


def recipes() -> tuple[Any, ...]:
    """A channel that asks nothing, and one that does."""
    return recipe("quick", word="honest"), recipe("asking", word="honest", enrich=(asking(),))


async def attack(folder: Path, round_: int) -> None:
    """Send until killed."""
    house = house_in(folder, pytest.MonkeyPatch())
    engine = house.engine(*recipes())
    await engine.start()

    async def client(name: int) -> None:
        number = 0
        while True:
            channel = "asking" if name % 2 else "quick"
            receipt = await drop(message(round_, name, number), channel, identity=f"{round_}-{name}-{number}")
            assert receipt.accepted
            os.write(1, f"{round_} {name} {number}\n".encode())
            number += 1

    await asyncio.gather(*(client(n) for n in range(CLIENTS)))


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    asyncio.run(attack(Path(sys.argv[1]), int(sys.argv[2])))
