"""Clock: a machine's time in the simulated world: a wall that may jump, and a steady reading that does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from interpres.clock import Clock

if TYPE_CHECKING:
    from tests.crash.simulation.world import World


class SimClock(Clock):
    """The wall of the world, and a steady reading that begins there when the machine starts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._begin_ms = world.wall_ms() - world.loop.now * 1000

    def wall_ms(self) -> int:
        return self._world.wall_ms()

    def steady_ms(self) -> int:
        return int(self._begin_ms + self._world.loop.now * 1000)
