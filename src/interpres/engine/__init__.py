"""The engine: accepts, processes, delivers, recovers; the only room that starts tasks."""

from interpres.engine.engine import Engine
from interpres.engine.meter import Meter
from interpres.engine.shift import Event, Left

__all__ = ["Engine", "Event", "Left", "Meter"]
