"""Records: which rows of a table make one message, and what one message's rows say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from interpres.fault import Fault, Faults
from interpres.formats.csv.header import Header, as_utf8, is_blank, undecodable
from interpres.formats.csv.rows import cells, rows
from interpres.formats.csv.settings import CsvSettings

MANY_SCATTERED: Final = 100
"""So many groups whose rows stand apart mean that the table was never sorted: it is refused as a whole, with one fault."""


def records(body: bytes, header: Header, settings: CsvSettings) -> Iterator[tuple[int, int]]:
    """The slices of a table; blank rows belong to what stands before them, and the head to the first slice."""
    if header.faults or (not header.ascii and as_utf8(_behind(body, header), header.encoding) is None):
        yield 0, len(body)
        return
    found = _grouped(body, header, settings) if settings.group_by else _single(body, header, settings)
    yield from found


def read_record(body: bytes, header: Header, settings: CsvSettings) -> dict[str, Any]:
    """The document of one message's bytes, head included. Faults T005 to T016, all of its rows at once."""
    text = _behind(body, header)
    if not header.ascii:
        text = as_utf8(text, header.encoding) or b""
        if not text and len(body) > len(header.head):
            raise undecodable(header.encoding, "row 1")
    encoding = header.encoding if header.ascii else "utf-8"
    found = [
        text[a:b] for a, b in rows(text, 0, header.dialect) if not (settings.skip_blank and is_blank(text[a:b], header.dialect))
    ]
    if not found:
        raise Fault(
            "T014",
            "the table has no rows below its header",
            "see whether the sender meant to send an empty table",
            source="header",
        )
    if not settings.group_by:
        if len(found) > 1:
            raise Fault(
                "T015",
                f"{len(found)} rows stand in one message",
                "each row is a message of its own unless group_by: names key columns",
            )
        return _row(found[0], 1, header, encoding, settings)
    return {"rows": _group(found, header, encoding, settings)}


def key_of(row: bytes, header: Header, encoding: str, settings: CsvSettings) -> tuple[str, ...] | None:
    """The values that a row is grouped by; None where the row cannot be read or a key is blank."""
    try:
        found = cells(row.decode(encoding), header.dialect)
    except (Fault, UnicodeDecodeError):
        return None
    at = [header.columns.index(name) for name in settings.group_by]
    key = tuple(found[i].strip() if i < len(found) else "" for i in at)
    return key if all(key) else None


def _behind(body: bytes, header: Header) -> bytes:
    return body[len(header.head) :]


def _starts(body: bytes, header: Header, settings: CsvSettings) -> Iterator[tuple[int, bytes]]:
    """Where each row that counts begins in the table's bytes, and the row as bytes that keep ASCII."""
    at = len(header.head)
    if header.ascii:
        for start, end in rows(body, at, header.dialect):
            row = body[start:end]
            if not (settings.skip_blank and is_blank(row, header.dialect)):
                yield start, row
        return
    text = as_utf8(body[at:], header.encoding) or b""
    for start, end in rows(text, 0, header.dialect):
        row = text[start:end]
        if not (settings.skip_blank and is_blank(row, header.dialect)):
            yield at, row
        at += len(row.decode().encode(header.encoding))


def _single(body: bytes, header: Header, settings: CsvSettings) -> Iterator[tuple[int, int]]:
    begins = 0
    for number, (start, _) in enumerate(_starts(body, header, settings)):
        if number:
            yield begins, start
            begins = start
    yield begins, len(body)


def _grouped(body: bytes, header: Header, settings: CsvSettings) -> list[tuple[int, int]]:
    """Runs of rows with one key; those of a key that comes back are one slice from its first run to its last."""
    encoding = header.encoding if header.ascii else "utf-8"
    starts: list[int] = []
    keys: list[tuple[str, ...] | None] = []
    for start, row in _starts(body, header, settings):
        key = key_of(row, header, encoding, settings)
        if not keys or key is None or key != keys[-1]:
            starts.append(start if keys else 0)
            keys.append(key)
    if not keys:
        return [(0, len(body))]
    ends = [*starts[1:], len(body)]
    return _joined(starts, ends, keys) or [(0, len(body))]


def _joined(starts: Sequence[int], ends: Sequence[int], keys: Sequence[tuple[str, ...] | None]) -> list[tuple[int, int]]:
    """One slice a key; nothing where too many keys come back."""
    slices: dict[object, tuple[int, int]] = {}
    scattered: set[object] = set()
    for number, (start, end, key) in enumerate(zip(starts, ends, keys, strict=True)):
        name: object = number if key is None else key
        if name in slices:
            scattered.add(name)
            start = slices[name][0]
        slices[name] = start, end
    return [] if len(scattered) > MANY_SCATTERED else list(slices.values())


