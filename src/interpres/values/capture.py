"""Capture: what a pattern's first group takes out of a text, in time that grows with the text alone."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from interpres.fault import Fault
from interpres.values import pattern as patterns
from interpres.values.automaton import Node

LONGEST: Final = 50_000
"""Characters of a text that are looked through; one that is longer is fault M234."""

_Thread = tuple[int, int, int, int]
"""A place in the automaton, and where the match and its first group began and ended so far (-1: not yet)."""


class _Reading(patterns.Reading):
    """Reads a pattern and remembers the places at which its first group begins and ends."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.begins: set[int] = set()
        self.ends: set[int] = set()
        self.first = -1
        self.whole = -1

    def begin(self) -> int:
        """The place at which the whole pattern begins. Raises `Fault` M108."""
        self.pattern()
        return self.whole

    def choice(self) -> patterns.Piece:
        piece = super().choice()
        if self.depth == 0:
            self.whole = piece.first
        return piece

    def group(self) -> patterns.Piece:
        here = self.at
        captures = not self.text.startswith("?", here) and self.first in (-1, here)
        if not captures:
            return super().group()
        self.first = here
        begin = self.node(Node("fork"))
        piece = super().group()
        end = self.node(Node("fork"))
        self.nodes[begin].nexts.append(piece.first)
        self.join(piece, end)
        self.begins.add(begin)
        self.ends.add(end)
        return patterns.Piece(begin, [end])

    def times(self) -> tuple[int, int | None] | None:
        found = super().times()
        if found and self.text.startswith("?", self.at):
            raise self.slip("a lazy repeat ('*?') takes nothing else here; say what must not be in it, as in [^;]*")
        return found


class Capture:
    """A pattern that takes: the text of its first group, or of the whole match where it has none.

    Of several matches the leftmost is taken, and of its choices the one written first, repeats as long as they can be (as in
    Python's `re`). All choices go on side by side (R. Pike's machine, in R. Cox, "Regular Expression Matching: the Virtual
    Machine Approach", 2009), so that no text makes it run away.
    """

    def __init__(self, text: str) -> None:
        reading = _Reading(text)
        self._fits = patterns.pattern(text).fits
        self._start = reading.begin()
        self._nodes = reading.nodes
        self._begins, self._ends = reading.begins, reading.ends

    def take(self, text: str) -> str | None:
        """What the pattern takes out of the text; None where it is not found, or where its group took no part."""
        if len(text) > LONGEST:
            says = f"a text of more than {LONGEST:,} characters is not looked through"
            raise Fault("M234", says, "take the part that matters first: left(x, 1000), piece(x, ';', 1)")
        if not self._fits(text):
            return None
        found = self._run(text)
        if found is None:
            return None
        (_, whole, begin, end), stop = found
        if not self._begins:
            return text[whole:stop]
        return text[begin:end] if begin >= 0 <= end else None

    def _run(self, text: str) -> tuple[_Thread, int] | None:
        """The thread that reached the match by the most wanted way, and where it ended."""
        found: tuple[_Thread, int] | None = None
        threads: list[_Thread] = []
        for at in range(len(text) + 1):
            if found is None:
                threads = self._spread([*threads, (self._start, at, -1, -1)], at, len(text))
            else:
                threads = self._spread(threads, at, len(text))
            going: list[_Thread] = []
            for thread in threads:
                node = self._nodes[thread[0]]
                if node.kind == "match":
                    found = thread, at
                    break
                if at < len(text) and node.test is not None and node.test(text[at]):
                    going += ((after, *thread[1:]) for after in node.nexts)
            threads = going
            if found is not None and not threads:
                break
        return found

    def _spread(self, threads: Iterable[_Thread], at: int, length: int) -> list[_Thread]:
        """The threads where they can go without reading a character, the most wanted first, one for each place."""
        waiting = list(threads)[::-1]
        seen: set[int] = set()
        there: list[_Thread] = []
        while waiting:
            place, whole, begin, end = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            node = self._nodes[place]
            if place in self._begins:
                begin, end = at, -1
            elif place in self._ends:
                end = at
            if node.kind in ("test", "match"):
                there.append((place, whole, begin, end))
            elif node.kind == "fork" or (at == 0 if node.kind == "start" else at == length):
                waiting += ((after, whole, begin, end) for after in reversed(node.nexts))
        return there


@lru_cache(maxsize=256)
def capture(text: str) -> Capture:
    """The pattern that the text says, in the syntax of `interpres.values.pattern`. Raises `Fault` M108 for what it cannot be."""
    return Capture(text)
