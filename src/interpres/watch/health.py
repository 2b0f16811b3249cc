"""Health: what /health and /ready say: names, states, numbers and times; nothing of any message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from interpres import __version__
from interpres.clock import iso_time
from interpres.engine.standing import Standing
from interpres.watch.look import Look


def health_of(look: Look, started_ms: int, durability: Mapping[str, str], last_ms: Mapping[str, int]) -> dict[str, Any]:
    """Everything that is well or not: the answer is for people, and for whoever wants to know more than a 200."""
    store: dict[str, Any] = {"open": look.open, "durability": dict(durability)}
    if look.size is not None:
        store["bytes"] = look.size.total_bytes
    return {
        "version": __version__,
        "started_at": iso_time(started_ms),
        "ready": not any(missing(look)),
        "store": store,
        "channels": {s.channel: _channel(s, look, last_ms.get(s.channel)) for s in look.standing},
    }


def missing(look: Look) -> Iterator[str]:
    """What keeps this engine from taking everything that it should; nothing where it is ready."""
    if not look.standing:
        yield "the engine has not started yet"
        return
    if not look.open:
        yield "the store takes nothing"
    for standing in look.standing:
        if (standing.channel, "") in look.paused:
            yield f"channel {standing.channel} is paused"
        elif not standing.taking:
            yield f"channel {standing.channel} takes nothing"


def readiness_of(look: Look) -> tuple[int, dict[str, Any]]:
    """The status and the answer of /ready."""
    why: Sequence[str] = list(missing(look))
    return (503 if why else 200), {"ready": not why, "missing": why}


def _channel(standing: Standing, look: Look, last_ms: int | None) -> dict[str, Any]:
    paused = (standing.channel, "") in look.paused
    return {
        "source": {
            "state": "paused" if paused else "up" if standing.taking else "down",
            "says": standing.says,
            "last_message_at": None if last_ms is None else iso_time(last_ms),
        },
        "received": look.waiting(standing.channel),
        "oldest_seconds": look.oldest_seconds(standing.channel),
        "destinations": {
            name: {
                "state": state,
                "waiting": look.waiting(standing.channel, name),
                "oldest_seconds": look.oldest_seconds(standing.channel, name),
            }
            for name, state in standing.destinations.items()
        },
    }
