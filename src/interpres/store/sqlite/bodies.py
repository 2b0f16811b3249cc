"""Bodies: bytes in the ledger, in pieces of 1 MiB, compressed where that makes them smaller, checked when read."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator

import apsw

from interpres.fault import Fault
from interpres.store.records import content_removed
from interpres.store.sqlite.sql import body as sql

PIECE = 1024 * 1024
PLAIN, ZLIB = 0, 1


def pieces(data: bytes, first: int) -> Iterator[tuple[int, int, bytes]]:
    """The rows of the table body for these bytes, numbered from `first`; there is at least one."""
    for number, start in enumerate(range(0, len(data) or 1, PIECE), first):
        piece = data[start : start + PIECE]
        small = zlib.compress(piece, 1)
        yield (number, ZLIB, small) if len(small) < len(piece) else (number, PLAIN, piece)


def count(size: int) -> int:
    """How many pieces so many bytes take."""
    return max(1, -(-size // PIECE))


def read(db: apsw.Connection, first: int, start: int, size: int) -> bytes:
    """The bytes from `start` of the value whose first piece is `first`.

    Raises `Fault` E124 where they cannot be had, N350 where they were pruned (`first` is 0).
    """
    if not first:
        raise content_removed()
    begin, end = start // PIECE, -(-(start + size) // PIECE)
    try:
        rows = db.execute(sql.PIECES, (first + begin, first + max(end, begin + 1)))
        data = b"".join(zlib.decompress(z) if codec == ZLIB else z for codec, z in rows)
    except zlib.error:
        raise damaged() from None
    return data[start - begin * PIECE :][:size]


def checked(data: bytes, digest: bytes) -> bytes:
    """The same bytes. Raises `Fault` E124 where they are not those that were stored."""
    if hashlib.sha256(data).digest() != digest:
        raise damaged()
    return data


def damaged() -> Fault:
    """What is said of bytes that no longer match their checksum."""
    hint = "the disk or the file was damaged: restore this message from a backup, and see interpres verify for what else is hurt"
    return Fault("E124", "stored bytes no longer match their checksum", hint)
