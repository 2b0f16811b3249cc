"""Times: how a mapping understands times that carry no offset, and how it writes all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, get_args
from zoneinfo import ZoneInfo

Precision = Literal["as given", "seconds", "milliseconds"]

PRECISIONS: Final[tuple[str, ...]] = get_args(Precision)


@dataclass(frozen=True, slots=True, eq=False)
class Times:
    """The zone of times without an offset (`assumed`: the mapping names none, so UTC); whether all are written in UTC (`Z`) or in
    that zone (`+07:00`); and how finely.

    Seconds are always written, since JSON Schema, FHIR and XML Schema refuse times without them; `as given` writes a fraction of
    them where one came, `seconds` never, `milliseconds` always. A date alone is never made more precise. Two `Times` of the same
    words are the same object: what is worked out for one is remembered by identity.
    """

    zone: ZoneInfo
    utc: bool = False
    precision: Precision = "as given"
    assumed: bool = False

    @classmethod
    def of(cls, timezone: str | None, times: str = "local", precision: str | None = None) -> Times:
        """The mapping's own words (`timezone:`, `times:`), which its loader has checked; UTC where no zone is named."""
        return _times(timezone, times == "utc", precision or "as given")


@cache
def _times(timezone: str | None, utc: bool, precision: str) -> Times:
    chosen: Precision = next((p for p in get_args(Precision) if p == precision), "as given")
    return Times(ZoneInfo(timezone or "UTC"), utc, chosen, assumed=timezone is None)


UTC: Final = Times.of(None)
