"""Vietnamese: the two legacy code pages that Python has no codecs for."""

from __future__ import annotations

import codecs
import unicodedata
from typing import Final

_VISCII_LOW: Final = {0x02: "Ẳ", 0x05: "Ẵ", 0x06: "Ẫ", 0x14: "Ỷ", 0x19: "Ỹ", 0x1E: "Ỵ"}
_VISCII_HIGH: Final = (
    "ẠẮẰẶẤẦẨẬẼẸẾỀỂỄỆỐỒỔỖỘỢỚỜỞỊỎỌỈỦŨỤỲ"
    "ÕắằặấầẩậẽẹếềểễệốồổỗỠƠộờởịỰỨỪỬơớƯ"
    "ÀÁÂÃẢĂẳẵÈÉÊẺÌÍĨỳĐứÒÓÔạỷừửÙÚỹỵÝỡư"
    "àáâãảăữẫèéêẻìíĩỉđựòóôõỏọụùúũủýợỮ"
)

_TCVN_LOW: Final = {
    0x01: "Ú",
    0x02: "Ụ",
    0x04: "Ừ",
    0x05: "Ử",
    0x06: "Ữ",
    0x11: "Ứ",
    0x12: "Ự",
    0x13: "Ỳ",
    0x14: "Ỷ",
    0x15: "Ỹ",
    0x16: "Ý",
    0x17: "Ỵ",
}
_TCVN_HIGH: Final = (
    "ÀẢÃÁẠẶẬÈẺẼÉẸỆÌỈĨÍỊÒỎÕÓỌỘỜỞỠỚỢÙỦŨ"
    "\u00a0ĂÂÊÔƠƯĐăâêôơưđẰ\u0300\u0309\u0303\u0301\u0323àảãáạẲằẳẵắẴ"
    "ẮẦẨẪẤỀặầẩẫấậèỂẻẽéẹềểễếệìỉỄẾỒĩíịò"
    "ỔỏõóọồổỗốộờởỡớợùỖủũúụừửữứựỳỷỹýỵỐ"
)


def _table(low: dict[int, str], high: str) -> str:
    return "".join(low.get(i, chr(i)) for i in range(128)) + high


TABLES: Final = {"viscii": _table(_VISCII_LOW, _VISCII_HIGH), "tcvn5712": _table(_TCVN_LOW, _TCVN_HIGH)}
"""The character of every byte: VISCII 1.1 (RFC 1456) and TCVN 5712:1993 VN1, whose bytes B0 to B4 are combining tones."""

_MAPS: Final = {name: codecs.charmap_build(table) for name, table in TABLES.items()}

_TONES: Final = frozenset("\u0300\u0301\u0303\u0309\u0323")


def decode(body: bytes, name: str) -> str:
    """The text of bytes in one of `TABLES`; every byte has a character, so that nothing is refused."""
    return codecs.charmap_decode(body, "strict", TABLES[name])[0]


def encode(text: str, name: str) -> bytes:
    """The bytes of a text in one of `TABLES`. Raises `UnicodeEncodeError`."""
    return codecs.charmap_encode(text, "strict", _MAPS[name])[0]


def toned(letter: str) -> str:
    """A letter with its tone taken off and written behind it, as windows-1258 has them: `ế` is `ê` and an acute."""
    marks = unicodedata.normalize("NFD", letter)
    tones = "".join(m for m in marks if m in _TONES)
    return unicodedata.normalize("NFC", "".join(m for m in marks if m not in _TONES)) + tones
