"""Path: where a value stands in a document, written as the document's own standard writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from interpres.fault import Place

Root = Literal["name", "tick", "item", "document", "index", "here"]
"""How a path begins: a bare name (`PID`, `visit_code`), a name in backticks, `.`, `$`, `$index`, or in the middle of what a
condition chooses from (`5` in `PID-3[5 = 'PI']`, `./value` or `@root` in XML)."""


@dataclass(frozen=True, slots=True)
class Key:
    """`.name` or `` .`two words` ``; `$index` for `order.$index`."""

    name: str


@dataclass(frozen=True, slots=True)
class Step:
    """XML: `/name`, `//name` or `/@name`; a prefix stays in the name (`h:id`, `@xsi:type` as axis `/@`)."""

    axis: Literal["/", "//", "/@"]
    name: str


@dataclass(frozen=True, slots=True)
class Field:
    """HL7 v2 and X12: `-12`."""

    number: int


@dataclass(frozen=True, slots=True)
class Position:
    """HL7 v2 and X12: `.3`, a component or subcomponent (or a field, where the path begins inside a segment)."""

    number: int


@dataclass(frozen=True, slots=True)
class Index:
    """`[2]`: from 1 in HL7 v2, X12, XML and tables, from 0 in JSON and FHIR."""

    number: int


@dataclass(frozen=True, slots=True)
class Every:
    """`[*]`."""


@dataclass(frozen=True, slots=True)
class Where:
    """`[condition]`, the first that meets it, or with `many` `[* where condition]`, all that do."""

    condition: Any
    many: bool = False


Part: TypeAlias = Key | Step | Field | Position | Index | Every | Where


@dataclass(frozen=True, slots=True)
class Path:
    """`name` is the first name for roots `name` and `tick`, else empty; `text` is the path as it was written."""

    root: Root
    name: str
    parts: tuple[Part, ...]
    text: str
    at: Place

    @property
    def many(self) -> bool:
        """Whether the path asks for all matches (`[*]`, `[* where …]`) and so gives a list."""
        return any(isinstance(p, Every) or (isinstance(p, Where) and p.many) for p in self.parts)
