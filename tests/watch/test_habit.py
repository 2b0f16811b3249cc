"""Habit: what is usual at a time of the week is learned from the weeks before, and a real silence is found soon."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from interpres.alert import ChannelSight, Sight
from interpres.alerts.quiet import Quiet, QuietSettings
from interpres.habit import SLOT_MS, WEEKS, Habit

PHNOM_PENH = "Asia/Phnom_Penh"
MONDAY = datetime(2026, 1, 5, tzinfo=ZoneInfo(PHNOM_PENH))
DAY = timedelta(days=1)


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def clinic(first: datetime, weeks: int, chance: random.Random, minutes: float = 4.0) -> Iterator[datetime]:
    """A day clinic: from about seven to about five, Monday to Friday, with a quiet hour at noon and none on the other days."""
    for day in (first + DAY * n for n in range(weeks * 7)):
        if day.weekday() > 4:
            continue
        at = day + timedelta(minutes=chance.gauss(7 * 60, 6))
        while at < day + timedelta(hours=17):
            if not 12 <= at.hour < 13 or chance.random() < 0.2:
                yield at
            at += timedelta(minutes=chance.expovariate(1 / minutes))


def too_quiet(habit: Habit, last: datetime, now: datetime, timezone: str = PHNOM_PENH) -> bool:
    quiet = (now - last).total_seconds()
    sight = Sight(ms(now), {"visits": ChannelSight(True, quiet_seconds=quiet, habit=habit, timezone=timezone)})
    return bool(list(Quiet(QuietSettings()).look(sight)))


def learned(came: list[datetime]) -> Habit:
    habit = Habit()
    for at in came:
        habit.add(ms(at))
    return habit


@pytest.mark.parametrize("seed", range(8))
def test_a_day_clinic_is_never_called_quiet_in_a_normal_week(seed: int) -> None:
    """Nights, weekends, noon, a late start: every ten minutes of five weeks, each with what is known by then."""
    habit = Habit()
    cries = []
    came = list(clinic(MONDAY, 7, random.Random(seed)))
    last, rest = came[0], iter([*came[1:], came[-1] + 90 * DAY])
    following = next(rest)
    now = MONDAY + DAY
    while now < came[-1]:
        while following <= now:
            habit.add(ms(following))
            last, following = following, next(rest)
        if too_quiet(habit, last, now):
            cries.append(now)
        now += timedelta(minutes=10)
    assert cries == []


@pytest.mark.parametrize(("stops", "found_by"), [((3, 9, 30), (3, 10, 50)), ((3, 14, 0), (3, 15, 20)), ((2, 20, 0), (3, 9, 0))])
def test_a_feed_that_stops_is_found_within_little_more_than_an_hour_or_by_the_morning(
    stops: tuple[int, int, int], found_by: tuple[int, int, int]
) -> None:
    """Stopped at half past nine, at two in the afternoon, or in the night before a working day."""

    def at(day: int, hour: int, minute: int) -> datetime:
        return MONDAY + timedelta(weeks=6, days=day, hours=hour, minutes=minute)

    came = [c for c in clinic(MONDAY, 8, random.Random(1)) if c <= at(*stops)]
    habit = learned(came)
    assert not too_quiet(habit, came[-1], came[-1] + timedelta(minutes=55)), "not at once"
    assert too_quiet(habit, came[-1], at(*found_by))


def test_a_new_channel_has_no_habit() -> None:
    came = list(clinic(MONDAY, 1, random.Random(2)))
    assert Habit().usual_silence_seconds(ms(MONDAY), "UTC") is None
    now = MONDAY + timedelta(weeks=1, days=2, hours=10)
    assert learned(came).usual_silence_seconds(ms(now), PHNOM_PENH) is None
    assert not too_quiet(learned(came), came[-1], now)


def test_a_holiday_among_many_weeks_does_not_make_quiet_usual() -> None:
    came = list(clinic(MONDAY, 6, random.Random(3)))
    holiday = (MONDAY + timedelta(weeks=3, days=2)).date()
    habit = learned([c for c in came if c.date() != holiday])
    usual = habit.usual_silence_seconds(ms(MONDAY + timedelta(weeks=6, days=2, hours=10)), PHNOM_PENH)
    assert usual is not None and usual < 3600


def test_a_feed_of_once_a_day_may_be_quiet_for_days() -> None:
    came = [MONDAY + DAY * n + timedelta(hours=random.Random(n).uniform(0, 24)) for n in range(42)]
    habit = learned(came)
    assert not too_quiet(habit, came[-1], came[-1] + 1.5 * DAY)
    assert too_quiet(habit, came[-1], came[-1] + 8 * DAY)


def test_summer_time_moves_the_morning_with_the_clocks() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 9, 28, tzinfo=berlin)
    came = []
    for day in range(28):
        noon = datetime.combine((first + DAY * day).date(), datetime.min.time(), berlin) + timedelta(hours=8)
        came += [noon + timedelta(minutes=m) for m in range(0, 480, 5)]
    now = datetime(2026, 10, 26, 7, 40, tzinfo=berlin)  # the first Monday of winter time: 06:40 UTC, when it was open before
    assert now.astimezone(UTC).hour == 6
    usual = learned(came).usual_silence_seconds(ms(now), "Europe/Berlin")
    assert usual is not None and usual > 8 * 3600, "by the clocks there it is not yet eight"


def test_only_the_last_weeks_are_remembered() -> None:
    habit = Habit()
    for week in range(30):
        habit.add(ms(MONDAY + timedelta(weeks=week)))
    assert len(habit.slots) == WEEKS + 1
    before = habit.slots
    habit.add(ms(MONDAY + timedelta(weeks=29)))
    assert habit.slots == before == tuple(sorted(before)) and Habit(before).slots == before
    habit.add(ms(MONDAY + timedelta(weeks=28)) + 3 * SLOT_MS)
    assert list(habit.slots) == sorted(habit.slots) and len(habit.slots) == WEEKS + 2
