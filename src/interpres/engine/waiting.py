"""Waiting: what the answer to one intake waits for, and what it will say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from interpres.channel import Answer
from interpres.fault import Fault
from interpres.source import Fate

Debt = tuple[int, str, int]
"""Sequence, destination and part of a delivery."""

UNDER_WAY = frozenset({"waiting", "sending", "uncertain"})
"""States of a delivery that an answer still waits for: what is held is a person's affair, and a yes."""


class Waiting:
    """The messages of one intake until they are as far as `answer` says. `must`: the destinations that count (empty: all)."""

    def __init__(self, sequences: Iterable[int], answer: Answer, must: frozenset[str]) -> None:
        self.answer = answer
        self.must = must
        self.fates: dict[int, Fate] = {}
        self.sequences = tuple(sequences)
        self.open = set(self.sequences)
        self.debts: set[Debt] = set()
        self.ended = asyncio.Event()

    def received(self, sequence: int, fate: Fate) -> None:
        """The message is stored; whatever is known of it later replaces this."""
        self.fates.setdefault(sequence, fate)

    def processed(self, sequence: int, fate: Fate, owed: Iterable[tuple[str, int]]) -> None:
        """The message's fate, and the deliveries that it owes: (destination, part), those that are born refused among them."""
        if sequence not in self.open:
            return
        self.open.discard(sequence)
        self.fates[sequence] = fate
        if self.answer == "delivered":
            self.debts |= {(sequence, d, p) for d, p in owed if not self.must or d in self.must}
        self._look()

    def settled(self, debt: Debt, state: str, faults: tuple[Fault, ...]) -> None:
        """What became of a delivery."""
        if debt not in self.debts or state in UNDER_WAY:
            return
        self.debts.discard(debt)
        if state in ("refused", "dead"):
            fate = self.fates[debt[0]]
            self.fates[debt[0]] = replace(fate, state=state, faults=tuple(dict.fromkeys((*fate.faults, *faults))))
        self._look()

    def _look(self) -> None:
        if self.answer == "accepted" or not (self.open or self.debts):
            self.ended.set()

    @property
    def told(self) -> tuple[Fate, ...]:
        """The fates in the order of the messages."""
        return tuple(self.fates[s] for s in sorted(self.fates))
