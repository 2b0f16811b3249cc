"""Seen: whether an intake may have been taken before, answered from memory nearly always."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from typing import Final

RECENT: Final = 1 << 16
BITS: Final = 1 << 27
MASK: Final = BITS - 1


class Seen:
    """Identities: a Bloom filter of 16 MiB over all, and the latest ones exactly. It may say yes wrongly, and never no wrongly.

    Pages of the filter that nothing touched take no memory. Each identity sets two bits, of those that it has itself: a million
    are read in within a second, and with 8,000,000 of them one in a hundred new ones is looked up for nothing.
    """

    def __init__(self, known: Iterable[tuple[int, int]] = ()) -> None:
        # Anonymous memory: a page costs something only once a bit of it is set.
        self._bits = bits = mmap.mmap(-1, BITS // 8, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._young: dict[int, int] = {}
        self._old: dict[int, int] = {}
        for identity, sequence in known:
            first, second = identity >> 1 & MASK, identity >> 28 & MASK
            bits[first >> 3] |= 1 << (first & 7)
            bits[second >> 3] |= 1 << (second & 7)
            self._remember(identity, sequence)

    def add(self, identity: int, sequence: int) -> None:
        """From now on this identity is seen."""
        for bit in (identity >> 1 & MASK, identity >> 28 & MASK):
            self._bits[bit >> 3] |= 1 << (bit & 7)
        self._remember(identity, sequence)

    def _remember(self, identity: int, sequence: int) -> None:
        """Two generations, so that the oldest go all at once: taking them out one by one, a dict searches ever longer."""
        self._young[identity] = sequence
        if len(self._young) >= RECENT:
            self._old, self._young = self._young, {}

    def may_know(self, identity: int) -> bool:
        """Whether it is worth looking up."""
        first, second = identity >> 1 & MASK, identity >> 28 & MASK
        return bool(self._bits[first >> 3] & 1 << (first & 7) and self._bits[second >> 3] & 1 << (second & 7))

    def latest(self, identity: int) -> int | None:
        """The sequence that it was last seen with, if that is among the latest 65,536."""
        found = self._young.get(identity)
        return self._old.get(identity) if found is None else found
