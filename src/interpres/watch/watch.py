"""Watch: looks on while an engine runs: counts, answers how it does, and tells somebody when it does not do well."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from interpres.alert import Alarm, Sight
from interpres.clock import Clock, iso_time
from interpres.engine import Engine
from interpres.engine.own_bug import own_bug
from interpres.fault import Fault
from interpres.installation import Installation
from interpres.notice import Item
from interpres.system import System
from interpres.watch import certificates, health, metrics
from interpres.watch.alarms import Alarms, Alert
from interpres.watch.answers import json_answer, text_answer
from interpres.watch.exposition import text_of
from interpres.watch.figures import Figures
from interpres.watch.habits import Habits
from interpres.watch.listener import listening
from interpres.watch.look import Looking
from interpres.watch.machine import this_process
from interpres.watch.memory import Memory
from interpres.watch.recent import Recent
from interpres.watch.sights import Sights
from interpres.watch.teller import Teller

log = structlog.get_logger("interpres.watch")

FRESH_SECONDS: Final = 1.0
"""Whoever asks within so short a time gets the same answer: asking often costs little."""
START_SECONDS: Final = 1.0
"""How often it is looked whether the engine has started."""
CERTIFICATES_SECONDS: Final = 600.0
ROUNDS_TO_SYSTEMS: Final = 36
"""Systems are greeted every six hours, for their certificates."""


class Watch:
    """One engine's. Its `figures` are the engine's meter; `over` lets it look on from before the start until after the end."""

    def __init__(
        self, installation: Installation, var: Path, *, clock: Clock | None = None, chance: Callable[[], float] = random.random
    ) -> None:
        self.installation = installation
        self.clock = clock or Clock()
        self.figures = Figures(self.clock)
        self.address = ""
        """Where it answers, once it does."""
        self.deaf: Fault | None = None
        """E111 where it should answer and cannot."""
        self._started_ms = self.clock.wall_ms()
        self._memory = Memory(var)
        self._habits = Habits(self._memory)
        self._recent = Recent(self.figures)
        self._sights = Sights(self.clock, self._recent, self._habits)
        self._learned = False
        alerts = installation.file.alerts
        self._rules = {word: rule for word, rule in installation.rules.items() if rule.settings.enabled}
        settles_ms = {word: int(rule.settles_seconds * 1000) for word, rule in self._rules.items()}
        self._alarms = Alarms(self._memory, [int(s * 1000) for s in alerts.again], settles_ms)
        self._tellers = [
            Teller(installation.name, r, alerts.gather, self.clock, chance, self._alarms.told) for r in installation.recipients
        ]
        for teller in self._tellers:
            teller.hear(self._alarms.untold(teller.recipient.name))

    def open(self) -> tuple[Alert, ...]:
        """What is not well now, the oldest first."""
        return self._alarms.open

    @contextlib.asynccontextmanager
    async def over(
        self, engine: Engine, systems: Mapping[str, System] | None = None, environment: Mapping[str, str] | None = None
    ) -> AsyncIterator[Watch]:
        """Look on meanwhile. An address for health that cannot be had is told in `deaf`, for whoever opens the store knows better
        why: another engine runs here."""
        looking = Looking(engine)
        async with contextlib.AsyncExitStack() as things:
            if self.installation.file.health is not None:
                answers = {
                    "/health": lambda: self._health(looking),
                    "/ready": lambda: self._ready(looking),
                    "/metrics": lambda: self._metrics(looking),
                }
                try:
                    self.address = await things.enter_async_context(listening(self.installation.file.health.listen, answers))
                except Fault as taken:
                    self.deaf = taken
            tasks = [asyncio.create_task(self._go_round(looking))]
            tasks.append(asyncio.create_task(self._look_at_certificates(engine, systems or {}, environment or {})))
            tasks += [asyncio.create_task(teller.run()) for teller in self._tellers]
            try:
                yield self
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                if self._learned:
                    self._note_what_came()
                    await asyncio.to_thread(self._save, self.clock.wall_ms(), at_once=True)

    # what is answered

    async def _health(self, looking: Looking) -> tuple[int, str, bytes]:
        look = await looking.look(FRESH_SECONDS)
        last_ms = {**self._habits.last_ms, **self.figures.last_ms}
        facts = health.health_of(look, self._started_ms, looking.engine.store.durability, last_ms)
        return json_answer(200, facts | {"alerts": [_facts(alert) for alert in self.open()]})

    async def _ready(self, looking: Looking) -> tuple[int, str, bytes]:
        return json_answer(*health.readiness_of(await looking.look(FRESH_SECONDS)))

    async def _metrics(self, looking: Looking) -> tuple[int, str, bytes]:
        look = await looking.look(FRESH_SECONDS)
        for standing in look.standing:
            self.figures.expect(standing.channel, standing.destinations)
        durability = dict(looking.engine.store.durability)
        families = [
            *metrics.counted(self.figures),
            *metrics.stages(self.figures),
            *metrics.standing(look),
            *metrics.house(look, this_process(), self._started_ms, durability, self.clock),
            *metrics.endings(self._sights.certificates),
            metrics.alerts(self.open()),
        ]
        return text_answer(text_of(families))

    # what is looked at

    async def _go_round(self, looking: Looking) -> None:
        while True:
            try:
                await self._round(looking)
            except Exception as error:
                own_bug(error, "looking whether all is well")
            every = self.installation.file.alerts.every
            await self.clock.sleep(every if self._learned else min(every, START_SECONDS))

    async def _round(self, looking: Looking) -> None:
        """One look, and what follows from it."""
        look = await looking.look()
        if not look.standing or looking.engine.shift.stopping.is_set():
            return
        if not self._learned:
            await self._habits.learn(looking.engine.store, self._started_ms)
            self._learned = True
        self._recent.keep()
        self._note_what_came()
        now_ms = self.clock.wall_ms()
        sight = self._sights.sight(look, looking.engine.recipes, self._started_ms)
        self._tell(self._alarms.take(self._found(sight), now_ms, now_ms - self._started_ms))
        await asyncio.to_thread(self._save, now_ms)

    def _found(self, sight: Sight) -> Iterator[tuple[str, Alarm]]:
        for word, rule in self._rules.items():
            try:
                found = list(rule.look(sight))
            except Exception as error:
                own_bug(error, f"looking by the rule {word}")
                continue
            yield from ((word, alarm) for alarm in found)

    def _tell(self, items: Sequence[Item]) -> None:
        for item in items:
            level = log.info if item.change == "closed" else log.warning
            level(f"alert {item.change}", rule=item.rule, about=item.about, says=item.says, since=iso_time(item.since_ms))
        for teller in self._tellers:
            self._alarms.to_tell(teller.recipient.name, teller.hear(items))

    async def _look_at_certificates(self, engine: Engine, systems: Mapping[str, System], environment: Mapping[str, str]) -> None:
        rule = self.installation.rules.get("certificate")
        peers = rule is not None and rule.settings.enabled and bool(getattr(rule.settings, "peers", False))
        of_systems: Sequence[Any] = ()
        rounds = 0
        while True:
            try:
                if peers and rounds % ROUNDS_TO_SYSTEMS == 0:
                    of_systems = await certificates.of_systems(systems, environment)
                own = await asyncio.to_thread(lambda: tuple(certificates.own(engine.recipes.values(), engine.workspace)))
                self._sights.certificates = (*own, *of_systems)
            except Exception as error:
                own_bug(error, "looking at certificates")
            rounds += 1
            await self.clock.sleep(CERTIFICATES_SECONDS)

    def _note_what_came(self) -> None:
        for channel, at_ms in self.figures.last_ms.items():
            self._habits.came(channel, at_ms)

    def _save(self, now_ms: int, *, at_once: bool = False) -> None:
        self._alarms.save()
        self._habits.save(now_ms, at_once=at_once)


def _facts(alert: Alert) -> dict[str, Any]:
    """An alert as /health tells it."""
    facts = {"rule": alert.rule, "about": alert.about, "says": alert.says, "hint": alert.hint, "page": alert.page}
    return facts | {"since": iso_time(alert.since_ms), "opened": iso_time(alert.opened_ms)}
