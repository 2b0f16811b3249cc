"""csv: tables of text and workbooks; every row is a message, or adjacent rows of one key are one record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from pydantic import BaseModel

from interpres.document import Document, Tree
from interpres.fault import Fault, Faults
from interpres.format import Format, Paths
from interpres.formats.csv.header import Header, read_header
from interpres.formats.csv.paths import ColumnPaths
from interpres.formats.csv.records import read_record, records
from interpres.formats.csv.settings import CsvSettings
from interpres.formats.csv.workbook import is_workbook, table_of
from interpres.formats.csv.writing import place_in_file, write_rejected, write_table


class Csv(Format):
    """Tables: delimiter, encoding and header are found or declared; `.xlsx` is read through the same reader.

    A document is a dict from column to cell text (a blank cell is left out); with `group_by` it is `{"rows": [such dicts]}`.
    Columns are named in NFC without blanks around them; cells are untouched. Faults are T001 to T031; a row in their source
    (`row 2: Qty`) counts the rows of the message from 1, and `placed` turns it into the file's line.
    """

    Settings: ClassVar[type[BaseModel]] = CsvSettings
    media_type: ClassVar[str] = "text/csv"
    suffix: ClassVar[str] = "csv"

    def __init__(self, settings: BaseModel) -> None:
        super().__init__(settings)
        assert isinstance(settings, CsvSettings)
        self._settings = settings
        self._last: Header | None = None
        self.paths: Paths = ColumnPaths(tuple(settings.group_by))

    def unpack(self, body: bytes) -> bytes:
        """A workbook's sheet as the text of a table; text as it is. Faults T020 to T025."""
        return table_of(body, self._settings) if is_workbook(body) else body

    def head(self, body: bytes) -> bytes:
        return b"" if is_workbook(body) else self._header(body).head

    def split(self, body: bytes) -> Iterator[tuple[int, int]]:
        """One slice a row, or a group of adjacent rows with one key. A table whose header is wrong is one slice.

        A group whose key comes back further down is one slice from its first row to its last, which `decode` refuses; what
        stands between has slices of its own, so these alone overlap.
        A workbook that was not unpacked is one slice.
        """
        if is_workbook(body):
            return iter([(0, len(body))])
        return records(body, self._header(body), self._settings)

    def decode(self, body: bytes) -> Document:
        body = self.unpack(body)
        header = self._header(body)
        if header.faults:
            raise header.faults[0] if len(header.faults) == 1 else Faults(header.faults)
        return Document(self.name, read_record(body, header, self._settings))

    def encode(self, tree: Tree) -> bytes:
        return write_table(tree, self._settings)

    def placed(self, fault: Fault, body: bytes, start: int) -> Fault:
        return place_in_file(fault, body, start, self._header(body), self._settings)

    def rejected(self, body: bytes, refused: Iterable[tuple[int, int, Sequence[Fault]]]) -> bytes:
        return write_rejected(body, self._header(body), refused, self._settings)

    def _header(self, body: bytes) -> Header:
        """The head that these bytes begin with: every message of a table begins with the same one, so the last one is kept."""
        last = self._last
        if last is None or not last.begins(body):
            self._last = last = read_header(body, self._settings)
        return last
