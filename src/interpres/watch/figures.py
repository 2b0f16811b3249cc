"""Figures: what has been counted since the engine started, of everything that passed through it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Final

from interpres.clock import Clock
from interpres.engine import Meter
from interpres.message import CROCKFORD
from interpres.source import Receipt
from interpres.watch.histogram import QUICK, SLOW, Histogram

IN_TROUBLE: Final = frozenset({"rejected", "refused", "held", "dead"})
"""States whose faults are counted by their codes."""

ENDED: Final = frozenset({"delivered", "refused", "dead", "held", "uncertain", "dropped"})
"""States of a delivery that are counted: the others are on the way."""

_TIME_SIGNS: Final = 10
_AS_DIGITS: Final = str.maketrans(CROCKFORD, "0123456789abcdefghijklmnopqrstuv")


class Figures(Meter):
    """Counters and histograms, each by the names it is labelled with. Written and read on the event loop's thread."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.received: dict[str, int] = defaultdict(int)
        self.answers: dict[tuple[str, str], int] = defaultdict(int)
        self.duplicates: dict[str, int] = defaultdict(int)
        self.messages: dict[tuple[str, str], int] = defaultdict(int)
        self.deliveries: dict[tuple[str, str, str], int] = defaultdict(int)
        self.attempts: dict[tuple[str, str, str], int] = defaultdict(int)
        self.retries: dict[tuple[str, str], int] = defaultdict(int)
        self.edge_refusals: dict[tuple[str, str], int] = defaultdict(int)
        self.faults: dict[tuple[str, str], int] = defaultdict(int)
        self.unstored: dict[str, int] = defaultdict(int)
        self.reading: dict[str, Histogram] = defaultdict(partial(Histogram, QUICK))
        self.processing: dict[str, Histogram] = defaultdict(partial(Histogram, QUICK))
        self.storing: dict[str, Histogram] = defaultdict(partial(Histogram, QUICK))
        self.answering: dict[str, Histogram] = defaultdict(partial(Histogram, SLOW))
        self.delivering: dict[tuple[str, str], Histogram] = defaultdict(partial(Histogram, SLOW))
        self.end_to_end: dict[tuple[str, str], Histogram] = defaultdict(partial(Histogram, SLOW))
        self.last_ms: dict[str, int] = {}
        """When each channel's latest message came (wall time), as far as it was since the start."""

    def expect(self, channel: str, destinations: Iterable[str]) -> None:
        """Let a channel's counters begin at zero: of one that appears at one nobody can tell that it grew."""
        self.received[channel] += 0
        self.duplicates[channel] += 0
        for state in ("yes", "no"):
            self.answers[channel, state] += 0
        for destination in destinations:
            self.retries[channel, destination] += 0
            for state in ("delivered", "refused", "dead"):
                self.deliveries[channel, destination, state] += 0

    # what the engine tells

    def read(self, channel: str, seconds: float) -> None:
        self.reading[channel].add(seconds)

    def processed(self, channel: str, seconds: float) -> None:
        self.processing[channel].add(seconds)

    def stored(self, channel: str, messages: int) -> None:
        self.received[channel] += messages
        self.last_ms[channel] = self.clock.wall_ms()

    def answered(self, channel: str, receipt: Receipt, storing_seconds: float, answering_seconds: float) -> None:
        self.answers[channel, _answer(receipt)] += 1
        if receipt.duplicate:
            self.duplicates[channel] += 1
        if storing_seconds:
            self.storing[channel].add(storing_seconds)
            self.answering[channel].add(answering_seconds)

    def message(self, channel: str, state: str, codes: Sequence[str]) -> None:
        if state != "received":
            self.messages[channel, state] += 1
        if codes and state in IN_TROUBLE:
            self._count_faults(channel, codes)

    def delivery(self, channel: str, destination: str, state: str, codes: Sequence[str]) -> None:
        if state in ENDED:
            self.deliveries[channel, destination, state] += 1
        if codes and state in IN_TROUBLE:
            self._count_faults(channel, codes)

    def attempted(self, channel: str, destination: str, message_id: str, state: str, tries: int, seconds: float) -> None:
        place = (channel, destination)
        self.attempts[channel, destination, state] += 1
        self.delivering[place].add(seconds)
        if tries > 1:
            self.retries[place] += 1
        if state == "delivered":
            self.end_to_end[place].add(max(0, self.clock.wall_ms() - _came_ms(message_id)) / 1000)

    def refused_at_edge(self, channel: str, code: str) -> None:
        self.edge_refusals[channel, code] += 1

    def cannot_store(self, code: str) -> None:
        self.unstored[code] += 1

    def _count_faults(self, channel: str, codes: Sequence[str]) -> None:
        for code in codes:
            self.faults[channel, code] += 1


def _answer(receipt: Receipt) -> str:
    """`unable`: the store could not take it, so that the peer is asked to try again."""
    if receipt.cannot_store:
        return "unable"
    if not receipt.accepted:
        return "no"
    return "early" if receipt.early else "yes"


def _came_ms(message_id: str) -> int:
    """The time in a message's id: a ULID begins with it, in 50 bits."""
    return int(message_id[:_TIME_SIGNS].translate(_AS_DIGITS), 32)
