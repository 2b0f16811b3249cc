"""Editing: a copy of a message with values set, segments and fields taken out, and everything else byte for byte."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from interpres.fault import Fault
from interpres.fault import Place as At
from interpres.formats.hl7v2.charset import decoded, encoded, marked
from interpres.formats.hl7v2.delimiters import HEADERS
from interpres.formats.hl7v2.groups import family
from interpres.formats.hl7v2.lines import LineFeed, ends
from interpres.formats.hl7v2.places import Place, joined, put, written
from interpres.formats.hl7v2.reading import BLANK
from interpres.formats.hl7v2.reads import near_all
from interpres.formats.hl7v2.segments import Piece, Segment, Segments, pieces
from interpres.formats.hl7v2.shape import Choice, Shape, shape_of
from interpres.mapping.reading.grammar import parse_path
from interpres.path import Every, Index, Path, Where

_PATTERN: Final = re.compile(r"[A-Z*][A-Z0-9*]{0,2}\Z")


class Copy:
    """The copy while it is being made: the fields of segments that change, and the numbers of those that are left out."""

    def __init__(self, segments: Segments, item: Any = None) -> None:
        self.segments = segments
        self.item = item
        self.changed: dict[int, list[str]] = {}
        self.gone: set[int] = set()

    def set(self, path: Path, value: Any) -> None:
        """Sets all that stands at a path; where no segment or repetition is meant by it, nothing is set.

        Raises `Fault` H040 for what cannot be set in a copy: a whole segment, the delimiters, another charset.
        """
        shape = shape_of(path)
        if not shape.name or shape.field is None:
            says = f"'{path.text}' is no field that can be set"
            raise Fault("H040", says, "name a field or a part of one: MSH-3, PID-3.4", at=path.at)
        text = written(value, self.segments.signs)
        if shape.name in HEADERS and (shape.field < 3 or (shape.field == 18 and text not in self._now(shape))):
            says = f"{shape.name}-{shape.field} stays as it is in a copy: it says how the rest is to be read"
            raise Fault("H040", says, "build the message with output: to write it in another way", at=path.at)
        for segment, place in self._meant(shape):
            put(self._fields(segment), place, text, self.segments.signs)

    def _now(self, shape: Shape) -> tuple[str, ...]:
        return tuple(s.fields[18] for s in self.segments.named(shape.name) if len(s.fields) > 18) or ("",)

    def drop(self, what: str) -> None:
        """Takes out segments by name or pattern, each with the notes on it, or empties a field or a part of one."""
        if _PATTERN.match(what):
            fits = re.compile(what.replace("*", "[A-Z0-9]*"))
            if fits.fullmatch("MSH"):
                raise Fault("H041", f"'{what}' would take out MSH, and there is no message without it", "name other segments")
            for name, numbers in self.segments.index.items():
                if fits.fullmatch(name):
                    self.gone.update(numbers)
                    self.gone.update(note for number in numbers for note in family(self.segments).held(number, "NTE"))
            return
        path = parse_path(what, At("drops"), "segments")
        shape = shape_of(path)
        if shape.field is None or shape.name in HEADERS:
            raise Fault("H041", f"'{what}' cannot be taken out", "name a segment (NK1, Z*) or a field outside MSH (PID-13)")
        if any(isinstance(choice, Where) for choice in (shape.segment, shape.repetition)):
            raise Fault(
                "H041", f"'{what}' has a condition, and what is dropped has none", "set it under edits: =if(…, null) instead"
            )
        for segment, place in self._meant(shape, every=True):
            put(self._fields(segment), place, "", self.segments.signs)

    def keep(self) -> None:
        """Leaves out the siblings of the loop's item, what they hold, and the holders that are left empty."""
        item = self.item
        if isinstance(item, Piece):
            text = item.text if not item.parts else ""
            if text:
                self._fields(item.segment)[item.field] = text
            return
        assert isinstance(item, Segment)
        tree = family(self.segments)
        above = set(tree.holders(item.number))
        for number in self.segments.index[item.name]:
            if number != item.number:
                self.gone.update((number, *tree.all_held(number)))
        emptied = {up for number in self.segments.index[item.name] if number in self.gone for up in tree.holders(number)}
        for up in emptied - above:
            self.gone.update((up, *tree.all_held(up)))

    def _fields(self, segment: Segment) -> list[str]:
        return self.changed.setdefault(segment.number, list(segment.fields))

    def _meant(self, shape: Shape, *, every: bool = False) -> Iterator[tuple[Segment, Place]]:
        """The places that a target means; with `every`, an omitted index means all."""
        assert shape.field is not None
        for segment in _chosen(near_all(self.segments, shape.name, self.item), shape.segment, every=every):
            if shape.repetition is None:
                count = len(segment.repetitions(shape.field)) if every and shape.positions else 0
                for number in range(1, count + 1) if count else (0,):
                    yield segment, Place(shape.field, number, shape.positions)
            elif isinstance(shape.repetition, Index):
                yield segment, Place(shape.field, shape.repetition.number, shape.positions)
            else:
                for piece in _chosen(pieces(segment, shape.field), shape.repetition, every=every):
                    yield segment, Place(shape.field, piece.repetition, shape.positions)

    def body(self, line_feed: LineFeed) -> bytes:
        """The copy's bytes: what was not touched is taken over as bytes, never decoded and encoded again."""
        mark, codec, parts = _parts(self.segments, line_feed)
        out = [mark]
        for number, (line, end) in enumerate(parts, -1):
            if number in self.gone:
                continue
            if number in self.changed:
                out.append(encoded(joined(self.changed[number], self.segments.signs), codec))
            else:
                out.append(line)
            out.append(end)
        return b"".join(out)


