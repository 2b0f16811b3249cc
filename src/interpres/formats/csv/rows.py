"""Rows: where the rows of a table begin and end, line breaks in quotes included, and the cells of a row.

RFC 4180, and what spreadsheets write: LF, CR or CRLF behind a row, any of them in quotes; a quote inside an unquoted cell is
just a quote. Bytes are any encoding that keeps ASCII (UTF-8, the Windows and ISO code pages).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from interpres.fault import Fault


@dataclass(frozen=True, slots=True)
class Dialect:
    """Delimiter and quote, and the patterns made of them."""

    delimiter: str
    quote: str
    plain: re.Pattern[bytes]
    row: re.Pattern[bytes]
    cell: re.Pattern[bytes]
    quoted: re.Pattern[bytes]
    line: re.Pattern[bytes]
    cells: re.Pattern[str]

    @classmethod
    @lru_cache(64)
    def of(cls, delimiter: str, quote: str = '"') -> Dialect:
        """The patterns for these two signs. Possessive throughout: time is linear, whatever comes."""
        d, q = re.escape(delimiter), re.escape(quote)
        end = r"(?:\r\n|\r|\n|\Z)"
        body = f"{q}[^{q}]*+(?:{q}{q}[^{q}]*+)*+"
        cell = rf"(?:{body}{q}(?=[{d}\r\n]|\Z)|(?!{q})[^{d}\r\n]*+)"
        return cls(
            delimiter,
            quote,
            plain=re.compile(rf"[^{q}\r\n]*+{end}".encode()),
            row=re.compile(rf"{cell}(?:{d}{cell})*+{end}".encode()),
            cell=re.compile(rf"{cell}(?:{d}|{end})".encode()),
            quoted=re.compile(body.encode()),
            line=re.compile(rf"[^\r\n]*+{end}".encode()),
            cells=re.compile(rf"(?:{q}([^{q}]*+(?:{q}{q}[^{q}]*+)*+){q}|(?!{q})([^{d}]*+))(?:{d}|\Z)"),
        )


def rows(body: bytes, start: int, dialect: Dialect) -> Iterator[tuple[int, int]]:
    """Where each row from `start` on begins and ends, its line break included.

    A row whose quotes do not come out even is its first line alone, so that it spoils no other; up to the place where that was
    seen no line break in quotes is believed, which keeps the time linear.
    """
    at, doubtful = start, start
    plain, whole, line = dialect.plain.match, dialect.row.match, dialect.line.match
    while at < len(body):
        found = plain(body, at) or (whole(body, at) if at >= doubtful else None)
        if found is None:
            if at >= doubtful:
                doubtful = _last_line(body, at, _broken_at(body, at, dialect))
            found = line(body, at)
            assert found
        yield at, found.end()
        at = found.end()


def cells(row: str, dialect: Dialect) -> list[str]:
    """The cells of one row, with or without its line break. Fault T008 where its quotes do not come out even."""
    if row.endswith("\r\n"):
        row = row[:-2]
    elif row.endswith(("\n", "\r")):
        row = row[:-1]
    if dialect.quote not in row:
        return row.split(dialect.delimiter)
    return _quoted_cells(row, dialect)


def _quoted_cells(row: str, dialect: Dialect) -> list[str]:
    found: list[str] = []
    at, double = 0, dialect.quote * 2
    while cell := dialect.cells.match(row, at):
        found.append(cell[2] if cell[1] is None else cell[1].replace(double, dialect.quote))
        if not cell[0].endswith(dialect.delimiter):
            return found
        at = cell.end()
    raise _uneven(row, at, len(found) + 1, dialect)


def _uneven(row: str, at: int, number: int, dialect: Dialect) -> Fault:
    cell = row[at:].encode()
    opened = dialect.quoted.match(cell)
    if opened and opened.end() >= len(cell):
        says = f"a quote {dialect.quote} that begins cell {number} is never closed"
    else:
        says = f"text follows the closing quote {dialect.quote} of cell {number}"
    return Fault("T008", says, f"a {dialect.quote} inside a quoted cell is written twice: {dialect.quote * 2}")


def _broken_at(body: bytes, at: int, dialect: Dialect) -> int:
    """Where a row's quotes were seen not to come out even."""
    while (cell := dialect.cell.match(body, at)) and cell.end() > at:
        at = cell.end()
    quoted = dialect.quoted.match(body, at)
    return quoted.end() if quoted else at


def _last_line(body: bytes, at: int, broken: int) -> int:
    """The beginning of the line that holds `broken`, or the end of everything where the quote is open till there."""
    if broken >= len(body):
        return len(body)
    return max(body.rfind(b"\n", at, broken), body.rfind(b"\r", at, broken), at) + 1
