"""clock: this machine's clock was set while the engine ran."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from interpres.alert import Alarm, Rule, RuleSettings, Sight
from interpres.duration import Duration, about


class ClockSettings(RuleSettings):
    """How far."""

    by: Duration = Field(default=60.0, description="How far the clock may be set within an hour.")


class Clock(Rule):
    """The wall clock jumped. Waiting and retrying do not go by it, but times in files, logs and messages do."""

    Settings: ClassVar[type[RuleSettings]] = ClockSettings
    settings: ClockSettings

    def look(self, sight: Sight) -> Iterator[Alarm]:
        jump = sight.clock_jump_seconds
        if abs(jump) > self.settings.by:
            says = f"this machine's clock was set {'forward' if jump > 0 else 'back'} by {about(abs(jump))}"
            hint = "see that it is kept right (timedatectl status); times of messages that came meanwhile may be off by as much"
            yield Alarm("clock", says, hint, sight.now_ms)
