"""Enrich: the only asking between arrival and mapping, of systems and of what was remembered; answers may be kept for others."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from interpres.document import MISSING
from interpres.engine.away import Away, Systems
from interpres.engine.shift import Shift
from interpres.fault import Fault, Faults
from interpres.memory import key_text
from interpres.pipeline import Opened, Question, Result
from interpres.store.changes import Awaits

MOST_KEPT: Final = 10_000
"""How many answers are kept at once; the one used longest ago goes first."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a message's questions: the `context` by name, or the `result` where an answer decides it.

    What `awaits` keys is held until one of them is remembered.
    """

    context: Mapping[str, Any] = field(default_factory=dict)
    result: Result | None = None
    awaits: tuple[Awaits, ...] = ()


class Answers:
    """Asks the questions of messages; in memory it keeps answers that may serve others."""

    def __init__(self, shift: Shift) -> None:
        self._shift = shift
        self.systems = Systems(shift)
        """How the systems stand that are asked: one that is away is left alone, by all messages."""
        self._kept: OrderedDict[bytes, tuple[int, Any]] = OrderedDict()

    async def to(self, opened: Opened) -> Asked:
        """What came of the message's questions, asked side by side. Raises `Away` for a system that is sick or rests."""
        questions = opened.questions
        found = await asyncio.gather(*(self._answer(q, opened) for q in questions), return_exceptions=True)
        for answer in found:
            if isinstance(answer, BaseException) and not isinstance(answer, Fault | Faults):
                raise answer
        context: dict[str, Any] = {}
        missing: list[Question] = []
        for question, answer in zip(questions, found, strict=True):
            if answer is MISSING and question.recall and question.when_missing == "hold":
                missing.append(question)
            elif (result := _decided(question, answer, opened)) is not None:
                return Asked(result=result)
            elif answer is not MISSING:
                context[question.name] = answer
        return self._waiting(missing, opened) if missing else Asked(context)

    def _waiting(self, missing: list[Question], opened: Opened) -> Asked:
        """Held until what it is to be joined with is remembered."""
        now_ms = self._shift.clock.steady_ms()
        awaits = tuple(Awaits(q.recall, _key(q), now_ms + int(q.for_at_most_seconds * 1000)) for q in missing)
        collections = ", ".join(dict.fromkeys(q.recall for q in missing))
        hint = "it goes on by itself once a destination has remembered it; release it to look again now"
        fault = Fault("N309", f"it waits for its key to be remembered in {collections}", hint)
        return Asked(result=Result("held", f"waits for {collections}", (fault,), opened.warnings), awaits=awaits)

    async def _answer(self, question: Question, opened: Opened) -> Any:
        if question.recall:
            value = await self._shift.store.remembered(question.recall, _key(question))
            return MISSING if value is None else question.kept(value)
        key = msgspec.json.encode([question.name, question.call, dict(question.parameters)], order="sorted")
        kept = self._kept.get(key)
        if kept is not None and kept[0] > self._shift.clock.steady_ms():
            self._kept.move_to_end(key)
            return kept[1]
        answer = await self._ask(question, opened)
        if question.keep_for_seconds > 0 and not isinstance(answer, _Failed):
            self._kept[key] = (self._shift.clock.steady_ms() + int(question.keep_for_seconds * 1000), answer)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return answer

    async def _ask(self, question: Question, opened: Opened) -> Any:
        calls = self._shift.calls
        assert calls is not None, "a channel that asks needs systems to call"
        message = opened.message
        async with self.systems.asking(question.call.partition("/")[0], message.channel, message.sequence):
            answer = await calls.call(question.call, question.parameters)
        if answer.state == "missing":
            return MISSING
        if answer.state != "delivered":
            return _Failed(answer.faults)
        return MISSING if answer.tree is MISSING else question.kept(answer.tree)


class _Failed:
    """An answer that is no answer."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults


def _key(question: Question) -> str:
    """What a recall looks under; a message without a value for it does not come so far."""
    return key_text(question.parameters["key"]) or ""


def _decided(question: Question, answer: Any, opened: Opened) -> Result | None:
    """The message's result, where this answer to a question decides it."""
    if isinstance(answer, Fault | Faults):
        faults = answer.faults if isinstance(answer, Faults) else (answer,)
        return _result(question.when_failed, f"{question.asked} could not be asked", faults, opened)
    if isinstance(answer, _Failed):
        return _result(question.when_failed, f"{question.asked} did not answer as it should", answer.faults, opened)
    if answer is MISSING and question.when_missing != "continue":
        return _result(question.when_missing, f"{question.asked} knows no such thing", (_missing(question),), opened)
    return None


def _missing(question: Question) -> Fault:
    hint = f"see what the message asks for, or let it go on without an answer (when_missing: continue at {question.name})"
    return Fault("N306", f"{question.asked} has no answer for this message", hint)


def _result(what: str, reason: str, faults: tuple[Fault, ...], opened: Opened) -> Result:
    return Result("held" if what == "hold" else "rejected", reason, faults, opened.warnings)


__all__ = ["Answers", "Asked", "Away"]
