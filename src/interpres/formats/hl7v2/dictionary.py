"""Dictionary: what HL7 v2 calls its segments, fields and components, and how many there are (versions 2.1 to 2.8.2)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """A field's name and data type in the newest version that has it; `components` at most in any (0: no limit)."""

    title: str
    type: str
    components: int


@dataclass(frozen=True, slots=True)
class SegmentFacts:
    """How many fields a segment has at most, the newest version that has so many, and its fields by number."""

    count: int
    version: str
    fields: dict[int, FieldFacts]


@cache
def segment_names() -> frozenset[str]:
    """The names of all standard segments."""
    return frozenset(_facts()["segments"])


@cache
def segment(name: str) -> SegmentFacts | None:
    """What is known of a segment; None where the standard has none of that name."""
    facts = _facts()["segments"].get(name)
    if facts is None:
        return None
    fields = {int(number): FieldFacts(*about) for number, about in facts["fields"].items()}
    return SegmentFacts(facts["count"], facts["version"], fields)


def components(datatype: str) -> list[tuple[str, str]]:
    """Title and data type of each component of a data type; none for a simple one."""
    return [(title, inner) for title, inner in _facts()["types"].get(datatype, ())]


def title(name: str, *positions: int) -> str:
    """What the standard calls a field, component or subcomponent: `Patient Name: Family Name`; empty where it has no name."""
    facts = segment(name)
    if facts is None or not positions or positions[0] not in facts.fields:
        return ""
    field = facts.fields[positions[0]]
    words, datatype = [field.title], field.type
    for position in positions[1:]:
        parts = components(datatype)
        if not 1 <= position <= len(parts):
            break
        words.append(parts[position - 1][0])
        datatype = parts[position - 1][1]
    return ": ".join(words)


@cache
def structures() -> dict[str, dict[str, str]]:
    """Message structure → segment → the names of those that it holds, with blanks between; `""` stands for the message."""
    found: dict[str, dict[str, str]] = _read("structures.json")
    return found


@cache
def _facts() -> Any:
    return _read("dictionary.json")


def _read(name: str) -> Any:
    return json.loads(files("interpres.formats.hl7v2").joinpath(name).read_text(encoding="utf-8"))
