"""Seen: whether an intake may have been taken before, answered from memory nearly always."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

RECENT: Final = 1 << 17
BITS: Final = 1 << 27


class Seen:
    """Identities: a Bloom filter of 16 MiB over all, and the latest ones exactly. It may say yes wrongly, and never no wrongly.

    Pages of the filter that nothing touched take no memory. Each identity sets four bits: with 8,000,000 of them one in a
    hundred new ones is looked up for nothing.
    """

    def __init__(self, known: Iterable[tuple[int, int]] = ()) -> None:
        self._bits = bytearray(BITS // 8)
        self._recent: dict[int, int] = {}
        for identity, sequence in known:
            self.add(identity, sequence)

    def add(self, identity: int, sequence: int) -> None:
        """From now on this identity is seen."""
        for bit in _bits(identity):
            self._bits[bit >> 3] |= 1 << (bit & 7)
        self._recent.pop(identity, None)
        self._recent[identity] = sequence
        if len(self._recent) > RECENT:
            del self._recent[next(iter(self._recent))]

    def may_know(self, identity: int) -> bool:
        """Whether it is worth looking up."""
        return all(self._bits[bit >> 3] & 1 << (bit & 7) for bit in _bits(identity))

    def latest(self, identity: int) -> int | None:
        """The sequence that it was last seen with, if that is recent."""
        return self._recent.get(identity)


def _bits(identity: int) -> tuple[int, int, int, int]:
    first, second = identity >> 1 & 0xFFFFFFFF, identity >> 33 & 0x7FFFFFFF | 1
    return (
        first % BITS,
        (first + second) % BITS,
        (first + 2 * second) % BITS,
        (first + 3 * second) % BITS,
    )
