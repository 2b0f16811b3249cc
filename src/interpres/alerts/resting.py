"""resting: a destination has failed again and again, and is left alone but for a probe now and then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from interpres.alert import Alarm, Rule, RuleSettings, Sight
from interpres.duration import Duration, about


class RestingSettings(RuleSettings):
    """How long it may rest."""

    after: Duration = Field(default=300.0, description="How long a destination may rest before it is told.")


class Resting(Rule):
    """A destination rests: it does not answer, and what it is owed waits."""

    Settings: ClassVar[type[RuleSettings]] = RestingSettings
    settings: RestingSettings
    settles_seconds: ClassVar[float] = 600.0

    def look(self, sight: Sight) -> Iterator[Alarm]:
        for channel, name, destination in self.destinations(sight):
            if destination.state == "resting" and destination.state_seconds >= self.settings.after:
                waits = f"; {destination.waiting} wait for it" if destination.waiting else ""
                says = f"it has not answered for {about(destination.state_seconds)}{waits}"
                hint = "see whether the other side runs and can be reached from here; it is taken up again as soon as it answers"
                since_ms = sight.now_ms - int(destination.state_seconds * 1000)
                yield Alarm(f"destination {channel}/{name}", says, hint, since_ms, page="docs/how-to/a-dead-destination.md")
