"""Workbooks that were made to do harm, or damaged on their way: refused before anything is unpacked, or as far as it went."""

from __future__ import annotations

import functools
import io
import stat
import struct
import zipfile
from collections.abc import Callable

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.fault import Fault
from interpres.formats.csv import Csv, CsvSettings
from interpres.formats.csv.archive import members, packed

MIB = 1 << 20


@functools.cache
def workbook() -> bytes:
    book = openpyxl.Workbook()
    assert book.active
    for row in (["Visit", "Qty"], ["V1", 1], ["V2", 2.5]):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def code_of(body: bytes, **setting: int) -> str:
    try:
        Csv(CsvSettings(**setting)).unpack(body)
    except Fault as fault:
        return fault.code if fault.hint else f"{fault.code} without a hint"
    return ""


def archive(*entries: tuple[str, bytes], mode: int = 0) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            zipped.writestr(info, content)
    return out.getvalue()


def changed(name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with one of its members changed."""
    found = members(workbook(), 100, MIB)
    return packed({**found, name: change(found[name])})


def test_a_workbook_is_what_it_seems() -> None:
    assert Csv(CsvSettings()).unpack(workbook()) == b"\xef\xbb\xbfVisit,Qty\r\nV1,1\r\nV2,2.5\r\n"
    assert code_of(changed("xl/workbook.xml", lambda content: content)) == ""


@pytest.mark.parametrize(
    "name", ["../evil.xml", "a/../../evil.xml", "/etc/cron.d/x", "C:\\x.xml", "..\\x", "\\\\server\\x", "xl/a:b"]
)
def test_members_whose_names_lead_out_are_refused(name: str) -> None:
    assert code_of(archive((name, b"x"))) == "T023"


def test_links_are_refused() -> None:
    assert code_of(archive(("xl/workbook.xml", b"/etc/passwd"), mode=stat.S_IFLNK | 0o777)) == "T023"


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        body = archive(("a.xml", b"x"), ("a.xml", b"y"))
    assert code_of(body) == "T023"


def test_what_unpacks_to_too_much_is_refused_by_what_it_declares() -> None:
    zeros = archive(("xl/workbook.xml", bytes(50 * MIB)))
    assert len(zeros) < 60_000
    assert code_of(zeros, max_unpacked=MIB) == "T021"
    assert code_of(archive(*((f"{n}.xml", b"") for n in range(20))), max_members=10) == "T021"


def test_a_lie_about_size_gains_nothing() -> None:
    body = bytearray(archive(("xl/workbook.xml", bytes(5 * MIB))))
    for at, signature in ((22, b"PK\x03\x04"), (24, b"PK\x01\x02")):
        struct.pack_into("<I", body, body.index(signature) + at, 10)
    assert code_of(bytes(body)) == "T020"


def test_members_that_lie_over_one_another_are_refused() -> None:
    body = archive(("a.xml", bytes(range(256)) * 40), ("b.xml", bytes(range(256)) * 40))
    first, second = body.index(b"PK\x01\x02"), body.rindex(b"PK\x01\x02")
    entry = body[first:second].replace(b"a.xml", b"b.xml")
    assert code_of(body[:second] + entry + body[second + len(entry) :]) in ("T020", "T023")
    claims = bytearray(body)
    struct.pack_into("<I", claims, first + 20, len(body) - 100)
    struct.pack_into("<I", claims, second + 20, len(body) - 100)
    assert code_of(bytes(claims)) == "T023"


def test_encrypted_members_and_old_workbooks_are_refused_with_what_to_do() -> None:
    body = bytearray(archive(("xl/workbook.xml", b"x")))
    for at, signature in ((6, b"PK\x03\x04"), (8, b"PK\x01\x02")):
        struct.pack_into("<H", body, body.index(signature) + at, 1)
    assert code_of(bytes(body)) == "T022"
    assert code_of(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)) == "T022"


@pytest.mark.parametrize(
    "body",
    [
        b"PK\x03\x04",
        b"PK\x03\x04MZ\x90\x00 a program",
        archive(("readme.txt", b"no workbook")),
        archive(("a.zip", archive(("b", b"c")))),
    ],
    ids=["magic", "program", "archive", "nested"],
)
def test_what_is_no_workbook_is_refused(body: bytes) -> None:
    assert code_of(body) == "T020"


def test_a_truncated_workbook_is_refused() -> None:
    whole = workbook()
    for size in range(4, len(whole), len(whole) // 23):
        assert code_of(whole[:size]) == "T020"


@pytest.mark.parametrize(
    "cell",
    [
        b"<c r='XFD1048576'><v>1</v></c>",
        b'<c x=">" r="XFD1048576"><v>1</v></c>',
        b'<c r = "XFD1048576"><v>1</v></c>',
        b'<c r="&#88;FD1048576"><v>1</v></c>',
        b'<!DOCTYPE x [<!ENTITY e "XFD1048576">]><c r="A1"/>',
    ],
)
def test_a_place_that_is_written_to_be_overlooked_is_refused(cell: bytes) -> None:
    body = changed("xl/worksheets/sheet1.xml", lambda sheet: sheet.replace(b"</row>", cell + b"</row>", 1))
    assert code_of(body) == "T020"


def test_a_far_row_without_cells_costs_nothing() -> None:
    body = changed("xl/worksheets/sheet1.xml", lambda sheet: sheet.replace(b"</sheetData>", b'<row r="1048576"/></sheetData>'))
    assert code_of(body) in ("", "T024")


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_a_workbook_with_damaged_bytes_is_read_or_refused(data: st.DataObject) -> None:
    body = bytearray(workbook())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(4, len(body) - 1))] = data.draw(st.integers(0, 255))
    code_of(bytes(body))


@given(st.data())
@settings(max_examples=120, deadline=None)
def test_a_sheet_with_damaged_xml_is_read_or_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(members(workbook(), 100, MIB))))

    def damage(content: bytes) -> bytes:
        at = data.draw(st.integers(0, len(content)))
        noise = data.draw(
            st.sampled_from([b"", b"<", b">", b'"', b"&", b"\0", b"\xff", b"9" * 30, b"<row/>", b'<c t="s"><v>99</v></c>', b"-1"])
        )
        return content[:at] + noise + content[at + data.draw(st.integers(0, 5)) :]

    code_of(changed(name, damage))
