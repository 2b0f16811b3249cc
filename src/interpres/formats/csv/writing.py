"""Writing: tables from trees, and what was refused of a table with the four columns that say why."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from interpres.document import MISSING, Tree
from interpres.fault import Fault
from interpres.formats.csv.header import OURS, Header, as_utf8, count_lines, is_blank
from interpres.formats.csv.records import key_of
from interpres.formats.csv.rows import cells, rows
from interpres.formats.csv.settings import CsvSettings

_ROW: Final = re.compile(r"row (\d+)(?:: (.*))?", re.DOTALL)
_LINE: Final = re.compile(r"line (\d+)(?:: (.*))?", re.DOTALL)


def write_table(tree: Tree, settings: CsvSettings) -> bytes:
    """A table of a list of rows, of `{"rows": […]}` or of one row, CR LF behind each (RFC 4180, 2).

    The columns are those of `header:` where it names them, else all keys in the order in which rows bring them. Values go out
    as they are: what a spreadsheet makes of `=1+1` is its own affair. Faults T030 (no row, no cell), T031 (a sign that the
    encoding lacks).
    """
    found = _table(tree)
    columns = _columns(found, settings)
    out = io.StringIO(newline="")
    writer = _writer(out, settings.delimiter or ",", settings.quote)
    if settings.header != "none":
        writer.writerow(columns)
    for number, row in enumerate(found, 1):
        writer.writerow([_cell(row.get(name, MISSING), number, name) for name in columns])
    try:
        return out.getvalue().encode(settings.encoding or "utf-8")
    except UnicodeEncodeError:
        says = f"the table holds a sign that {settings.encoding or 'utf-8'} does not have"
        raise Fault("T031", says, "write encoding: utf-8 where the receiver can read it") from None


def place_in_file(fault: Fault, body: bytes, start: int, header: Header, settings: CsvSettings) -> Fault:
    """A fault whose source is `line 57: Qty` in place of `row 1: Qty`, counted in the whole table from 1.

    What is not of one row (`Qty`, a column; empty, the record as a whole) gets the line at which the record begins.
    """
    if header.faults or _LINE.match(fault.source):
        return fault
    found = _ROW.match(fault.source)
    wanted, column = (int(found[1]), found[2]) if found else (1, fault.source)
    for number, (line, _) in enumerate(_lines(body, start, len(body), header, settings), 1):
        if number == wanted:
            return fault.but(source=f"line {line}" + (f": {column}" if column else ""))
    return fault


def write_rejected(
    body: bytes, header: Header, refused: Iterable[tuple[int, int, Sequence[Fault]]], settings: CsvSettings
) -> bytes:
    """The refused rows with the columns line, field, problem and hint, UTF-8 with a mark so that spreadsheets read it rightly.

    Of a group whose rows stand apart only its own rows are given back; empty where there is no row to give back.
    """
    if header.faults:
        return b""
    back = [entry for start, end, faults in refused for entry in _with_faults(body, start, end, header, faults, settings)]
    if not back:
        return b""
    wide = max(len(row.cells) for row in back) if settings.header == "none" else len(header.columns)
    more = max(len(row.nameless) for row in back)
    out = io.StringIO(newline="")
    writer = _writer(out, header.dialect.delimiter, header.dialect.quote)
    writer.writerow([*(name or "" for name in header.columns[:wide]), *[""] * more, *OURS])
    for row in back:
        writer.writerow([*_filled(row.cells, wide), *_filled(row.nameless, more), row.line, *_joined(row.faults)])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class _Back:
    """A row that is given back: its line in the table, its cells by column, those under no column, and what is wrong with it.

    What cannot be read as cells is given back as it stands, under no column, so that it is refused again until it is mended.
    """

    line: int
    cells: list[str]
    nameless: list[str]
    faults: list[Fault]


def _with_faults(
    body: bytes, start: int, end: int, header: Header, faults: Sequence[Fault], settings: CsvSettings
) -> Iterable[_Back]:
    """The rows of a slice, each with its own faults, placed in the table or not; those of no row stand at the first."""
    own = list(_lines(body, start, end, header, settings))
    lines = [line for line, _ in own]
    by_line: dict[int, list[Fault]] = {}
    for fault in faults:
        by_line.setdefault(_line_of(fault, lines), []).append(fault)
    first: object = None
    for number, (line, row) in enumerate(own, 1):
        key = key_of(row, header, settings) if settings.group_by else None
        first = key if number == 1 else first
        if key == first:
            yield _Back(line, *_cells(row, header), by_line.get(line, []))


def _line_of(fault: Fault, lines: Sequence[int]) -> int:
    """The line of the table that a fault speaks of, of those of its slice; the first where it names none of them."""
    if (placed := _LINE.match(fault.source)) and int(placed[1]) in lines:
        return int(placed[1])
    found = _ROW.match(fault.source)
    number = int(found[1]) if found else 1
    return lines[number - 1 if number <= len(lines) else 0] if lines else 0


def _joined(faults: Sequence[Fault]) -> tuple[str, str, str]:
    """Fields, problems and hints, each said once."""
    fields = []
    for fault in faults:
        found = _LINE.match(fault.source) or _ROW.match(fault.source)
        fields.append((found[2] if found else fault.source) or fault.target)
    return (
        "; ".join(dict.fromkeys(f for f in fields if f)),
        "; ".join(dict.fromkeys(f.says for f in faults)),
        "; ".join(dict.fromkeys(f.hint for f in faults if f.hint)),
    )


def _filled(cells_: list[str], wide: int) -> list[str]:
    return [*cells_, *[""] * (wide - len(cells_))]


def _cells(row: bytes, header: Header) -> tuple[list[str], list[str]]:
    """A row's cells by column, and those under no column."""
    text = row.decode(header.row_encoding, "replace")
    try:
        found = cells(text, header.dialect)
    except Fault:
        return [], [text.rstrip("\r\n")]
    more = found[max(header.width, len(header.columns)) :]
    return found[: len(header.columns)], more if any(cell.strip() for cell in more) else []


