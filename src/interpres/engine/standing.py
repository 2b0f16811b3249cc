"""Standing: how a channel stands just now: whether its source takes what comes, and how each of its destinations is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from interpres.engine.rest import Rest
from interpres.engine.road import Road


@dataclass(frozen=True, slots=True)
class Resting:
    """Of a destination that is left alone: for how long, when it is asked again, and why: so many failures in a row, the last."""

    for_seconds: float
    probe_in_seconds: float
    failures: int
    says: str


@dataclass(frozen=True, slots=True)
class Standing:
    """`says` is the source's own sentence (`listens on 127.0.0.1:2575`), empty while it is not open; `taking` whether it is at
    work; `destinations` are `up`, `resting` or `paused`, by name; `rests` says more of what is away, also while it is paused.
    `asks`: the systems that its messages ask and that rest."""

    channel: str
    says: str
    taking: bool
    destinations: Mapping[str, str]
    rests: Mapping[str, Resting] = field(default_factory=dict)
    asks: Mapping[str, Resting] = field(default_factory=dict)


def standing_of(road: Road, says: str, systems: Mapping[str, Rest]) -> Standing:
    """How this channel stands; `systems` are all that were ever asked."""
    now_ms = road.shift.clock.steady_ms()
    rests = {name: rest for name, outlet in road.outlets.items() if (rest := _resting(outlet.rest, now_ms))}
    states = {name: outlet.state for name, outlet in road.outlets.items()}
    asked = {e.call.partition("/")[0] for e in road.recipe.enrich if e.call}
    asks = {name: rest for name in sorted(asked & systems.keys()) if (rest := _resting(systems[name], now_ms))}
    return Standing(road.recipe.name, says, road.taking, states, rests, asks)


def _resting(rest: Rest, now_ms: int) -> Resting | None:
    if rest.since_ms is None:
        return None
    return Resting((now_ms - rest.since_ms) / 1000, rest.probe_in_seconds(), rest.failures, rest.says)
