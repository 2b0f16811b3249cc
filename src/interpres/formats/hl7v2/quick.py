"""Quick: plain letters and digits are read without a call; what else a field may hold goes the long way, `reads`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from interpres.formats.hl7v2.delimiters import HEADERS
from interpres.formats.hl7v2.reads import part, said
from interpres.formats.hl7v2.segments import NOTHING, Segment, Segments
from interpres.formats.hl7v2.shape import Shape, shape_of
from interpres.path import Path

_SEGMENT: Final = "hl7v2_{}_{}"
_FIELDS: Final = "hl7v2_{}_{}_f"
_COMPONENTS: Final = "hl7v2_{}_{}_{}"


def segment_of(document: str, name: str) -> str:
    """The variable of the message's first segment of a name."""
    return _SEGMENT.format(document, name)


def hoisted(paths: Sequence[Path], document: str) -> list[tuple[str, str]]:
    """Variables worth setting once: the segments that paths name, their fields, the components of fields that are read in parts."""
    shapes = [shape_of(path) for path in paths if path.root == "name" and path.name.isidentifier()]
    names = tuple(dict.fromkeys(shape.name for shape in shapes))
    if not names:
        return []
    every = ", ".join(segment_of(document, name) for name in names)
    found = [(f"{every},", f"hl7v2_firsts({document}, {names!r})")]
    texts = [shape for shape in shapes if _is_text(shape)]
    for name in dict.fromkeys(shape.name for shape in texts):
        last = max(shape.field or 0 for shape in texts if shape.name == name)
        found.append((_FIELDS.format(document, name), f"hl7v2_fields({segment_of(document, name)}, {last})"))
    parts = [shape for shape in shapes if _is_part(shape)]
    for name, field in dict.fromkeys((shape.name, shape.field) for shape in parts):
        last = max(shape.positions[0] for shape in parts if (shape.name, shape.field) == (name, field))
        variable = _COMPONENTS.format(document, name, field)
        found.append((variable, f"hl7v2_components({segment_of(document, name)}, {field}, {last})"))
    return found


def read(document: str, shape: Shape) -> str | None:
    """The expression for a value in one of these variables; None for what is read another way."""
    segment = segment_of(document, shape.name)
    if _is_text(shape):
        taken = f"{_FIELDS.format(document, shape.name)}[{shape.field}]"
        return f"(hl7v2_t if (hl7v2_t := {taken}).isalnum() else hl7v2_text({segment}, {shape.field}))"
    if _is_part(shape):
        taken = f"{_COMPONENTS.format(document, shape.name, shape.field)}[{shape.positions[0]}]"
        return f"(hl7v2_t if (hl7v2_t := {taken}).isalnum() else hl7v2_component(hl7v2_t, {segment}))"
    return None


def _is_text(shape: Shape) -> bool:
    plain = shape.field is not None and shape.segment is None and shape.repetition is None and not shape.positions
    return plain and not (shape.name in HEADERS and shape.field in (1, 2))


def _is_part(shape: Shape) -> bool:
    plain = shape.field is not None and shape.segment is None and shape.repetition is None and len(shape.positions) == 1
    return plain and not (shape.name in HEADERS and shape.field in (1, 2))


# what the expressions call


def firsts(tree: Segments, names: tuple[str, ...]) -> list[Segment]:
    """The message's first segment of each name, or `NOTHING`."""
    index, at = tree.index, tree.at
    return [at(index[name][0]) if name in index else NOTHING for name in names]


def fields(segment: Segment, last: int) -> list[str]:
    """A segment's fields as they stand, empty ones added up to the last that is read."""
    found = segment.fields
    return found if len(found) > last else found + [""] * (last + 1 - len(found))


def components(segment: Segment, field: int, last: int) -> list[str]:
    """The components of a field's first repetition as they stand, counted from 1, empty ones added up to the last that is read."""
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


assert part