def _group(found: Sequence[bytes], header: Header, encoding: str, settings: CsvSettings) -> list[dict[str, str]]:
    """The rows of one group: of one key, that is there."""
    keys = [key_of(row, header, encoding, settings) for row in found]
    made: list[dict[str, str]] = []
    faults: list[Fault] = []
    first, here = keys[0], True
    for number, (row, key) in enumerate(zip(found, keys, strict=True), 1):
        if key != first:
            here = False
            continue
        if not here:
            raise _scattered(first, keys, settings)
        try:
            made.append(_row(row, number, header, encoding, settings))
        except Faults as several:
            faults += several
        except Fault as one:
            faults.append(one)
    if not here:
        says = "rows of several groups stand in one message"
        raise Fault("T015", says, "split the table first: each group is a message of its own")
    if first is None and not faults:
        name = next(c for c in settings.group_by if c not in made[0])
        hint = "fill it in on every row of the record: spreadsheets show merged cells on all rows, but keep them on the first"
        faults.append(Fault("T012", f"the column '{name}', which rows are grouped by, is blank", hint, source=f"row 1: {name}"))
    if faults:
        raise faults[0] if len(faults) == 1 else Faults(faults)
    return made


def _scattered(key: object, keys: Sequence[object], settings: CsvSettings) -> Fault:
    apart = [n for n, k in enumerate(keys, 1) if k == key]
    again = next(m for n, m in pairwise(apart) if m > n + 1)
    columns = ", ".join(settings.group_by)
    hint = f"sort the table by {columns} and drop it again: rows of one record must follow one another"
    return Fault("T013", "rows of one group stand apart, with other rows between them", hint, source=f"row {again}: {columns}")


def _row(row: bytes, number: int, header: Header, encoding: str, settings: CsvSettings) -> dict[str, str]:
    """What one row says: the cells that are not blank, by column."""
    try:
        text = row.decode(encoding)
    except UnicodeDecodeError:
        raise undecodable(encoding, f"row {number}") from None
    try:
        found = cells(text, header.dialect)
    except Fault as wrong:
        raise wrong.but(source=f"row {number}", value=text[:200]) from None
    columns = header.columns[: len(found)] if settings.header == "none" else header.columns
    if len(found) != len(columns) or len(text) > settings.max_cell or "\0" in text or not header.named:
        _check(found, columns, number, header, settings)
    made = {name: cell for name, cell in zip(columns, found, strict=False) if cell and not cell.isspace()}
    if not made:
        raise Fault(
            "T016", "a row is blank", "take it out, or let blank rows be passed over: skip_blank: true", source=f"row {number}"
        )
    return made  # type: ignore[return-value]  # a cell without a column's name was refused by _check


def _check(found: Sequence[str], columns: Sequence[str | None], number: int, header: Header, settings: CsvSettings) -> None:
    """Everything that can be wrong with a row's cells. Raises `Faults`."""
    faults = list(_bad_cells(found, number, header, settings))
    more = [cell for cell in found[max(len(columns), header.width) :] if cell.strip()]
    if more:
        says = f"the row has {len(found)} cells, and the header names {len(columns)} columns"
        hint = f"a cell that holds {header.dialect.delimiter!r} must stand in quotes; or the header lacks a name"
        faults.append(Fault("T006", says, hint, source=f"row {number}", value=more[0][:200]))
    if len(found) < len(columns):
        says = f"the row has {len(found)} cells only, and the header names {len(columns)} columns"
        name = next((c for c in columns[len(found) :] if c), "")
        faults.append(
            Fault("T007", says, "was the row cut off, or is a delimiter missing?", source=f"row {number}: {name}".rstrip(": "))
        )
    if faults:
        raise Faults(faults)


def _bad_cells(found: Sequence[str], number: int, header: Header, settings: CsvSettings) -> Iterator[Fault]:
    for at, cell in enumerate(found):
        name = header.columns[at] if at < len(header.columns) else None
        source = f"row {number}: {name or f'cell {at + 1}'}"
        if name is None and at < len(header.columns) and cell.strip():
            hint = "give the column a name in the header, or empty it"
            yield Fault("T005", "a value stands in a column that has no name", hint, source=source, value=cell[:200])
        if "\0" in cell:
            yield Fault(
                "T009",
                "a cell holds NUL, which is no text",
                "see how the sender writes the file: is it UTF-16, or damaged?",
                source=source,
            )
        if len(cell) > settings.max_cell:
            hint = "was a closing quote forgotten above? The format's setting max_cell allows more"
            yield Fault("T010", f"a cell has more than {settings.max_cell} characters", hint, source=source)
