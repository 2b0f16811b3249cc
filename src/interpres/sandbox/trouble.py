"""Trouble: how a sandbox misbehaves when it is told to — which kinds, how often, and by which throw of the dice."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from interpres.fault import Fault, did_you_mean

KINDS: Final[Mapping[str, str]] = {
    "slow": "answers late",
    "500": "answers 500 and does nothing",
    "429": "answers 429 with Retry-After and does nothing",
    "drop": "closes the connection without an answer, before having acted",
    "drop-after": "closes the connection without an answer, after having acted",
    "expired": "declares a good token expired and answers 401",
}
"""What can go wrong, and what each looks like to the caller."""

_WRITTEN = re.compile(r"([a-z0-9-]+):([0-9]*\.?[0-9]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A rate from 0 to 1 for each kind of trouble; the rates together are at most 1, since a request has one trouble."""

    rates: Mapping[str, float]

    @classmethod
    def parse(cls, written: str) -> Trouble:
        """The trouble of `slow:0.2,500:0.1`. Raises `Fault` C190 for an unknown kind, or rates that cannot be."""
        rates: dict[str, float] = {}
        for item in filter(None, (part.strip() for part in written.split(","))):
            kind, rate = _one(item)
            rates[kind] = rate
        if sum(rates.values()) > 1:
            raise Fault("C190", "the rates of trouble are more than 1 together", "a request has one trouble at most: lower them")
        return cls(rates)

    def dice(self, seed: int) -> Dice:
        """Dice that fall the same way for the same seed."""
        return Dice(self.rates, random.Random(seed))  # noqa: S311 - repeatable on purpose, nothing is secret


class Dice:
    """Throws once for each request, in the order in which the requests come in."""

    def __init__(self, rates: Mapping[str, float], chance: random.Random) -> None:
        self._rates = rates
        self._chance = chance

    def throw(self) -> str:
        """The kind of trouble that this request meets; empty for none."""
        fallen = self._chance.random()
        for kind, rate in self._rates.items():
            if fallen < rate:
                return kind
            fallen -= rate
        return ""


def _one(item: str) -> tuple[str, float]:
    match = _WRITTEN.fullmatch(item)
    if match is None:
        raise Fault("C190", f"trouble '{item}' is not a kind and a rate", "write it as slow:0.2, a rate from 0 to 1")
    kind, rate = match[1], float(match[2])
    if kind not in KINDS:
        raise Fault("C190", f"there is no trouble '{kind}'", did_you_mean(kind, KINDS) or f"there are {', '.join(KINDS)}")
    if rate > 1:
        raise Fault("C190", f"the rate of trouble '{kind}' is more than 1", "a rate is a share of all requests, from 0 to 1")
    return kind, rate
