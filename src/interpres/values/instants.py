"""Instants: dates and times as HL7 v2, ISO 8601, Excel and the epoch write them, checked, partial ones staying partial."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC as ZERO
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Final, NoReturn

from interpres.fault import Fault
from interpres.values.times import Times

_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_HL7 = re.compile(
    r"(?P<year>[0-9]{4})(?:(?P<month>[0-9]{2})(?:(?P<day>[0-9]{2})(?:(?P<hour>[0-9]{2})(?:(?P<minute>[0-9]{2})"
    r"(?:(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?)?)?)?)?(?P<offset>[+-][0-9]{4})?\Z"
)
_ISO = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})(?:[T ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)? ?(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})?)?)?\Z"
)
_ISO_TIME = re.compile(r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?\Z")
_HL7_TIME = re.compile(r"(?P<hour>[0-9]{2})(?:(?P<minute>[0-9]{2})(?:(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?)?\Z")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=ZERO)
_FIRST_SECOND: Final = -62135596800
_LAST_SECOND: Final = 253402300799


@dataclass(frozen=True, slots=True)
class Instant:
    """A date, whole or partial, or a date with a time. `fraction` holds the digits behind the second's point; `offset` is in
    minutes east of Greenwich, None where none was written."""

    year: int
    month: int | None = None
    day: int | None = None
    hour: int | None = None
    minute: int = 0
    second: int = 0
    fraction: str = ""
    offset: int | None = None


def refuse(says: str, hint: str, value: str, code: str = "M222") -> NoReturn:
    """Raises the fault of a date or time that is none."""
    raise Fault(code, says, hint, value=value)


def read(text: str) -> Instant:
    """What HL7 v2 (DT, DTM, TS of any precision: HL7 v2.9, 2A.3.22) or ISO 8601 writes. Raises `Fault` M222."""
    written = text.strip(" ")
    found = _HL7.match(written) or _ISO.match(written)
    if not found:
        refuse("this is no date as HL7 or ISO 8601 write them", _shape_hint(written), text)
    return checked(text, **found.groupdict())


def read_time(text: str) -> Instant:
    """A time of day without a date (HL7 v2 TM, ISO 8601); its `year` is 0. Raises `Fault` M222."""
    written = text.strip(" ")
    found = _HL7_TIME.match(written) or _ISO_TIME.match(written)
    if not found:
        hint = "HL7 writes 0830 or 083012, ISO 08:30; of others say how they are written: time('hh:mm a')"
        refuse("this is no time of day", hint, text)
    clock = {key: number for key, number in found.groupdict().items() if number is not None}
    return _checked_clock(Instant(0), text, clock)


def checked(text: str, **parts: str | None) -> Instant:
    """The instant of these digits, each proven to exist in the calendar and on the clock. Raises `Fault` M222."""
    given = {key: digits for key, digits in parts.items() if digits is not None}
    year = int(given["year"])
    if year == 0:
        refuse("there is no year 0000", "a sender that means 'unknown' leaves the field empty: ask with if()", text)
    instant = Instant(year)
    if "month" in given:
        month = int(given["month"])
        if not 1 <= month <= 12:
            refuse("there is no such month", _swapped_hint(text), text)
        instant = replace(instant, month=month)
    if "day" in given and instant.month:
        day = int(given["day"])
        if not 1 <= day <= days_in(year, instant.month):
            refuse("that month has no such day", _swapped_hint(text), text)
        instant = replace(instant, day=day)
    if "hour" in given:
        instant = _checked_clock(instant, text, given)
    if "offset" in given:
        if instant.hour is None:
            refuse("an offset from Greenwich stands behind a date without a time", "see what the sender means by it", text)
        instant = replace(instant, offset=offset_of(given["offset"], text))
    return instant


def _checked_clock(instant: Instant, text: str, given: dict[str, str]) -> Instant:
    hour, minute, second = (int(given.get(part, 0)) for part in ("hour", "minute", "second"))
    if hour > 23:
        hint = "a day ends at 23:59:59; midnight is 00:00 of the next day"
        refuse("there is no such hour", hint, text)
    if minute > 59 or second > 59:
        refuse("there is no such minute or second", "both are counted from 00 to 59", text)
    return replace(instant, hour=hour, minute=minute, second=second, fraction=given.get("fraction", ""))


def days_in(year: int, month: int) -> int:
    """How many days a month has (Gregorian calendar)."""
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if leap else _DAYS[month - 1]


def offset_of(written: str, text: str) -> int:
    """Minutes east of Greenwich: `Z`, `+0700`, `+07:00`. Raises `Fault` M222 beyond -12:00 and +14:00, where nobody lives."""
    if written == "Z":
        return 0
    hours, minutes = int(written[1:3]), int(written[-2:])
    total = (hours * 60 + minutes) * (-1 if written[0] == "-" else 1)
    if minutes > 59 or not -12 * 60 <= total <= 14 * 60:
        refuse("there is no such offset from Greenwich", "offsets run from -1200 to +1400", text)
    return total


def _shape_hint(text: str) -> str:
    if not text:
        return "it is blank; ask whether it is there, or choose another field"
    if not text.isascii() and any(sign.isdigit() for sign in text):
        return "its digits are of another script: dates have 0-9 only"
    if "/" in text or re.match(r"[0-9]{1,2}[-.][0-9]{1,2}[-.]", text):
        return "say how it is written: date('dd/MM/yyyy'), datetime('dd/MM/yyyy HH:mm')"
    if text.isdigit() and len(text) in (10, 13):
        return "if it counts from 1970, say so: datetime('epoch') for seconds, datetime('epoch_ms') for milliseconds"
    if text.isdigit() and len(text) == 5:
        return "if Excel counted these days, say so: date('excel')"
    return "HL7 writes 20261104 or 202611040830, ISO 2026-11-04; of others say how: date('d MMM yyyy')"


def _swapped_hint(text: str) -> str:
    if len(text) == 10 and text.isdigit():
        return "if it counts from 1970, say so: datetime('epoch')"
    return "day and month may be in each other's place: a pattern says which is which, as in date('yyyyddMM')"


# serial numbers


def read_serial(value: str | int | Decimal, kind: str, times: Times) -> Instant:
    """Seconds (`epoch`) or milliseconds (`epoch_ms`) since 1970, or days as Excel counts them (`excel`). Raises `Fault` M222."""
    number = _serial(value)
    if kind == "excel":
        return _excel(number, str(value))
    seconds = number if kind == "epoch" else number.scaleb(-3)
    if not _FIRST_SECOND <= seconds <= _LAST_SECOND:
        hint = "milliseconds are read with 'epoch_ms'" if kind == "epoch" else "seconds are read with 'epoch'"
        refuse("this is no time between the years 1 and 9999", hint, str(value))
    whole = int(seconds.to_integral_value(rounding="ROUND_FLOOR"))
    digits = "" if kind == "epoch" and seconds == whole else format(seconds - whole, "f").partition(".")[2][:9]
    moment = _EPOCH + timedelta(seconds=whole)
    return Instant(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, digits, 0)


def _serial(value: str | int | Decimal) -> Decimal:
    written = str(value).strip(" ")
    if not re.fullmatch(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?", written):
        refuse("this is no count of days or seconds", "take the pattern away if it is written as a date", str(value))
    return Decimal(written)


def _excel(days: Decimal, value: str) -> Instant:
    """Days since 1900 as Excel counts them, which takes 1900 for a leap year (ECMA-376 part 1, 18.17.4.1)."""
    if not 1 <= days < 2958466 or 60 <= days < 61:
        refuse("this is no day between 1900 and 9999 as Excel counts", "seconds since 1970 are read with 'epoch'", value)
    whole = int(days)
    day = date(1899, 12, 31 if whole < 60 else 30) + timedelta(days=whole)
    found = Instant(day.year, day.month, day.day)
    seconds = int(((days - whole) * 86400).to_integral_value(rounding="ROUND_HALF_EVEN"))
    if days == whole:
        return found
    if seconds == 86400:
        day, seconds = day + timedelta(days=1), 0
    return Instant(day.year, day.month, day.day, seconds // 3600, seconds // 60 % 60, seconds % 60)


# zones


@lru_cache(maxsize=65536)
def zone_offset(times: Times, year: int, month: int, day: int, hour: int, minute: int) -> int:
    """The zone's minutes east of Greenwich at a local time. One that comes twice (clocks set back) is the first of the two,
    one that never comes is counted from before the gap (RFC 5545, 3.3.5)."""
    offset = datetime(year, month, day, hour, minute, tzinfo=times.zone).utcoffset()
    return round((offset or timedelta()).total_seconds() / 60)


def local(instant: Instant, times: Times) -> Instant:
    """The instant as the mapping writes it: with its offset, in the zone of the mapping, or in UTC where it asks for that.

    A time that came with an offset keeps it where the mapping names no zone. Dates alone stay as they are.
    """
    if instant.hour is None or instant.month is None or instant.day is None:
        return instant
    offset = instant.offset
    if offset is None:
        offset = zone_offset(times, instant.year, instant.month, instant.day, instant.hour, instant.minute)
    if times.utc:
        return _moved(instant, offset, lambda _: 0)
    if instant.offset is None or times.assumed:
        return replace(instant, offset=offset)
    return _moved(
        instant, offset, lambda moment: round((moment.astimezone(times.zone).utcoffset() or timedelta()).total_seconds() / 60)
    )


def _moved(instant: Instant, offset: int, wanted: Callable[[datetime], int]) -> Instant:
    """The same moment at another offset. Raises `Fault` M222 at the ends of the calendar."""
    assert instant.month and instant.day and instant.hour is not None
    try:
        zone = timezone(timedelta(minutes=offset))
        moment = datetime(instant.year, instant.month, instant.day, instant.hour, instant.minute, instant.second, tzinfo=zone)
        target = wanted(moment)
        there = moment.astimezone(timezone(timedelta(minutes=target)))
    except (OverflowError, ValueError):
        raise Fault("M222", "this time lies outside of the calendar in another zone", "see what the sender means by it") from None
    return Instant(there.year, there.month, there.day, there.hour, there.minute, there.second, instant.fraction, target)


# writing


def iso_date(instant: Instant) -> str:
    """`2026-11-04`, `2026-11` or `2026`."""
    text = f"{instant.year:04}"
    if instant.month is not None:
        text += f"-{instant.month:02}"
    if instant.day is not None:
        text += f"-{instant.day:02}"
    return text


def iso_time(instant: Instant, times: Times) -> str:
    """`08:30:12`, with a fraction as it came or as the mapping's precision says; seconds are always written."""
    text = f"{instant.hour or 0:02}:{instant.minute:02}:{instant.second:02}"
    fraction = instant.fraction
    if times.precision == "seconds":
        fraction = ""
    elif times.precision == "milliseconds":
        fraction = f"{fraction:0<3.3}"
    return f"{text}.{fraction}" if fraction else text


def iso(instant: Instant, times: Times) -> str:
    """`2026-11-04T08:30:12+07:00` of a local instant; a date alone as `iso_date`."""
    day = iso_date(instant)
    if instant.hour is None:
        return day
    return f"{day}T{iso_time(instant, times)}{iso_offset(instant.offset or 0, times)}"


def iso_offset(minutes: int, times: Times) -> str:
    """`+07:00`, or `Z` where the mapping writes UTC."""
    if times.utc:
        return "Z"
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
