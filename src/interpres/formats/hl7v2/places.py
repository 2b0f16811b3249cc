"""Places: where a value stands in a segment, and the segment's text with another one there."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from interpres.document import MISSING
from interpres.fault import Fault
from interpres.formats.hl7v2.delimiters import HEADERS, NEVER, Delimiters
from interpres.formats.hl7v2.escape import escape

MOST_FIELDS = 999
"""Field, repetition, component and subcomponent numbers that are written; beyond it is a slip in a recipe."""


@dataclass(frozen=True, slots=True)
class Place:
    """A field, or a part of it: `repetition` 0 means the field as a whole; `positions` are component and subcomponent."""

    field: int
    repetition: int = 0
    positions: tuple[int, ...] = ()

    def __str__(self) -> str:
        index = f"[{self.repetition}]" if self.repetition else ""
        return f"{self.field}{index}{''.join(f'.{p}' for p in self.positions)}"


def put(fields: list[str], place: Place, written: str, signs: Delimiters) -> None:
    """Sets what stands at a place, all of it; fields, repetitions and components before it come to be as far as needed.

    An empty text does not lengthen anything. Raises `Fault` H034 where the message declares no delimiter to say it with.
    """
    if max(place.field, place.repetition, *place.positions, 1) > MOST_FIELDS:
        raise Fault("H034", f"{place} counts beyond {MOST_FIELDS}", "see the numbers of the path")
    if place.field >= len(fields):
        if not written:
            return
        fields += [""] * (place.field + 1 - len(fields))
    repetition = place.repetition or (1 if place.positions else 0)
    marks = (signs.repetition, signs.component, signs.subcomponent)
    numbers = (repetition, *place.positions)
    if not repetition:
        fields[place.field] = written
    else:
        fields[place.field] = _within(fields[place.field], numbers, marks, written)


def _within(text: str, numbers: tuple[int, ...], marks: tuple[str, ...], written: str) -> str:
    if not numbers:
        return written
    number, mark = numbers[0], marks[0]
    parts = text.split(mark)
    if number > len(parts):
        if not written:
            return text
        parts += [""] * (number - len(parts))
    parts[number - 1] = _within(parts[number - 1], numbers[1:], marks[1:], written)
    if mark == NEVER and len(parts) > 1:
        says = "the message declares no delimiter for a repetition, component or subcomponent, and one is to be written"
        raise Fault("H034", says, "let MSH-2 be ^~\\&")
    return mark.join(parts)


def joined(fields: list[str], signs: Delimiters) -> str:
    """A segment's text."""
    if fields[0] in HEADERS:
        return f"{fields[0]}{signs.field}" + signs.field.join(fields[2:])
    return signs.field.join(fields)


def written(value: Any, signs: Delimiters) -> str:
    """A value as a field holds it: null as `""`, what is missing as nothing, true and false as Y and N (HL7 table 0136).

    Raises `Fault` H034 for what is no single value, H032 (see `escape`).
    """
    if value is MISSING:
        return ""
    if value is None:
        return '""'
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < MOST_FIELDS:
        return format(value, "f")
    if isinstance(value, str):
        return escape(value, signs)
    raise Fault("H034", "a value here is neither text nor a number, true or false", "set its parts one by one: PID-3.1, PID-3.5")
