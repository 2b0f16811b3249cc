"""Planner: makes messages of an intake, and as much of their results as can be had at once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from interpres.clock import iso_time
from interpres.engine.own_bug import own_bug
from interpres.engine.road import Done, Road, placed
from interpres.fault import Fault
from interpres.message import Intake, Message
from interpres.pipeline import Opened, Result
from interpres.source import Fate
from interpres.store.changes import NewMessage
from interpres.store.fingerprint import lane_number

T = TypeVar("T")

AT_ONCE: Final = 256
"""An intake of at most so many messages is processed before it is stored, in one transaction; a larger one after."""

BREATH: Final = 32
"""After so many messages others get a turn."""

LARGE_BYTES: Final = 1024 * 1024
"""A larger intake is hashed and split on a thread of its own."""


@dataclass(slots=True)
class Plan:
    """An intake on its way into the store."""

    at_ms: int
    body: bytes
    head: bytes
    warnings: tuple[Fault, ...] = ()
    """What is said of the message that is taken next, whatever it holds."""
    is_open: bool = True
    """False where the body is as it came, because it could not be opened: its format knows no places in it."""
    messages: list[NewMessage] = field(default_factory=list)
    dones: list[Done] = field(default_factory=list)
    left: list[tuple[int, int, Fate]] = field(default_factory=list)
    """Sequence, lane and fate of what is only received."""


class Planner:
    """One channel's. Who calls `plan` holds the channel's door: messages are numbered in the order of their intakes, and the
    recipe is the same from the first to the last."""

    def __init__(self, road: Road) -> None:
        self.road = road
        self.shift = road.shift
        self.store = road.shift.store

    async def plan(self, intake: Intake, warnings: tuple[Fault, ...]) -> Plan:
        """Number and open its messages; process those that need not be asked about and stand first in their lanes.

        What cannot be opened or split, or came in a damaged frame, is one message: rejected, its bytes kept as they came.
        """
        at_ms = self.shift.clock.wall_ms()
        body, decided = await self._unpacked(intake)
        if decided is not None:
            plan = Plan(at_ms, intake.body, b"", warnings, is_open=False)
            message = self._message(intake, self.store.reserve(1), at_ms, intake.body)
            self._take(plan, Opened(message, result=decided), (0, len(intake.body)), at_once=True)
            return plan
        format_ = self.road.recipe.format
        plan = Plan(at_ms, body, format_.head(body), warnings)
        slices, oddities = await off_the_loop(body, self._looked_through, body)
        first = self.store.reserve(len(slices))
        for number, (start, end) in enumerate(slices):
            if number % BREATH == BREATH - 1:
                await asyncio.sleep(0)
            data = body[start:end] if start < len(plan.head) else plan.head + body[start:end]
            opened = self.road.opened(self._message(intake, first + number, at_ms, data), self.road.recipe)
            plan.warnings = warnings if number else (*warnings, *oddities)
            self._take(plan, opened, (start, end), at_once=len(slices) <= AT_ONCE)
        return plan

    def _looked_through(self, body: bytes) -> tuple[list[tuple[int, int]], tuple[Fault, ...]]:
        """Where its messages begin and end, and what is odd about it as a whole."""
        format_ = self.road.recipe.format
        return list(format_.split(body)) or [(0, len(body))], tuple(format_.oddities(body))

    async def _unpacked(self, intake: Intake) -> tuple[bytes, Result | None]:
        """What is split, and the result of the whole where that is clear already."""
        if intake.faults:
            return intake.body, Result("rejected", "its frame was damaged", intake.faults)
        try:
            return await off_the_loop(intake.body, self.road.recipe.format.unpack, intake.body), None
        except Fault as closed:
            return intake.body, Result("rejected", "it could not be opened", (closed,))
        except Exception as error:
            fault = own_bug(error, "opening what arrived")
            return intake.body, Result("held", "a bug in interpres stopped it", (fault,))

    def _message(self, intake: Intake, sequence: int, at_ms: int, body: bytes) -> Message:
        id_ = self.store.message_id(at_ms, sequence)
        return Message(id_, sequence, self.road.recipe.name, iso_time(at_ms), body, intake.envelope)

    def _take(self, plan: Plan, opened: Opened, place: tuple[int, int], *, at_once: bool) -> None:
        """Process it now, where nothing is to be asked and no earlier message of its lane is open; else leave it received."""
        sequence = opened.message.sequence
        lane = lane_number(self.road.recipe.name, opened.lane, sequence)
        first = not self.road.open_lanes[lane]
        done = None
        if first and not opened.questions and (at_once or opened.result is not None):
            done = self._done(plan, opened, lane, place)
            plan.dones.append(done)
        else:
            plan.left.append((sequence, lane, Fate(opened.message.id, "received", (), *place)))
        if done is None or done.result.state == "held":
            self.road.open_lanes[lane] += 1
        plan.messages.append(
            NewMessage(
                sequence,
                place[0],
                place[1] - place[0],
                digest_of(opened.message.body),
                lane,
                opened.keys,
                plan.warnings,
                done.processed if done else None,
            )
        )

    def _done(self, plan: Plan, opened: Opened, lane: int, place: tuple[int, int]) -> Done:
        result = self.road.result(opened, self.road.recipe, {})
        if plan.is_open and (result.faults or result.warnings):
            result = placed(result, partial(self.road.recipe.format.placed, body=plan.body, start=place[0]))
        return self.road.done(opened.message, lane, place, result, self.road.recipe, {})


def digest_of(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


async def off_the_loop(body: bytes, work: Callable[..., T], *values: object) -> T:
    """Do this on a thread of its own where the body is large, so that others are served meanwhile."""
    if len(body) < LARGE_BYTES:
        return work(*values)
    return await asyncio.to_thread(work, *values)
