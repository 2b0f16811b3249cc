"""quiet: a feed from which nothing has come for much longer than it is used to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from interpres.alert import Alarm, ChannelSight, Rule, RuleSettings, Sight
from interpres.duration import Duration, about


class QuietSettings(RuleSettings):
    """How much longer than usual is too long."""

    times: float = Field(
        default=4.0, ge=1, description="So many times the longest silence that there usually is at this time of the week."
    )
    at_least: Duration = Field(default=3600.0, description="Nothing shorter than this is a silence.")


class Quiet(Rule):
    """A feed has gone quiet against its own habit: what the same time of the same day of the week was like in the weeks before.

    A channel without two weeks behind it is new and has no habit; a clinic that is closed at night is quiet every night. The time
    during which the engine itself stood does not count.
    """

    Settings: ClassVar[type[RuleSettings]] = QuietSettings
    settings: QuietSettings

    def look(self, sight: Sight) -> Iterator[Alarm]:
        for name, channel in self.channels(sight):
            quiet = self._too_quiet(channel, sight)
            if quiet is None:
                continue
            silence, usual = quiet
            used_to = f"a pause of {about(usual)} at most" if usual >= 600 else "something every few minutes"
            yield Alarm(
                f"channel {name}",
                f"nothing has come for {about(silence)}, where there is usually {used_to} at this time of the week",
                "ask whether the sending system runs and reaches this machine; interpres messages --channel "
                f"{name} shows what came last",
                sight.now_ms - int(silence * 1000),
            )

    def _too_quiet(self, channel: ChannelSight, sight: Sight) -> tuple[float, float] | None:
        """For how long it has been quiet and usually is; None where that is as it should be."""
        if channel.paused or channel.habit is None or (silence := channel.quiet_seconds) is None:
            return None
        if silence <= self.settings.at_least:
            return None
        usual = channel.habit.usual_silence_seconds(sight.now_ms, channel.timezone)
        if usual is None or silence <= self.settings.times * usual:
            return None
        return silence, usual
