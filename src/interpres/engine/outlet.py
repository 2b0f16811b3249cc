"""Outlet: delivers to one destination: as many at once as it has hands, one at a time in each lane."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from interpres.channel import DestinationRecipe
from interpres.delivery import DeliveryState, Outcome, Parcel, idempotency_key
from interpres.destination import Destination
from interpres.document import MISSING
from interpres.engine.own_bug import own_bug
from interpres.engine.shift import AGAIN_SECONDS, Shift, log
from interpres.fault import Fault, Faults, TryAgain
from interpres.retry import Retry
from interpres.store.changes import Claim, Settled
from interpres.store.records import Claimed, Claims
from interpres.store.store import CannotStore

HANDS: Final = 64
"""How many deliveries of one destination are under way at once."""

LONGEST_SEND_SECONDS: Final = 900.0
"""A destination has limits of its own; this one is for a destination that forgot."""

UNREADABLE: Final = frozenset({"E124", "E128"})
"""What the store says of a payload that it cannot give: a person's affair, not the peer's refusal."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A payload that is at hand: a delivery just made need not read it back. `tree` is what the payload was written from."""

    payload: bytes
    tree: Any = None


class Outlet:
    """One destination of one channel while the engine runs."""

    def __init__(self, shift: Shift, channel: str, recipe: DestinationRecipe, part: Destination) -> None:
        self.shift = shift
        self.channel = channel
        self.recipe = recipe
        self.part = part
        self.retry = Retry(recipe.common.attempts, recipe.common.for_at_most)
        self.free = HANDS
        self.under_way: set[int] = set()
        self._hands: set[asyncio.Task[None]] = set()
        self._claiming = asyncio.Lock()
        self._wake = asyncio.Event()

    # hands

    def take_hand(self) -> bool:
        """Keep a hand for a delivery that may be born `sending`."""
        if self.free and not self.shift.stopping.is_set():
            self.free -= 1
            return True
        return False

    def give_back(self) -> None:
        """A hand that was kept for nothing."""
        self.free += 1

    def nudge(self) -> None:
        """Something may be due."""
        self._wake.set()

    def begin(self, claimed: Claimed, ready: Ready | None = None) -> None:
        """A hand that was taken starts on a delivery that is `sending`, and goes on with whatever is due after it."""
        self.under_way.add(claimed.delivery)
        hand = asyncio.create_task(self._deliver(claimed, ready))
        self._hands.add(hand)
        hand.add_done_callback(self._hands.discard)

    @property
    def busy(self) -> bool:
        """Whether any hand is at work."""
        return self.free < HANDS

    @property
    def standing(self) -> str:
        """`up`, or why nothing is sent there just now."""
        return "up"

    async def run(self) -> None:
        """Claim what is due whenever hands are free, until the engine stops."""
        while not self.shift.stopping.is_set():
            async with self._claiming:
                seconds = await self._claim_due()
            await self.shift.pause(self._wake, seconds)

    async def finish(self, seconds: float) -> None:
        """After the stop: let hands end what they are at, for so long; what is not done by then is left `sending`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._claiming:
                pass  # what was being claimed has its hand now
        if self._hands:
            await asyncio.wait(self._hands, timeout=seconds)
        for hand in self._hands:
            log.warning("a delivery was cut off", channel=self.channel, destination=self.recipe.name)
            hand.cancel()

    async def _claim_due(self) -> float | None:
        """Seconds until it is worth another look; None until somebody nudges."""
        hands = -(-self.free // 2)  # the others stay free for deliveries that are born meanwhile
        if not hands:
            return None
        self.free -= hands
        claims = Claims()
        try:
            claims = await asyncio.shield(self.shift.store.claim(self._claim(hands)))
        except CannotStore as refused:
            self.shift.trouble(refused)
            return AGAIN_SECONDS
        finally:
            self.free += hands - len(claims.claimed)
        for claimed in claims.claimed:
            self.begin(claimed)
        if len(claims.claimed) == hands:
            self.nudge()
        return self._seconds_until(claims.next_due_ms)

    def _claim(self, limit: int) -> Claim:
        return Claim(self.channel, self.recipe.name, self.shift.clock.steady_ms(), limit)

    def _seconds_until(self, due_ms: int | None) -> float | None:
        if due_ms is None or not self.free:
            return None
        return max(0.0, (due_ms - self.shift.clock.steady_ms()) / 1000)

    # one delivery after the other

    async def _deliver(self, claimed: Claimed, ready: Ready | None) -> None:
        try:
            following: Claimed | None = claimed
            while following is not None:
                settled = await self._attempt(following, ready)
                following = await self._settle(following, settled)
                ready = None
        finally:
            self.free += 1

    async def _settle(self, claimed: Claimed, settled: Settled) -> Claimed | None:
        """Write the outcome and claim what is due next, in one transaction."""
        settled, claims = await self._written(claimed, settled)
        self.under_way.discard(claimed.delivery)
        place = (self.channel, claimed.destination, claimed.part)
        state = settled.states[-1]
        took_seconds = settled.took_ms / 1000
        self.shift.meter.attempted(self.channel, claimed.destination, claimed.message_id, state, settled.tries, took_seconds)
        self.shift.delivery_is(claimed.sequence, claimed.message_id, place, state, settled.faults, settled.tries)
        following = claims.claimed[0] if claims.claimed else None
        if following is not None:
            self.under_way.add(following.delivery)
        elif claims.next_due_ms is not None:
            self.nudge()
        return following

    async def _written(self, claimed: Claimed, settled: Settled) -> tuple[Settled, Claims]:
        """What was written in the end: an outcome that cannot be kept as it is holds the delivery as our own bug."""
        limit = 0 if self.shift.stopping.is_set() else 1
        try:
            return settled, await self.shift.kept(lambda: self.shift.store.settle(settled, self._claim(limit)))
        except Exception as error:
            fault = own_bug(error, "keeping the outcome of a delivery", claimed.message_id)
            held = replace(settled, states=("held",), answer=None, faults=(fault,), remembered=(), due_ms=0)
            return held, await self.shift.kept(lambda: self.shift.store.settle(held, self._claim(limit)))

    async def _attempt(self, claimed: Claimed, ready: Ready | None) -> Settled:
        began_ms = self.shift.clock.steady_ms()
        at_ms = self.shift.clock.wall_ms()
        try:
            payload = ready.payload if ready else await self.shift.store.payload(claimed.delivery)
            parcel = self._parcel(claimed, payload, ready.tree if ready else None)
            async with asyncio.timeout(LONGEST_SEND_SECONDS):
                outcome = await self.part.send(parcel)
        except TryAgain as sick:
            state: Any = "uncertain" if sick.uncertain else "waiting"
            outcome = Outcome(state, after_seconds=sick.after_seconds)
            return self._settled(claimed, outcome, began_ms, at_ms, sick.says)
        except CannotStore as refused:
            return self._settled(claimed, Outcome("waiting"), began_ms, at_ms, refused.fault.says)
        except TimeoutError:
            outcome = Outcome("uncertain")
            return self._settled(claimed, outcome, began_ms, at_ms, "the destination did not come back")
        except Fault as wrong:
            outcome = Outcome("held" if wrong.code in UNREADABLE else "refused", faults=(wrong,))
        except Faults as wrong:
            outcome = Outcome("refused", faults=wrong.faults)
        except Exception as error:
            outcome = Outcome("held", faults=(own_bug(error, "sending a delivery", claimed.message_id),))
        return self._settled(claimed, outcome, began_ms, at_ms)

    def _parcel(self, claimed: Claimed, payload: bytes, tree: Any) -> Parcel:
        key = idempotency_key(claimed.message_id, claimed.run, claimed.destination, claimed.part)
        names = {
            **claimed.names,
            "message_id": claimed.message_id,
            "channel": self.channel,
            "destination": claimed.destination,
            "run": str(claimed.run),
            "part": str(claimed.part),
        }
        return Parcel(key, payload, claimed.media_type, tree, names, claimed.tries)

    def _settled(self, claimed: Claimed, outcome: Outcome, began_ms: int, at_ms: int, says: str = "") -> Settled:
        now_ms = self.shift.clock.steady_ms()
        states, faults = self._course(claimed, outcome, now_ms, says)
        wait = self.retry.wait_seconds(claimed.tries, self.shift.chance(), outcome.after_seconds)
        return Settled(
            claimed.delivery,
            claimed.tries,
            states,
            at_ms,
            now_ms - began_ms,
            due_ms=now_ms + int(wait * 1000) if states[-1] == "waiting" else 0,
            status=outcome.status,
            says=says,
            answer=None if outcome.answer is MISSING else outcome.answer,
            faults=faults,
        )

    def _course(
        self, claimed: Claimed, outcome: Outcome, now_ms: int, says: str
    ) -> tuple[tuple[DeliveryState, ...], tuple[Fault, ...]]:
        """The states that an outcome leads through: what may be tried again is, until its limits are reached."""
        faults: tuple[Fault, ...] = tuple(outcome.faults)
        age_seconds = (now_ms - claimed.born_ms) / 1000
        over = self.retry.is_over(claimed.tries, age_seconds)
        if outcome.state == "waiting":
            return (("dead",), (*faults, _given_up(claimed.tries, age_seconds, says))) if over else (("waiting",), faults)
        if outcome.state == "uncertain":
            if self.part.honours_keys and not over:
                return ("uncertain", "waiting"), faults
            return ("uncertain", "held"), (*faults, _uncertain(says))
        return (outcome.state,), faults


def _given_up(tries: int, age_seconds: float, says: str) -> Fault:
    last = f"; the last time {says}" if says else ""
    hint = "see why the destination was away; once it is well, send it again"
    times = "once" if tries == 1 else f"{tries} times"
    return Fault("N301", f"it was tried {times} within {age_seconds / 60:.0f} minutes and given up{last}", hint)


def _uncertain(says: str) -> Fault:
    why = f" ({says})" if says else ""
    hint = "ask the other side whether it came: if so mark it delivered, if not release it to be sent again"
    return Fault("N302", f"nobody can know whether the destination acted on it{why}", hint)
