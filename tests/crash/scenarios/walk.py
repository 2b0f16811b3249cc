"""The walk: three senders, two destinations, each message processed as it is stored."""

from __future__ import annotations

from interpres.channel import Recipe
from tests.crash.scenario import Scenario, channel
from tests.crash.world import Life


class Walk(Scenario):
    steps = ("R1", "R2", "R3", "R4", "P1", "P2", "P3", "D1", "D2", "D3", "D4", "D5", "D6", "N1")

    def recipes(self, life: Life) -> tuple[Recipe, ...]:
        return (channel(),)
