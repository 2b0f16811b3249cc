"""A fresh store: the folder, the file and its tables are made while the first messages wait."""

from __future__ import annotations

from interpres.channel import Recipe
from tests.crash.scenario import Scenario, channel
from tests.crash.world import Life


class Fresh(Scenario):
    steps = ("M1",)
    orders = 2
    begins_empty = True

    def recipes(self, life: Life) -> tuple[Recipe, ...]:
        return (channel(to=("npca",)),)
