"""Quick: plain letters and digits are read without a call; what else a field may hold goes the long way, `reads`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from interpres.formats.hl7v2.delimiters import HEADERS
from interpres.formats.hl7v2.reads import said
from interpres.formats.hl7v2.segments import NOTHING, Segment, Segments
from interpres.formats.hl7v2.shape import Shape, shape_of
from interpres.path import Path

_SEGMENT: Final = "hl7v2_{}_{}"
_FIELDS: Final = "hl7v2_{}_{}_f"
_COMPONENTS: Final = "hl7v2_{}_{}_{}"
_SIGN: Final = "hl7v2_{}_c"


def segment_of(document: str, name: str) -> str:
    """The variable of the message's first segment of a name."""
    return _SEGMENT.format(document, name)


def hoisted(paths: Sequence[Path], document: str) -> list[tuple[str, str]]:
    """Variables worth setting once: the segments that paths name, their fields, and the components of fields that are read
    beyond the first."""
    shapes = [shape_of(path) for path in paths if path.root == "name" and path.name.isidentifier()]
    names = tuple(dict.fromkeys(shape.name for shape in shapes))
    if not names:
        return []
    every = ", ".join(segment_of(document, name) for name in names)
    found = [(_SIGN.format(document), f"{document}.signs.component"), (f"{every},", f"hl7v2_firsts({document}, {names!r})")]
    firsts_of = [shape for shape in shapes if _component(shape) in (0, 1)]
    for name in dict.fromkeys(shape.name for shape in firsts_of):
        last = max(shape.field or 0 for shape in firsts_of if shape.name == name)
        found.append((_FIELDS.format(document, name), f"hl7v2_fields({segment_of(document, name)}, {last})"))
    parts = [shape for shape in shapes if _component(shape) > 1]
    for name, field in dict.fromkeys((shape.name, shape.field) for shape in parts):
        last = max(_component(shape) for shape in parts if (shape.name, shape.field) == (name, field))
        variable = _COMPONENTS.format(document, name, field)
        found.append((variable, f"hl7v2_components({segment_of(document, name)}, {field}, {last})"))
    return found


def read(document: str, shape: Shape) -> str | None:
    """The expression for a value in one of these variables; None for what is read another way."""
    segment, component = segment_of(document, shape.name), _component(shape)
    if component < 0:
        return None
    if component > 1:
        taken = f"{_COMPONENTS.format(document, shape.name, shape.field)}[{component}]"
        return f"(hl7v2_t if (hl7v2_t := {taken}).isalnum() else hl7v2_component(hl7v2_t, {segment}))"
    taken = f"{_FIELDS.format(document, shape.name)}[{shape.field}]"
    if component:
        taken = f"{taken}.partition({_SIGN.format(document)})[0]"
        return f"(hl7v2_t if (hl7v2_t := {taken}).isalnum() else hl7v2_part({segment}, {shape.field}, 1))"
    return f"(hl7v2_t if (hl7v2_t := {taken}).isalnum() else hl7v2_text({segment}, {shape.field}))"


def _component(shape: Shape) -> int:
    """The component that a path reads of a field's first repetition, 0 where it names none; -1 for what is read another way."""
    if shape.field is None or shape.segment is not None or shape.repetition is not None or len(shape.positions) > 1:
        return -1
    if shape.name in HEADERS and shape.field in (1, 2):
        return -1
    return shape.positions[0] if shape.positions else 0


# what the expressions call


def firsts(tree: Segments, names: tuple[str, ...]) -> list[Segment]:
    """The message's first segment of each name, or `NOTHING`."""
    index, made = tree.index, tree.made
    found = []
    for name in names:
        if name in index:
            number = index[name][0]
            if number not in made:
                made[number] = Segment(tree, number)
            found.append(made[number])
        else:
            found.append(NOTHING)
    return found


def fields(segment: Segment, last: int) -> list[str]:
    """A segment's fields as they stand, empty ones added up to the last that is read."""
    found = segment.fields
    return found if len(found) > last else found + [""] * (last + 1 - len(found))


def components(segment: Segment, field: int, last: int) -> list[str]:
    """The components of a field's first repetition as they stand, counted from 1, empty ones added up to the last one read."""
    if field >= len(segment.fields):
        return [""] * (last + 1)
    signs = segment.signs
    found = segment.fields[field]
    if signs.repetition in found:
        found = found.partition(signs.repetition)[0]
    split = ["", *found.split(signs.component, last)]
    return split if len(split) > last else split + [""] * (last + 1 - len(split))


def component(found: str, segment: Segment) -> Any:
    """What a component says: its first subcomponent, decoded."""
    return said(found.partition(segment.signs.subcomponent)[0], segment)


PLAIN: Final[Mapping[str, Any]] = {
    "hl7v2_firsts": firsts,
    "hl7v2_fields": fields,
    "hl7v2_components": components,
    "hl7v2_component": component,
}


class _Read(str):
    """Stands for a text that is not to be taken as it is, so that the long way tells of it."""

    __slots__ = ("field", "position")

    field: int
    position: int

    def isalnum(self) -> bool:
        return False

    def partition(self, sign: str) -> tuple[str, str, str]:
        return self, "", ""


def traced(told_part: Callable[[Segment, int, int], Any]) -> dict[str, Any]:
    """The same names, so that every value is read by a function that tells of it."""
    unread = _Read()

    def fields_told(segment: Segment, last: int) -> list[str]:
        return [unread] * (last + 1)

    def components_told(segment: Segment, field: int, last: int) -> list[str]:
        return [_named(field, position) for position in range(last + 1)]

    def component_told(found: _Read, segment: Segment) -> Any:
        return told_part(segment, found.field, found.position)

    return {
        "hl7v2_firsts": firsts,
        "hl7v2_fields": fields_told,
        "hl7v2_components": components_told,
        "hl7v2_component": component_told,
    }


def _named(field: int, position: int) -> _Read:
    found = _Read()
    found.field, found.position = field, position
    return found
