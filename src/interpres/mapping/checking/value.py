"""Value: what is known of a formula's value before any message flows, and whether a place in the output can take it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from interpres.fault import Fault, Place, did_you_mean
from interpres.schema import Shape

Kind = Literal["text", "number", "truth", "list", "block", "any"]
Origin = Literal["came", "made", "date", "date-time", "time"]
"""Where text is from: as it `came` in the document, or `made` by a transform — a date or time where one is known to make such."""

ACCEPTED: Final = {
    "text": {"string"},
    "number": {"number", "integer"},
    "truth": {"boolean"},
    "list": {"array"},
    "block": {"object"},
}
WORDS: Final = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a block",
    "text": "text",
    "truth": "true or false",
    "list": "a list",
    "block": "a block",
}
MOMENTS: Final = {
    "date": ("a date", "date", ("2026-11-04",)),
    "date-time": ("a date and time", "datetime", ("2026-11-04T08:30:00+07:00", "2026-11-04T08:30:00.000+07:00")),
    "time": ("a time", "time", ("08:30:00", "08:30:00+07:00")),
}
"""What each is called, the transform that makes it, and how it is written."""


@dataclass(frozen=True, slots=True)
class Known:
    """A constant that a formula may give, and where it stands: in the formula, or in the row of a table."""

    value: Any
    at: Place
    table: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """What a formula may give, beside missing and null: any of `known`, or something of `kinds`.

    `origins` tells of its texts, `whole` that its numbers have no fraction, `items` what its lists hold, where that is known. No
    kinds and nothing known: always missing.
    """

    kinds: frozenset[Kind] = frozenset()
    origins: frozenset[Origin] = frozenset()
    known: tuple[Known, ...] = ()
    items: Value | None = None
    whole: bool = False

    def __or__(self, other: Value) -> Value:
        items = self.items and other.items and self.items | other.items
        if not ("list" in self.kinds and "list" in other.kinds):
            items = self.items or other.items
        whole = all(v.whole for v in (self, other) if "number" in v.kinds)
        return Value(self.kinds | other.kinds, self.origins | other.origins, self.known + other.known, items, whole)

    @property
    def certain(self) -> bool:
        """Whether every value it may have is known."""
        return not self.kinds

    def all_kinds(self) -> frozenset[str]:
        """The kinds of everything it may give."""
        return self.kinds | {kind_of(k.value) for k in self.known if k.value is not None}


ANY: Final = Value(frozenset({"any"}))
CAME: Final = Value(frozenset({"text"}), frozenset({"came"}))
ANY_CAME: Final = Value(frozenset({"any"}), frozenset({"came"}))
MADE: Final = Value(frozenset({"text"}), frozenset({"made"}))
NUMBER: Final = Value(frozenset({"number"}))
WHOLE: Final = Value(frozenset({"number"}), whole=True)
TRUTH: Final = Value(frozenset({"truth"}))
BLOCK: Final = Value(frozenset({"block"}))
NOTHING: Final = Value()


def list_of(items: Value) -> Value:
    """A list that holds such."""
    return Value(frozenset({"list"}), items=items)


def any_of(values: Sequence[Value]) -> Value:
    """One of several."""
    found = NOTHING
    for value in values:
        found |= value
    return found


def kind_of(value: Any) -> Kind:
    """The kind of a constant; null counts as any."""
    match value:
        case bool():
            return "truth"
        case str():
            return "text"
        case None:
            return "any"
        case list() | tuple():
            return "list"
        case dict():
            return "block"
    return "number"


def misfits(value: Value, shape: Shape, at: Place, target: str) -> Iterator[Fault]:
    """M103 for everything that a formula may give and that the schema refuses here."""
    for known in value.known:
        reason = "" if known.value is None else shape.refuses(known.value)
        if reason:
            table = f"table {known.table}: " if known.table else ""
            yield Fault("M103", f"{table}{reason}", _hint(known.value, shape), at=known.at, target=target)
    if "any" in value.kinds and "came" in value.origins and shape.format in MOMENTS:
        name, transform, _ = MOMENTS[shape.format]
        says = f"whatever came, where {name} is wanted"
        yield Fault("M103", says, f"add | {transform}, which refuses what is none", at=at, target=target, level="warning")
    if "any" in value.kinds or not shape.kinds:
        return
    for kind in sorted(value.kinds):
        if not ACCEPTED[kind] & shape.kinds:
            yield _other_kind(kind, shape, at, target)
    if "number" in value.kinds and not value.whole and "integer" in shape.kinds and "number" not in shape.kinds:
        says = "a number that may have a fraction where a whole number is wanted"
        yield Fault("M103", says, "add | integer, or | round", at=at, target=target, level="warning")
    if "text" in value.kinds and "string" in shape.kinds:
        yield from _texts(value, shape, at, target)
    if "list" in value.kinds and value.items and (item := shape.item()):
        yield from misfits(value.items, item, at, f"{target}[]")


def wanted(shape: Shape) -> str:
    """`text`, `a number or text`: what a place takes."""
    kinds = shape.kinds - {"integer"} if "number" in shape.kinds else shape.kinds
    return " or ".join(words for kind, words in WORDS.items() if kind in kinds)


def _hint(value: Any, shape: Shape) -> str:
    if isinstance(value, str) and shape.values:
        known = [v for v in shape.values if isinstance(v, str)]
        return did_you_mean(value, known) or ("a formula begins with '='" if "|" in value else "")
    if kind_of(value) == "number" and "string" in shape.kinds:
        return "put it in quotes"
    return ""


def _other_kind(kind: str, shape: Shape, at: Place, target: str) -> Fault:
    says = f"{WORDS[kind]} where {wanted(shape)} is wanted"
    if kind == "text" and shape.kinds & {"number", "integer"}:
        hint = "add | number"
    elif kind == "text" and "boolean" in shape.kinds:
        hint = "compare it with something, as in PID-30 = 'Y'"
    elif kind == "list":
        hint = "take one of it with | first, or make one text of it with | join(', ')"
    elif "array" in shape.kinds:
        hint = "put it in brackets, as in [PID-5.2, PID-5.3]"
    elif kind == "number" and "string" in shape.kinds:
        hint = "join it to text, as in '' & count(OBX)"
    else:
        hint = ""
    return Fault("M103", says, hint, at=at, target=target)


def _texts(value: Value, shape: Shape, at: Place, target: str) -> Iterator[Fault]:
    """Text that came where the schema wants a date, or one of a list; a date where it wants a time."""
    if shape.format in MOMENTS:
        name, transform, _ = MOMENTS[shape.format]
        if "came" in value.origins:
            yield Fault("M103", f"text as it came where {name} is wanted", f"add | {transform}", at=at, target=target)
        for origin in sorted(value.origins & (set(MOMENTS) - {shape.format})):
            other, _, samples = MOMENTS[origin]
            if all(shape.refuses(sample) for sample in samples):
                yield Fault("M103", f"{other} where {name} is wanted", f"use | {transform}", at=at, target=target)
    elif "came" in value.origins and shape.values:
        hint = "translate it with | table(…), unless the sender uses these very codes"
        says = "text as it came where only certain values are allowed"
        yield Fault("M103", says, hint, at=at, target=target, level="warning")


def told(known: Sequence[Known]) -> str:
    """`'in', 'out'`: constants of the configuration, the first eight of them."""
    texts = list(dict.fromkeys(f"'{k.value}'" for k in known))
    return ", ".join(texts[:8]) + (", …" if len(texts) > 8 else "")
