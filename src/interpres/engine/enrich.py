"""Enrich: the only asking between arrival and mapping; answers are kept for as long as the channel says."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from interpres.clock import Clock
from interpres.document import MISSING
from interpres.engine.shift import Calls
from interpres.fault import Fault, Faults
from interpres.pipeline import Opened, Question, Result

MOST_KEPT: Final = 10_000
"""How many answers are kept at once; the one used longest ago goes first."""


class Answers:
    """Asks the questions of messages; in memory it keeps answers that may serve others."""

    def __init__(self, calls: Calls | None, clock: Clock) -> None:
        self._calls = calls
        self._clock = clock
        self._kept: OrderedDict[bytes, tuple[int, Any]] = OrderedDict()

    async def to(self, opened: Opened) -> dict[str, Any] | Result:
        """The context by name, or the result where an answer decides it. Raises `TryAgain` for a sick peer."""
        context: dict[str, Any] = {}
        for question in opened.questions:
            try:
                answer = await self._answer(question)
            except (Fault, Faults) as wrong:
                faults = wrong.faults if isinstance(wrong, Faults) else (wrong,)
                return _decided(question.when_failed, f"{question.call} could not be asked", faults, opened)
            if isinstance(answer, _Failed):
                return _decided(question.when_failed, f"{question.call} did not answer as it should", answer.faults, opened)
            if answer is not MISSING:
                context[question.name] = answer
            elif question.when_missing != "continue":
                return _decided(question.when_missing, f"{question.call} knows no such thing", (_missing(question),), opened)
        return context

    async def _answer(self, question: Question) -> Any:
        key = msgspec.json.encode([question.name, question.call, dict(question.parameters)], order="sorted")
        now_ms = self._clock.steady_ms()
        kept = self._kept.get(key)
        if kept is not None and kept[0] > now_ms:
            self._kept.move_to_end(key)
            return kept[1]
        answer = await self._ask(question)
        if question.keep_for_seconds > 0 and not isinstance(answer, _Failed):
            self._kept[key] = (now_ms + int(question.keep_for_seconds * 1000), answer)
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return answer

    async def _ask(self, question: Question) -> Any:
        assert self._calls is not None, "a channel that asks needs systems to call"
        answer = await self._calls.call(question.call, question.parameters)
        if answer.state == "missing":
            return MISSING
        if answer.state != "delivered":
            return _Failed(answer.faults)
        return MISSING if answer.tree is MISSING else question.kept(answer.tree)


class _Failed:
    """An answer that is no answer."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.faults = faults


def _missing(question: Question) -> Fault:
    hint = f"see what the message asks for, or let it go on without an answer (when_missing: continue at {question.name})"
    return Fault("N306", f"{question.call} has no answer for this message", hint)


def _decided(what: str, reason: str, faults: tuple[Fault, ...], opened: Opened) -> Result:
    return Result("held" if what == "hold" else "rejected", reason, faults, opened.warnings)


def context_of(answers: Mapping[str, Any] | Result) -> Mapping[str, Any]:
    """What is stored with the message: nothing where there were no answers."""
    return {} if isinstance(answers, Result) else answers
