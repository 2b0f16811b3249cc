"""Records: which rows of a table make one message, and what one message's rows say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, TypeAlias

from interpres.fault import Fault, Faults
from interpres.formats.csv.header import Header, as_utf8, is_blank, undecodable
from interpres.formats.csv.rows import cells, rows
from interpres.formats.csv.settings import CsvSettings

Key: TypeAlias = tuple[str, ...] | None

MANY_SCATTERED: Final = 100
"""So many groups whose rows stand apart mean that the table was never sorted: it is refused as a whole, with one fault."""


def records(body: bytes, header: Header, settings: CsvSettings) -> Iterator[tuple[int, int]]:
    """The slices of a table; blank rows belong to what stands before them, and the head to the first slice."""
    if header.faults or (not header.ascii and as_utf8(body[len(header.head) :], header.encoding) is None):
        yield 0, len(body)
        return
    found = _grouped(body, header, settings) if settings.group_by else _single(body, header, settings)
    yield from found


def read_record(body: bytes, header: Header, settings: CsvSettings) -> dict[str, Any]:
    """The document of one message's bytes, head included. Faults T002 and T005 to T016, of all its rows at once."""
    text = _text(body, header)
    found = [text[a:b] for a, b in rows(text, 0, header.dialect)]
    if settings.skip_blank:
        found = [row for row in found if not is_blank(row, header.dialect)]
    if not found:
        raise Fault(
            "T014",
            "the table has no rows below its header",
            "see whether the sender meant to send an empty table",
            source="header",
        )
    if settings.group_by:
        return {"rows": _group(found, header, settings)}
    if len(found) > 1:
        hint = "split the table first: each row is a message of its own unless group_by: names key columns"
        raise Fault("T015", f"{len(found)} rows stand in one message", hint)
    return _row(_cells(found[0], 1, header), len(found[0]), 1, header, settings)


def _text(body: bytes, header: Header) -> bytes:
    """What stands behind the head, in bytes that keep ASCII."""
    behind = body[len(header.head) :]
    if header.ascii:
        return behind
    text = as_utf8(behind, header.encoding)
    if text is None:
        raise undecodable(header.encoding, "row 1")
    return text


def key_of(row: bytes, header: Header, settings: CsvSettings) -> Key:
    """The values that a row is grouped by; None where its cells cannot be told apart or a key is blank."""
    dialect = header.dialect
    try:
        if dialect.quote.encode() not in row:
            wanted = [header.columns.index(name) for name in settings.group_by]
            found = row.rstrip(b"\r\n").split(dialect.delimiter.encode(), max(wanted) + 1)
            key = tuple([found[at].decode(header.row_encoding).strip() for at in wanted])
            return key if all(key) else None
        return _key(cells(row.decode(header.row_encoding), dialect), header, settings)
    except (Fault, UnicodeDecodeError, IndexError):
        return None


def _key(found: Sequence[str], header: Header, settings: CsvSettings) -> Key:
    try:
        key = tuple([found[header.columns.index(name)].strip() for name in settings.group_by])
    except IndexError:
        return None
    return key if all(key) else None


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
    starts: list[int] = []
    keys: list[Key] = []
    for start, row in _starts(body, header, settings):
        key = key_of(row, header, settings)
        if not keys or key is None or key != keys[-1]:
            starts.append(start if keys else 0)
            keys.append(key)
    if not keys:
        return [(0, len(body))]
    ends = [*starts[1:], len(body)]
    return _joined(starts, ends, keys) or [(0, len(body))]


def _joined(starts: Sequence[int], ends: Sequence[int], keys: Sequence[Key]) -> list[tuple[int, int]]:
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


def _group(found: Sequence[bytes], header: Header, settings: CsvSettings) -> list[dict[str, str]]:
    """The rows of one group, all of one key that is there. Raises `Faults` of all its rows at once."""
    made: list[dict[str, str]] = []
    faults: list[Fault] = []
    keys: list[Key] = []
    for number, row in enumerate(found, 1):
        keys.append(None)
        try:
            read = _cells(row, number, header)
            keys[-1] = _key(read, header, settings)
            if keys[-1] == keys[0]:
                made.append(_row(read, len(row), number, header, settings))
        except Faults as several:
            faults += several
        except Fault as one:
            keys[-1] = keys[-1] or key_of(row, header, settings)
            faults.append(one)
    _one_key(keys, settings)
    if not faults and keys[0] is None:
        faults.append(_blank_key(made[0], settings))
    if faults:
        raise faults[0] if len(faults) == 1 else Faults(faults)
    return made


def _one_key(keys: Sequence[Key], settings: CsvSettings) -> None:
    apart = [number for number, key in enumerate(keys, 1) if key == keys[0]]
    if len(apart) == len(keys):
        return
    again = next((m for n, m in pairwise(apart) if m > n + 1), None)
    if again is None:
        raise Fault(
            "T015", "rows of several groups stand in one message", "split the table first: each group is a message of its own"
        )
    columns = ", ".join(settings.group_by)
    hint = f"sort the table by {columns} and drop it again: rows of one record must follow one another"
    raise Fault("T013", "rows of one group stand apart, with other rows between them", hint, source=f"row {again}: {columns}")


def _blank_key(row: Mapping[str, str], settings: CsvSettings) -> Fault:
    name = next(name for name in settings.group_by if name not in row)
    hint = "fill it in on every row of the record; where cells are merged, a spreadsheet keeps the value in the first one only"
    return Fault("T012", f"the column '{name}', which rows are grouped by, is blank", hint, source=f"row 1: {name}")


def _cells(row: bytes, number: int, header: Header) -> list[str]:
    try:
        text = row.decode(header.row_encoding)
    except UnicodeDecodeError:
        raise undecodable(header.encoding, f"row {number}") from None
    try:
        return cells(text, header.dialect)
    except Fault as wrong:
        raise wrong.but(source=f"row {number}", value=text[:200]) from None


def _row(found: Sequence[str], size: int, number: int, header: Header, settings: CsvSettings) -> dict[str, str]:
    """What one row of `size` bytes says: the cells that are not blank, by column."""
    columns = header.columns[: len(found)] if settings.header == "none" else header.columns
    if len(found) != len(columns) or size > settings.max_cell or not header.named or any("\0" in cell for cell in found):
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
