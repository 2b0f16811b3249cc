"""Segments: a message as a tree that nothing is lost from, indexed by name at once, split only where it is read."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from interpres.formats.hl7v2.charset import meant
from interpres.formats.hl7v2.delimiters import HEADERS, Delimiters


class Segments:
    """The tree of a decoded message.

    `body` is what it was decoded from, `lines` its segments' text in order (an empty line is no segment), `signs` its
    delimiters. It is never changed; what is worked out later is kept.
    """

    __slots__ = ("_codec", "body", "family", "index", "lines", "made", "signs")

    def __init__(self, body: bytes, lines: list[str], signs: Delimiters, codec: str) -> None:
        self.body = body
        self.lines = lines
        self.signs = signs
        self._codec = codec
        self.made: dict[int, Segment] = {}
        self.family: object = None
        separator = signs.field
        index: dict[str, list[int]] = {}
        for number, line in enumerate(lines):
            name = line.partition(separator)[0]
            if name in index:
                index[name].append(number)
            else:
                index[name] = [number]
        index.pop("", None)
        self.index = index

    @property
    def codec(self) -> str:
        """Python's name of the charset; of a message in ASCII alone, what MSH-18 declares, else UTF-8."""
        if not self._codec:
            self._codec = meant(self.body)
        return self._codec

    def at(self, number: int) -> Segment:
        """The segment of a line; the same object each time."""
        segment = self.made.get(number)
        if segment is None:
            segment = self.made[number] = Segment(self, number)
        return segment

    def named(self, name: str) -> list[Segment]:
        """All segments of a name, in order."""
        return [self.at(number) for number in self.index.get(name, ())]

    def first(self, name: str) -> Segment:
        """The first segment of a name, or `NOTHING`."""
        numbers = self.index.get(name)
        return self.at(numbers[0]) if numbers else NOTHING

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Segments) and self.body == other.body

    def __hash__(self) -> int:
        return hash(self.body)

    def __repr__(self) -> str:
        return f"Segments({', '.join(f'{name}×{len(numbers)}' for name, numbers in self.index.items())})"


class Segment:
    """One segment. `fields[5]` is the text of its field 5 as it stands, repetitions and all; `fields[0]` is its name.

    In MSH, FHS and BHS the separator itself counts as field 1.
    """

    __slots__ = ("cut", "fields", "number", "segments", "signs")

    def __init__(self, segments: Segments, number: int) -> None:
        self.segments = segments
        self.number = number
        self.signs = signs = segments.signs
        self.fields = fields = segments.lines[number].split(signs.field)
        if fields[0] in HEADERS:
            fields.insert(1, signs.field)
        self.cut: dict[int, list[str]] = {}

    @property
    def name(self) -> str:
        return self.fields[0]

    @property
    def text(self) -> str:
        """The whole segment as it stands."""
        return self.segments.lines[self.number]

    @property
    def path(self) -> str:
        """Where it stands: `PID`, the third `OBX[3]`."""
        ordinal = bisect_left(self.segments.index[self.name], self.number)
        return f"{self.name}[{ordinal + 1}]" if ordinal else self.name

    def components(self, field: int) -> list[str]:
        """The components of a field's first repetition, kept for the next read: they count from 1, behind an empty text."""
        text = self.fields[field] if field < len(self.fields) else ""
        signs = self.signs
        if signs.repetition in text:
            text = text.partition(signs.repetition)[0]
        parts = self.cut[field] = (signs.component + text).split(signs.component)
        return parts

    def repetitions(self, field: int) -> list[str]:
        """The texts of a field's repetitions; none where the field is empty. MSH-1 and MSH-2 are one, whatever is in them."""
        text = self.fields[field] if field < len(self.fields) else ""
        if not text:
            return []
        if field < 3 and self.fields[0] in HEADERS:
            return [text]
        return text.split(self.signs.repetition)

    def __repr__(self) -> str:
        return f"Segment({self.path} of {len(self.fields) - 1} fields)"


class _Nothing(Segment):
    """Stands for a segment that is not there: every field of it is missing."""

    __slots__ = ()

    def __init__(self) -> None:
        self.segments = Segments(b"", [], Delimiters(), "utf-8")
        self.number = -1
        self.signs = self.segments.signs
        self.fields = []
        self.cut = {}

    def components(self, field: int) -> list[str]:
        return []

    @property
    def name(self) -> str:
        return ""

    @property
    def path(self) -> str:
        return ""

    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final[Segment] = _Nothing()


class Piece:
    """A repetition of a field, or with `parts` a component or subcomponent of it, that a loop or a condition stands at."""

    __slots__ = ("field", "parts", "repetition", "segment", "text")

    def __init__(self, segment: Segment, field: int, repetition: int, text: str, parts: tuple[int, ...] = ()) -> None:
        self.segment = segment
        self.field = field
        self.repetition = repetition
        self.text = text
        self.parts = parts

    @property
    def path(self) -> str:
        """Where it stands: `PID-3[2].4`."""
        index = f"[{self.repetition}]" if self.repetition > 1 else ""
        return f"{self.segment.path}-{self.field}{index}{''.join(f'.{p}' for p in self.parts)}"

    def __repr__(self) -> str:
        return f"Piece({self.path})"


def pieces(segment: Segment, field: int) -> list[Piece]:
    """The repetitions of a field that hold anything, each with its number."""
    return [Piece(segment, field, i, text) for i, text in enumerate(segment.repetitions(field), 1) if text]
