"""Table: a code table, from one code to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from interpres.document import MISSING
from interpres.fault import Place


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what a code becomes, where the row stands, and its other columns."""

    code: str
    to: Any
    at: Place
    more: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows by code; a row whose code is `*` is the default. `file` is the CSV that holds them, empty for an inline table."""

    name: str
    rows: Mapping[str, Row]
    at: Place
    file: str = ""

    def row(self, code: str) -> Row | None:
        """The code's own row, else the default row, else None."""
        return self.rows.get(code) or self.rows.get("*")

    def holds(self, code: Any) -> bool:
        """Whether there is a row for this very code (`x in table(t)`; the default row does not count)."""
        return code is not MISSING and code != "*" and code in self.rows
