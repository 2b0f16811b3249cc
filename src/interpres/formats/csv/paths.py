"""Paths: columns by their headers, rows of a group from 1, and bare columns on which all rows of a group must agree."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from interpres.document import MISSING
from interpres.fault import Fault
from interpres.format import Grammar, Paths, Scope, Trace
from interpres.mapping.tree import Code, Spelling, impossible, runtime, start_of
from interpres.path import Key, Part, Path

_CODE = Code("csv", base=1)
ROWS: Final = "rows"


def _column_below(path: str, name: str) -> str:
    return f"{path}: {name}" if path else name


SPELLING: Final = Spelling("", _column_below, lambda path, index: f"row {index + 1}")


class ColumnPaths(Paths):
    """A column is its header; in a grouped record `rows` are its rows, counted from 1.

    A bare column of a grouped record is read from its rows, which must agree: Fault M250 where they do not.
    """

    grammar: ClassVar[Grammar] = "columns"

    def __init__(self, group_by: tuple[str, ...]) -> None:
        self._grouped = bool(group_by)

    def value(self, path: Path, scope: Scope) -> str:
        start, rest = start_of(_composed(path), scope)
        if self._is_column(start, rest, scope):
            return f"csv_column({start}, {_key(rest)!r})"
        return _CODE.value(start, rest, scope)

    def items(self, path: Path, scope: Scope) -> str:
        start, rest = start_of(_composed(path), scope)
        if self._is_column(start, rest, scope):
            return f"csv_each(csv_column({start}, {_key(rest)!r}))"
        return _CODE.items(start, rest, scope)

    def runtime(self, trace: Trace | None) -> Mapping[str, Any]:
        plain = runtime("csv", trace, SPELLING)
        return {**plain, "csv_column": _traced(trace) if trace else column}

    def check(self, path: Path, loops: Sequence[Path]) -> Iterator[Fault]:
        yield from impossible(path)
        parts = path.parts[1:] if path.root == "document" else path.parts
        if path.root in ("name", "tick", "document") and parts and not self._is_rows(path):
            hint = "columns hold text, nothing below them; a name with signs in it goes in backticks"
            if path.name == ROWS:
                hint = "rows come with from: {csv: {group_by: [the key columns]}}"
            yield Fault("M104", f"'{path.text}': a column has nothing inside it", hint, at=path.at)

    def _is_rows(self, path: Path) -> bool:
        first = path.parts[0] if path.root == "document" and path.parts else Key(path.name)
        return self._grouped and path.root != "tick" and first == Key(ROWS)

    def _is_column(self, start: str, rest: Path, scope: Scope) -> bool:
        """Whether a path asks the record itself, not one of its rows, for a column."""
        if not self._grouped or start != scope.document or len(rest.parts) != 1:
            return False
        return isinstance(rest.parts[0], Key) and (rest.parts[0].name != ROWS or rest.root == "tick")


def column(record: Any, name: str) -> Any:
    """The value that all rows of a grouped record have in a column; MISSING where all are blank."""
    rows = record[ROWS]
    found = rows[0].get(name, MISSING)
    for row in rows:
        if row.get(name, MISSING) != found:
            raise _disagree(rows, name)
    return found


def _disagree(rows: Sequence[Mapping[str, str]], name: str) -> Fault:
    other = next(n for n, row in enumerate(rows, 1) if row.get(name) != rows[0].get(name))
    hint = f"if the rows are meant to differ, go through them ($each: rows, then .`{name}`) or name one: rows[1].`{name}`"
    return Fault(
        "M250",
        f"the rows of this record do not agree on '{name}': row 1 and row {other} differ",
        hint,
        source=f"row {other}: {name}",
    )


def _traced(trace: Trace) -> Any:
    def traced(record: Any, name: str) -> Any:
        found = column(record, name)
        trace.read(name, None if found is MISSING else found)
        return found

    return traced


def _key(rest: Path) -> str:
    part: Part = rest.parts[0]
    assert isinstance(part, Key)
    return part.name


def _composed(path: Path) -> Path:
    """The path with its names in NFC, as headers are kept."""
    parts = tuple(Key(unicodedata.normalize("NFC", p.name)) if isinstance(p, Key) else p for p in path.parts)
    return replace(path, name=unicodedata.normalize("NFC", path.name), parts=parts)
