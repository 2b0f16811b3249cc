"""Meter: what the engine tells of how much passes through it, and how long each stage takes."""

from __future__ import annotations

from collections.abc import Sequence

from interpres.source import Receipt


class Meter:
    """Told of everything that is to be counted, on the event loop; this one does not listen. Whoever counts overrides.

    Each method must be quick and must not raise. It is handed names and codes of our own, never a value or a lane; times are
    seconds of the monotonic clock.
    """

    def read(self, channel: str, seconds: float) -> None:
        """A message was decoded, its keys and lane were worked out."""

    def processed(self, channel: str, seconds: float) -> None:
        """A message was mapped, and its deliveries were written."""

    def stored(self, channel: str, messages: int) -> None:
        """An intake of so many messages is durable."""

    def answered(self, channel: str, receipt: Receipt, storing_seconds: float, answering_seconds: float) -> None:
        """An intake has its answer: how long it was on its way to the disk, and from there to the answer.

        Both are zero where nothing of its own was stored: duplicates, conflicts, and what could not be.
        """

    def message(self, channel: str, state: str, codes: Sequence[str]) -> None:
        """A message's new state is durable, with the codes of its faults."""

    def delivery(self, channel: str, destination: str, state: str, codes: Sequence[str]) -> None:
        """A delivery's new state is durable, with the codes of its faults."""

    def attempted(self, channel: str, destination: str, message_id: str, state: str, tries: int, seconds: float) -> None:
        """Attempt number `tries` came to this state, and is durable."""

    def refused_at_edge(self, channel: str, code: str) -> None:
        """Something was refused before it was stored."""

    def cannot_store(self, code: str) -> None:
        """The store could not take something."""
