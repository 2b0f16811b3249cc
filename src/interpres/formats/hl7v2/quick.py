"""Quick: plain letters and digits are read without a call; whatever else a field may hold goes a longer way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from interpres.document import MISSING
from interpres.format import Trace
from interpres.formats.hl7v2.delimiters import HEADERS
from interpres.formats.hl7v2.escape import unescape
from interpres.formats.hl7v2.reads import inside
from interpres.formats.hl7v2.segments import Piece, Segments
from interpres.formats.hl7v2.shape import Shape, shape_of
from interpres.path import Path

_SEGMENT: Final = "hl7v2_{}_{}"
_FIELDS: Final = "hl7v2_{}_{}_f"
_COMPONENTS: Final = "hl7v2_{}_{}_{}"
_SIGN: Final = "hl7v2_{}_c"

Wanted = tuple[str, int, tuple[tuple[int, int], ...]]
"""A segment's name, the last field that is read of it, and the fields wanted in parts with the last component of each."""


# the code


def segment_of(document: str, name: str) -> str:
    """The variable of the message's first segment of a name."""
    return _SEGMENT.format(document, name)


def hoisted(paths: Sequence[Path], document: str) -> list[tuple[str, str]]:
    """Variables worth setting once: the fields of the segments that paths name, the components of fields that are read beyond
    the first, and the segments themselves where a path needs more of them."""
    shapes = [shape_of(path) for path in paths if path.root == "name" and path.name.isidentifier()]
    long = dict.fromkeys(shape.name for shape in shapes if _component(shape) < 0)
    found = [(segment_of(document, name), f"hl7v2_first({document}, {name!r})") for name in long]
    variables: list[str] = []
    wanted: list[Wanted] = []
    quick = [shape for shape in shapes if _component(shape) >= 0]
    for name in dict.fromkeys(shape.name for shape in quick):
        fields = {shape.field or 0: 0 for shape in quick if shape.name == name}
        for shape in quick:
            if shape.name == name:
                fields[shape.field or 0] = max(fields[shape.field or 0], _component(shape))
        parts = {field: component for field, component in fields.items() if component > 1}
        wanted.append((name, max(fields), tuple(parts.items())))
        variables += [_FIELDS.format(document, name), *(_COMPONENTS.format(document, name, field) for field in parts)]
    if wanted:
        found.append((_SIGN.format(document), f"{document}.signs.component"))
        found.append((f"{', '.join(variables)},", f"hl7v2_opened({document}, {tuple(wanted)!r})"))
    return found


def read(document: str, shape: Shape) -> str:
    """The expression for a value in one of these variables, of a path that `is_quick`."""
    component = _component(shape)
    field = f"{_FIELDS.format(document, shape.name)}[{shape.field}]"
    if component > 1:
        taken = f"{_COMPONENTS.format(document, shape.name, shape.field)}[{component}]"
        return f"(hl7v2_t if (hl7v2_t := {taken}).isalnum() else hl7v2_component(hl7v2_t, {document}))"
    if component:
        taken = f"{field}.partition({_SIGN.format(document)})[0]"
        return f"(hl7v2_t if (hl7v2_t := {taken}).isalnum() else hl7v2_leading({field}, {document}))"
    return f"(hl7v2_t if (hl7v2_t := {field}).isalnum() else hl7v2_value(hl7v2_t, {document}))"


def is_quick(shape: Shape) -> bool:
    """Whether a path reads a field, or a component, of a segment's first repetition."""
    return _component(shape) >= 0


def _component(shape: Shape) -> int:
    """The component that a path reads of a field's first repetition, 0 where it names none; -1 for what is read another way."""
    if shape.field is None or shape.segment is not None or shape.repetition is not None or len(shape.positions) > 1:
        return -1
    if shape.name in HEADERS and shape.field in (1, 2):
        return -1
    return shape.positions[0] if shape.positions else 0


# what it calls


def opened(tree: Segments, wanted: tuple[Wanted, ...]) -> list[list[str]]:
    """Of the first segment of each name its fields as they stand, with empty ones added up to the last that is read; and of each
    field that is wanted in parts the components of its first repetition, counted from 1, filled up alike."""
    found: list[list[str]] = []
    signs, lines, index = tree.signs, tree.lines, tree.index
    for name, last, parts in wanted:
        fields = lines[index[name][0]].split(signs.field) if name in index else []
        if name in HEADERS:
            fields.insert(1, signs.field)
        if len(fields) <= last:
            fields += [""] * (last + 1 - len(fields))
        found.append(fields)
        for field, component in parts:
            text = fields[field]
            if signs.repetition in text:
                text = text.partition(signs.repetition)[0]
            split = ["", *text.split(signs.component, component)]
            found.append(split if len(split) > component else split + [""] * (component + 1 - len(split)))
    return found


