"""Times: how a mapping understands times that carry no offset, and how it writes all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

Precision = Literal["as given", "minutes", "seconds", "milliseconds"]

PRECISIONS: Final[tuple[str, ...]] = get_args(Precision)


@dataclass(frozen=True, slots=True)
class Times:
    """The zone of times without an offset; whether all are written in UTC (`Z`) or in that zone (`+07:00`); and how finely.

    `as given` writes the precision that came: 202611040830 is 2026-11-04T08:30+07:00. The others say it for every time that
    has an hour; a date alone is never made more precise.
    """

    zone: ZoneInfo
    utc: bool = False
    precision: Precision = "as given"

    @classmethod
    def of(cls, timezone: str | None, times: str = "local", precision: str | None = None) -> Times:
        """The mapping's own words (`timezone:`, `times:`), which its loader has checked; UTC where no zone is named."""
        return _times(timezone or "UTC", times == "utc", precision or "as given")


@cache
def _times(timezone: str, utc: bool, precision: str) -> Times:
    chosen: Precision = next((p for p in get_args(Precision) if p == precision), "as given")
    return Times(ZoneInfo(timezone), utc, chosen)


UTC: Final = Times.of(None)
