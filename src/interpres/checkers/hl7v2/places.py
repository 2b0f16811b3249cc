"""Places: which segments and fields a message must fill, asked by formulas that are compiled once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from interpres.document import MISSING
from interpres.fault import Fault, Place
from interpres.format import Format
from interpres.mapping.compiling.compile import compile_formula
from interpres.transform import builtins

_SEGMENT: Final = re.compile(r"([A-Z][A-Z0-9]{2})-\d+")


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that is wrong with a message, at `source`."""

    code: str
    says: str
    hint: str
    source: str
    value: str | None = None


Ask = Callable[[Any], Iterator[Asked]]


def ask_places(
    messages: Sequence[str],
    segments: Mapping[str, str],
    needs: Mapping[str, str],
    values: Mapping[str, Sequence[str]],
    format: Format,
    at: Place,
) -> Ask:
    """From a message's tree to what is wrong with it. Raises `Fault` C332 or M1xx for what is no place."""
    asks: list[Ask] = [_type(messages, format, at)] if messages else []
    asks += [_segment(name, about, format, at) for name, about in segments.items()]
    asks += [_needed(place, about, format, at) for place, about in needs.items()]
    asks += [_valued(place, codes, format, at) for place, codes in values.items()]

    def ask(tree: Any) -> Iterator[Asked]:
        for one in asks:
            yield from one(tree)

    return ask


def _formula(text: str, format: Format, at: Place) -> Callable[[Any], Any]:
    work = compile_formula(text, at, format=format, transforms=builtins())
    return lambda tree: work(tree, {})


def _type(messages: Sequence[str], format: Format, at: Place) -> Ask:
    code, event = _formula("MSH-9.1", format, at), _formula("MSH-9.2", format, at)
    taken = frozenset(messages)
    hint = f"taken are {', '.join(messages)}"

    def ask(tree: Any) -> Iterator[Asked]:
        words = [str(found(tree)) for found in (code, event) if found(tree) not in (MISSING, None)]
        if "^".join(words) not in taken:
            yield Asked("V113", "this type of message is not taken here", hint, "MSH-9", "^".join(words))

    return ask


def _segment(name: str, about: str, format: Format, at: Place) -> Ask:
    there = _formula(f"{name} exists", format, at)

    def ask(tree: Any) -> Iterator[Asked]:
        if there(tree) is not True:
            yield Asked("V101", "the segment is missing", about, name)

    return ask


def _needed(place: str, about: str, format: Format, at: Place) -> Ask:
    found = _formula(f"each({_segment_of(place, at)}, if({place} exists and {place} != null, true, false))", format, at)

    def ask(tree: Any) -> Iterator[Asked]:
        several = _listed(found(tree))
        for index, filled in enumerate(several, 1):
            if filled is not True:
                yield Asked("V101", "is empty", about, _numbered(place, index, len(several)))

    return ask


def _valued(place: str, codes: Sequence[str], format: Format, at: Place) -> Ask:
    found = _formula(f"each({_segment_of(place, at)}, coalesce({place}, ''))", format, at)
    allowed = frozenset((*codes, ""))
    says = f"is not one of {', '.join(codes)}"

    def ask(tree: Any) -> Iterator[Asked]:
        several = _listed(found(tree))
        for index, value in enumerate(several, 1):
            if isinstance(value, str) and value not in allowed:
                yield Asked("V103", says, "", _numbered(place, index, len(several)), value)

    return ask


def _segment_of(place: str, at: Place) -> str:
    found = _SEGMENT.match(place)
    if not found:
        raise Fault("C332", f"'{place}' is no place in a message", "write it as PID-3 or PID-3.1", at=at)
    return found[1]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _numbered(place: str, index: int, count: int) -> str:
    """`OBX[2]-11` where there are several such segments."""
    return place if count < 2 else f"{place[:3]}[{index}]{place[3:]}"
