"""Rules: each is silent about what is well, says what is wrong in words of ours, and leaves alone what it is told to."""

from __future__ import annotations

from typing import Any

import pytest

from interpres import catalog
from interpres.alert import Alarm, CertificateSight, ChannelSight, DestinationSight, Sight, StoreSight
from interpres.habit import SLOT_MS, Habit
from interpres.settings import model_from_values

NOW = 1_800_000_000_000
DAY = 86_400_000
GB = 1_000_000_000
BUSY = Habit(range((NOW - 40 * DAY) // SLOT_MS, NOW // SLOT_MS))


def found(word: str, sight: Sight, **settings: Any) -> list[Alarm]:
    part = catalog.part("alerts", word)
    return list(part(model_from_values(settings, part.Settings)).look(sight))


def of(channel: ChannelSight | None = None, destination: DestinationSight | None = None, **more: Any) -> Sight:
    channels = {"visits": channel} if channel else {}
    destinations = {("visits", "npca"): destination} if destination else {}
    return Sight(NOW, channels, destinations, **more)


WELL = of(
    ChannelSight(True, quiet_seconds=120.0, habit=BUSY, ended=1000, rejected=3, waiting=4, oldest_seconds=2.0),
    DestinationSight(waiting=10, oldest_seconds=30.0, delivered=900, refused=4),
    disk_total_bytes=100 * GB,
    disk_free_bytes=60 * GB,
    certificates=(CertificateSight("channel visits", NOW + 90 * DAY),),
    clock_jump_seconds=0.4,
)

WRONG = [
    ("quiet", of(ChannelSight(True, quiet_seconds=7300.0, habit=BUSY)), "channel visits", "nothing has come for 2 h", 7300),
    ("late", of(ChannelSight(True, waiting=1, oldest_seconds=1000.0)), "channel visits", "1 message waits to be processed", 1000),
    (
        "late",
        of(None, DestinationSight(waiting=12, oldest_seconds=7200.0, state="paused")),
        "destination visits/npca",
        "12 deliveries wait (paused), the oldest for 2 h",
        7200,
    ),
    ("undelivered", of(None, DestinationSight(dead=1, delivered=10_000)), "destination visits/npca", "1 dead", 0),
    ("undelivered", of(None, DestinationSight(held=2)), "destination visits/npca", "2 held", 0),
    ("undelivered", of(None, DestinationSight(refused=20, delivered=80)), "destination visits/npca", "20 refused", 0),
    (
        "undelivered",
        of(ChannelSight(True, rejected=9, ended=30, codes=("M201", "V100"))),
        "channel visits",
        "9 rejected; most often M201, V100",
        0,
    ),
    ("undelivered", of(ChannelSight(True, held=1, ended=1000)), "channel visits", "1 held", 0),
    (
        "resting",
        of(None, DestinationSight("resting", 400.0, waiting=3)),
        "destination visits/npca",
        "it has not answered for 6 min; 3 wait for it",
        400,
    ),
    ("source", of(ChannelSight(False, taking_seconds=90.0)), "channel visits", "it has taken nothing for 90 s", 90),
    ("store", of(store=StoreSight(5.0)), "store", "nothing has been taken for 5 s", 5),
    ("store", of(store=StoreSight(None, 3, "E130")), "store", "3 times within ten minutes (E130)", 600),
    ("disk", of(disk_total_bytes=100 * GB, disk_free_bytes=9 * GB), "disk", "9,000 MB are free", 0),
    ("disk", of(disk_total_bytes=10 * GB, disk_free_bytes=1900 * 10**6), "disk", "(19 %)", 0),
    (
        "certificate",
        of(certificates=(CertificateSight("system npca", NOW + 6 * DAY + 5),)),
        "system npca",
        "its certificate ends in 6 days",
        0,
    ),
    (
        "certificate",
        of(certificates=(CertificateSight("channel visits", NOW - 1),)),
        "channel visits",
        "its certificate has ended",
        0,
    ),
    ("clock", of(clock_jump_seconds=-7200.0), "clock", "set back by 2 h", 0),
]


@pytest.mark.parametrize("word", catalog.names("alerts"))
def test_of_what_is_well_nothing_is_said(word: str) -> None:
    assert found(word, WELL) == [] and found(word, Sight(NOW)) == []


@pytest.mark.parametrize(
    ("word", "sight", "about", "says", "since_seconds"), WRONG, ids=lambda v: v if isinstance(v, str) else ""
)
def test_what_is_wrong_is_said(word: str, sight: Sight, about: str, says: str, since_seconds: int) -> None:
    (alarm,) = found(word, sight)
    assert alarm.about == about and says in alarm.says and alarm.since_ms == NOW - since_seconds * 1000
    for sentence in (alarm.says, alarm.hint):
        assert (sentence and not sentence.endswith(".") and sentence[0].islower()) or sentence[0].isdigit()


def test_every_rule_is_shown_wrong() -> None:
    assert {row[0] for row in WRONG} == set(catalog.names("alerts"))


@pytest.mark.parametrize(("word", "sight", "about", "says", "since"), WRONG, ids=lambda v: v if isinstance(v, str) else "")
def test_a_channel_that_is_left_alone_is(word: str, sight: Sight, about: str, says: str, since: int) -> None:
    spared = found(word, sight, **{"except": ["visits"]})
    assert (spared == []) == (("visits" in about) and word != "certificate")


def test_what_somebody_paused_is_neither_quiet_nor_away() -> None:
    paused = ChannelSight(False, paused=True, taking_seconds=9000.0, quiet_seconds=9000.0, habit=BUSY)
    assert found("quiet", of(paused)) == found("source", of(paused)) == []


def test_a_few_refusals_among_many_are_no_alarm_and_the_bounds_can_be_set() -> None:
    few = of(None, DestinationSight(refused=20, delivered=980))
    assert found("undelivered", few) == []
    assert found("undelivered", few, share=0.01) != []
    assert found("undelivered", of(None, DestinationSight(refused=4))) == []
    assert found("undelivered", of(None, DestinationSight(refused=4)), at_least=2) != []


@pytest.mark.parametrize(("days", "degree"), [(29, 1), (7, 2), (0.5, 3), (-1, 4)])
def test_a_certificate_is_told_anew_as_its_end_comes_near(days: float, degree: int) -> None:
    (alarm,) = found("certificate", of(certificates=(CertificateSight("system npca", NOW + int(days * DAY)),)))
    assert alarm.degree == degree


def test_a_disk_that_is_nearly_full_is_worse_and_a_small_one_need_not_be_empty() -> None:
    (low,) = found("disk", of(disk_total_bytes=100 * GB, disk_free_bytes=9 * GB))
    (lower,) = found("disk", of(disk_total_bytes=100 * GB, disk_free_bytes=2 * GB))
    assert (low.degree, lower.degree) == (0, 1)
    assert found("disk", of(disk_total_bytes=2 * GB, disk_free_bytes=int(1.1 * GB))) == []


def test_rules_say_what_to_do_and_where_to_read() -> None:
    from tests.conftest import ROOT

    for word, sight, *_ in WRONG:
        for alarm in found(word, sight):
            assert alarm.hint and (ROOT / alarm.page).is_file(), (word, alarm.page)
