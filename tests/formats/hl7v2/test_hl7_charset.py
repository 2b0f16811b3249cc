"""Charsets: MSH-18, byte order marks, settings and fallbacks; bytes that are no text are refused with their place."""

from __future__ import annotations

import codecs
import unicodedata

import pytest

from interpres.fault import Faults, Place
from interpres.formats.hl7v2 import Hl7v2
from interpres.formats.hl7v2.charset import TABLE_0211, VIETNAMESE, codec_of, decoded, encoded
from interpres.formats.hl7v2.vietnamese import TABLES
from interpres.settings import model_from_yaml
from interpres.yaml import read
from tests.formats.hl7v2.messages import edited, refused, tree, value

KHMER = "ចាន់ សុភា"
VIETNAMESE_NAME = "NGUYỄN THỊ ÁNH, Đặng Ngọc Huế"


def told(charset: str, text: str, codec: str) -> bytes:
    """A message that says its charset, written in it."""
    body = f"MSH|^~\\&|A|B|C|D|2026||ADT^A04|1|P|2.5||||||{charset}\rPID|||7||{text}^x\r"
    return encoded(body, codec)


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("UNICODE UTF-8", "utf-8", KHMER),
        ("", "utf-8", KHMER),
        ("ASCII", "utf-8", KHMER),
        ("8859/1", "latin-1", "Müller Ærø"),
        ("8859/2", "iso8859-2", "Łódź"),
        ("8859/5", "iso8859-5", "Иванов"),
        ("8859/11", "iso8859-11", "สมชาย"),
        ("8859/15", "iso8859-15", "œuvre €"),
        ("ISO IR87", "iso2022_jp", "山田太郎"),
        ("ISO IR14", "shift_jis", "ﾔﾏﾀﾞ"),
        ("GB 18030-2000", "gb18030", "王小明"),
        ("KS X 1001", "euc_kr", "홍길동"),
        ("BIG-5", "big5", "陳小明"),
        ("windows-1258", "cp1258", "Nguyê\u0303n Thi\u0323 Huê\u0301"),
        ("CP1252", "cp1252", "“Müller”"),
        ("windows-874", "cp874", "สมชาย"),
        ("VISCII", "viscii", VIETNAMESE_NAME),
        ("TCVN-5712", "tcvn5712", VIETNAMESE_NAME),
        ("no such charset", "utf-8", KHMER),
    ],
)
def test_a_declared_charset_is_read_and_kept(charset: str, codec: str, text: str) -> None:
    body = told(charset, text, codec)
    assert value("PID-5.1", body) == text
    (copy,) = edited("edits: {PID-3: '8'}", body)
    assert copy == body.replace(b"|||7|", b"|||8|")
    (copy,) = edited("edits: {PID-6: =PID-5.1}", body)
    assert value("PID-6", copy) == text


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "utf-8"])
@pytest.mark.parametrize("is_marked", [True, False])
def test_unicode_is_known_by_its_mark_or_its_width(codec: str, is_marked: bool) -> None:
    mark = "\ufeff".encode(codec) if is_marked else b""
    body = mark + told("UNICODE", KHMER, codec)
    if codec == "utf-8" and not is_marked:
        body = body.replace(b"UNICODE", b"")
    assert value("PID-5.1", body) == KHMER
    (copy,) = edited("edits: {PID-3: '8'}", body)
    assert copy == body.replace("|||7|".encode(codec), "|||8|".encode(codec))


@pytest.mark.parametrize(
    ("body", "code", "where"),
    [
        (told("", "x", "utf-8") + b"NTE|1||caf\xe9\r", "H005", "line 3 (NTE)"),
        (told("ASCII", "x", "utf-8") + b"NTE|1||\x93\x41\r", "H005", "line 3 (NTE)"),
        (told("UNICODE UTF-8", "x", "utf-8").replace(b"^x", b"\xc3^x"), "H005", "line 2 (PID)"),
        (told("GB 18030-2000", "x", "utf-8") + b"\xff\xff", "H005", "line 3"),
        (codecs.BOM_UTF16_LE + b"M\0S\0H\0|\0^", "H005", "byte 11"),
        (told("Klingon", "x", "utf-8") + b"NTE|1||\xe9\r", "H004", "MSH-18"),
    ],
)
def test_bytes_that_are_no_text_are_refused_with_their_place(body: bytes, code: str, where: str) -> None:
    fault = refused(body)
    assert fault.code == code
    assert where in fault.source
    assert fault.hint


def test_a_fallback_is_tried_where_the_declared_charset_fails() -> None:
    body = told("ASCII", "x", "utf-8") + b"NTE|1||caf\xe9\r"
    assert tree(body, fallback_charset="windows-1252").first("NTE").fields[3] == "café"
    body = told("Klingon", "x", "utf-8") + b"NTE|1||caf\xe9\r"
    assert tree(body, fallback_charset="8859/1").first("NTE").fields[3] == "café"
    body = told("", KHMER, "utf-8")
    assert tree(body, fallback_charset="windows-1252").first("PID").fields[5] == f"{KHMER}^x"


def test_the_channel_s_setting_is_stronger_than_msh_18_and_a_mark_than_both() -> None:
    body = told("UNICODE UTF-8", "x", "utf-8") + b"NTE|1||caf\xe9\r"
    assert tree(body, charset="windows-1252").first("NTE").fields[3] == "café"
    marked = codecs.BOM_UTF8 + told("8859/1", KHMER, "utf-8")
    assert tree(marked, charset="windows-1252").first("PID").fields[5] == f"{KHMER}^x"


def test_vietnamese_is_written_in_windows_1258_with_its_tones_apart() -> None:
    written = encoded(VIETNAMESE_NAME, "cp1258")
    assert unicodedata.normalize("NFC", decoded(written, "cp1258")) == VIETNAMESE_NAME


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_byte_of_the_vietnamese_code_pages_has_one_character(name: str) -> None:
    table = TABLES[name]
    assert len(set(table)) == len(table) == 256
    assert decoded(bytes(range(256)), name) == table
    assert encoded(table, name) == bytes(range(256))
    assert all(sign in table for sign in "\r\n|^~\\&")


def test_every_charset_of_the_table_has_a_codec() -> None:
    for label in (*TABLE_0211, *VIETNAMESE):
        assert encoded("MSH|^~\\&", codec_of(label))


def test_an_unknown_charset_in_a_channel_is_told_at_its_line() -> None:
    with pytest.raises(Faults) as caught:
        model_from_yaml(read("charset: utf-9\nline_feed: maybe\ncharst: x\n", "channels/a.yaml"), Hl7v2.Settings)
    assert [(f.code, f.at) for f in caught.value] == [
        ("C104", Place("channels/a.yaml", 1, 10)),
        ("C105", Place("channels/a.yaml", 2, 12)),
        ("C101", Place("channels/a.yaml", 3, 1)),
    ]
