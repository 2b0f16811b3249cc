"""Shape: what an HL7 v2 path asks for level by level, and what it asks for that cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from interpres.fault import Fault, did_you_mean
from interpres.formats.hl7v2 import dictionary
from interpres.path import Every, Field, Index, Key, Part, Path, Position, Where

Choice = Index | Every | Where | None

_COMMON: Final = ("MSH", "EVN", "PID", "PV1", "PV2", "NK1", "DG1", "AL1", "IN1", "ORC", "OBR", "OBX", "NTE", "SPM", "FT1", "RXA")

_CONCRETE: Final = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[[^\]]*\])?-([0-9]{1,4})(?:\[[^\]]*\])?((?:\.[0-9]{1,4})*)")


@dataclass(frozen=True, slots=True)
class Shape:
    """The levels of a path. `name` is empty for one that begins at an item; then `positions` count from there.

    `segment` and `repetition` are what stands in brackets behind the segment and the field.
    """

    name: str
    segment: Choice = None
    field: int | None = None
    repetition: Choice = None
    positions: tuple[int, ...] = ()


def shape_of(path: Path) -> Shape:
    """The levels of a path. Raises `Fault` M104 where it is none of HL7 v2."""
    name, parts = path.name if path.root in ("name", "tick") else "", list(path.parts)
    if path.root == "document" and parts and isinstance(parts[0], Key):
        name, parts = parts[0].name, parts[1:]
    segment, parts = _choice(parts) if name else (None, parts)
    field, repetition = None, None
    if name and parts and isinstance(parts[0], Field):
        field = parts[0].number
        repetition, parts = _choice(parts[1:])
    positions = tuple(part.number for part in parts if isinstance(part, Position))
    if len(positions) < len(parts) or (name and positions and field is None) or (not name and path.root == "document" and parts):
        hint = f"write {name}-{positions[0]}" if positions else "a segment, a field, a component: PID-5.1, or .1 inside a loop"
        raise Fault("M104", f"'{path.text}' is no path of HL7 v2", hint, at=path.at)
    return Shape(name, segment, field, repetition, positions)


def _choice(parts: list[Part]) -> tuple[Choice, list[Part]]:
    """What stands in brackets at the beginning, and the rest."""
    if parts and isinstance(parts[0], Index | Every | Where):
        return parts[0], parts[1:]
    return None, parts


def impossible(path: Path, loops: Sequence[Path]) -> Iterator[Fault]:
    """What no message can have (a fault), and what the standard does not know (a warning, for local fields exist)."""
    try:
        shape = shape_of(path)
        name, positions = _absolute(shape, path, loops)
    except Fault as wrong:
        yield wrong
        return
    if 0 in positions or (len(positions) > 3):
        deepest = "fields, components and subcomponents count from 1, and nothing lies below a subcomponent"
        yield Fault("M104", f"'{path.text}' is no path of HL7 v2", deepest, at=path.at)
    elif name:
        yield from _unknown(name, positions, path)


def _absolute(shape: Shape, path: Path, loops: Sequence[Path]) -> tuple[str, tuple[int, ...]]:
    """The segment and the positions in it that a path comes to; no segment where only a message can tell."""
    if shape.name:
        return shape.name, ((shape.field, *shape.positions) if shape.field is not None else ())
    if path.root == "item" and loops:
        name, before = _absolute(shape_of(loops[-1]), loops[-1], loops[:-1])
        return name, (*before, *shape.positions)
    return "", shape.positions


def _unknown(name: str, positions: tuple[int, ...], path: Path) -> Iterator[Fault]:
    facts = dictionary.segment(name)
    if facts is None:
        if not name.startswith("Z"):
            hint = _nearest(name) or "segments of your own begin with Z"
            yield Fault("M104", f"'{name}' is no segment of HL7 v2", hint, at=path.at, level="warning")
        return
    if not positions:
        return
    number, *inner = positions
    where = f"{name}-{number}"
    if number > facts.count:
        says = f"{where}: {name} has {facts.count} fields in v{facts.version}"
        yield Fault("M104", says, "see whether the sender adds fields of its own", at=path.at, level="warning")
    elif inner and (field := facts.fields.get(number)) and 0 < field.components < inner[0]:
        count = f"{field.components} components" if field.components > 1 else "no components"
        says = f"{where}.{inner[0]}: {where} ({field.title}) has {count}"
        yield Fault("M104", says, f"its type is {field.type}", at=path.at, level="warning")
    elif len(inner) > 1 and (field := facts.fields.get(number)):
        yield from _below(where, field.type, inner, path)


def _nearest(name: str) -> str:
    """Letters that changed places first (PDI is PID), then the nearest of the segments, the common before the rare."""
    names = sorted(dictionary.segment_names(), key=lambda known: (known not in _COMMON, known))
    swapped = [known for known in names if sorted(known) == sorted(name)]
    return did_you_mean(name, swapped or names)


def _below(where: str, datatype: str, inner: list[int], path: Path) -> Iterator[Fault]:
    parts = dictionary.components(datatype)
    if inner[0] > len(parts):
        return
    title, own = parts[inner[0] - 1]
    most = len(dictionary.components(own)) or 1
    if inner[1] > most:
        count = f"{most} subcomponents" if most > 1 else "no subcomponents"
        says = f"{where}.{inner[0]}.{inner[1]}: {where}.{inner[0]} ({title}) has {count}"
        yield Fault("M104", says, f"its type is {own}", at=path.at, level="warning")


@lru_cache(maxsize=4096)
def title_of(path: str) -> str:
    """What the standard calls the place of a concrete path (`PID-3[2].1`); empty where it has no name for it."""
    found = _CONCRETE.fullmatch(path)
    if not found:
        return ""
    return dictionary.title(found[1], int(found[2]), *(int(p) for p in found[3].split(".") if p))
