"""dates: dates and times of HL7 v2, ISO 8601, Excel, the epoch and named patterns; partial dates stay partial."""

from __future__ import annotations

from datetime import date as _date
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

from interpres.fault import Fault
from interpres.values import instants
from interpres.values.instants import Instant, iso, iso_date, iso_time
from interpres.values.numerals import whole
from interpres.values.time_patterns import SERIALS, has_year, time_pattern
from interpres.values.times import Times

_MOST_DAYS: Final = 4_000_000
_MONTH_DAYS: Final = {f"{m:02}{d:02}": f"-{m:02}-{d:02}" for m in range(1, 13) for d in range(1, instants.days_in(2001, m) + 1)}
_CLOCK: Final = {f"{h:02}{m:02}": f"T{h:02}:{m:02}:" for h in range(24) for m in range(60)}
_SECONDS: Final = {f"{s:02}" for s in range(60)}


def date(x: str | int | Decimal, pattern: str = "", *, times: Times) -> str:
    """The date in ISO 8601: `2026-11-04`, and `2026-11` or `2026` where no more is known.

    Reads HL7 v2 and ISO 8601; of others say how they are written (`dd/MM/yyyy`), or that they are numbers (`excel`, `epoch`,
    `epoch_ms`). A time with an offset gives its date in the mapping's zone. What no calendar has is fault M222.

    >>> date('19910322')
    '1991-03-22'
    >>> date('199103')
    '1991-03'
    >>> date('22/03/1991', 'dd/MM/yyyy')
    '1991-03-22'
    """
    if not pattern and x.__class__ is str and len(x) == 8 and x.isascii() and x.isdigit():
        day = _MONTH_DAYS.get(x[4:])
        if day and x[:4] != "0000":
            return x[:4] + day
    return _dated(x, pattern, times)


def datetime(x: str | int | Decimal, pattern: str = "", *, times: Times) -> str:
    """The time in ISO 8601 with the mapping's offset: `2026-11-04T08:30:12+07:00`; a date alone stays one.

    Reads what `date` reads. A time without an offset is in the mapping's time zone, one with an offset is carried over to it;
    `times: utc` writes all in UTC. Seconds are always written; how finely says `times: {precision: milliseconds}`.

    >>> datetime('20261104083012+0000')
    '2026-11-04T08:30:12+00:00'
    >>> datetime('04/11/2026 08:30', 'dd/MM/yyyy HH:mm')
    '2026-11-04T08:30:00+00:00'
    >>> datetime('20261104')
    '2026-11-04'
    """
    return _timed(x, pattern, times)


def time(x: str | int | Decimal, pattern: str = "", *, times: Times) -> str:
    """The time of day: `08:30:12`, of a time alone (HL7 `0830`, ISO `08:30`) or of a date with one, in the mapping's zone.

    >>> time('0830')
    '08:30:00'
    >>> time('20261104083012')
    '08:30:12'
    >>> time('08:30 PM', 'hh:mm a')
    '20:30:00'
    """
    if not pattern and isinstance(x, str) and len(x.strip(" ").split(".")[0].replace(":", "")) <= 6:
        return iso_time(instants.read_time(x), times)
    if pattern and pattern not in SERIALS and not has_year(time_pattern(pattern)):
        instant = time_pattern(pattern).read(_text(x))
    else:
        instant = instants.local(_read(x, pattern, times), times)
    if instant.hour is None:
        instants.refuse("this is a date without a time of day", "ask with if() whether there is one, or use midnight", _text(x))
    return iso_time(instant, times)


def midnight(x: str | int | Decimal, pattern: str = "", *, times: Times) -> str:
    """A date as the time at which it begins in the mapping's zone; a time gives the beginning of its day.

    >>> midnight('20261104')
    '2026-11-04T00:00:00+00:00'
    """
    instant = instants.local(_read(x, pattern, times), _at_home(times))
    day = _whole(instant, x)
    begins = Instant(day.year, day.month, day.day, 0, offset=instant.offset if times.assumed else None)
    return iso(instants.local(begins, times), times)


def time_as(x: str | int | Decimal, pattern: str, *, times: Times) -> str:
    """A date or time written in a pattern, in the mapping's zone: for formats that want `yyyyMMddHHmm` or `dd/MM/yyyy`.

    Reads what `date` reads without a pattern. Letters: yyyy MM dd HH mm ss SSS, MMM for Jan, hh and a for 12 hours, Z for +0700,
    XXX for +07:00, other letters in quotes; what may be absent stands in brackets: `dd/MM/yyyy[ HH:mm]`.

    >>> time_as('2026-11-04T08:30:12', 'yyyyMMddHHmm')
    '202611040830'
    >>> time_as('20261104', 'dd/MM/yyyy[ HH:mm]')
    '04/11/2026'
    """
    return time_pattern(pattern).write(instants.local(_read(x, "", times), times), _text(x))


