"""Header: what the first bytes of a table say of all its rows — encoding, delimiter and the columns' names."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Final

from interpres.fault import Fault, did_you_mean
from interpres.formats.csv.rows import Dialect, cells, rows
from interpres.formats.csv.settings import CsvSettings

OURS: Final = ("line", "field", "problem", "hint")
"""The columns of a rejected.csv: passed over where they come last, so that a mended file can be dropped again."""

_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_SEP: Final = re.compile(rb'"?sep=(?P<sign>[^\r\n"])"?[^\S\r\n]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Header:
    """The head of a table: its bytes, and how what follows is read.

    `columns` has a name for every cell that counts, None where the header is blank; a row may have up to `width` cells, those
    behind `columns` being our own of a rejected.csv. `lines` counts the head's line breaks; `closed`: it ends with one.
    """

    head: bytes
    encoding: str
    ascii: bool
    dialect: Dialect
    columns: tuple[str | None, ...]
    width: int
    lines: int
    closed: bool
    faults: tuple[Fault, ...] = ()

    @property
    def row_encoding(self) -> str:
        """The encoding of rows as they are read: those that do not keep ASCII are turned into UTF-8 first."""
        return self.encoding if self.ascii else "utf-8"

    def begins(self, body: bytes) -> bool:
        """Whether another message of the same table begins with this very head."""
        if not self.closed or self.faults or not body.startswith(self.head):
            return False
        return not (self.head.endswith(b"\r") and body.startswith(b"\n", len(self.head)))

    @property
    def named(self) -> bool:
        """Whether every column has a name."""
        return None not in self.columns


def read_header(body: bytes, settings: CsvSettings) -> Header:
    """The head of a table; what is wrong with it is in its `faults`, since then no row can be read."""
    mark, encoding = _encoding(body, settings)
    ascii_ = _keeps_ascii(encoding)
    text = body if ascii_ else as_utf8(body[len(mark) :], encoding)
    start = len(mark) if ascii_ else 0
    if text is None:
        return _faulty(encoding, ascii_, undecodable(encoding, "header"))
    sep = _SEP.match(text, start)
    start = sep.end() if sep else start
    if not isinstance(settings.header, int):
        dialect = Dialect.of(settings.delimiter or (sep["sign"].decode("latin-1") if sep else ","), settings.quote)
        names, redropped = _given(text, start, dialect, settings)
        shown = text[: redropped or start]
        return _headed(body, shown, mark, encoding, ascii_, dialect, names, len(names) + (4 if redropped else 0), ())
    signs = [settings.delimiter] if settings.delimiter else [sep["sign"].decode("latin-1")] if sep else [",", ";", "\t", "|"]
    tried = [
        _Tried.of(text, start, Dialect.of(sign, settings.quote), settings, encoding if ascii_ else "utf-8") for sign in signs
    ]
    best = max(tried, key=lambda t: (t.fits, t.wide, t.clean))
    columns, width, faults = _columns(best, settings)
    return _headed(body, text[: best.end], mark, encoding, ascii_, best.dialect, columns, width, faults)


def as_utf8(body: bytes, encoding: str) -> bytes | None:
    """The same text in UTF-8; None where the bytes are none of this encoding."""
    try:
        return body.decode(encoding).encode("utf-8")
    except UnicodeError:
        return None


def undecodable(encoding: str, source: str) -> Fault:
    hint = (
        "in Excel save it as 'CSV UTF-8', or write the file's own encoding: under format: csv of the channel"
        if encoding == "utf-8"
        else f"the channel says encoding: {encoding}; see whether the sender uses another one"
    )
    return Fault("T002", f"the bytes are no {encoding}", hint, source=source)


def _given(text: bytes, start: int, dialect: Dialect, settings: CsvSettings) -> tuple[tuple[str | None, ...], int]:
    """The columns of a table without a header row, and where a header ends that only a rejected.csv has."""
    names = tuple(settings.header) if isinstance(settings.header, list) else _letters(settings.max_columns)
    begins, end = next(rows(text, start, dialect), (start, start))
    first = text[begins:end].decode("utf-8", "replace").rstrip("\r\n").split(dialect.delimiter)
    shown = [name.strip('"') for name in first[:-4]]
    if tuple(first[-4:]) == OURS and all(name in ("", names[at]) for at, name in enumerate(shown[: len(names)])):
        return tuple(name or None for name in shown), end
    return names, 0


@dataclass(frozen=True, slots=True)
class _Tried:
    """The header row as one delimiter would have it; `fits` where it has all the columns that rows are grouped by.

    `wide` counts the columns, also where the row's quotes do not come out even: that is the fault then, not the delimiter.
    """

    dialect: Dialect
    end: int
    names: tuple[str, ...]
    fits: bool
    wide: int
    fault: Fault | None = None

    @property
    def clean(self) -> bool:
        """Whether no quote is left in a name, as it would be where quotes stand around what this delimiter cuts."""
        return not any(self.dialect.quote in name for name in self.names)

    @classmethod
    def of(cls, text: bytes, start: int, dialect: Dialect, settings: CsvSettings, encoding: str) -> _Tried:
        assert isinstance(settings.header, int)
        for begins, end in islice(rows(text, start, dialect), settings.header - 1, None):
            if settings.skip_blank and is_blank(text[begins:end], dialect):
                continue
            wide = text.count(dialect.delimiter.encode(), begins, end) + 1
            try:
                found = cells(text[begins:end].decode(encoding), dialect)
            except UnicodeDecodeError:
                return cls(dialect, end, (), not settings.group_by, wide, undecodable(encoding, "header"))
            except Fault as wrong:
                return cls(dialect, end, (), not settings.group_by, wide, wrong.within(source="header"))
            names = tuple(unicodedata.normalize("NFC", name.strip()) for name in found)
            return cls(dialect, end, names, set(settings.group_by) <= set(names), len(names))
        return cls(dialect, len(text), (), False, 0, _no_header(settings))


def is_blank(row: bytes, dialect: Dialect) -> bool:
    """Whether a row's bytes hold delimiters and blanks only."""
    return not row.strip(b" \t\r\n" + dialect.delimiter.encode())


