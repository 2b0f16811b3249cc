"""Rest: how a peer that fails again and again is left alone, asked now and then, and taken up again little by little."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from interpres.clock import Clock
from interpres.retry import Retry

FAILURES: Final = 5
"""So many passing failures in a row, with no answer between them, and a peer rests."""

PROBES: Final = Retry(first_seconds=5.0, longest_seconds=300.0)
"""How long from one probe to the next."""


class Rest:
    """One peer's. Whoever speaks to it says how that ended: `answered` (a refusal is an answer: the peer lives) or `failed`.

    `full` is how many exchanges may be under way while it is well. After a rest they come back as answers come: 1, 2, 4 and so
    on, so that a peer that has just recovered is not flooded with what gathered meanwhile.
    """

    def __init__(self, clock: Clock, chance: Callable[[], float], full: int, probes: Retry = PROBES) -> None:
        self._clock = clock
        self._chance = chance
        self._full = full
        self.probes = probes
        self.since_ms: int | None = None
        """Since when it rests (steady time); None while it is up."""
        self.next_probe_ms = 0
        """Resting: when it may be asked again."""
        self.failures = 0
        """Passing failures in a row."""
        self.says = ""
        """What the last of them was."""
        self._window = full
        self._probed = 0
        self._was_well = False
        self._failing: int | None = None
        self._others_fail = False

    @property
    def resting(self) -> bool:
        """Whether it is left alone."""
        return self.since_ms is not None

    @property
    def growing(self) -> bool:
        """Whether it was resting and is not yet trusted with all that it may have."""
        return self._window < self._full

    def allows(self, under_way: int) -> int:
        """How many exchanges may begin beside those under way, while it is up; none while it rests."""
        return 0 if self.resting else max(0, self._window - under_way)

    def probe_in_seconds(self) -> float:
        """Resting: how long until it may be asked again; 0 from then on."""
        return max(0.0, (self.next_probe_ms - self._clock.steady_ms()) / 1000)

    def answered(self) -> float | None:
        """The peer answered. Gives for how many seconds it had rested, where this ends its rest."""
        since_ms, self.since_ms = self.since_ms, None
        self.failures = self._probed = 0
        self._was_well = True
        self._failing, self._others_fail = None, False
        if since_ms is not None:
            self._window = 1
            return (self._clock.steady_ms() - since_ms) / 1000
        self._window = min(self._full, self._window + 1)
        return None

    def failed(self, what: int, asked_seconds: float | None = None, *, probe: bool = False) -> bool:
        """The peer did not answer, or asked for time (Retry-After, RFC 9110 section 10.2.3). Gives whether a rest begins.

        `what` tells one message from another: one that fails alone may be to blame itself.
        """
        self.failures += 1
        self._others_fail = self._others_fail or self._failing not in (None, what)
        self._failing = what
        self._window = max(1, self._window // 2) if self.growing else self._window
        begins = not self.resting and (self.failures >= FAILURES or bool(asked_seconds))
        if begins:
            self.since_ms = self._clock.steady_ms()
        if begins or (probe and self.resting):
            self._probed += 1
            self._leave_alone(self._probed, asked_seconds)
        elif self.resting and asked_seconds:
            self._leave_alone(1, asked_seconds)
        return begins

    def no_probe_at_once(self) -> None:
        """A probe came to nothing, neither an answer nor a failure of the peer: the next waits a little all the same."""
        if self.probe_in_seconds() == 0:
            self.next_probe_ms = self._clock.steady_ms() + 1000

    def blames(self, what: int) -> bool:
        """Whether a failure may be laid to this one alone, and not to a peer that is away for everybody.

        So it is where the peer was well just before, or where nothing else was tried in a whole row of failures. What waited
        behind a peer that is away is not given up for its age: it is tried again when the peer is back.
        """
        return not self._others_fail and self._failing == what and (self._was_well or self.failures >= FAILURES)

    def _leave_alone(self, step: int, asked_seconds: float | None) -> None:
        wait = self.probes.wait_seconds(step, self._chance(), asked_seconds)
        self.next_probe_ms = max(self.next_probe_ms, self._clock.steady_ms() + int(wait * 1000))
