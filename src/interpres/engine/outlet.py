"""Outlet: delivers to one destination: as many at once as it has hands, one at a time in each lane."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final, Literal

from interpres.channel import DestinationRecipe
from interpres.destination import Destination
from interpres.engine.attempt import Attempt, Attempts, Ready
from interpres.engine.gather import Gather
from interpres.engine.own_bug import own_bug
from interpres.engine.rest import Rest
from interpres.engine.shift import AGAIN_SECONDS, Shift, log
from interpres.store.changes import Claim, Settled
from interpres.store.records import Claimed, Claims
from interpres.store.store import CannotStore, Fenced

HANDS: Final = 64
"""How many deliveries of one destination are under way at once."""

FAR_MS: Final = 1 << 52
"""A probe takes what is due first, whenever that is."""


class Outlet:
    """One destination of one channel while the engine runs."""

    def __init__(self, shift: Shift, channel: str, recipe: DestinationRecipe, part: Destination) -> None:
        self.shift = shift
        self.channel = channel
        self.recipe = recipe
        self.part = part
        self.rest = Rest(shift.clock, shift.chance, HANDS)
        self.attempts = Attempts(shift, channel, recipe, part, self.rest)
        batch = recipe.common.batch
        self.gather = Gather(self.attempts, batch, recipe.format) if batch else None
        self.free = HANDS
        self.under_way: set[tuple[int, int]] = set()
        self.paused = False
        self.leaving = False
        self._heir: Outlet | None = None
        self._probe: int | None = None
        self._hands: set[asyncio.Task[None]] = set()
        self._claiming = asyncio.Lock()
        self._wake = asyncio.Event()

    # how it stands

    @property
    def state(self) -> Literal["up", "resting", "paused"]:
        """`resting`: left alone but for probes (`rest` says since when, and when the next is); `paused`: somebody said so."""
        if self.paused:
            return "paused"
        return "resting" if self.rest.resting else "up"

    @property
    def busy(self) -> bool:
        """Whether any hand is at work."""
        return self.free < HANDS

    def next_ms(self, due_ms: int | None) -> int | None:
        """When the next attempt may be, where something waits that is due then; None: not before somebody does something."""
        if due_ms is None or self.paused:
            return None
        return self.rest.next_probe_ms if self.rest.resting else due_ms

    def pause(self) -> None:
        """Begin nothing more until `resume`: what is being sent ends, what is new waits."""
        if not self.paused:
            self.paused = True
            self._tell("a destination is paused")

    def resume(self) -> None:
        """Go on; a destination that rested rests again."""
        if self.paused:
            self.paused = False
            self._tell("a destination goes on")
            self.nudge()

    def go_by(self, recipe: DestinationRecipe) -> None:
        """A new recipe that sends as the one before did; what it remembers of answers may be worked out anew."""
        self.recipe = recipe
        self.attempts.memory = recipe.memory

    def leave(self, heir: Outlet | None) -> None:
        """Begin nothing more: what is being sent ends; the rest is the affair of another with other settings, or of nobody."""
        self.leaving, self._heir = True, heir
        if heir is not None:
            heir.paused = self.paused
        self._wake.set()

    def follow(self, heir: Outlet | None) -> None:
        """Another has taken the place of who came after this one, or has come where nobody had."""
        self._heir = heir

    @property
    def _still(self) -> bool:
        """Whether nothing more is begun, for whatever reason."""
        return self.paused or self.leaving or self.shift.stopping.is_set()

    def _tell(self, what: str, **more: object) -> None:
        log.warning(what, channel=self.channel, destination=self.recipe.name, **more)
        self.shift.destination_is(self.channel, self.recipe.name, self.state)

    # hands

    def take_hand(self) -> bool:
        """Keep a hand for a delivery that may be born `sending`."""
        if self.gather is None and not self._still and self._may_begin():
            self.free -= 1
            return True
        return False

    def _may_begin(self) -> int:
        """How many deliveries may begin, none of them as a probe."""
        return min(self.free, self.rest.allows(HANDS - self.free))

    def give_back(self) -> None:
        """A hand that was kept for nothing."""
        self.free += 1

    def nudge(self) -> None:
        """Something may be due."""
        (self._heir or self)._wake.set()

    def begin(self, claimed: Claimed, ready: Ready | None = None) -> None:
        """A hand that was taken starts on a delivery that is `sending`, and goes on with whatever is due after it."""
        self._begin((claimed,), ready)

    def _begin(self, load: Sequence[Claimed], ready: Ready | None = None) -> None:
        self.under_way.update((claimed.delivery, claimed.tries) for claimed in load)
        hand = asyncio.create_task(self._deliver(load, ready))
        self._hands.add(hand)
        hand.add_done_callback(self._hands.discard)

    async def run(self) -> None:
        """Claim what is due whenever hands are free, until the engine stops or this one leaves."""
        while not (self.leaving or self.shift.stopping.is_set()):
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

    # claiming

    async def _claim_due(self) -> float | None:
        """Seconds until it is worth another look; None until somebody nudges."""
        hands = self._hands_to_claim()
        if not hands:
            return self._seconds_until_probe()
        is_probe = self.rest.resting
        self.free -= hands
        loads: Sequence[Sequence[Claimed]] = ()
        try:
            claims = await asyncio.shield(self.shift.store.claim(self._claim(hands, anything=is_probe)))
            loads = self._loads(claims)
        except CannotStore as refused:
            self.shift.trouble(refused)
            return AGAIN_SECONDS
        finally:
            self.free += hands - len(loads)
        for load in loads:
            self._probe = load[0].delivery if is_probe else self._probe
            self._begin(load)
        if len(loads) == hands:
            self.nudge()
        return self._seconds_until(claims.next_due_ms)

    def _hands_to_claim(self) -> int:
        """Half of what may begin: the other half stays free for deliveries that are born meanwhile. To a resting peer one."""
        if self._still:
            return 0
        if self.rest.resting:
            return int(bool(self.free) and self._probe is None and self.rest.probe_in_seconds() == 0)
        return min(1, self._may_begin()) if self.gather else -(-self._may_begin() // 2)

    def _claim(self, hands: int, *, anything: bool = False) -> Claim:
        now_ms = FAR_MS if anything else self.shift.clock.steady_ms()
        if self.gather is None:
            return Claim(self.channel, self.recipe.name, now_ms, hands)
        batch = self.gather.batch
        return Claim(self.channel, self.recipe.name, now_ms, batch.count if hands else 0, True, int(batch.seconds * 1000))

    def _loads(self, claims: Claims) -> Sequence[Sequence[Claimed]]:
        """What each hand is given: one delivery, or all that go out together."""
        if self.gather is None:
            return [(claimed,) for claimed in claims.claimed]
        return [claims.claimed] if claims.claimed else []

    def _seconds_until_probe(self) -> float | None:
        waits = self.rest.resting and not self.paused and self._probe is None and self.free
        return self.rest.probe_in_seconds() if waits else None

    def _seconds_until(self, due_ms: int | None) -> float | None:
        if due_ms is None or not self._may_begin():
            return None if due_ms is None else self._seconds_until_probe()
        return max(0.0, (due_ms - self.shift.clock.steady_ms()) / 1000)

    # one delivery (or batch) after the other

    async def _deliver(self, load: Sequence[Claimed], ready: Ready | None) -> None:
        try:
            following = load
            while following:
                settled = await self._attempted(following, ready)
                self._probe_is_over(following)
                following = await self._settle(following, settled)
                ready = None
        finally:
            self._probe_is_over(load)
            self.free += 1

    async def _attempted(self, load: Sequence[Claimed], ready: Ready | None) -> Sequence[Settled]:
        if self.gather is not None:
            return await self.gather.make(load, self._note)
        (claimed,) = load
        attempt = await self.attempts.make(claimed, ready)
        self._note(claimed, attempt)
        return (self.attempts.settled(claimed, attempt),)

    def _note(self, claimed: Claimed, attempt: Attempt) -> None:
        """What the attempt says about the peer: it lives, or it is away."""
        if attempt.sick:
            is_probe = self._probe == claimed.delivery
            self.rest.says = attempt.says
            if self.rest.failed(claimed.delivery, attempt.outcome.after_seconds, probe=is_probe):
                seconds = round(self.rest.probe_in_seconds())
                self._tell("a destination rests", failures=self.rest.failures, says=attempt.says, next_probe_seconds=seconds)
        elif attempt.answered:
            rested_seconds = self.rest.answered()
            if rested_seconds is not None:
                self._tell("a destination is well again", rested_seconds=round(rested_seconds))
            if self.rest.growing:
                self.nudge()

    def _probe_is_over(self, load: Sequence[Claimed]) -> None:
        """Another may probe, unless the peer is well; soon, where this one told nothing about the peer."""
        if self._probe == load[0].delivery:
            self._probe = None
            self.rest.no_probe_at_once()
            self.nudge()

    async def _settle(self, load: Sequence[Claimed], settled: Sequence[Settled]) -> Sequence[Claimed]:
        """Write the outcome and claim what is due next, in one transaction."""
        settled, claims = await self._written(load, settled)
        self.under_way.difference_update((claimed.delivery, claimed.tries) for claimed in load)
        self.shift.wake(claims.woken)
        by_delivery = {one.delivery: one for one in settled}
        for claimed in (c for c in load if c.delivery in by_delivery):
            self._told(claimed, by_delivery[claimed.delivery])
        (following,) = self._loads(claims) or [()]
        self.under_way.update((claimed.delivery, claimed.tries) for claimed in following)
        if not following and claims.next_due_ms is not None:
            self.nudge()
        return following

    def _told(self, claimed: Claimed, settled: Settled) -> None:
        """The outcome is durable: say so to all who count it or wait for it."""
        place = (self.channel, claimed.destination, claimed.part)
        state, took_seconds = settled.states[-1], settled.took_ms / 1000
        faults = tuple(fault for fault in settled.faults if fault.level == "fault")
        self.shift.meter.attempted(self.channel, claimed.destination, claimed.message_id, state, settled.tries, took_seconds)
        self.shift.delivery_is(claimed.sequence, claimed.message_id, place, state, faults, settled.tries)

    async def _written(self, load: Sequence[Claimed], settled: Sequence[Settled]) -> tuple[Sequence[Settled], Claims]:
        """What was written in the end; nothing, where another took over while this engine was silent."""
        try:
            return settled, await self._kept(settled)
        except Fenced:
            log.warning("an outcome came too late: another took over", channel=self.channel, destination=self.recipe.name)
            return (), Claims()
        except Exception as error:  # an outcome that cannot be kept as it is: held, as our own bug
            fault = own_bug(error, "keeping the outcome of a delivery", load[0].message_id)
            held = [replace(s, states=("held",), answer=None, faults=(fault,), remembered=(), due_ms=0) for s in settled]
            return held, await self._kept(held)

    async def _kept(self, settled: Sequence[Settled]) -> Claims:
        store = self.shift.store
        return await self.shift.kept(lambda: store.settle_together(settled, self._claim(self._goes_on())))

    def _goes_on(self) -> int:
        """1 where the hand that has just sent something may go on with the next, else 0."""
        if self._still:
            return 0
        return min(1, self.rest.allows(HANDS - self.free - 1))