def edited(segments: Segments, sets: Sequence[tuple[Path, Any]], drops: Sequence[str], keep: Any, line_feed: LineFeed) -> bytes:
    """The bytes of the copy. Conditions in the paths of `sets` are functions that say of an item whether it is meant.

    With `keep`, the item of a loop, names mean what they mean inside that loop. A value that is missing empties its place, null
    writes `""`; a segment that is not there is not made. Raises `Fault` H032 to H034 (values that cannot be written), H040 (a
    target that cannot be set), H041 (what cannot be dropped).
    """
    copy = Copy(segments, keep)
    if keep is not None:
        copy.keep()
    for path, value in sets:
        try:
            copy.set(path, value)
        except Fault as wrong:
            raise wrong.within(at=path.at, target=path.text) from None
    for what in drops:
        copy.drop(what)
    return copy.body(line_feed)


def _chosen(found: Sequence[Any], choice: Choice, *, every: bool) -> Sequence[Any]:
    """What brackets choose; without any, the first or all."""
    if isinstance(choice, Index):
        return found[choice.number - 1 : choice.number]
    if isinstance(choice, Where):
        fits: Callable[[Any], bool] = choice.condition
        several = [one for one in found if fits(one)]
        return several if choice.many else several[:1]
    return found if every or isinstance(choice, Every) else found[:1]


def _parts(segments: Segments, line_feed: LineFeed) -> tuple[bytes, str, list[tuple[bytes, bytes]]]:
    """The byte order mark, the codec, and the bytes of every line and of its end; first what stands before the first line."""
    mark, codec = marked(segments.body)
    rest, codec = segments.body[len(mark) :], codec or segments.codec
    wide = codec.startswith(("utf-16", "utf-32"))
    text = decoded(rest, codec) if wide else rest.decode("latin-1")

    def back(part: str) -> bytes:
        return encoded(part, codec) if wide else part.encode("latin-1")

    lead = len(text) - len(text.lstrip(BLANK))
    parts, begin = [(back(text[:lead]), b"")], lead
    for start, end in (span for span in ends(text[lead:], segments.signs.field, line_feed)):
        parts.append((back(text[begin : lead + start]), back(text[lead + start : lead + end])))
        begin = lead + end
    parts.append((back(text[begin:]), b""))
    assert len(parts) == len(segments.lines) + 1
    return mark, codec, parts
