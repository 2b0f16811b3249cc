"""Sights: makes what rules look at of a look, the figures of the last hour, and the habits."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final

from interpres.alert import CertificateSight, ChannelSight, DestinationSight, Sight, StoreSight
from interpres.channel import Recipe
from interpres.clock import Clock
from interpres.engine.standing import Standing
from interpres.watch.habits import Habits
from interpres.watch.look import Look
from interpres.watch.recent import Recent

STORE_MS: Final = 600_000
"""For how long it is remembered that the store could not take something."""


class Sights:
    """Keeps since when each channel, destination and the store have been as they are."""

    def __init__(self, clock: Clock, recent: Recent, habits: Habits) -> None:
        self._clock = clock
        self._recent = recent
        self._habits = habits
        self._began: dict[Hashable, tuple[Hashable, int]] = {}
        self.certificates: tuple[CertificateSight, ...] = ()

    def sight(self, look: Look, recipes: Mapping[str, Recipe], started_ms: int) -> Sight:
        """What there is to see now."""
        now_ms = self._clock.wall_ms()
        messages, deliveries = self._recent.messages(), self._recent.deliveries()
        channels = {}
        destinations = {}
        for standing in look.standing:
            recipe = recipes.get(standing.channel)
            timezone = recipe.timezone if recipe else "UTC"
            channels[standing.channel] = self._channel(standing, look, messages, timezone, (now_ms, started_ms))
            for name, state in standing.destinations.items():
                place = (standing.channel, name)
                destinations[place] = self._destination(place, state, look, deliveries)
        return Sight(
            now_ms,
            channels,
            destinations,
            self._store(look),
            look.disk.total_bytes if look.disk else 0,
            look.disk.free_bytes if look.disk else 0,
            self.certificates,
            self._recent.clock_jump_seconds(),
        )

    def _channel(
        self, standing: Standing, look: Look, messages: Mapping[tuple[str, str], int], timezone: str, times: tuple[int, int]
    ) -> ChannelSight:
        name = standing.channel
        ended = {state: n for (channel, state), n in messages.items() if channel == name}
        return ChannelSight(
            taking=standing.taking,
            paused=(name, "") in look.paused,
            taking_seconds=self._seconds_as(("taking", name), standing.taking),
            quiet_seconds=self._habits.quiet_seconds(name, *times),
            habit=self._habits.of.get(name),
            timezone=timezone,
            rejected=ended.get("rejected", 0),
            held=ended.get("held", 0),
            ended=sum(ended.values()),
            waiting=look.waiting(name),
            oldest_seconds=look.oldest_seconds(name),
            codes=self._recent.codes(name),
        )

    def _destination(
        self, place: tuple[str, str], state: str, look: Look, deliveries: Mapping[tuple[str, str, str], int]
    ) -> DestinationSight:
        ended = {s: n for (channel, name, s), n in deliveries.items() if (channel, name) == place}
        return DestinationSight(
            state=state,
            state_seconds=self._seconds_as(("state", place), state),
            waiting=look.waiting(*place),
            oldest_seconds=look.oldest_seconds(*place),
            refused=ended.get("refused", 0),
            dead=ended.get("dead", 0),
            held=ended.get("held", 0),
            delivered=ended.get("delivered", 0),
        )

    def _store(self, look: Look) -> StoreSight:
        refusals = self._recent.unstored(STORE_MS)
        code = max(refusals, key=lambda c: refusals[c], default="")
        shut_seconds = self._seconds_as("store", look.open)
        return StoreSight(None if look.open else shut_seconds, sum(refusals.values()), code)

    def _seconds_as(self, what: Hashable, now: Hashable) -> float:
        """For how long something has been as it is now, as far as it was seen."""
        now_ms = self._clock.steady_ms()
        before, since_ms = self._began.get(what, (None, now_ms))
        if before != now:
            since_ms = now_ms
        self._began[what] = (now, since_ms)
        return (now_ms - since_ms) / 1000
