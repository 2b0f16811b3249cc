"""Coded: the commonest choice, `PID-3[5 = 'PI'].1` — of the repetition with a code in a component — read at once."""

from __future__ import annotations

from typing import Any

from interpres.document import MISSING
from interpres.format import Trace
from interpres.formats.hl7v2.reads import said
from interpres.formats.hl7v2.segments import Segment
from interpres.formats.hl7v2.shape import Choice
from interpres.mapping.formula import Binary, Number, Text
from interpres.path import Where


def code_of(choice: Choice) -> tuple[int, str] | None:
    """The component and the code of a condition like `5 = 'PI'`; None for any other condition."""
    if not isinstance(choice, Where) or choice.many or not isinstance(choice.condition, Binary):
        return None
    condition = choice.condition
    if condition.operator != "=" or not isinstance(condition.left, Number) or not isinstance(condition.right, Text):
        return None
    number = condition.left
    return (int(number.written), condition.right.text) if number.written.isdecimal() else None


def found_at(segment: Segment, field: int, position: int, code: str) -> tuple[int, list[str]]:
    """The number of the first repetition with the code in that component, and its components; 0 where there is none."""
    fields = segment.fields
    if field >= len(fields):
        return 0, []
    signs = segment.signs
    for number, text in enumerate(fields[field].split(signs.repetition), 1):
        parts = text.split(signs.component)
        if 0 < position <= len(parts):
            part = parts[position - 1]
            if part == code if part.isalnum() else (part != "" and said(part, segment) == code):
                return number, parts
    return 0, []


def coded(segment: Segment, field: int, position: int, code: str, component: int = 1) -> Any:
    """What a component of the repetition with that code says; MISSING where there is no such repetition."""
    parts = found_at(segment, field, position, code)[1]
    if not 0 < component <= len(parts):
        return MISSING
    part = parts[component - 1]
    return part if part.isalnum() else said(part, segment)


def traced(trace: Trace) -> Any:
    """The same, told with its path."""

    def coded_told(segment: Segment, field: int, position: int, code: str, *component: int) -> Any:
        number, parts = found_at(segment, field, position, code)
        if not number:
            return MISSING
        wanted = component[0] if component else 1
        path = f"{segment.path}-{field}" + (f"[{number}]" if number > 1 else "") + (f".{wanted}" if component else "")
        text = parts[wanted - 1] if 0 < wanted <= len(parts) else ""
        trace.read(path, (text if component else segment.signs.component.join(parts)) or None)
        return said(text, segment)

    return coded_told
