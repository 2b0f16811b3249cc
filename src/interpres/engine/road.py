"""Road: one channel while the engine runs: its recipe, its outlets, and which of its lanes are open."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from interpres import pipeline
from interpres.channel import Recipe
from interpres.engine.attempt import Ready
from interpres.engine.outlet import Outlet
from interpres.engine.own_bug import own_bug
from interpres.engine.shift import Shift
from interpres.fault import Fault
from interpres.message import Message
from interpres.pipeline import Opened, Owed, Result
from interpres.source import Fate, Source
from interpres.store.changes import NewDelivery, Processed
from interpres.store.records import Claimed


@dataclass(frozen=True, slots=True)
class Done:
    """A message (the slice from `start` to `end` of its intake) and its result; `processed` is how the store is told of it."""

    message: Message
    lane: int
    start: int
    end: int
    result: Result
    processed: Processed

    @property
    def fate(self) -> Fate:
        """What its source is told."""
        return Fate(self.message.id, self.result.state, self.result.faults, self.start, self.end)


class Road:
    """A channel's moving parts; the door and the worker both lead messages over it."""

    def __init__(self, shift: Shift, recipe: Recipe, source: Source, outlets: Mapping[str, Outlet]) -> None:
        self.shift = shift
        self.recipe = recipe
        self.source = source
        self.outlets = outlets
        self.open_lanes: Counter[int] = Counter()
        self.door = asyncio.Lock()
        self.taking = False
        """Whether its source is at work."""
        self.work = asyncio.Event()
        """Set when a message was left for the worker."""

    # the pure middle, made safe

    def opened(self, message: Message) -> Opened:
        """The message read as far as can be without asking; an exception that is no fault holds it as our own bug."""
        began = time.perf_counter()
        try:
            return pipeline.open_message(message, self.recipe)
        except Exception as error:
            return Opened(message, result=_held(own_bug(error, "reading a message", message.id)))
        finally:
            self.shift.meter.read(self.recipe.name, time.perf_counter() - began)

    def result(self, opened: Opened, context: Mapping[str, Any]) -> Result:
        """The message's result; likewise."""
        began = time.perf_counter()
        try:
            return pipeline.process(opened, self.recipe, context)
        except Exception as error:
            return _held(own_bug(error, "processing a message", opened.message.id))
        finally:
            self.shift.meter.processed(self.recipe.name, time.perf_counter() - began)

    # results on their way to the store and back

    def done(self, message: Message, lane: int, place: tuple[int, int], result: Result, context: Mapping[str, Any]) -> Done:
        """Make a result ready to be written; a hand is kept for each delivery that has one free."""
        owed = tuple(self._new(o) for o in result.owed)
        processed = Processed(result.state, self.recipe.digest, result.reason, result.faults, result.warnings, owed, context)
        return Done(message, lane, *place, result, processed)

    def _new(self, owed: Owed) -> NewDelivery:
        outlet = self.outlets[owed.destination]
        return NewDelivery(
            owed.destination,
            owed.part,
            owed.payload,
            owed.media_type,
            owed.names,
            owed.faults,
            stops=outlet.recipe.common.after_refused == "stop",
            send_now=not owed.faults and outlet.take_hand(),
        )

    def written(self, dones: Iterable[Done], claimed: Iterable[Claimed]) -> None:
        """The results are durable: start what is `sending`, tell who waits."""
        started = {(c.sequence, c.destination, c.part): c for c in claimed}
        for done in dones:
            sequence = done.message.sequence
            debts = [(o.destination, o.part) for o in done.result.owed]
            self.shift.message_is(sequence, self.recipe.name, done.fate, debts)
            for owed, new in zip(done.result.owed, done.processed.owed, strict=True):
                self._hand_over(done.message, owed, new, started.get((sequence, owed.destination, owed.part)))

    def _hand_over(self, message: Message, owed: Owed, new: NewDelivery, claimed: Claimed | None) -> None:
        outlet = self.outlets[owed.destination]
        if claimed is not None:
            outlet.begin(claimed, Ready(owed.payload, owed.tree))
            return
        if new.send_now:
            outlet.give_back()
        place = (self.recipe.name, owed.destination, owed.part)
        state = "refused" if owed.faults else "waiting"
        self.shift.delivery_is(message.sequence, message.id, place, state, owed.faults)
        if not owed.faults:
            outlet.nudge()

    def not_written(self, dones: Iterable[Done]) -> None:
        """Nothing of it was kept: no hand is needed."""
        for done in dones:
            for new in done.processed.owed:
                if new.send_now:
                    self.outlets[new.destination].give_back()

    # lanes

    def close_lane(self, lane: int) -> None:
        """One message fewer is open there."""
        self.open_lanes[lane] -= 1
        if self.open_lanes[lane] <= 0:
            del self.open_lanes[lane]


def placed(result: Result, place: Callable[[Fault], Fault]) -> Result:
    """The same result with the source of each fault counted in the whole intake."""
    return replace(
        result,
        faults=tuple(map(place, result.faults)),
        warnings=tuple(map(place, result.warnings)),
        owed=tuple(replace(o, faults=tuple(map(place, o.faults))) if o.faults else o for o in result.owed),
    )


def _held(fault: Fault) -> Result:
    return Result("held", "a bug in interpres stopped it", (fault,))
