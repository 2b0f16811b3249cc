"""Recent: what happened within the last hour, from counters that only grow."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from interpres.watch.figures import Figures

HOUR_MS: Final = 3_600_000
MINUTE_MS: Final = 60_000

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class _Then:
    """The counters as they were, and how far wall and steady time were apart."""

    steady_ms: int
    apart_ms: int
    messages: Mapping[tuple[str, str], int] = field(default_factory=dict)
    deliveries: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    faults: Mapping[tuple[str, str], int] = field(default_factory=dict)
    unstored: Mapping[str, int] = field(default_factory=dict)


class Recent:
    """Copies of the counters, one a minute, an hour back."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._kept: deque[_Then] = deque([self._now()])

    def keep(self) -> None:
        """To be called often; it keeps what is needed."""
        now = self._now()
        if now.steady_ms - self._kept[-1].steady_ms >= MINUTE_MS:
            self._kept.append(now)
        while len(self._kept) > 1 and now.steady_ms - self._kept[1].steady_ms >= HOUR_MS:
            self._kept.popleft()

    def _now(self) -> _Then:
        f = self._figures
        steady_ms, wall_ms = f.clock.steady_ms(), f.clock.wall_ms()
        counters = dict(f.messages), dict(f.deliveries), dict(f.faults), dict(f.unstored)
        return _Then(steady_ms, wall_ms - steady_ms, *counters)

    def messages(self) -> dict[tuple[str, str], int]:
        """Messages of the last hour by channel and what became of them."""
        return _more(self._figures.messages, self._kept[0].messages)

    def deliveries(self) -> dict[tuple[str, str, str], int]:
        """Deliveries of the last hour by channel, destination and the state they came to."""
        return _more(self._figures.deliveries, self._kept[0].deliveries)

    def codes(self, channel: str) -> tuple[str, ...]:
        """The codes of a channel's faults of the last hour, the most frequent first."""
        of_channel = {code: n for (name, code), n in _more(self._figures.faults, self._kept[0].faults).items() if name == channel}
        return tuple(sorted(of_channel, key=lambda code: (-of_channel[code], code)))

    def unstored(self, within_ms: int) -> dict[str, int]:
        """How often the store could not take something lately, by code."""
        now_ms = self._figures.clock.steady_ms()
        before = [then for then in self._kept if now_ms - then.steady_ms >= within_ms]
        return _more(self._figures.unstored, (before[-1] if before else self._kept[0]).unstored)

    def clock_jump_seconds(self) -> float:
        """How far the wall clock was set within the last hour."""
        return (self._now().apart_ms - self._kept[0].apart_ms) / 1000


def _more(now: Mapping[K, int], then: Mapping[K, int]) -> dict[K, int]:
    """What was added, without zeros."""
    return {key: n - then.get(key, 0) for key, n in now.items() if n > then.get(key, 0)}
