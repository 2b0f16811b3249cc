"""Splitting: where the messages of an intake begin and end, and what is odd about the batch around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from interpres.fault import Fault
from interpres.formats.hl7v2.charset import marked

MOST_ODD: Final = 20
"""Warnings about one intake."""

_STARTS: Final = re.compile(
    rb"(?:\A|(?<=\A\xef\xbb\xbf)|(?<=[\r\n]))[ \t]*(MSH|FHS|BHS|BTS|FTS)(?=[^A-Za-z0-9\s]|[\r\n]|\Z)([^\r\n]*)"
)


def slices(body: bytes) -> Iterator[tuple[int, int]]:
    """One slice for every MSH: a batch's headers go with the message behind them, its trailers with the one before.

    Nothing is left out: what stands before the first message or after the last belongs to it.
    """
    mark, codec = marked(body)
    if codec and codec != "utf-8":
        yield from _wide(body, mark, codec)
        return
    begin, has_message = 0, False
    for name, start, _ in _markers(body, len(mark)):
        if has_message and name in (b"MSH", b"FHS", b"BHS"):
            yield begin, start
            begin, has_message = start, False
        has_message = has_message or name == b"MSH"
    yield begin, len(body)


def _wide(body: bytes, mark: bytes, codec: str) -> Iterator[tuple[int, int]]:
    """The same for UTF-16 and UTF-32, cut between characters."""
    try:
        text = body[len(mark) :].decode(codec)
    except UnicodeError:
        yield 0, len(body)
        return
    narrow = text.encode("ascii", "replace")
    width = 4 if "32" in codec else 2
    if len(text) * width + len(mark) != len(body):
        narrow = b"".join(b"?" * (len(c.encode(codec)) // width) if ord(c) > 127 else c.encode() for c in text)
    ends = [end for _, end in slices(narrow)]
    begin = 0
    for end in ends:
        yield begin, end * width + len(mark)
        begin = end * width + len(mark)


def _markers(body: bytes, begin: int) -> Iterator[tuple[bytes, int, bytes]]:
    """Every segment that opens or closes a message or a batch: name, where it begins, and the rest of it."""
    for found in _STARTS.finditer(body, begin):
        yield found.group(1), found.start(), found.group(2)


def oddities(body: bytes) -> Iterator[Fault]:
    """Warnings about an intake, whose messages are none the worse for it (HL7 v2.8.2, 2.10.3 and 2.14.9.10), at most `MOST_ODD`.

    H020 a wrong count, H021 a header or trailer that lacks its other, H022 a batch within a batch, H023 a message without a
    control id.
    """
    mark, codec = marked(body)
    if codec and codec != "utf-8":
        return
    yield from islice(_oddities(body, len(mark)), MOST_ODD)


def _oddities(body: bytes, begin: int) -> Iterator[Fault]:
    opened: dict[bytes, int] = {}
    is_named = True
    for name, start, rest in _markers(body, begin):
        if name in (b"FHS", b"BHS"):
            if name in opened:
                says = f"a second {name.decode()} stands here before the first was closed"
                yield Fault("H022", says, "see that the sender closes its batches", source=_line(body, start), level="warning")
            elif name == b"BHS" and b"FHS" in opened:
                opened[b"FHS"] += 1
            opened[name] = 0
        elif name != b"MSH":
            yield from _closed(name, rest, opened, body, start)
        else:
            if b"BHS" in opened:
                opened[b"BHS"] += 1
            if is_named and not _control_id(rest):
                is_named = False
                says = "a message has no control id (MSH-10), so that its repetition cannot be told from a new message"
                yield Fault(
                    "H023", says, "let the sender number its messages in MSH-10", source=_line(body, start), level="warning"
                )
    for name in opened:
        trailer = "BTS" if name == b"BHS" else "FTS"
        says = f"{name.decode()} opens a batch that no {trailer} closes"
        yield Fault("H021", says, "see whether the end is missing", source=trailer, level="warning")


def _closed(name: bytes, rest: bytes, opened: dict[bytes, int], body: bytes, start: int) -> Iterator[Fault]:
    header = b"BHS" if name == b"BTS" else b"FHS"
    counted = opened.pop(header, None)
    if counted is None:
        says = f"{name.decode()} closes a batch that no {header.decode()} opened"
        yield Fault("H021", says, "see whether the beginning is missing", source=_line(body, start), level="warning")
        return
    told = rest[1:].split(rest[:1])[0].strip() if rest else b""
    if told.isdigit() and int(told[:9]) != counted:
        what = "messages" if name == b"BTS" else "batches"
        says = f"{name.decode()}-1 counts {int(told[:9])} {what}, and there are {counted}"
        yield Fault("H020", says, "ask the sender whether some were lost", source=f"{name.decode()}-1", level="warning")


def _control_id(rest: bytes) -> bytes:
    """MSH-10, of what stands behind the segment's name."""
    fields = rest.split(rest[:1], 10) if rest else []
    return fields[9].strip() if len(fields) > 9 else b""


def _line(body: bytes, start: int) -> str:
    before = body[:start]
    number = before.count(b"\r") + before.count(b"\n") - before.count(b"\r\n") + 1
    return f"line {number}"
