"""Workbook: the sheet of an .xlsx as the text of a table, cells as the spreadsheet shows them plainly."""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from interpres.fault import Fault, did_you_mean
from interpres.formats.csv.archive import damaged, members, packed
from interpres.formats.csv.settings import CsvSettings

MAX_CELLS: Final = 10_000_000
"""Cells of the rectangle that a sheet spans; the reader makes room for all of them, filled or not."""

_ZIP: Final = b"PK\x03\x04"
_COMPOUND: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_TAG: Final = re.compile(rb"<(?:[A-Za-z][\w.-]*+:)?(?P<tag>c|row)(?=[\s/>])(?P<attributes>[^>]*+)>")
_PLACE: Final = re.compile(rb'(?:\A|\s)r="([A-Z]{0,3})([0-9]{0,7})"')
_R: Final = re.compile(rb"\br\s*=")
_ERROR: Final = re.compile(rb'(<(?:[A-Za-z][\w.-]*+:)?c\s[^>]*?\bt=)"e"')


def is_workbook(body: bytes) -> bool:
    """Whether the bytes are a ZIP or an old compound file, whatever the file's name says."""
    return body.startswith((_ZIP, _COMPOUND))


def table_of(body: bytes, settings: CsvSettings) -> bytes:
    """The sheet as UTF-8 text with a mark, a row of text for every row of the sheet, blank ones too, so that rows keep their
    numbers.

    Whole numbers have no `.0`, others at most the 15 digits that spreadsheets keep; dates are ISO 8601; errors (`#N/A`) are
    text. Faults T020 to T025.
    """
    if body.startswith(_COMPOUND):
        raise Fault(
            "T022", "the file is an old .xls, or protected by a password", "save it as .xlsx without a password, or as CSV"
        )
    found = members(body, settings.max_members, settings.max_unpacked)
    found = {name: content for name, content in found.items() if name.endswith((".xml", ".rels"))}
    for name, content in found.items():
        if b"\0" in content:
            raise damaged()
        if b"sheetData" in content:
            _look(content)
            found[name] = _ERROR.sub(rb'\1"str"', content)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=settings.delimiter or ",", quotechar=settings.quote, lineterminator="\r\n")
    writer.writerows([_shown(cell) for cell in row] for row in _rows(packed(found), settings))
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace")


def _look(sheet: bytes) -> None:
    """Whether the sheet is written plainly and spans no more than can be held (T024); its reader trusts both."""
    if b"<!" in sheet.replace(b"<![CDATA[", b""):
        raise damaged()
    wide = high = row = column = cells = 0
    for tag in _TAG.finditer(sheet):
        place = _PLACE.search(tag["attributes"])
        if _odd(tag["attributes"], place):
            raise damaged()
        if tag["tag"] == b"row":
            row, column = (int(place[2]) if place and place[2] else row + 1), 0
        else:
            cells += 1
            column = _number(place[1]) if place and place[1] else column + 1
            row = int(place[2]) if place and place[2] else row
        wide, high = max(wide, column), max(high, row)
    if wide * high > min(MAX_CELLS, max(MAX_CELLS // 5, 10 * cells)):
        hint = "a lone cell far away from the table is often the cause: delete the empty rows and columns, or send CSV"
        raise Fault("T024", f"the sheet spans {high} rows and {wide} columns, which is more than can be held", hint)


def _odd(attributes: bytes, place: re.Match[bytes] | None) -> bool:
    """Whether attributes are written so that their place could be hidden from this look."""
    return b"'" in attributes or attributes.count(b'"') % 2 == 1 or (place is None and _R.search(attributes) is not None)


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _rows(body: bytes, settings: CsvSettings) -> Iterator[list[Any]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(body)) as book:
            sheet = book.get_sheet_by_name(_sheet(book.sheet_names, settings))
            yield from sheet.to_python(skip_empty_area=False)
    except (CalamineError, ValueError, OSError, OverflowError):
        raise damaged() from None
    except BaseException as wrong:
        if type(wrong).__name__ == "PanicException":  # the reader's own way of giving up, which is no Exception
            raise damaged() from None
        raise


def _sheet(names: list[str], settings: CsvSettings) -> str:
    if isinstance(settings.sheet, int) and 0 < settings.sheet <= len(names):
        return names[settings.sheet - 1]
    if isinstance(settings.sheet, str):
        if settings.sheet in names:
            return settings.sheet
        raise Fault(
            "T025",
            f"the workbook has no sheet '{settings.sheet}'",
            did_you_mean(settings.sheet, names) or "see sheet: in the settings",
        )
    if settings.sheet is None and len(names) == 1:
        return names[0]
    hint = "say which one is meant, by name or by number from 1: sheet: 1"
    raise Fault("T025", f"the workbook has {len(names)} sheets, and sheet: does not choose one of them", hint)


def _shown(cell: Any) -> str:
    """A cell as text."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return format(Decimal(f"{cell:.15g}"), "f")
    if isinstance(cell, datetime.timedelta):
        seconds = int(cell.total_seconds())
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell)
