"""Reads: the functions that generated code calls for values of HL7 v2 paths, plainly or telling a trace of every read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from interpres.document import MISSING
from interpres.format import Trace
from interpres.formats.hl7v2.delimiters import HEADERS
from interpres.formats.hl7v2.escape import unescape
from interpres.formats.hl7v2.groups import family
from interpres.formats.hl7v2.segments import NOTHING, Piece, Segment, Segments, pieces

T = TypeVar("T")

NO_PIECE: Final = Piece(NOTHING, 0, 1, "")
"""Stands for a repetition that is not there."""


# segments


def first(tree: Segments, name: str) -> Segment:
    """The message's first segment of a name, or `NOTHING`."""
    return tree.first(name)


def every(tree: Segments, name: str) -> list[Segment]:
    """All of the message's segments of a name."""
    return tree.named(name)


def near_all(tree: Segments, name: str, *items: Any) -> list[Segment]:
    """The segments that a name means where loops stand around, innermost first."""
    for item in items:
        at = item.segment if item.__class__ is Piece else item
        if at.__class__ is not Segment or at.segments is not tree:
            continue
        if at.fields[0] == name:
            return [at]
        found = family(tree).meant(at.number, name)
        if found is not None:
            return [tree.at(number) for number in found]
    return tree.named(name)


def near(tree: Segments, name: str, *items: Any) -> Segment:
    """The first of these, or `NOTHING`."""
    found = near_all(tree, name, *items)
    return found[0] if found else NOTHING


def there(segment: Segment) -> Any:
    """The segment itself where it is there: what `exists` asks for."""
    return MISSING if segment is NOTHING else segment


def home(item: Any) -> Segment:
    """The segment that an item of a loop belongs to."""
    return item.segment if item.__class__ is Piece else item if item.__class__ is Segment else NOTHING


# choosing


def nth(found: Sequence[Segment], number: int) -> Segment:
    return found[number - 1] if 0 < number <= len(found) else NOTHING


def that(found: Iterable[T], fits: Callable[[T], bool], nothing: T) -> T:
    """The first that meets a condition, else what stands for none."""
    for one in found:
        if fits(one):
            return one
    return nothing


def only(found: T) -> tuple[T, ...]:
    """A sequence of the one that was chosen, or of none."""
    return () if found is NOTHING or found is NO_PIECE else (found,)


def repetition(segment: Segment, field: int, number: int) -> Piece:
    """A repetition by its number, or `NO_PIECE`."""
    found = segment.repetitions(field)
    return Piece(segment, field, number, found[number - 1]) if 0 < number <= len(found) else NO_PIECE


def present(values: Iterable[Any]) -> list[Any]:
    """Those that are not missing."""
    return [value for value in values if value is not MISSING]


# values, the common ones first


def text(segment: Segment, field: int) -> Any:
    """`PID-8`: the first repetition's first component's first subcomponent; MISSING where empty, None for `""`."""
    fields = segment.fields
    if field >= len(fields):
        return MISSING
    found = fields[field]
    if found.isalnum():
        return found
    if not found:
        return MISSING
    signs = segment.signs
    if signs.repetition in found:
        found = found.partition(signs.repetition)[0]
    if signs.component in found:
        found = found.partition(signs.component)[0]
    return found if found.isalnum() else said(found, segment)


def part(segment: Segment, field: int, component: int) -> Any:
    """`PID-5.2`: a component's first subcomponent, in the first repetition."""
    components = segment.cut.get(field)
    if components is None:
        components = segment.components(field)
    if component >= len(components):
        return MISSING
    found = components[component]
    return found if found.isalnum() else said(found, segment)


def deep(segment: Segment, field: int, component: int, subcomponent: int) -> Any:
    """`PID-3.4.2`: a subcomponent, in the first repetition."""
    components = segment.cut.get(field) or segment.components(field)
    if component >= len(components):
        return MISSING
    return said(components[component], segment, subcomponent)


def said(found: str, segment: Segment, subcomponent: int = 1) -> Any:
    """What a component's text says, or one of its subcomponents."""
    signs = segment.signs
    if signs.subcomponent in found:
        subcomponents = found.split(signs.subcomponent)
        found = subcomponents[subcomponent - 1] if subcomponent <= len(subcomponents) else ""
    elif subcomponent != 1:
        return MISSING
    if not found:
        return MISSING
    if signs.escape in found:
        return unescape(found, signs, segment.segments.codec)
    return found if found != '""' else None


def sign(segment: Segment, field: int) -> Any:
    """`MSH-1` and `MSH-2`: the delimiters as they are."""
    return segment.fields[field] if field < len(segment.fields) and segment.fields[field] else MISSING


