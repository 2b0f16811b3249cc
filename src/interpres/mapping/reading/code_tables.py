"""Code tables as mappings name them: inline, or a CSV beside the mappings."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from interpres.fault import Fault, Place, did_you_mean
from interpres.mapping.reading.shelf import Shelf
from interpres.table import Row, Table
from interpres.yaml import Branch, Leaf, Node


def read_table(name: str, node: Node, at: Place, shelf: Shelf, faults: list[Fault]) -> Table:
    """The table under `tables: {name: …}`; what is wrong with it goes to `faults` (M131 inline, M132 in the CSV at its line)."""
    if isinstance(node, Branch):
        return Table(name, {row.code: row for row in _inline(node, faults)}, at)
    if isinstance(node, Leaf) and isinstance(node.value, str) and not node.value.startswith("="):
        return Table(name, {row.code: row for row in _file(node, shelf, faults)}, at, shelf.name(node.text))
    hint = "write it inline ({M: male, F: female}), or the path of a CSV below mappings/ (npca/tables/sex.csv)"
    faults.append(Fault("M131", f"the table '{name}' is neither rows nor a file", hint, at=node.at))
    return Table(name, {}, at)


def _inline(node: Branch, faults: list[Fault]) -> Iterator[Row]:
    if not node.entries:
        faults.append(Fault("M131", "the table has no rows", "write at least one: {M: male}", at=node.at))
    for code, to in node.entries:
        if not isinstance(to, Leaf):
            faults.append(Fault("M131", f"'{code.text}' leads to a block", "a row leads from one code to one constant", at=to.at))
        elif to.text.startswith("="):
            hint = "a table holds constants; a formula stands in the output, as in =case(…)"
            faults.append(Fault("M131", f"'{code.text}' leads to a formula", hint, at=to.at))
        elif to.plain and not to.text:
            hint = "write the code that it becomes, or null"
            faults.append(Fault("M131", f"'{code.text}' leads to nothing", hint, at=code.at))
        else:
            yield Row(code.text, to.value, code.at)


def _file(leaf: Leaf, shelf: Shelf, faults: list[Fault]) -> Iterator[Row]:
    path = leaf.text
    if not path.endswith(".csv") or not shelf.holds(path):
        known = shelf.paths(".csv")
        hint = did_you_mean(path, known) or "the path begins at mappings/, as in npca/tables/visit_type.csv"
        faults.append(Fault("M131", f"there is no table file '{path}'", hint, at=leaf.at))
        return
    try:
        content = shelf.read(path)
    except Fault as fault:
        faults.append(fault)
        return
    yield from _CsvTable(content, shelf.name(path), faults).rows()


class _CsvTable:
    """One CSV of `from,to,note,…`; every fault at its line."""

    def __init__(self, content: bytes, file: str, faults: list[Fault]) -> None:
        self.content = content
        self.file = file
        self.faults = faults

    def rows(self) -> Iterator[Row]:
        text = self._text()
        if text is None:
            return
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        lines: dict[str, int] = {}
        header: list[str] = []
        try:
            for cells in reader:
                if not header:
                    header = self._header(cells)
                    if not header:
                        return
                elif any(cells) and (row := self._row(header, cells, reader.line_num)) and self._first(row, lines):
                    yield row
        except csv.Error:
            self._fault(
                reader.line_num, "a quote is opened and never closed, or text follows a closing quote", 'write "" for a quote'
            )
        if header and not lines:
            self._fault(1, "the table has no rows", "write at least one below the header")
        if not header:
            self._fault(1, "the table is empty", "begin with the header: from,to,note")

    def _text(self) -> str | None:
        try:
            return self.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = self.content.count(b"\n", 0, error.start) + 1
            self._fault(line, "the table is not in UTF-8", "save it as 'CSV UTF-8'")
            return None

    def _header(self, cells: list[str]) -> list[str]:
        header = [c.strip() for c in cells]
        for wanted in ("from", "to"):
            if header.count(wanted) != 1:
                if len(header) == 1 and ";" in header[0]:
                    hint = "it is parted by semicolons: save it with commas"
                else:
                    near = next((h for h in header if h.casefold() == wanted or did_you_mean(h, [wanted])), "")
                    hint = f"is it the column '{near}'?" if near else "begin with the header: from,to,note"
                says = f"the table has no column '{wanted}'" if wanted not in header else f"the column '{wanted}' is there twice"
                self._fault(1, says, hint)
                return []
        return header

    def _row(self, header: list[str], cells: list[str], line: int) -> Row | None:
        if len(cells) > len(header) and any(cells[len(header) :]):
            says = f"the row has {len(cells)} cells, the header {len(header)}"
            self._fault(line, says, 'put a text that holds a comma in double quotes: "a, b"')
            return None
        row = dict(zip(header, cells + [""] * len(header), strict=False))
        code, to = row.pop("from"), row.pop("to")
        for column, text in (("from", code), ("to", to)):
            if not text.strip():
                hint = "write the code, or delete the row; a row for all other codes has * in from"
                self._fault(line, f"'{column}' is blank", hint)
                return None
            if text != text.strip():
                self._fault(line, f"a space stands before or behind the code in '{column}'", "delete it")
                return None
        return Row(code, to, Place(self.file, line, 1), row)

    def _first(self, row: Row, lines: dict[str, int]) -> bool:
        line = lines.setdefault(row.code, row.at.line)
        if line != row.at.line:
            self._fault(row.at.line, f"the code '{row.code}' is there already in line {line}", "keep one of the two rows")
        return line == row.at.line

    def _fault(self, line: int, says: str, hint: str) -> None:
        self.faults.append(Fault("M132", says, hint, at=Place(self.file, line, 1)))
