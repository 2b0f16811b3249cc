"""Sums: what a run tried and what it found, added up over its parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Final

COUNTED_AS: Final = {
    "I1": "lost",
    "I2": "orphans",
    "I3": "doubled",
    "I4": "doubled",
    "I5": "out_of_order",
}
"""What a broken promise counts as; all others are `corrupt`."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong at one point or with one seed; `only` replays exactly that (`python -m tests.crash --only ...`)."""

    only: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """`points` ended by SIGKILL or its like inside one process, `cuts` by loss of power, `kills` of whole processes.

    `teeth` counts the harness's own proofs: runs over a store that does not sync, which must lose; `lost_by_teeth` is what they
    lost. `torn_teeth` counts those that lost nothing, and so prove nothing.
    """

    points: int = 0
    cuts: int = 0
    kills: int = 0
    seeds: int = 0
    io_errors: int = 0
    acknowledged: int = 0
    lost: int = 0
    corrupt: int = 0
    orphans: int = 0
    out_of_order: int = 0
    doubled: int = 0
    teeth: int = 0
    lost_by_teeth: int = 0
    torn_teeth: int = 0
    failures: tuple[Failure, ...] = ()

    def __add__(self, other: Sum) -> Sum:
        added = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        return Sum(**added)

    def found(self, only: str, sentences: Iterable[str]) -> Sum:
        """The same with what was broken at one point; nothing changes where nothing was."""
        told = tuple(sentences)
        if not told:
            return self
        counted: dict[str, int] = {}
        for sentence in told:
            name = counted_as(sentence)
            counted[name] = counted.get(name, getattr(self, name)) + 1
        return replace(self, **counted, failures=(*self.failures, Failure(only, told)))

    @property
    def clean(self) -> bool:
        """Whether every promise held, and every proof of the harness's teeth bit."""
        return not self.failures and not self.torn_teeth

    @property
    def line(self) -> str:
        """The last line of a run."""
        return (
            f"{self.points} points, {self.cuts} cuts, {self.kills} kills, {self.seeds} seeds, {self.acknowledged} acknowledged, "
            f"{self.lost} lost, {self.corrupt} corrupt, {self.orphans} orphans, {self.out_of_order} out of order, "
            f"{self.doubled} doubled"
        )


def counted_as(sentence: str) -> str:
    """The counter that a sentence of the checker belongs to: `I5: …` is `out_of_order`."""
    return COUNTED_AS.get(sentence.partition(":")[0], "corrupt")
