"""Attempt: one try to send a delivery, and the states that its outcome leads through."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final

from interpres.channel import DestinationRecipe
from interpres.delivery import DeliveryState, Outcome, Parcel, idempotency_key
from interpres.destination import Destination
from interpres.document import MISSING
from interpres.engine.own_bug import own_bug
from interpres.engine.rest import Rest
from interpres.engine.shift import Shift
from interpres.fault import Fault, Faults, TryAgain
from interpres.retry import Retry
from interpres.store.changes import Remembered, Settled
from interpres.store.records import Claimed
from interpres.store.store import CannotStore

LONGEST_SEND_SECONDS: Final = 900.0
"""A destination has limits of its own; this one is for a destination that forgot."""

DAMAGED: Final = "E124"
"""What the store says of a payload that is not what it was: a person's affair, not the peer's refusal."""

NO_ANSWER: Final = "E128"
"""What it says where its disk gives no answer just now: that passes, or somebody mends the disk, and nobody need do more."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A payload that is at hand: a delivery just made need not read it back. `tree` is what the payload was written from."""

    payload: bytes
    tree: Any = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one try ended. `sick`: the peer did not answer, or asked for time; `says` is then why.

    `began_ms` is steady time, `at_ms` wall time.
    """

    outcome: Outcome
    began_ms: int
    at_ms: int
    says: str = ""
    sick: bool = False

    @property
    def answered(self) -> bool:
        """Whether this shows that the peer lives: it took the delivery, or said something of its own about it."""
        return not self.sick and (self.outcome.state == "delivered" or bool(self.outcome.status))


class Attempts:
    """Makes the attempts of one destination of one channel."""

    def __init__(self, shift: Shift, channel: str, recipe: DestinationRecipe, part: Destination, rest: Rest) -> None:
        self.shift = shift
        self.channel = channel
        self.part = part
        self.rest = rest
        self.memory = recipe.memory
        self.retry = Retry(recipe.common.attempts, recipe.common.for_at_most)

    async def make(self, claimed: Claimed, ready: Ready | None) -> Attempt:
        """Send the delivery once; whatever happens is an outcome."""
        try:
            payload = ready.payload if ready else await self.shift.store.payload(claimed.delivery)
        except Exception as error:
            return self.ended(error, self._now(), claimed.message_id)
        tree = ready.tree if ready else None
        return await self.send(Parcel(key_of(claimed), payload, claimed.media_type, tree, self.names(claimed), claimed.tries))

    async def send(self, parcel: Parcel) -> Attempt:
        """Send this once; whatever happens is an outcome."""
        began = self._now()
        try:
            async with asyncio.timeout(LONGEST_SEND_SECONDS):
                outcome = await self.part.send(parcel)
        except Exception as error:
            return self.ended(error, began, parcel.names.get("message_id", ""))
        return Attempt(outcome, *began, sick=outcome.state in ("waiting", "uncertain"))

    def _now(self) -> tuple[int, int]:
        return self.shift.clock.steady_ms(), self.shift.clock.wall_ms()

    def ended(self, error: Exception, began: tuple[int, int], message_id: str) -> Attempt:
        """What an exception means: a sick peer's passes, a fault refuses the delivery, anything else is our own bug."""
        match error:
            case CannotStore():
                return Attempt(Outcome("waiting"), *began, error.fault.says)
            case TryAgain():
                outcome = Outcome("uncertain" if error.uncertain else "waiting", after_seconds=error.after_seconds)
                return Attempt(outcome, *began, error.says, sick=True)
            case TimeoutError():
                return Attempt(Outcome("uncertain"), *began, "the destination did not come back", sick=True)
            case Fault() if error.code == NO_ANSWER:
                return Attempt(Outcome("waiting"), *began, error.says)
            case Fault():
                return Attempt(Outcome("held" if error.code == DAMAGED else "refused", faults=(error,)), *began)
            case Faults():
                return Attempt(Outcome("refused", faults=error.faults), *began)
        fault = own_bug(error, "sending a delivery", message_id)
        return Attempt(Outcome("held", faults=(fault,)), *began)

    def names(self, claimed: Claimed) -> dict[str, str]:
        """What names and headers of a parcel, and formulas of `remember`, may be made of."""
        return {
            **claimed.names,
            "message_id": claimed.message_id,
            "channel": self.channel,
            "destination": claimed.destination,
            "run": str(claimed.run),
            "part": str(claimed.part),
        }

    def settled(self, claimed: Claimed, attempt: Attempt) -> Settled:
        """How the store is told of it."""
        outcome = attempt.outcome
        now_ms = self.shift.clock.steady_ms()
        states, faults = self._course(claimed, attempt, now_ms)
        remembered, warnings = self._remembered(claimed, outcome)
        wait = self.retry.wait_seconds(claimed.tries - claimed.spent, self.shift.chance(), outcome.after_seconds)
        return Settled(
            claimed.delivery,
            claimed.tries,
            states,
            attempt.at_ms,
            now_ms - attempt.began_ms,
            due_ms=now_ms + int(wait * 1000) if states[-1] == "waiting" else 0,
            status=outcome.status,
            says=attempt.says,
            answer=None if outcome.answer is MISSING else outcome.answer,
            faults=(*faults, *warnings),
            remembered=remembered,
        )

    def _remembered(self, claimed: Claimed, outcome: Outcome) -> tuple[tuple[Remembered, ...], tuple[Fault, ...]]:
        """What is kept of the answer with the outcome; where that cannot be had the delivery is delivered all the same."""
        if self.memory is None or outcome.state != "delivered":
            return (), ()
        answer = MISSING if outcome.answer is None else outcome.answer
        try:
            key, value = self.memory.worked(answer, self.names(claimed))
        except Fault as wrong:
            return (), (wrong.but(level="warning").within(at=self.memory.at),)
        except Exception as error:
            return (), (own_bug(error, "working out what to remember", claimed.message_id).but(level="warning"),)
        return (Remembered(self.memory.collection, key, value),), ()

    def _course(self, claimed: Claimed, attempt: Attempt, now_ms: int) -> tuple[tuple[DeliveryState, ...], tuple[Fault, ...]]:
        """The states that an outcome leads through: what may be tried again is, until its limits are reached."""
        outcome, says = attempt.outcome, attempt.says
        faults: tuple[Fault, ...] = tuple(outcome.faults)
        age_seconds = (now_ms - claimed.born_ms) / 1000
        # Age counts only against a delivery that fails by itself: behind a peer that is away for all, each has its turn first.
        counted_seconds = age_seconds if self.rest.blames(claimed.delivery) else 0.0
        over = self.retry.is_over(claimed.tries - claimed.spent, counted_seconds)
        if outcome.state == "waiting":
            return (("dead",), (*faults, _given_up(claimed.tries, age_seconds, says))) if over else (("waiting",), faults)
        if outcome.state == "uncertain":
            if self.part.honours_keys and not over:
                return ("uncertain", "waiting"), faults
            return ("uncertain", "held"), (*faults, _uncertain(says))
        return (outcome.state,), faults


def key_of(claimed: Claimed) -> str:
    """The delivery's own idempotency key."""
    return idempotency_key(claimed.message_id, claimed.run, claimed.destination, claimed.part)


def _given_up(tries: int, age_seconds: float, says: str) -> Fault:
    last = f"; the last time {says}" if says else ""
    hint = "see why the destination was away; once it is well, send it again"
    times = "once" if tries == 1 else f"{tries} times"
    return Fault("N301", f"it was tried {times} within {age_seconds / 60:.0f} minutes and given up{last}", hint)


def _uncertain(says: str) -> Fault:
    why = f" ({says})" if says else ""
    hint = "ask the other side whether it came: if so mark it delivered, if not release it to be sent again"
    return Fault("N302", f"nobody can know whether the destination acted on it{why}", hint)