def age(birthdate: str, on: str, unit: str = "years", *, times: Times) -> int:
    """Whole years (or `months`, `days`) from a birthdate to another date. A partial date, or one before birth, is fault M222.

    >>> age('19910322', '20261104')
    35
    >>> age('20261001', '20261104', 'days')
    34
    """
    if unit not in ("years", "months", "days"):
        raise Fault("M225", f"an age is not counted in '{unit}'", "write years, months or days")
    born, then = _day(birthdate, times), _day(on, times)
    if then < born:
        instants.refuse(
            "this date lies before the birthdate", "see which of the two is wrong, or asked for in the wrong order", on
        )
    if unit == "days":
        return (then - born).days
    months = (then.year - born.year) * 12 + then.month - born.month - (then.day < born.day)
    return months if unit == "months" else months // 12


def add_days(x: str | int | Decimal, days: int, *, times: Times) -> str:
    """A date, or a time, so many days later (earlier with a number below 0), at the same hour in the mapping's zone.

    >>> add_days('20261104', 30)
    '2026-12-04'
    >>> add_days('20261104083012', -1)
    '2026-11-03T08:30:12+00:00'
    """
    instant = instants.local(_read(x, "", times), _at_home(times))
    day = _whole(instant, x)
    if abs(days := whole(days)) > _MOST_DAYS:
        raise Fault("M226", "this is too many days", f"days run to {_MOST_DAYS:,} either way")
    try:
        later = day + timedelta(days=days)
    except OverflowError:
        instants.refuse("this day lies outside of the calendar", "years run from 1 to 9999", _text(x))
    offset = instant.offset if times.assumed else None
    moved = Instant(later.year, later.month, later.day, instant.hour, instant.minute, instant.second, instant.fraction, offset)
    return iso(instants.local(moved, times), times)


def days_between(x: str, y: str, *, times: Times) -> int:
    """How many days lie between two dates, below 0 where the second is earlier.

    >>> days_between('20261104', '20261107')
    3
    """
    return (_day(y, times) - _day(x, times)).days


@lru_cache(maxsize=16384)
def _timed(x: str | int | Decimal, pattern: str, times: Times) -> str:
    if not pattern and isinstance(x, str):
        quick = _quick(x, times)
        if quick:
            return quick
    return iso(instants.local(_read(x, pattern, times), times), times)


def _quick(x: str, times: Times) -> str:
    """The commonest of all, `yyyyMMddHHmm[ss]` without an offset, by look-ups alone; empty for anything else."""
    if len(x) not in (12, 14) or times.utc or not (x.isascii() and x.isdigit()) or x[:4] == "0000":
        return ""
    day, clock, seconds = _MONTH_DAYS.get(x[4:8]), _CLOCK.get(x[8:12]), x[12:] or "00"
    if not day or not clock or seconds not in _SECONDS:
        return ""
    fraction = ".000" if times.precision == "milliseconds" else ""
    return f"{x[:4]}{day}{clock}{seconds}{fraction}{_offset(times, x[:12])}"


@lru_cache(maxsize=16384)
def _offset(times: Times, minute: str) -> str:
    parts = int(minute[:4]), int(minute[4:6]), int(minute[6:8]), int(minute[8:10]), int(minute[10:12])
    return instants.iso_offset(instants.zone_offset(times, *parts), times)


@lru_cache(maxsize=16384)
def _dated(x: str | int | Decimal, pattern: str, times: Times) -> str:
    instant = _read(x, pattern, times)
    if instant.offset is not None and not times.assumed:
        instant = instants.local(instant, _at_home(times))
    return iso_date(instant)


def _read(x: str | int | Decimal, pattern: str, times: Times) -> Instant:
    if pattern in SERIALS:
        return instants.read_serial(x, pattern, times)
    if not isinstance(x, str):
        hint = "say what the number counts: date('excel'), datetime('epoch'), datetime('epoch_ms')"
        raise Fault("M222", "this is a number, and a date is wanted", hint, value=str(x))
    if not pattern:
        return instants.read(x)
    ready = time_pattern(pattern)
    if not has_year(ready):
        raise Fault("M225", f"the pattern '{pattern}' says no year", "write yyyy, or read a time of day with time()")
    return ready.read(x)


def _at_home(times: Times) -> Times:
    """The same zone, written locally: in it days begin and end."""
    return Times.of(None if times.assumed else times.zone.key)


def _whole(instant: Instant, x: str | int | Decimal) -> _date:
    if instant.month is None or instant.day is None:
        instants.refuse(
            "this date is partial, and a whole one is wanted", "ask for its length first, or choose another field", _text(x)
        )
    return _date(instant.year, instant.month, instant.day)


def _day(x: str, times: Times) -> _date:
    return _whole(instants.read(_dated(x, "", times)), x)


def _text(x: str | int | Decimal) -> str:
    return x if isinstance(x, str) else str(x)
