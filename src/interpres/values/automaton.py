"""Automaton: finds a pattern in text in time that grows with the text alone (Thompson, Communications of the ACM 11, 1968)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

_REMEMBERED: Final = 20_000
"""Steps from state to state that are kept; beyond them it begins anew, so that no text fills the memory."""

Test = Callable[[str], bool]


@dataclass(slots=True)
class Node:
    """One place of the automaton: a character test, an anchor, a fork or the end of the match."""

    kind: Literal["test", "start", "end", "fork", "match"]
    test: Test | None = None
    nexts: list[int] = field(default_factory=list)


class _State:
    """The places in which a text may be at once, and the states that follow for the characters met so far."""

    __slots__ = ("ended", "matched", "nexts", "places")

    def __init__(self, places: frozenset[int]) -> None:
        self.places = places
        self.ended: bool | None = None
        self.matched = 0 in places  # the node of the match is always the first
        self.nexts: dict[str, _State] = {}


class Automaton:
    """A compiled pattern: `fits(text)` says whether it is found anywhere in the text. The match is always the node 0."""

    def __init__(self, nodes: list[Node], first: int) -> None:
        self.nodes = nodes
        self._again = self._reached([first])
        self._states: dict[frozenset[int], _State] = {}
        self._begin = _State(self._reached([first], at_start=True))
        self._steps = 0

    def fits(self, text: str) -> bool:
        """Whether the pattern is found anywhere in the text, in time that grows with its length alone."""
        state = self._begin
        for character in text:
            if state.matched:
                return True
            state = state.nexts.get(character) or self._step(state, character)
            if not state.places:
                return False
        if state.ended is None:
            state.ended = 0 in self._reached(state.places, at_end=True, at_start=state is self._begin)
        return state.ended

    def _step(self, state: _State, character: str) -> _State:
        if self._steps >= _REMEMBERED:  # a state that is still in use goes on with its own
            self._states, self._steps = {}, 0
            self._begin = _State(self._begin.places)
        passed = [
            n for i in state.places if (test := self.nodes[i].test) is not None and test(character) for n in self.nodes[i].nexts
        ]
        places = self._reached(passed) | self._again
        after = self._states.setdefault(places, _State(places))
        state.nexts[character] = after
        self._steps += 1
        return after

    def _reached(self, begin: Iterable[int], *, at_start: bool = False, at_end: bool = False) -> frozenset[int]:
        """All places that can be reached from some without reading a character."""
        waiting, seen = list(begin), set[int]()
        while waiting:
            at = waiting.pop()
            if at in seen:
                continue
            seen.add(at)
            node = self.nodes[at]
            if node.kind == "fork" or (node.kind == "start" and at_start) or (node.kind == "end" and at_end):
                waiting += node.nexts
        return frozenset(i for i in seen if self.nodes[i].kind in ("test", "end", "match"))
