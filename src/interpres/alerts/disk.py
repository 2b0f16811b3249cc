"""disk: there is little room left where the store lies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from interpres.alert import Alarm, Rule, RuleSettings, Sight

MB = 1_000_000


class DiskSettings(RuleSettings):
    """How little is too little: what is below either bound."""

    share: float = Field(default=0.1, ge=0, le=1, description="Such a share of the disk should be free.")
    free_mb: int = Field(default=2000, ge=0, description="So many megabytes should be free.")


class Disk(Rule):
    """The disk under var/ fills up. It is told once more, and at once, when only a quarter of what should be free is left."""

    Settings: ClassVar[type[RuleSettings]] = DiskSettings
    settings: DiskSettings

    def look(self, sight: Sight) -> Iterator[Alarm]:
        if not sight.disk_total_bytes:
            return
        wanted = max(self.settings.share * sight.disk_total_bytes, self.settings.free_mb * MB)
        wanted = min(wanted, sight.disk_total_bytes / 2)  # a small disk need not be empty
        free = sight.disk_free_bytes
        if free < wanted:
            percent = 100 * free / sight.disk_total_bytes
            says = f"{free / MB:,.0f} MB are free on the disk that holds var/ ({percent:.0f} %)"
            hint = "free some room or let the store give some back (interpres store prune); when it is full nothing is taken"
            yield Alarm("disk", says, hint, sight.now_ms, degree=int(free < wanted / 4), page="docs/how-to/a-full-disk.md")
