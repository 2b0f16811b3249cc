"""undelivered: messages or deliveries came to an end that a person has to look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from interpres.alert import Alarm, ChannelSight, DestinationSight, Rule, RuleSettings, Sight


class UndeliveredSettings(RuleSettings):
    """How many within an hour are too many. Any that is dead or held is."""

    at_least: int = Field(default=5, ge=1, description="So many refusals within an hour are told of.")
    share: float = Field(default=0.1, ge=0, le=1, description="But only where they are such a share of all that ended.")


class Undelivered(Rule):
    """Within the last hour deliveries were given up or held, or more were refused, or more messages rejected, than now and then
    happens. It is well again after an hour without."""

    Settings: ClassVar[type[RuleSettings]] = UndeliveredSettings
    settings: UndeliveredSettings
    settles_seconds: ClassVar[float] = 3600.0

    def look(self, sight: Sight) -> Iterator[Alarm]:
        hint = "interpres problems groups them by their cause, and says what can be done about each"
        for name, channel in self.channels(sight):
            if says := self._of_messages(channel):
                most = f"; most often {', '.join(channel.codes[:3])}" if channel.codes else ""
                yield Alarm(f"channel {name}", says + most, hint, sight.now_ms)
        for channel_name, name, destination in self.destinations(sight):
            if says := self._of_deliveries(destination):
                yield Alarm(f"destination {channel_name}/{name}", says, hint, sight.now_ms)

    def _of_messages(self, channel: ChannelSight) -> str:
        told = [f"{channel.held} held"] if channel.held else []
        if self._too_many(channel.rejected, channel.ended):
            told.append(f"{channel.rejected} rejected")
        return f"messages within the last hour: {', '.join(told)}" if told else ""

    def _of_deliveries(self, destination: DestinationSight) -> str:
        told = [f"{number} {word}" for word, number in (("dead", destination.dead), ("held", destination.held)) if number]
        ended = destination.delivered + destination.refused + destination.dead + destination.held
        if self._too_many(destination.refused, ended):
            told.append(f"{destination.refused} refused")
        return f"deliveries within the last hour: {', '.join(told)}" if told else ""

    def _too_many(self, number: int, of: int) -> bool:
        return number >= self.settings.at_least and number >= self.settings.share * of
