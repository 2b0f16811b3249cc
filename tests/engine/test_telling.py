"""Telling: the log holds what came to trouble, by ids, names and codes; what is well has no line of its own."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from structlog.testing import capture_logs

from interpres.clock import Clock
from interpres.delivery import Outcome
from interpres.engine.telling import QUIET_MS, Telling
from interpres.fault import Fault
from interpres.store.store import CannotStore
from tests.engine.fakes import House, drop, until


def test_what_came_to_trouble_has_a_line_and_what_is_well_has_none(house: House) -> None:
    outcomes: list[Any] = [
        Outcome("delivered", "200"),
        Outcome("refused", "422", faults=(Fault("N238", "no", "x", value="CANARY"),)),
    ]
    house.does("npca", lambda _: outcomes.pop(0))

    async def story() -> None:
        async with house.running():
            for body in ('{"lane": "a"}', '{"lane": "b", "patient": "CANARY"}', "CANARY"):
                await drop(body)
            await until(lambda: not outcomes)

    with capture_logs() as lines:
        structlog.get_logger("interpres.engine").info("the test begins")
        asyncio.run(story())
    told = {line["event"]: line for line in lines}
    assert set(told) == {"the test begins", "a delivery is refused", "a message is rejected"}
    refused = told["a delivery is refused"]
    assert (refused["channel"], refused["destination"], refused["code"], refused["tries"]) == ("visits", "npca", "N238", 1)
    assert len(refused["message_id"]) == 26 and told["a message is rejected"]["code"] == "J101"
    assert "CANARY" not in str(lines)


def test_a_store_that_takes_nothing_does_not_fill_the_log() -> None:
    class Slow(Clock):
        now_ms = 1_800_000_000_000

        def steady_ms(self) -> int:
            return self.now_ms

    clock = Slow()
    telling = Telling(clock)
    full = CannotStore(Fault("E130", "the disk is full, so nothing can be stored", "free some space"))
    with capture_logs() as lines:
        for _ in range(50):
            telling.cannot_store(full)
        telling.cannot_store(CannotStore(Fault("E132", "the file is locked", "close it")))
        clock.now_ms += QUIET_MS
        telling.cannot_store(full)
    assert [(line["code"], line["times"]) for line in lines] == [("E130", 1), ("E132", 1), ("E130", 50)]
