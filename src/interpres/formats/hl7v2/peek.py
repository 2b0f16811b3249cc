"""Peek: what a message is called and what it is, from the first few fields of its bytes and without decoding it."""

from __future__ import annotations

import re
from typing import Final

_HEADER: Final = re.compile(rb"(?:\A|[\r\n])(?:\xef\xbb\xbf)?[ \t]*(MSH[^\r\n]{0,4096})")


def control_id(body: bytes) -> str:
    """MSH-10 as it stands; empty where there is none."""
    return _field(body, 10)


def message_type(body: bytes) -> str:
    """MSH-9 as it stands (`ADT^A04^ADT_A01`); empty where there is none."""
    return _field(body, 9)


def _field(body: bytes, number: int) -> str:
    found = _HEADER.search(body)
    header = found.group(1) if found else b""
    fields = header.split(header[3:4], number) if len(header) > 3 else []
    return fields[number - 1].decode("utf-8", "replace") if len(fields) >= number else ""
