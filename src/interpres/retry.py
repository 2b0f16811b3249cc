"""Retry: when a passing failure is tried again, and when it is given up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retry:
    """Waits that double from `first_seconds` to `longest_seconds`; limits of attempts (0: none) and of age."""

    attempts: int = 0
    for_at_most_seconds: float = 3 * 86400.0
    first_seconds: float = 1.0
    longest_seconds: float = 300.0
    longest_asked_seconds: float = 3600.0

    def wait_seconds(self, tries: int, chance: float, asked_seconds: float | None = None) -> float:
        """How long to wait after so many tries (from 1): half of the step for certain, the other half by `chance` (0 to 1).

        Chance keeps deliveries that failed together from coming back together. A peer that asked for time
        (Retry-After, RFC 9110 section 10.2.3) gets it, up to `longest_asked_seconds`.
        """
        step = min(self.longest_seconds, self.first_seconds * 2.0 ** min(tries - 1, 60))
        asked = min(max(asked_seconds or 0.0, 0.0), self.longest_asked_seconds)
        return max(step * (0.5 + chance / 2), asked)

    def is_over(self, tries: int, age_seconds: float) -> bool:
        """Whether so many tries over so long a time are enough."""
        return (0 < self.attempts <= tries) or age_seconds >= self.for_at_most_seconds
