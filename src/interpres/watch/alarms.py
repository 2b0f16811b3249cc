"""Alarms: what is not well by now: opened, told again at growing intervals, closed; kept over a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from interpres.alert import Alarm
from interpres.notice import Change, Item
from interpres.watch.memory import Memory

FILE: Final = "alerts.json"
WELL_MS: Final = 60_000
"""What was not well has to be well for so long before it is closed: what comes and goes is one alert, not many."""


class Alert(msgspec.Struct):
    """One alert that is open. Times are wall time in milliseconds since 1970.

    `told_ms` is when it was last to be told, `times` how often; `untold` are the recipients whom that has not reached yet.
    `well_ms` is since when it has not been found any more; 0: it is found.
    """

    rule: str
    about: str
    says: str
    hint: str
    page: str
    since_ms: int
    opened_ms: int
    degree: int = 0
    told_ms: int = 0
    times: int = 0
    untold: frozenset[str] = frozenset()
    well_ms: int = 0


class Alarms:
    """All that is open. `again_ms` are the times after which what is still open is told again; the last is repeated."""

    def __init__(self, memory: Memory, again_ms: Sequence[int], settles_ms: Mapping[str, int]) -> None:
        self._memory = memory
        self._again_ms = again_ms
        self._settles_ms = settles_ms
        self._changed = False
        self._open = {(a.rule, a.about): a for a in memory.read(FILE, list[Alert]) or () if a.rule in settles_ms}

    @property
    def open(self) -> tuple[Alert, ...]:
        """What is not well, the oldest first."""
        return tuple(sorted(self._open.values(), key=lambda a: (a.opened_ms, a.rule, a.about)))

    def take(self, found: Iterable[tuple[str, Alarm]], now_ms: int, up_ms: int) -> list[Item]:
        """What the rules have found, each with its name; gives what is to be told. `up_ms`: for how long this engine has run."""
        known = {key: (a.says, a.told_ms, a.degree) for key, a in self._open.items()}
        by_key = {(rule, alarm.about): alarm for rule, alarm in found}
        items = [item for (rule, _), alarm in by_key.items() for item in self._found(rule, alarm, now_ms)]
        items += self._well(by_key.keys(), now_ms, up_ms)
        self._changed |= known != {key: (a.says, a.told_ms, a.degree) for key, a in self._open.items()}
        return items

    # who knows of it

    def to_tell(self, recipient: str, items: Iterable[Item]) -> None:
        """These go to a recipient, who may be out of reach for long."""
        self._know(items, lambda untold: untold | {recipient})

    def told(self, recipient: str, items: Iterable[Item]) -> None:
        """These have reached it."""
        self._know(items, lambda untold: untold - {recipient})

    def untold(self, recipient: str) -> list[Item]:
        """What was open when an engine ended and had not reached a recipient by then."""
        return [_item("still" if a.times > 1 else "opened", a) for a in self.open if recipient in a.untold]

    def _know(self, items: Iterable[Item], untold: Callable[[frozenset[str]], frozenset[str]]) -> None:
        for item in items:
            if alert := self._open.get((item.rule, item.about)):
                alert.untold = untold(alert.untold)
                self._changed = True

    def save(self) -> None:
        """Keep what has changed. It waits for the disk: not for the event loop's thread."""
        if self._changed:
            self._changed = False
            self._memory.write(FILE, self.open)

    def _found(self, rule: str, alarm: Alarm, now_ms: int) -> Iterator[Item]:
        alert = self._open.get((rule, alarm.about))
        change: Change | None = None
        if alert is None:
            alert = Alert(rule, alarm.about, alarm.says, alarm.hint, alarm.page, alarm.since_ms, now_ms, alarm.degree)
            self._open[rule, alarm.about] = alert
            change = "opened"
        elif alarm.degree > alert.degree:
            change = "worse"
        elif now_ms - alert.told_ms >= self._again_ms[min(alert.times, len(self._again_ms)) - 1]:
            change = "still"
        alert.says, alert.hint, alert.degree, alert.well_ms = alarm.says, alarm.hint, alarm.degree, 0
        if change is not None:
            alert.told_ms = now_ms
            alert.times += 1
            yield _item(change, alert)

    def _well(self, found: Iterable[tuple[str, str]], now_ms: int, up_ms: int) -> Iterator[Item]:
        found = set(found)
        for key, alert in list(self._open.items()):
            if key in found or up_ms < self._settles_ms[alert.rule]:
                continue
            alert.well_ms = alert.well_ms or now_ms
            if now_ms - alert.well_ms >= WELL_MS or now_ms < alert.well_ms:
                del self._open[key]
                yield _item("closed", alert)


def open_alerts(var: Path) -> tuple[Alert, ...]:
    """What is not well, as the engine that runs over this folder (or ran last) has kept it: for whoever looks on beside it."""
    found = Memory(var).read(FILE, list[Alert])
    return tuple(found or ())


def _item(change: Change, alert: Alert) -> Item:
    ended_ms = alert.well_ms if change == "closed" else 0
    return Item(change, alert.rule, alert.about, alert.says, alert.hint, alert.page, alert.since_ms, ended_ms)
