"""Habit: when something usually comes, learned from when it came."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

SLOT_MS: Final = 300_000
"""Five minutes: whether anything came in them is all that is remembered."""

WEEKS: Final = 8
SLOTS: Final = WEEKS * 7 * 86_400_000 // SLOT_MS
FEWEST_WEEKS: Final = 2
"""With less behind it, nothing is said to be usual."""

SPARED_FROM: Final = 5
"""With so many weeks behind it, the quietest of them is left out: a holiday, or a day on which the engine stood."""

AROUND_SLOTS: Final = 6
"""Times of day are not kept to the minute: what was so half an hour before or after is usual too."""


class Habit:
    """The slots of time of the last eight weeks in which something came."""

    def __init__(self, slots: Iterable[int] = ()) -> None:
        self._slots = sorted(set(slots))

    def add(self, at_ms: int) -> None:
        """Something came then; what is older than eight weeks before it is forgotten."""
        slot = at_ms // SLOT_MS
        place = bisect_left(self._slots, slot)
        if place < len(self._slots) and self._slots[place] == slot:
            return
        self._slots.insert(place, slot)
        if slot - self._slots[0] > SLOTS:
            del self._slots[: bisect_left(self._slots, slot - SLOTS)]

    @property
    def slots(self) -> tuple[int, ...]:
        """The slots, ascending: what is kept over a restart."""
        return tuple(self._slots)

    def usual_silence_seconds(self, now_ms: int, timezone: str) -> float | None:
        """How long it has usually been quiet for at this time of this day of the week; None where too little is known.

        It is the longest silence there was just then in the weeks before, the quietest week apart where there are enough.
        """
        longest = []
        for week in range(1, WEEKS + 1):
            then_ms = _weeks_before(now_ms, week, timezone)
            if not self._slots or then_ms // SLOT_MS <= self._slots[0]:
                break
            longest.append(self._longest_silence(then_ms))
        if len(longest) < FEWEST_WEEKS:
            return None
        longest.sort()
        return longest[-2 if len(longest) >= SPARED_FROM else -1]

    def _longest_silence(self, then_ms: int) -> float:
        """The longest that it had been quiet for at any moment of the hour around then, in seconds."""
        begin = then_ms // SLOT_MS - AROUND_SLOTS
        end = begin + 2 * AROUND_SLOTS
        first, last = bisect_left(self._slots, begin), bisect_left(self._slots, end)
        before = self._slots[first - 1] if first else begin - 1
        came = [before, *self._slots[first:last], end]
        longest = max(after - one for one, after in pairwise(came))
        return longest * SLOT_MS / 1000


def _weeks_before(now_ms: int, weeks: int, timezone: str) -> int:
    """The same time of day on the same day of the week by the clocks there, whatever summer time did in between."""
    here = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(timezone))
    then = (here.replace(tzinfo=None) - timedelta(weeks=weeks)).replace(tzinfo=ZoneInfo(timezone))
    return int(then.astimezone(UTC).timestamp() * 1000)
