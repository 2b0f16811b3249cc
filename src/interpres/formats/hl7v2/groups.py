"""Groups: which segment holds which, and what a segment's name means inside a loop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from interpres.formats.hl7v2 import dictionary
from interpres.formats.hl7v2.delimiters import HEADERS
from interpres.formats.hl7v2.segments import Segments

Table = Mapping[str, frozenset[str]]
"""Which segments a segment can hold directly."""

DETAILS: Final = frozenset({"OBR", "RXO", "RXE", "RXD", "RXG", "RXA", "ODS", "ODT", "RQD", "RQ1", "BPO", "BPX", "BTX"})
"""What an ORC introduces, one of each at most (HL7 v2.8.2, 4.5.1): both are the head of one group."""


class Family:
    """Who holds whom in one message.

    An NTE hangs on the segment just before it, a Z-segment (or one that no standard knows) on the last one that is neither; the
    others on the nearest before them that can hold them by the table of their structure, else on the message.
    """

    __slots__ = ("_can", "_held", "_kinds", "_meant", "holder", "names")

    def __init__(self, segments: Segments) -> None:
        self.names = {number: name for name, numbers in segments.index.items() for number in numbers}
        self._can = table_of(structure_of(segments))
        self.holder: dict[int, int] = {}
        self._held: dict[int, list[int]] = defaultdict(list)
        self._kinds: set[tuple[str, str]] = set()
        self._meant: dict[tuple[int, str], list[int] | None] = {}
        last, last_standard, chain = -1, -1, list[int]()
        for number, name in sorted(self.names.items()):
            if name == "NTE":
                self._hang(number, last)
                continue
            if name[0] == "Z" or not dictionary.segment(name):
                self._hang(number, last_standard)
            else:
                while chain and not self._takes(chain[-1], name):
                    chain.pop()
                if chain:
                    self._hang(number, chain[-1])
                chain.append(number)
                last_standard = number
            last = number

    def _hang(self, number: int, holder: int) -> None:
        if holder >= 0 and self.names[holder] not in HEADERS:
            self.holder[number] = holder
            self._held[holder].append(number)
            self._kinds.add((self.names[holder], self.names[number]))

    def _takes(self, holder: int, name: str) -> bool:
        """Whether one segment can hold one more of a name; an ORC introduces one order."""
        own = self.names[holder]
        if not self._can.holds(own, name):
            return False
        return own != "ORC" or name not in DETAILS or not self.held(holder, name)

    def held(self, holder: int, name: str) -> list[int]:
        """What a segment holds directly, of one name."""
        return [number for number in self._held.get(holder, ()) if self.names[number] == name]

    def all_held(self, holder: int) -> Iterator[int]:
        """Everything that a segment holds, and what that holds."""
        waiting = list(self._held.get(holder, ()))
        while waiting:
            number = waiting.pop()
            yield number
            waiting += self._held.get(number, ())

    def holders(self, number: int) -> Iterator[int]:
        """A segment's own holder, the holder of that, and so on."""
        while (up := self.holder.get(number)) is not None:
            yield up
            number = up

    def meant(self, number: int, name: str) -> list[int] | None:
        """The segments that a name means inside a loop that stands at this one; None: the outer loops' or the message's.

        What it holds; its own holder; what its holders hold. What could be held and is not there is an empty list, never a
        neighbour's.
        """
        key = number, name
        if key not in self._meant:
            self._meant[key] = self._find(number, name)
        return self._meant[key]

    def _find(self, number: int, name: str) -> list[int] | None:
        found = self.held(number, name)
        if name == "NTE":
            return found
        if found := sorted(found + self._beside(number, name)):
            return found
        for up in self.holders(number):
            if self.names[up] == name:
                return [up]
        if self._can.holds(self.names[number], name):
            return []
        if self._can.reaches(self.names[number], name):
            return sorted(n for n in self.all_held(number) if self.names[n] == name)
        if self._can.reaches(name, self.names[number]):
            return []
        for at in (number, *self.holders(number)):
            if (found := self.held(at, name)) or (self.names[at], name) in self._kinds:
                return found
        return None

    def _beside(self, number: int, name: str) -> list[int]:
        """What the order's detail holds, asked of its ORC; the detail, asked of what holds its ORC."""
        own = self.names[number]
        found: list[int] = []
        for child in self._held.get(number, ()):
            kind = self.names[child]
            if (own == "ORC" and kind in DETAILS) or (kind == "ORC" and name in DETAILS):
                found += self.held(child, name)
        return found


class Holding:
    """The table of one message structure. Segments that the structure does not have are held as in most others."""

    __slots__ = ("_known", "_names", "_reach", "_usual")

    def __init__(self, known: Table, usual: Table) -> None:
        self._known = known
        self._usual = usual
        self._names = frozenset(known) | {name for held in known.values() for name in held}
        self._reach: dict[str, frozenset[str]] = {}

    def holds(self, holder: str, held: str) -> bool:
        """Whether one can hold the other directly."""
        both = holder in self._names and held in self._names
        return held in (self._known if both else self._usual).get(holder, ())

    def reaches(self, holder: str, held: str) -> bool:
        """Whether one can hold the other, directly or through others."""
        if holder not in self._reach:
            found: set[str] = set()
            waiting = [holder]
            while waiting:
                name = waiting.pop()
                table = self._known if name in self._names else self._usual
                fresh = table.get(name, frozenset()) - found
                found |= fresh
                waiting += fresh
            self._reach[holder] = frozenset(found)
        return held in self._reach[holder]


def family(segments: Segments) -> Family:
    """The family of a message, worked out when it is first asked for."""
    if segments.family is None:
        segments.family = Family(segments)
    assert isinstance(segments.family, Family)
    return segments.family


@cache
def table_of(structure: str) -> Holding:
    """The table of holders of a message structure, or of all others (`*`)."""
    found = {name: {k: frozenset(v.split()) for k, v in dictionary.structures()[name].items()} for name in (structure, "*")}
    return Holding(found[structure] if structure != "*" else {}, found["*"])


def structure_of(segments: Segments) -> str:
    """The message structure: MSH-9.3, or what MSH-9.1 and 9.2 name (ADT is like A01 where nothing else is known), or `*`."""
    fields = segments.first("MSH").fields
    parts = (fields[9] if len(fields) > 9 else "").split(segments.signs.component)
    known = dictionary.structures()
    for name in (parts[2] if len(parts) > 2 else "", "_".join(parts[:2]), "ADT_A01" if parts[0] == "ADT" else ""):
        if name in known and name:
            return name
    return "*"
