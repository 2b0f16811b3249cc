"""Formula: what stands behind `=`, as a tree with its place in the file."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from interpres.fault import Place
from interpres.path import Path

Operator = Literal["and", "or", "=", "!=", "<", "<=", ">", ">=", "in", "matches", "&", "+", "-", "*", "/"]


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    at: Place


@dataclass(frozen=True, slots=True)
class Number:
    """`written` keeps the digits: `3.1` may turn out to be a position inside a condition."""

    number: int | Decimal
    written: str
    at: Place


@dataclass(frozen=True, slots=True)
class Truth:
    """`true`, `false`; null is None."""

    value: bool | None
    at: Place


@dataclass(frozen=True, slots=True)
class Listing:
    """`[a, b, …]`."""

    items: tuple[Formula, ...]
    at: Place


@dataclass(frozen=True, slots=True)
class Arrow:
    """`match -> result` in `case`; `match` is None for `else`."""

    match: Formula | None
    result: Formula
    at: Place


@dataclass(frozen=True, slots=True)
class Call:
    """`name(a, b)` and `a | name(b)` alike; `piped` remembers which, for messages. Arguments of `case` may be arrows."""

    name: str
    arguments: tuple[Formula | Arrow, ...]
    at: Place
    piped: bool = False


@dataclass(frozen=True, slots=True)
class Binary:
    operator: Operator
    left: Formula
    right: Formula
    at: Place


@dataclass(frozen=True, slots=True)
class Not:
    operand: Formula
    at: Place


@dataclass(frozen=True, slots=True)
class Exists:
    operand: Formula
    at: Place


@dataclass(frozen=True, slots=True)
class Read:
    """A path, or a name that `let`, `needs` or `$let` declares (which, the compiler knows)."""

    path: Path
    at: Place


Formula: TypeAlias = Text | Number | Truth | Listing | Call | Binary | Not | Exists | Read


def chain(formula: Formula, operator: str) -> list[Formula]:
    """The sides of `a & b & c`, which is read as (a & b) & c."""
    sides: list[Formula] = []
    while isinstance(formula, Binary) and formula.operator == operator:
        sides.append(formula.right)
        formula = formula.left
    return [formula, *reversed(sides)]