def _no_header(settings: CsvSettings) -> Fault:
    says = (
        "the table has no header row"
        if settings.header == 1
        else f"the table has no row {settings.header}, which is to name the columns"
    )
    return Fault(
        "T001",
        says,
        "see whether the file is empty or was cut off; header: says where the names of the columns stand",
        source="header",
    )


def _encoding(body: bytes, settings: CsvSettings) -> tuple[bytes, str]:
    """The mark before the text, and the encoding: what a mark says is surer than what is declared."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return mark, encoding
    declared = settings.encoding or "utf-8"
    return b"", {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(declared, declared)


def _keeps_ascii(encoding: str) -> bool:
    """Whether bytes below 128 mean what they mean in ASCII, so that rows can be found without decoding."""
    if encoding == "utf-8":
        return True
    signs = bytes(range(1, 128))
    try:
        return signs.decode(encoding) == signs.decode("ascii") and not codecs.lookup(encoding).name.startswith(_MULTIBYTE)
    except UnicodeError:
        return False


_MULTIBYTE: Final = (
    "shift_jis",
    "cp932",
    "big5",
    "gb",
    "cp949",
    "cp950",
    "johab",
    "hz",
    "iso2022",
    "euc",
    "utf-7",
    "utf-16",
    "utf-32",
)


@cache
def _letters(count: int) -> tuple[str, ...]:
    """A, B, … Z, AA, …: how spreadsheets name columns."""
    return tuple(_letter(number) for number in range(1, count + 1))


def _letter(number: int) -> str:
    name = ""
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(65 + rest) + name
    return name


def _columns(tried: _Tried, settings: CsvSettings) -> tuple[tuple[str | None, ...], int, tuple[Fault, ...]]:
    """The columns that count, how wide a row may be, and what is wrong with the header."""
    names = tried.names
    width = len(names)
    if names[-4:] == OURS:
        names = names[:-4]
    faults = [tried.fault] if tried.fault else list(_wrong(names, settings))
    return tuple(name or None for name in names), width, tuple(faults)


def _wrong(names: tuple[str, ...], settings: CsvSettings) -> Iterator[Fault]:
    if len(names) > settings.max_columns:
        hint = "ask the sender whether this is a table at all; the format's setting max_columns allows more"
        yield Fault("T011", f"the table has more than {settings.max_columns} columns", hint, source="header")
        return
    for name, times in Counter(n for n in names if n).items():
        if times > 1:
            yield Fault(
                "T003", f"the header names {times} columns alike", "give each column its own name", source=f"header: {name}"
            )
    for name in settings.group_by:
        if name not in names:
            hint = (
                did_you_mean(name, [n for n in names if n])
                or "the file may have another header, or title lines before it: see header:"
            )
            yield Fault("T004", f"the table has no column '{name}', which its rows are grouped by", hint, source="header")


def _headed(
    body: bytes,
    text: bytes,
    mark: bytes,
    encoding: str,
    ascii_: bool,
    dialect: Dialect,
    columns: tuple[str | None, ...],
    width: int,
    faults: tuple[Fault, ...],
) -> Header:
    """`text` is the head as UTF-8 (without the mark) where the encoding does not keep ASCII, else the head's own bytes."""
    length = len(text) if ascii_ else len(mark) + len(text.decode().encode(encoding))
    return Header(
        body[:length], encoding, ascii_, dialect, columns, width, count_lines(text), text.endswith((b"\n", b"\r")), faults
    )


def count_lines(text: bytes) -> int:
    """Line breaks, CR LF counted once."""
    return text.count(b"\n") + text.count(b"\r") - text.count(b"\r\n")


def _faulty(encoding: str, ascii_: bool, fault: Fault) -> Header:
    return Header(b"", encoding, ascii_, Dialect.of(","), (), 0, 0, False, (fault,))
