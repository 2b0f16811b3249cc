"""Alarms: opened once, told again at growing intervals, worse at once, closed when it stays well, and kept over a restart."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from interpres.alert import Alarm
from interpres.notice import Item
from interpres.watch import open_alerts
from interpres.watch.alarms import WELL_MS, Alarms
from interpres.watch.memory import Memory

HOUR = 3_600_000
AGAIN = [HOUR, 4 * HOUR, 24 * HOUR]
T0 = 1_800_000_000_000


class Kept(Alarms):
    """Saves at once."""

    def take(self, found: Iterable[tuple[str, Alarm]], now_ms: int, up_ms: int) -> list[Item]:
        items = super().take(found, now_ms, up_ms)
        self.save()
        return items


def alarms(var: Path, **settles_ms: int) -> Alarms:
    return Kept(Memory(var), AGAIN, {"late": 0, "disk": 0, **settles_ms})


def late(about: str = "destination visits/npca", says: str = "12 wait", degree: int = 0) -> tuple[str, Alarm]:
    return "late", Alarm(about, says, "see the destination", T0 - 900_000, degree)


def told(items: list[Item]) -> list[tuple[str, str]]:
    return [(item.change, item.about) for item in items]


def test_it_is_told_when_it_opens_then_at_growing_intervals(tmp_path: Path) -> None:
    kept = alarms(tmp_path)
    times = []
    for minute in range(0, 80 * 60, 5):
        if kept.take([late()], T0 + minute * 60_000, HOUR):
            times.append(minute / 60)
    assert times == [0, 1, 5, 29, 53, 77]


def test_it_is_closed_when_it_has_been_well_for_a_while(tmp_path: Path) -> None:
    kept = alarms(tmp_path)
    kept.take([late()], T0, HOUR)
    assert kept.take([], T0 + 1000, HOUR) == [] and len(kept.open) == 1
    assert kept.take([late()], T0 + 30_000, HOUR) == [], "it comes and goes: one alert"
    assert kept.take([], T0 + 60_000, HOUR) == []
    (closed,) = kept.take([], T0 + 60_000 + WELL_MS, HOUR)
    assert (closed.change, closed.since_ms, closed.ended_ms) == ("closed", T0 - 900_000, T0 + 60_000)
    assert kept.open == () == open_alerts(tmp_path)
    assert told(kept.take([late()], T0 + 10 * HOUR, HOUR)) == [("opened", "destination visits/npca")]


def test_worse_is_told_at_once_and_better_is_not(tmp_path: Path) -> None:
    kept = alarms(tmp_path)
    kept.take([late(degree=1)], T0, HOUR)
    assert kept.take([late(degree=0)], T0 + 1000, HOUR) == []
    assert told(kept.take([late(degree=2)], T0 + 2000, HOUR)) == [("worse", "destination visits/npca")]


def test_it_is_known_after_a_restart_and_by_whoever_looks_on(tmp_path: Path) -> None:
    alarms(tmp_path).take([late(), late("destination visits/archive")], T0, HOUR)
    assert [(a.rule, a.about, a.says) for a in open_alerts(tmp_path)] == [
        ("late", "destination visits/archive", "12 wait"),
        ("late", "destination visits/npca", "12 wait"),
    ]
    again = alarms(tmp_path)
    assert again.take([late()], T0 + 60_000, 1000) == [], "it was told before the restart"
    items = again.take([late()], T0 + 60_000 + WELL_MS, HOUR)
    assert told(items) == [("closed", "destination visits/archive")]
    assert told(again.take([late()], T0 + HOUR, HOUR)) == [("still", "destination visits/npca")]


def test_an_engine_that_has_not_seen_enough_does_not_say_that_it_is_well(tmp_path: Path) -> None:
    alarms(tmp_path).take([late()], T0, HOUR)
    again = alarms(tmp_path, late=HOUR)
    assert again.take([], T0 + 10 * 60_000, 5 * 60_000) == []
    assert again.take([], T0 + 50 * 60_000, 45 * 60_000) == [] and again.open
    assert again.take([], T0 + 66 * 60_000, 61 * 60_000) == []
    assert told(again.take([], T0 + 68 * 60_000, 63 * 60_000)) == [("closed", "destination visits/npca")]


def test_what_a_rule_found_that_is_switched_off_is_forgotten(tmp_path: Path) -> None:
    alarms(tmp_path).take([late()], T0, HOUR)
    assert Alarms(Memory(tmp_path), AGAIN, {"disk": 0}).open == ()


@pytest.mark.parametrize("content", [b"", b"[{", b'{"a": 1}', b'[{"rule": 3}]'])
def test_a_file_that_cannot_be_read_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "watch").mkdir()
    (tmp_path / "watch" / "alerts.json").write_bytes(content)
    assert open_alerts(tmp_path) == ()
    kept = alarms(tmp_path)
    assert told(kept.take([late()], T0, HOUR)) == [("opened", "destination visits/npca")]
    assert len(open_alerts(tmp_path)) == 1


def test_a_disk_that_takes_nothing_hinders_nobody(tmp_path: Path) -> None:
    (tmp_path / "watch").write_text("a file where the folder should be", "utf-8")
    kept = alarms(tmp_path)
    assert told(kept.take([late()], T0, HOUR)) == [("opened", "destination visits/npca")] and len(kept.open) == 1
    assert open_alerts(tmp_path) == ()
