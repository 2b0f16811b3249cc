"""Retry: waits that double, with jitter, up to limits; and the clock that they go by."""

from __future__ import annotations

import asyncio
import time

import pytest

from interpres.clock import Clock, iso_time
from interpres.retry import Retry


@pytest.mark.parametrize(("tries", "least", "most"), [(1, 0.5, 1.0), (2, 1.0, 2.0), (5, 8.0, 16.0), (10, 150.0, 300.0)])
def test_waits_double_up_to_the_longest(tries: int, least: float, most: float) -> None:
    retry = Retry()
    assert retry.wait_seconds(tries, 0.0) == least
    assert retry.wait_seconds(tries, 1.0) == most


def test_a_delivery_tried_very_often_still_has_a_wait() -> None:
    assert Retry().wait_seconds(100_000, 1.0) == 300.0


@pytest.mark.parametrize(("asked", "waits"), [(None, 1.0), (0.2, 1.0), (20.0, 20.0), (1e9, 3600.0), (-5.0, 1.0)])
def test_a_peer_that_asks_for_time_gets_it_up_to_a_limit(asked: float | None, waits: float) -> None:
    assert Retry().wait_seconds(1, 1.0, asked) == waits


@pytest.mark.parametrize(
    ("attempts", "tries", "age", "over"),
    [(0, 10_000, 10.0, False), (3, 2, 10.0, False), (3, 3, 10.0, True), (0, 1, 60.0, True), (0, 1, 59.9, False)],
)
def test_limits_of_attempts_and_age(attempts: int, tries: int, age: float, over: bool) -> None:
    assert Retry(attempts, for_at_most_seconds=60.0).is_over(tries, age) is over


def test_the_steady_reading_does_not_follow_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    before = clock.steady_ms()
    day = 86_400.0
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - day)
    assert 0 <= clock.steady_ms() - before < 1000
    assert clock.wall_ms() < before - day * 1000 + 1000
    asyncio.run(clock.sleep(0))


def test_times_are_written_in_utc_with_milliseconds() -> None:
    assert iso_time(1_800_000_000_007) == "2027-01-15T08:00:00.007Z"
