"""source: a channel takes nothing, because its source has stopped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from interpres.alert import Alarm, Rule, RuleSettings, Sight
from interpres.duration import Duration, about


class SourceSettings(RuleSettings):
    """How long it may be away."""

    after: Duration = Field(default=60.0, description="How long a source may be away before it is told.")


class Source(Rule):
    """A channel's source is not at work: nobody is listened to, no folder is watched."""

    Settings: ClassVar[type[RuleSettings]] = SourceSettings
    settings: SourceSettings

    def look(self, sight: Sight) -> Iterator[Alarm]:
        for name, channel in self.channels(sight):
            if not channel.taking and not channel.paused and channel.taking_seconds >= self.settings.after:
                says = f"it has taken nothing for {about(channel.taking_seconds)}: its source has stopped"
                hint = "the log says why (var/log/interpres.jsonl); it is started again by itself, each time a little later"
                yield Alarm(f"channel {name}", says, hint, sight.now_ms - int(channel.taking_seconds * 1000))
