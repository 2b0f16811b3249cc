"""Standing: how a channel stands just now: whether its source takes what comes, and how each of its destinations is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from interpres.engine.road import Road


@dataclass(frozen=True, slots=True)
class Standing:
    """`says` is the source's own sentence (`listens on 127.0.0.1:2575`), empty while it is not open; `taking` whether it is at
    work; `destinations` are `up`, `resting` or `paused`, by name."""

    channel: str
    says: str
    taking: bool
    destinations: Mapping[str, str]


def standing_of(road: Road, says: str) -> Standing:
    """How this channel stands."""
    return Standing(road.recipe.name, says, road.taking, {name: outlet.state for name, outlet in road.outlets.items()})
