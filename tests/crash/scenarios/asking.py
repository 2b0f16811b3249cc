"""Asking: messages are answered as soon as they are stored; processing asks a system first, which is away at times."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from interpres.answer import Answer
from interpres.channel import Recipe, SourceCommon
from interpres.fault import TryAgain
from tests.crash.scenario import Scenario, channel
from tests.crash.world import Life
from tests.engine.fakes import asking


class Asking(Scenario):
    steps = ("R5", "P1", "P2", "P3")

    def recipes(self, life: Life) -> tuple[Recipe, ...]:
        return (channel(to=("npca",), enrich=(asking(),), source_common=SourceCommon(answer="accepted")),)

    def calls(self, life: Life) -> Agency:
        return Agency(life)


class Agency:
    """What is asked; every seventh question finds it away."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.asked = 0

    async def call(self, call: str, parameters: Mapping[str, Any] | None = None) -> Answer:
        self.asked += 1
        self.life.ending.reached("asked-no-answer-yet")
        await asyncio.sleep(0)
        if self.asked % 7 == 0:
            raise TryAgain("it is away")
        return Answer("delivered", 200, tree={"card": "known"})
