"""Profile: what a seed's world is like and what befalls it: most faults are absent from most seeds, so each has its turn."""

from __future__ import annotations

import random
from dataclasses import dataclass, fields
from typing import Any, Literal

Answer = Literal["accepted", "processed", "delivered"]


@dataclass(frozen=True, slots=True)
class Profile:
    """Shares are between 0 and 1, times in seconds. `disasters` is how many of the faults of the machine come to pass."""

    channels: tuple[str, ...]
    answer: Answer
    answer_within: float
    stops: bool
    attempts: int
    for_at_most: str
    conflicts: str
    senders: int
    messages: int
    burst: int
    repeats: float
    conflicting: float
    poison: float
    latency: float
    commit: float
    read: float
    checkpoint_pages: int
    lost_answers: float
    lost_requests: float
    lost_replies: float
    sick: float
    retry_after: float
    slow: float
    away: float
    acts: int
    disasters: int
    between_disasters: float
    crash: float
    cut: float
    stop: float
    full: float
    failed_sync: float
    jump: float

    def __str__(self) -> str:
        told = ((f.name, getattr(self, f.name)) for f in fields(self))
        return ", ".join(f"{name}={_short(value)}" for name, value in told if value not in (0, 0.0))


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return "+".join(value) if isinstance(value, tuple) else str(value)


def drawn(chance: random.Random) -> Profile:
    """One profile."""

    def share(likely: float, most: float) -> float:
        """Nothing, or up to `most`."""
        return chance.uniform(0.0, most) if chance.random() < likely else 0.0

    channels = ("quick", *(c for c in ("asking", "rows", "plain", "joining") if chance.random() < 0.35))
    return Profile(
        channels=channels,
        answer=chance.choice(("accepted", "processed", "processed", "delivered")),
        answer_within=chance.choice((0.05, 1.0, 10.0)),
        stops=chance.random() < 0.2,
        attempts=chance.choice((0, 0, 0, 1, 3)),
        for_at_most=chance.choice(("3d", "3d", "30s")),
        conflicts=chance.choice(("process", "refuse")),
        senders=chance.randint(1, 5),
        messages=chance.randint(2, 10),
        burst=chance.choice((1, 1, 2, 6)),
        repeats=share(0.4, 0.3),
        conflicting=share(0.3, 0.2),
        poison=share(0.6, 0.3),
        latency=chance.choice((0.0005, 0.01, 0.2)),
        commit=chance.choice((0.0002, 0.002, 0.05)),
        read=chance.choice((0.0, 0.0005, 0.01)),
        checkpoint_pages=chance.choice((5, 60, 4000)),
        lost_answers=share(0.5, 0.2),
        lost_requests=share(0.4, 0.2),
        lost_replies=share(0.5, 0.3),
        sick=share(0.5, 0.4),
        retry_after=share(0.3, 0.2),
        slow=share(0.3, 0.1),
        away=share(0.4, 1.0),
        acts=chance.choice((0, 0, 3, 10)),
        disasters=chance.choice((0, 1, 3, 6)),
        between_disasters=chance.choice((0.05, 1.0, 10.0)),
        crash=share(0.8, 1.0),
        cut=share(0.6, 1.0),
        stop=share(0.4, 0.6),
        full=share(0.4, 0.6),
        failed_sync=share(0.4, 0.6),
        jump=share(0.4, 0.6),
    )
