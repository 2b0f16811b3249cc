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
    """A message (the slice from `start` to `end` of its intake) and its result; `processed` is how the store is told of it.

    `hands` are the outlets that keep a hand for what is owed, one for each delivery; None where none was free.
    """

    message: Message
    lane: int
    start: int
    end: int
    result: Result
    processed: Processed
    hands: tuple[Outlet | None, ...] = ()

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
        self.leaving: set[Outlet] = set()
        """Outlets of an earlier recipe that end what they are sending."""
        self.open_lanes: Counter[int] = Counter()
        self.door = asyncio.Lock()
        self.taking = False
        """Whether its source is at work."""
        self.left_behind = asyncio.Event()
        """Set when something may wait for a destination that has left the channel."""
        self.work = asyncio.Event()
        """Set when a message was left for the worker."""
        shift.works(recipe.name, self.work)

    # the pure middle, made safe

    def opened(self, message: Message, recipe: Recipe) -> Opened:
        """The message read as far as can be without asking; an exception that is no fault holds it as our own bug."""
        began = time.perf_counter()
        try:
            return pipeline.open_message(message, recipe)
        except Exception as error:
            return Opened(message, result=_held(own_bug(error, "reading a message", message.id)))
        finally:
            self.shift.meter.read(self.recipe.name, time.perf_counter() - began)

    def result(self, opened: Opened, recipe: Recipe, context: Mapping[str, Any]) -> Result:
        """The message's result by the recipe that it was opened by; likewise."""
        began = time.perf_counter()
        try:
            return pipeline.process(opened, recipe, context)
        except Exception as error:
            return _held(own_bug(error, "processing a message", opened.message.id))
        finally:
            self.shift.meter.processed(self.recipe.name, time.perf_counter() - began)

    # results on their way to the store and back

    def done(
        self, message: Message, lane: int, place: tuple[int, int], result: Result, recipe: Recipe, context: Mapping[str, Any]
    ) -> Done:
        """Make a result ready to be written; a hand is kept for each delivery that has one free."""
        hands = tuple(self._hand(o) for o in result.owed)
        owed = tuple(_new(o, recipe, hand) for o, hand in zip(result.owed, hands, strict=True))
        processed = Processed(result.state, recipe.digest, result.reason, result.faults, result.warnings, owed, context)
        return Done(message, lane, *place, result, processed, hands)

    def _hand(self, owed: Owed) -> Outlet | None:
        outlet = None if owed.faults else self.outlets.get(owed.destination)
        return outlet if outlet and outlet.take_hand() else None

    def written(self, dones: Iterable[Done], claimed: Iterable[Claimed]) -> None:
        """The results are durable: start what is `sending`, tell who waits."""
        started = {(c.sequence, c.destination, c.part): c for c in claimed}
        for done in dones:
            sequence = done.message.sequence
            debts = [(o.destination, o.part) for o in done.result.owed]
            self.shift.message_is(sequence, self.recipe.name, done.fate, debts)
            for owed, hand in zip(done.result.owed, done.hands, strict=True):
                self._hand_over(done.message, owed, hand, started.get((sequence, owed.destination, owed.part)))

    def _hand_over(self, message: Message, owed: Owed, hand: Outlet | None, claimed: Claimed | None) -> None:
        if claimed is not None:
            assert hand is not None, "only what has a hand is born sending"
            hand.begin(claimed, Ready(owed.payload, owed.tree))
            return
        if hand is not None:
            hand.give_back()
        place = (self.recipe.name, owed.destination, owed.part)
        state = "refused" if owed.faults else "waiting"
        self.shift.delivery_is(message.sequence, message.id, place, state, owed.faults)
        if owed.faults:
            return
        if outlet := self.outlets.get(owed.destination):
            outlet.nudge()
        else:
            self.left_behind.set()

    def not_written(self, dones: Iterable[Done]) -> None:
        """Nothing of it was kept: no hand is needed."""
        for done in dones:
            for hand in done.hands:
                if hand is not None:
                    hand.give_back()

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


def _new(owed: Owed, recipe: Recipe, hand: Outlet | None) -> NewDelivery:
    return NewDelivery(
        owed.destination,
        owed.part,
        owed.payload,
        owed.media_type,
        owed.names,
        owed.faults,
        stops=recipe.destinations[owed.destination].common.after_refused == "stop",
        send_now=hand is not None,
    )


def _held(fault: Fault) -> Result:
    return Result("held", "a bug in interpres stopped it", (fault,))
