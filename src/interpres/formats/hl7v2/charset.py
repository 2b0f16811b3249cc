"""Charset: which characters the bytes of a message stand for, by setting, byte order mark or MSH-18."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from interpres.fault import Fault, did_you_mean
from interpres.formats.hl7v2 import vietnamese

TABLE_0211: Final = {
    "ASCII": "ascii",
    "ISO IR6": "ascii",
    "8859/1": "iso8859-1",
    "8859/2": "iso8859-2",
    "8859/3": "iso8859-3",
    "8859/4": "iso8859-4",
    "8859/5": "iso8859-5",
    "8859/6": "iso8859-6",
    "8859/7": "iso8859-7",
    "8859/8": "iso8859-8",
    "8859/9": "iso8859-9",
    "8859/10": "iso8859-10",
    "8859/11": "iso8859-11",
    "8859/13": "iso8859-13",
    "8859/14": "iso8859-14",
    "8859/15": "iso8859-15",
    "8859/16": "iso8859-16",
    "ISO IR14": "shift_jis",
    "ISO IR13": "shift_jis",
    "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_1",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
    "UNICODE": "utf-16",
    "UNICODE UTF-8": "utf-8",
    "UNICODE UTF-16": "utf-16",
    "UNICODE UTF-32": "utf-32",
}
"""HL7 table 0211 (v2.8.2) and Python's name of each. CNS 11643-1992 has no codec; other names are as Python knows them."""

VIETNAMESE: Final = {"VISCII": "viscii", "TCVN": "tcvn5712", "TCVN5712": "tcvn5712", "TCVN-5712": "tcvn5712", "TCVN3": "tcvn5712"}

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UNMARKED: Final = (
    (b"M\0S\0H\0", "utf-16-le"),
    (b"\0M\0S\0H", "utf-16-be"),
    (b"M\0\0\0S\0\0\0", "utf-32-le"),
    (b"\0\0\0M\0\0\0S", "utf-32-be"),
)
_HEADER: Final = re.compile(rb"(?:\A|[\r\n])\s*(MSH[^\r\n]*)")
_BREAK: Final = re.compile(rb"\r\n?|\n")


@lru_cache(maxsize=128)
def codec_of(label: str) -> str:
    """The codec of a charset's name, as HL7 table 0211 or Python writes it. Raises `Fault` H004 where there is none."""
    name = label.strip().upper()
    known = {**TABLE_0211, **VIETNAMESE}
    if name in known:
        return known[name]
    if name in vietnamese.TABLES or name.lower() in vietnamese.TABLES:
        return name.lower()
    try:
        name = name.replace("WINDOWS-", "CP")
        "".encode(name)  # refuses codecs that are none of text
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        hint = did_you_mean(name, known) or "write it as HL7 table 0211 does (8859/1, UNICODE UTF-8), or as windows-1258"
        raise Fault("H004", "this charset is not one that can be read", hint, source="MSH-18") from None


def marked(body: bytes) -> tuple[bytes, str]:
    """The byte order mark that a body begins with, and its codec; UTF-16 and UTF-32 are known without one; else nothing."""
    for mark, codec in _MARKS:
        if body.startswith(mark):
            return mark, codec
    for start, codec in _UNMARKED:
        if body.startswith(start):
            return b"", codec
    return b"", ""


def declared(body: bytes) -> str:
    """What stands in MSH-18, its first repetition; empty where nothing does."""
    found = _HEADER.search(body)
    if not found:
        return ""
    header = found.group(1)
    fields = header.split(header[3:4]) if len(header) > 3 else []
    if len(fields) < 18:
        return ""
    return fields[17].split(fields[1][1:2] or b"~")[0].decode("ascii", "replace").strip()


def candidates(body: bytes, setting: str, fallback: str) -> Iterator[str]:
    """The codecs to read a body by, in order: the channel's own setting, else MSH-18, else UTF-8; then the fallback.

    ASCII is read as UTF-8, which holds all of it: senders that declare one send the other. So is a charset whose name nobody
    knows, as text in any other is hardly ever valid UTF-8. Raises `Fault` H004 where even that fails.
    """
    unknown: Fault | None = None
    label = setting or declared(body)
    try:
        codec = codec_of(label) if label else "utf-8"
    except Fault as wrong:
        codec, unknown = "utf-8", wrong
    yield "utf-8" if codec == "ascii" else codec
    if fallback:
        yield codec_of(fallback)
    elif unknown is not None:
        raise unknown


def text_of(body: bytes, setting: str = "", fallback: str = "") -> tuple[str, str, bytes]:
    """The text of a body, the codec that it was read by, and its byte order mark (which is not in the text).

    Raises `Fault` H004 (a charset that cannot be read), H005 (bytes that are no text in the charset they are said to be in).
    """
    mark, codec = marked(body)
    wrong: UnicodeError | None = None
    for name in (codec,) if codec else candidates(body, setting, fallback):
        try:
            return decoded(body[len(mark) :], name), name, mark
        except UnicodeError as error:
            wrong = wrong or error
    assert wrong
    raise _undecodable(body, wrong, mark)


def meant(body: bytes) -> str:
    """The codec that a message of ASCII bytes is written on in: what MSH-18 declares, else UTF-8."""
    try:
        codec = codec_of(declared(body) or "UNICODE UTF-8")
    except Fault:
        return "utf-8"
    return "utf-8" if codec == "ascii" or codec.startswith(("utf-16", "utf-32")) else codec


def decoded(body: bytes, codec: str) -> str:
    """The text of bytes, nothing replaced. Raises `UnicodeError`."""
    return vietnamese.decode(body, codec) if codec in vietnamese.TABLES else body.decode(codec)


def encoded(text: str, codec: str) -> bytes:
    """The bytes of a text; windows-1258 gets its tones written apart. Raises `Fault` H033 for a character the charset lacks."""
    try:
        if codec in vietnamese.TABLES:
            return vietnamese.encode(text, codec)
        if codec == "cp1258":
            return "".join(c if ord(c) < 128 else _toned(c) for c in text).encode(codec)
        return text.encode(codec)
    except UnicodeEncodeError:
        says = f"a value holds a character that the message's charset ({codec}) does not have"
        hint = "set MSH-18 to UNICODE UTF-8 if the receiver reads that, or transliterate the value"
        raise Fault("H033", says, hint) from None


def _toned(character: str) -> str:
    try:
        character.encode("cp1258")
        return character
    except UnicodeEncodeError:
        return vietnamese.toned(character)


def _undecodable(body: bytes, wrong: UnicodeError, mark: bytes) -> Fault:
    """H005 with the position: byte, segment and line are enough to find it in a hex editor."""
    start = len(mark) + (wrong.start if isinstance(wrong, UnicodeDecodeError) else 0)
    name = wrong.encoding if isinstance(wrong, UnicodeDecodeError) else "UTF-16"
    breaks = list(_BREAK.finditer(body, 0, start))
    segment = body[breaks[-1].end() if breaks else len(mark) :][:3].decode("ascii", "replace")
    where = f"byte {start + 1}, line {len(breaks) + 1}" + (f" ({segment})" if segment.isalnum() and segment.isascii() else "")
    hint = "let the sender say its charset in MSH-18, or set charset: (or fallback_charset:) under format: hl7v2 of the channel"
    return Fault("H005", f"the bytes here are no text in {name}", hint, source=where)
