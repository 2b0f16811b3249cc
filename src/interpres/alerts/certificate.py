"""certificate: a certificate that we show, or that a system shows us, is about to end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from interpres.alert import Alarm, Rule, RuleSettings, Sight

DAY_MS = 86_400_000


class CertificateSettings(RuleSettings):
    """How long before its end."""

    days: list[int] = Field(
        default=[30, 7, 1], min_length=1, description="How many days before its end it is told, each time anew."
    )
    peers: bool = Field(default=True, description="Whether the certificates that systems show are looked at too.")


class Certificate(Rule):
    """A certificate ends soon: after that nobody can connect."""

    Settings: ClassVar[type[RuleSettings]] = CertificateSettings
    settings: CertificateSettings

    def look(self, sight: Sight) -> Iterator[Alarm]:
        for one in sight.certificates:
            left = (one.ends_ms - sight.now_ms) / DAY_MS
            degree = sum(left <= days for days in self.settings.days)
            if degree:
                says = "its certificate has ended" if left <= 0 else f"its certificate ends in {_days(left)}"
                hint = "renew it; a listening channel takes the new one at its next start"
                yield Alarm(one.of, says, hint, sight.now_ms, degree=degree + (left <= 0))


def _days(left: float) -> str:
    if left < 1:
        return "less than a day"
    return "one day" if left < 2 else f"{int(left)} days"
