"""Settings: how a table is read and written; what is not declared is found in its first rows."""

from __future__ import annotations

import codecs
import unicodedata
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from interpres.settings import Settings

ColumnName = Annotated[
    str, StringConstraints(min_length=1, strip_whitespace=True), AfterValidator(lambda name: unicodedata.normalize("NFC", name))
]


class CsvSettings(Settings):
    """Every key is optional: a comma, a semicolon, a tab or a bar is found in the header row, UTF-8 and UTF-16 by their marks."""

    delimiter: str | None = Field(
        None, description="what stands between cells; by default found in the header row or a sep= line"
    )
    quote: str = Field('"', description="what stands around a cell that holds delimiters or line breaks; doubled inside")
    encoding: str | None = Field(None, description="such as windows-1258; by default UTF-8, or UTF-16 where its mark says so")
    header: int | list[ColumnName] | Literal["none"] = Field(
        1, description="the row that names the columns, as a spreadsheet counts; or the names; or none: columns A, B, C"
    )
    group_by: list[ColumnName] = Field(default=[], description="columns whose equal values make adjacent rows one record")
    sheet: str | int | None = Field(
        None, description="the sheet of a workbook, by name or number from 1; by default its only one"
    )
    skip_blank: bool = Field(True, description="whether rows without any value are passed over")
    max_cell: int = Field(1 << 20, ge=1, description="the longest cell, in characters")
    max_columns: int = Field(10_000, ge=1, le=16_384, description="the most columns")
    max_members: int = Field(1_000, ge=1, description="the most members of a workbook's ZIP")
    max_unpacked: int = Field(256 << 20, ge=1, description="the most bytes that a workbook may unpack to")

    @field_validator("delimiter")
    @classmethod
    def _one_sign(cls, value: str | None) -> str | None:
        if value is not None:
            value = {"tab": "\t", "comma": ",", "semicolon": ";", "bar": "|"}.get(value, value)
            _only(value)
        return value

    @field_validator("quote")
    @classmethod
    def _one_quote(cls, value: str) -> str:
        _only(value)
        return value

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                "".encode(value)  # refuses codecs that are none of text
                return codecs.lookup(value).name
        except LookupError:
            raise ValueError("this encoding is not known — write utf-8, utf-16, windows-1252, cp437 or the like") from None
        return None

    @field_validator("header")
    @classmethod
    def _from_one(cls, value: int | list[str] | str) -> int | list[str] | str:
        if isinstance(value, int) and value < 1:
            raise ValueError("rows count from 1 — write header: none where no row names the columns")
        if isinstance(value, list) and (not value or len(set(value)) < len(value)):
            raise ValueError("the names of columns must be there, each once — name every column in its order")
        return value

    @model_validator(mode="after")
    def _different(self) -> CsvSettings:
        if self.quote == self.delimiter:
            raise ValueError("delimiter and quote are the same sign — write two different ones")
        if isinstance(self.header, list) and not set(self.group_by) <= set(self.header):
            raise ValueError("group_by names a column that header does not — write it as header does")
        return self


def _only(value: str) -> None:
    if len(value) != 1 or not value.isascii() or value.isalnum() or value in "\r\n\0":
        raise ValueError("one sign is wanted here — such as ',' ';' '|' or tab")
