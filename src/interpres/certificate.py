"""Certificate: when one ends, read from its bytes (X.509, RFC 5280 section 4.1) without judging it."""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

UTC_TIME: Final = 0x17
VERSION: Final = 0xA0

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def first_end_ms(file: Path) -> int | None:
    """When the first of a PEM file's certificates ends, in milliseconds since 1970; None where it holds none. Raises OSError."""
    ends = [end_ms(ssl.PEM_cert_to_DER_cert(found)) for found in _PEM.findall(file.read_text("ascii", "replace"))]
    return min((end for end in ends if end is not None), default=None)


def end_ms(certificate: bytes) -> int | None:
    """When a certificate (DER) ends; None where these bytes are none."""
    try:
        body, _ = _inside(_inside(certificate, 0)[0], 0)
        place = 0
        if body[0] == VERSION:
            place = _end(body, place)
        for _ in ("serial number", "signature", "issuer"):
            place = _end(body, place)
        validity, _ = _inside(body, place)
        kind, text = validity[_end(validity, 0)], _inside(validity, _end(validity, 0))[0].decode("ascii")
        return _time_ms(kind, text)
    except (IndexError, ValueError):
        return None


def _time_ms(kind: int, text: str) -> int:
    """Both forms end in Z; a year of two digits from 50 on is of the last century (RFC 5280, 4.1.2.5.1)."""
    if kind == UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    at = datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    return int(at.timestamp() * 1000)


def _end(data: bytes, place: int) -> int:
    """Where the element that begins there ends."""
    return _inside(data, place)[1]


def _inside(data: bytes, place: int) -> tuple[bytes, int]:
    """What an element of DER holds, and where it ends."""
    length, start = data[place + 1], place + 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(data[start : start + count], "big"), start + count
    end = start + length
    if end > len(data):
        raise ValueError("the element is longer than what holds it")
    return data[start:end], end
