"""Work: messages that were received and not yet processed: asks what is to be asked, processes, writes the results."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from interpres.channel import Recipe
from interpres.engine.enrich import Answers, Asked, Away
from interpres.engine.own_bug import own_bug
from interpres.engine.recover import gone
from interpres.engine.road import Done, Road, placed
from interpres.engine.shift import AGAIN_SECONDS, log
from interpres.fault import Fault
from interpres.message import Message
from interpres.pipeline import Opened, Result
from interpres.retry import Retry
from interpres.store.changes import Awaits, Postponed, Worked
from interpres.store.records import Head, Job
from interpres.store.store import CannotStore

LANES_AT_ONCE: Final = 16
MESSAGES_AT_ONCE: Final = 64
"""How many messages of one lane are processed before their results are written together."""


@dataclass(frozen=True, slots=True)
class _PutOff:
    """A message that stays received for now."""

    head: Head
    message_id: str
    sick: Away


@dataclass(frozen=True, slots=True)
class _Finished:
    """A message with its result and the recipe that made it; `place` is its slice of the intake."""

    message: Message
    place: tuple[int, int]
    result: Result
    recipe: Recipe
    context: Mapping[str, Any]
    keys: Mapping[str, str] | None = None
    """What it is found by from now on, where it was edited."""
    awaits: tuple[Awaits, ...] = ()
    """What it is held for, until one of these keys is remembered."""


class Worker:
    """One channel's: lanes run side by side, the messages of a lane one after the other in order of arrival."""

    def __init__(self, road: Road, answers: Answers) -> None:
        self.road = road
        self.shift = road.shift
        self.store = road.shift.store
        self.answers = answers
        self.retry = Retry()
        self.leaving = False
        self._lanes: dict[int, asyncio.Task[None]] = {}
        self._intake = (0, b"")

    @property
    def busy(self) -> bool:
        """Whether any lane is at work."""
        return bool(self._lanes)

    async def run(self) -> None:
        """Take up heads of lanes as they come due, until the engine stops or the channel leaves it."""
        if self.road.recipe.enrich:
            # What slept for the sake of a system that was away may ask: nobody knows any more how that system is.
            await self.shift.kept(lambda: self.store.wake(self.road.recipe.name, self.shift.clock.steady_ms()))
        while not (self.leaving or self.shift.stopping.is_set()):
            seconds = await self._take_up()
            await self.shift.pause(self.road.work, seconds)

    def leave(self) -> None:
        """Take up nothing more."""
        self.leaving = True
        self.road.work.set()

    async def finish(self, seconds: float) -> None:
        """After that: let lanes end what they are at; what is not processed by then stays received."""
        if self._lanes:
            await asyncio.wait(self._lanes.values(), timeout=seconds)
        for task in self._lanes.values():
            task.cancel()

    async def _take_up(self) -> float | None:
        """Seconds until it is worth another look; None until a lane ends or a message comes."""
        room = LANES_AT_ONCE - len(self._lanes)
        if not room:
            return None
        now_ms = self.shift.clock.steady_ms()
        heads, next_due_ms = await self.store.heads(self.road.recipe.name, now_ms, LANES_AT_ONCE + room)
        for head in [h for h in heads if h.lane not in self._lanes][:room]:
            task = asyncio.create_task(self._lane(head.lane))
            self._lanes[head.lane] = task
        return None if next_due_ms is None else max(0.0, (next_due_ms - now_ms) / 1000)

    async def _lane(self, lane: int) -> None:
        try:
            heads = await self.store.lane(self.road.recipe.name, lane, MESSAGES_AT_ONCE)
            finished: list[_Finished] = []
            put_off = None
            for head in heads:
                one = await self._one(head)
                if isinstance(one, _PutOff):
                    put_off = one
                    break
                finished.append(one)
                if one.result.state == "held":
                    break
            await self._write(lane, finished)
            if put_off is not None:
                await self._postpone(put_off)
        except CannotStore as refused:
            self.shift.trouble(refused)
            await self.shift.clock.sleep(AGAIN_SECONDS)
        except Exception as error:
            own_bug(error, "working on a lane")
            await self.shift.clock.sleep(AGAIN_SECONDS)
        finally:
            del self._lanes[lane]
            self.road.work.set()

    async def _one(self, head: Head) -> _Finished | _PutOff:
        try:
            job = await self.store.job(head.sequence)
        except Fault as damaged:
            if damaged.code != "E124":
                raise
            return await self._damaged(head, damaged)
        recipe = _recipe_for(job, self.road.recipe)  # a reload meanwhile changes nothing for this message
        message = job.message
        opened = self.road.opened(message, recipe)
        try:
            asked = await self._asked(job, opened)
        except Away as sick:
            age_seconds = (self.shift.clock.wall_ms() - head.born_ms) / 1000 if sick.alone else 0.0
            if not self.retry.is_over(head.tries + 1, age_seconds):
                return _PutOff(head, message.id, sick)
            faults = (_given_up(head, sick),)
            asked = Asked(result=Result("held", "what it asks for could not be had", faults, opened.warnings))
        except Exception as error:
            fault = own_bug(error, "asking what a message needs", message.id)
            asked = Asked(result=Result("held", "a bug in interpres stopped it", (fault,)))
        return await self._processed(job, opened, recipe, asked)

    async def _asked(self, job: Job, opened: Opened) -> Asked:
        if opened.result:
            return Asked()
        return Asked(job.context) if job.context is not None else await self.answers.to(opened)

    async def _processed(self, job: Job, opened: Opened, recipe: Recipe, asked: Asked) -> _Finished:
        result = asked.result or self._result(job, opened, recipe, asked)
        if (result.faults or result.warnings) and not job.edited:
            body = await self._intake_body(job.intake) if job.start else opened.message.body
            result = placed(result, partial(recipe.format.placed, body=body, start=job.start))
        keys = opened.keys if job.edited else None
        place = (job.start, job.start + job.size)
        return _Finished(opened.message, place, result, recipe, asked.context, keys, asked.awaits)

    def _result(self, job: Job, opened: Opened, recipe: Recipe, asked: Asked) -> Result:
        """What the message comes to by this run, which leaves as it is what was sent. Where a destination that it is for is gone
        nothing is made: what that was owed stays a problem, and is not taken for something that nobody wants any more."""
        if job.targets and not job.targets <= recipe.destinations.keys() and opened.result is None:
            return Result("rejected", "its destination is no longer in the channel", (gone(),), opened.warnings)
        result = self.road.result(opened, recipe, asked.context)
        if not job.without:
            return result
        return replace(result, owed=tuple(o for o in result.owed if (o.destination, o.part) not in job.without))

    async def _intake_body(self, intake: int) -> bytes:
        """The whole that a message came in, kept for the ones after it."""
        if self._intake[0] != intake:
            self._intake = (intake, await self.store.intake_body(intake))
        return self._intake[1]

    async def _damaged(self, head: Head, damaged: Fault) -> _Finished:
        (record,) = await self.store.records(head.sequence, 1)
        message = Message(record.id, head.sequence, record.channel, record.received_at, b"", record.envelope)
        result = Result("held", "its bytes were damaged in the store", (damaged,))
        return _Finished(message, (record.start, record.start + record.size), result, self.road.recipe, {})

    async def _write(self, lane: int, finished: list[_Finished]) -> None:
        if not finished:
            return
        dones = [self.road.done(f.message, lane, f.place, f.result, f.recipe, f.context) for f in finished]
        worked = [_worked(d, f) for d, f in zip(dones, finished, strict=True)]
        try:
            claimed = await asyncio.shield(self.store.process(worked))
        except BaseException:
            self.road.not_written(dones)
            raise
        for done in dones:
            if done.result.state != "held":
                self.road.close_lane(lane)
        self.road.written(dones, claimed)
        if any(f.awaits for f in finished):
            self.shift.awaiting.set()

    async def _postpone(self, put_off: _PutOff) -> None:
        head, sick = put_off.head, put_off.sick
        due_ms = sick.due_ms
        if due_ms is None:
            wait = self.retry.wait_seconds(head.tries + 1, self.shift.chance(), sick.after_seconds)
            due_ms = self.shift.clock.steady_ms() + int(wait * 1000)
            name = self.road.recipe.name
            facts = {"channel": name, "message_id": put_off.message_id, "tries": head.tries + 1, "says": sick.says}
            log.info("a message waits for what it asks", **facts)
        await asyncio.shield(self.store.postpone(Postponed(head.sequence, due_ms)))


def _worked(done: Done, finished: _Finished) -> Worked:
    processed = replace(done.processed, awaits=finished.awaits) if finished.awaits else done.processed
    return Worked(done.message.sequence, processed, finished.keys)


def _recipe_for(job: Job, recipe: Recipe) -> Recipe:
    """The recipe with the destinations only that a run is for."""
    if job.targets is None:
        return recipe
    return replace(recipe, destinations={n: d for n, d in recipe.destinations.items() if n in job.targets})


def _given_up(head: Head, sick: Away) -> Fault:
    hint = "see why the system was away; once it is well, release the message"
    return Fault("N305", f"what it asks for was tried {head.tries + 1} times and given up; the last time {sick.says}", hint)