def _lines(body: bytes, start: int, end: int, header: Header, settings: CsvSettings) -> Iterable[tuple[int, bytes]]:
    """The rows of a slice that count, and the line of the table at which each begins."""
    begins = max(start, len(header.head))
    before, text = body[:begins], body[begins:end]
    if not header.ascii:
        before, text = as_utf8(before, header.encoding) or b"", as_utf8(text, header.encoding) or b""
    line = count_lines(before) + 1
    for a, b in rows(text, 0, header.dialect):
        row = text[a:b]
        if not (settings.skip_blank and is_blank(row, header.dialect)):
            yield line, row
        line += count_lines(row)


def _writer(out: io.StringIO, delimiter: str, quote: str) -> Any:
    return csv.writer(out, delimiter=delimiter, quotechar=quote, lineterminator="\r\n")


def _table(tree: Tree) -> Sequence[Mapping[str, Any]]:
    found = tree.get("rows", tree) if isinstance(tree, dict) else tree
    found = found if isinstance(found, list) else [found]
    if not all(isinstance(row, dict) for row in found):
        raise Fault("T030", "a table is made of rows, each with its columns as keys", "let output: be a list of such maps")
    return found


def _columns(found: Sequence[Mapping[str, Any]], settings: CsvSettings) -> list[str]:
    every = list(dict.fromkeys(name for row in found for name in row))
    if not isinstance(settings.header, list):
        return every
    for name in every:
        if name not in settings.header:
            raise Fault("T030", f"header: has no column '{name}'", "name it there, or take it out of the mapping", target=name)
    return settings.header


def _cell(value: Any, number: int, name: str) -> str:
    if value is MISSING or value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | Decimal):
        return str(value) if not isinstance(value, Decimal) else format(value, "f")
    raise Fault(
        "T030",
        "a cell holds text or a number, not a list or a map",
        "join the values into one text",
        target=f"[{number - 1}].{name}",
    )