def value(found: str, tree: Segments) -> Any:
    """What a field says: its first repetition's first component's first subcomponent."""
    signs = tree.signs
    if signs.repetition in found:
        found = found.partition(signs.repetition)[0]
    return component(found.partition(signs.component)[0], tree)


def component(found: str, tree: Segments) -> Any:
    """What a component says: its first subcomponent, decoded; MISSING where empty, None for `""`."""
    signs = tree.signs
    if signs.subcomponent in found:
        found = found.partition(signs.subcomponent)[0]
    if not found:
        return MISSING
    if signs.escape in found:
        return unescape(found, signs, tree.codec)
    return found if found != '""' else None


def at(item: Any, position: int) -> Any:
    """`.4` below a repetition, the commonest of what stands below items."""
    if item.__class__ is Piece and not item.parts:
        found = item.text.split(item.segment.signs.component, position)
        if position <= len(found) and found[position - 1].isalnum():
            return found[position - 1]
    return inside(item, position)


PLAIN: Final[Mapping[str, Any]] = {
    "hl7v2_opened": opened,
    "hl7v2_value": value,
    "hl7v2_leading": value,
    "hl7v2_component": component,
    "hl7v2_at": at,
}


# the same, told


class _Unread(str):
    """Stands for a text that is not to be taken as it is, so that a longer way reads it, and tells of it.

    `path` is that of the field, `below` that of the component which is read.
    """

    __slots__ = ("below", "component", "field", "field_of", "name", "path")

    below: str
    component: int
    field: int
    field_of: tuple[str, int]
    name: str
    path: str

    def isalnum(self) -> bool:
        return False

    def partition(self, sign: str) -> tuple[str, str, str]:
        return self, "", ""


def _unread(name: str, field: int, component: int = 1) -> _Unread:
    made = _Unread()
    made.name, made.field, made.component, made.field_of = name, field, component, (name, field)
    made.path, made.below = f"{name}-{field}", f"{name}-{field}.{component}"
    return made


@lru_cache(maxsize=256)
def _unread_all(wanted: tuple[Wanted, ...]) -> list[list[_Unread]]:
    found: list[list[_Unread]] = []
    for name, last, parts in wanted:
        found.append([_unread(name, field) for field in range(last + 1)])
        found += [[_unread(name, field, component) for component in range(to + 1)] for field, to in parts]
    return found


def traced(trace: Trace, told: Mapping[str, Any]) -> dict[str, Any]:
    """The same names, every value told with its path and the text as it stands; `told` are the functions of `reads` that tell."""
    fields: dict[str, list[str] | None] = {}
    components: dict[tuple[str, int], list[str]] = {}
    tell, longer = trace.read, told["hl7v2_inside"]

    def opened_told(tree: Segments, wanted: tuple[Wanted, ...]) -> list[list[_Unread]]:
        standing = iter(opened(tree, wanted))
        for name, _, parts in wanted:
            found = next(standing)
            fields[name] = found if name in tree.index else None
            for field, _ in parts:
                components[name, field] = next(standing)
        return _unread_all(wanted)

    def value_told(found: _Unread, tree: Segments) -> Any:
        standing = fields[found.name]
        if standing is None:
            return MISSING
        text = standing[found.field]
        if text.isalnum():
            tell(found.path, text)
            return text
        text = text.partition(tree.signs.repetition)[0]
        tell(found.path, text or None)
        return component(text.partition(tree.signs.component)[0], tree)

    def part_told(found: _Unread, tree: Segments) -> Any:
        standing = fields[found.name]
        if standing is None:
            return MISSING
        if found.component > 1:
            text = components[found.field_of][found.component]
        else:
            text = standing[found.field]
            if not text.isalnum():
                text = text.partition(tree.signs.repetition)[0].partition(tree.signs.component)[0]
        tell(found.below, text or None)
        return text if text.isalnum() else component(text, tree)

    def at_told(item: Any, position: int) -> Any:
        if item.__class__ is not Piece or item.parts:
            return longer(item, position)
        parts = item.text.split(item.segment.signs.component, position)
        text = parts[position - 1] if 0 < position <= len(parts) else ""
        if not text.isalnum():
            return longer(item, position)
        index = f"[{item.repetition}]" if item.repetition > 1 else ""
        tell(f"{item.segment.path}-{item.field}{index}.{position}", text)
        return text

    return {
        "hl7v2_opened": opened_told,
        "hl7v2_value": value_told,
        "hl7v2_leading": part_told,
        "hl7v2_component": part_told,
        "hl7v2_at": at_told,
    }
