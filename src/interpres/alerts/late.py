"""late: something has been waiting for too long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from interpres.alert import Alarm, Rule, RuleSettings, Sight
from interpres.duration import Duration, about


class LateSettings(RuleSettings):
    """How long is too long."""

    after: Duration = Field(default=900.0, description="How long the oldest of what waits may have waited.")


class Late(Rule):
    """The oldest message that waits to be processed, or delivery that waits to be sent, has waited too long."""

    Settings: ClassVar[type[RuleSettings]] = LateSettings
    settings: LateSettings

    def look(self, sight: Sight) -> Iterator[Alarm]:
        for name, channel in self.channels(sight):
            if (age := channel.oldest_seconds) is not None and age > self.settings.after:
                says = (
                    f"{_counted(channel.waiting, 'message waits', 'messages wait')} to be processed, the oldest for {about(age)}"
                )
                hint = "see whether the systems that it asks (enrich:) answer; they are asked again by themselves"
                yield Alarm(
                    f"channel {name}", says, hint, sight.now_ms - int(age * 1000), page="docs/how-to/a-dead-destination.md"
                )
        for channel_name, name, destination in self.destinations(sight):
            if (age := destination.oldest_seconds) is not None and age > self.settings.after:
                state = "" if destination.state == "up" else f" ({destination.state})"
                waiting = _counted(destination.waiting, "delivery waits", "deliveries wait")
                says = f"{waiting}{state}, the oldest for {about(age)}"
                hint = "see whether the destination answers and what stands before it in its lane: interpres problems"
                yield Alarm(
                    f"destination {channel_name}/{name}",
                    says,
                    hint,
                    sight.now_ms - int(age * 1000),
                    page="docs/how-to/a-dead-destination.md",
                )


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
