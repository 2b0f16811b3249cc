"""Document: what a message says, as a tree that paths can be read from, whatever its format was."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeAlias


class Missing(Enum):
    """What is not there: an absent field, an empty HL7 field, a blank cell. JSON null and HL7 `""` are `None` instead."""

    MISSING = 0

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING

Scalar: TypeAlias = str | int | Decimal | bool | None
"""A leaf. Numbers are `int` or `Decimal`, never binary floats."""

Tree: TypeAlias = Any
"""What mappings make and JSON carries: `dict[str, Tree]`, `list[Tree]` or a `Scalar`."""


@dataclass(frozen=True, slots=True)
class Document:
    """A decoded message: the name of its format and the tree in that format's own type.

    json, csv and text use plain dicts and lists; hl7v2 and xml bring types of their own, which only their format reads.
    `body` is what it was decoded from, where the format needs that to leave everything else byte for byte when it edits.
    """

    format: str
    tree: Any
    body: bytes = field(default=b"", repr=False, compare=False)
