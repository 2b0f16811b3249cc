"""status: one look at everything: each channel's road, what waits where and since when, the store, and who runs it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from interpres import __version__
from interpres.clock import iso_time
from interpres.desk import places
from interpres.desk.desk import Desk
from interpres.engine.standing import Resting, Standing
from interpres.store.acts import Place
from interpres.store.records import Count, Queue
from interpres.watch.alarms import Alert

REACH: Final = "asks"

AT_THE_EDGE: Final = ("duplicate", "refused")
"""What is counted beside messages, and left none."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing is chosen: a status is of everything."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was read for one status."""

    now_ms: int
    wall_ms: int
    standing: Mapping[str, Standing]
    paused: Mapping[tuple[str, str], Place]
    counts: tuple[Count, ...]
    queues: Mapping[tuple[str, str], Queue]
    delivered: Mapping[tuple[str, str], int]


async def act(desk: Desk, _: Asked) -> Any:
    """Facts only: names, numbers, times, reasons that people gave. `engine` is null where none runs."""
    seen = await _look(desk)
    size = await desk.store.size()
    names = {*desk.workspace.names("channels"), *seen.standing, *(c.channel for c in seen.counts)}
    running = {"pid": os.getpid(), "version": __version__} if desk.engine else None
    refused = desk.engine.reloading.refused if desk.engine else {}
    return {
        "engine": running,
        "channels": [_channel(seen, name) for name in sorted(names)],
        "alerts": [_alert(alert) for alert in desk.alerts()],
        "refused_reload": {name: [{**f.as_dict(), "value": None} for f in faults] for name, faults in sorted(refused.items())},
        "store": {
            "bytes": size.total_bytes,
            "log_bytes": size.log_bytes,
            "free_bytes": size.free_bytes,
            "durability": dict(desk.store.durability) or None,
        },
    }


def _alert(alert: Alert) -> dict[str, Any]:
    facts = {"rule": alert.rule, "about": alert.about, "says": alert.says, "hint": alert.hint, "page": alert.page}
    return {**facts, "since": iso_time(alert.since_ms)}


async def _look(desk: Desk) -> _Seen:
    return _Seen(
        desk.clock.steady_ms(),
        desk.clock.wall_ms(),
        {s.channel: s for s in desk.engine.standing()} if desk.engine else {},
        {(p.channel, p.destination): p for p in await desk.store.paused()},
        await desk.store.counts(),
        {(q.channel, q.destination): q for q in await desk.store.queues()},
        await desk.store.last_delivered(),
    )


def _channel(seen: _Seen, name: str) -> dict[str, Any]:
    standing = seen.standing.get(name)
    counts = {c.state: c.number for c in seen.counts if c.channel == name and not c.destination}
    owed = {c.destination for c in seen.counts if c.channel == name and c.destination}
    queue = seen.queues.get((name, ""))
    return {
        "channel": name,
        "runs": standing is not None,
        "says": standing.says if standing else "",
        "taking": standing.taking if standing else False,
        "paused": places.facts(seen.paused.get((name, ""))),
        "messages": {state: n for state, n in counts.items() if state not in AT_THE_EDGE},
        "duplicates": counts.get("duplicate", 0),
        "refused_at_edge": counts.get("refused", 0),
        "oldest_seconds": _age(seen.wall_ms, queue),
        "asks": {system: _rest(rest) for system, rest in standing.asks.items()} if standing else {},
        "destinations": [_destination(seen, name, d) for d in sorted(owed | set(standing.destinations if standing else ()))],
    }


def _destination(seen: _Seen, channel: str, name: str) -> dict[str, Any]:
    standing = seen.standing.get(channel)
    paused = seen.paused.get((channel, name))
    states = dict(standing.destinations) if standing else {}
    at_ms = seen.delivered.get((channel, name))
    return {
        "destination": name,
        "state": "paused" if paused else states.get(name, "gone" if standing else "not running"),
        "paused": places.facts(paused),
        "rests": _rest(standing.rests.get(name)) if standing else None,
        "deliveries": {c.state: c.number for c in seen.counts if c.channel == channel and c.destination == name},
        "oldest_seconds": _age(seen.now_ms, seen.queues.get((channel, name))),
        "last_delivered_at": None if at_ms is None else iso_time(at_ms),
    }


def _rest(rest: Resting | None) -> dict[str, Any] | None:
    if rest is None:
        return None
    seconds = {"for_seconds": int(rest.for_seconds), "probe_in_seconds": int(rest.probe_in_seconds)}
    return {**seconds, "failures": rest.failures, "says": rest.says}


def _age(now_ms: int, queue: Queue | None) -> int | None:
    return None if queue is None or queue.oldest_ms is None else max(0, (now_ms - queue.oldest_ms) // 1000)