def raw(segment: Segment, field: int, *positions: int) -> Any:
    """`raw(OBX-5)`: the undecoded text, whole where no position is named: all repetitions and components."""
    found = segment.fields[field] if field < len(segment.fields) else ""
    if positions:
        found = cut(repetition(segment, field, 1), *positions)
    return found or MISSING


# values of items


def cut(piece: Piece, *positions: int) -> str:
    """The text of a component or subcomponent below a piece; empty where there is none."""
    signs = piece.segment.signs
    found = piece.text
    for level, position in enumerate(positions, len(piece.parts)):
        parts = found.split((signs.component, signs.subcomponent)[level]) if level < 2 else [found]
        found = parts[position - 1] if 0 < position <= len(parts) else ""
    return found


def inside(item: Any, *positions: int) -> Any:
    """`.4.2` below an item: a component of a repetition, a field of a segment; `.` the item's own value."""
    if item.__class__ is Piece:
        depth = len(item.parts) + len(positions)
        if item.segment.name in HEADERS and item.field < 3:
            return MISSING if positions and positions != (1,) else item.text or MISSING
        return said(cut(item, *positions, *(1, 1)[: max(2 - depth, 0)]), item.segment)
    if item.__class__ is Segment:
        if not positions:
            return item
        return inside(repetition(item, positions[0], 1), *positions[1:])
    return MISSING if positions else item


def insides(item: Any, *positions: int) -> list[Any]:
    """The same of every repetition, missing ones left out."""
    if item.__class__ is Segment and positions:
        return present(inside(one, *positions[1:]) for one in pieces(item, positions[0]))
    return present([inside(item, *positions)])


def below(item: Any, *positions: int) -> list[Any]:
    """What `$each: .4` goes through: the repetitions of a segment's field, the component of a repetition."""
    if not positions:
        return [item]
    if item.__class__ is Segment:
        return [inner for one in pieces(item, positions[0]) for inner in below(one, *positions[1:])]
    if item.__class__ is not Piece:
        return []
    found = cut(item, *positions)
    return [Piece(item.segment, item.field, item.repetition, found, (*item.parts, *positions))] if found else []


def raw_inside(item: Any, *positions: int) -> Any:
    """The undecoded text below an item; a whole segment's where nothing is named."""
    if item.__class__ is Segment:
        return raw(item, *positions) if positions else item.text or MISSING
    return cut(item, *positions) or MISSING if item.__class__ is Piece else MISSING


PLAIN: Final[Mapping[str, Any]] = {
    f"hl7v2_{function.__name__}": function
    for function in (
        first, every, near_all, near, there, home, nth, that, only, repetition, present,
        text, part, deep, sign, raw, inside, insides, below, raw_inside, pieces,
    )
} | {"hl7v2_nothing": NOTHING, "hl7v2_no_piece": NO_PIECE}  # fmt: skip
"""What generated code calls, by name."""


def traced(trace: Trace) -> dict[str, Any]:
    """The same names, the values bound to functions that tell the concrete path and the text as it stands."""

    def tell(segment: Segment, path: str, found: str | None) -> None:
        if segment is not NOTHING:
            trace.read(path, found or None)

    def told(value: Callable[..., Any]) -> Callable[..., Any]:
        def read(segment: Segment, field: int, *positions: int) -> Any:
            found = cut(repetition(segment, field, 1), *positions) if value is not raw else raw(segment, field, *positions)
            tell(segment, _path(f"{segment.path}-{field}", positions), found or None)
            return value(segment, field, *positions)

        return read

    def told_inside(item: Any, *positions: int) -> Any:
        if item.__class__ is Piece:
            tell(item.segment, _path(item.path, positions), cut(item, *positions))
        elif item.__class__ is Segment and positions:
            return told_inside(repetition(item, positions[0], 1), *positions[1:])
        return inside(item, *positions)

    def told_insides(item: Any, *positions: int) -> list[Any]:
        if item.__class__ is Segment and positions:
            return present(told_inside(one, *positions[1:]) for one in pieces(item, positions[0]))
        return present([told_inside(item, *positions)])

    def told_raw(item: Any, *positions: int) -> Any:
        found = raw_inside(item, *positions)
        if item.__class__ in (Piece, Segment):
            tell(home(item), _path(item.path, positions), found or None)
        return found

    return {
        **PLAIN,
        "hl7v2_text": told(text),
        "hl7v2_part": told(part),
        "hl7v2_deep": told(deep),
        "hl7v2_sign": told(sign),
        "hl7v2_raw": told(raw),
        "hl7v2_inside": told_inside,
        "hl7v2_insides": told_insides,
        "hl7v2_raw_inside": told_raw,
    }


def _path(start: str, positions: Iterable[int]) -> str:
    return start + "".join(f".{position}" for position in positions)
