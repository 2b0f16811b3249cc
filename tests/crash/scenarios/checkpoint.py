"""Checkpoint: the log is copied into the file again and again while messages come and go."""

from __future__ import annotations

from interpres.channel import Recipe
from tests.crash.scenario import Scenario, channel
from tests.crash.world import Life


class Checkpoint(Scenario):
    steps = ("M3",)
    checkpoint_pages = 12

    def recipes(self, life: Life) -> tuple[Recipe, ...]:
        return (channel(to=("npca",)),)
