"""Reading: bytes become the segments of one message, or a fault that says why they are none."""

from __future__ import annotations

import re
from typing import Final

from interpres.fault import Fault
from interpres.formats.hl7v2.charset import text_of
from interpres.formats.hl7v2.delimiters import STANDARD, Delimiters, delimiters_of
from interpres.formats.hl7v2.lines import LineFeed, lines_of
from interpres.formats.hl7v2.segments import Segments

_USUAL: Final = "MSH|^~\\&|"
BLANK: Final = " \t\r\n"
_BATCH: Final = ("FHS", "BHS")
_ANOTHER: Final = re.compile(r"MSH[^A-Za-z0-9\s]")


def read(body: bytes, charset: str, fallback: str, line_feed: LineFeed) -> Segments:
    """The segments of one message; headers and trailers of a batch may stand around it.

    Raises `Fault` H001 (nothing, or no HL7 v2), H002 (MSH cut short), H003 (delimiters), H004 and H005 (charset), H006 (more than
    one message), H007 (a batch's header or trailer alone).
    """
    if body.startswith(b"MSH") and body.isascii() and b"\x1b" not in body and not charset:
        text, codec = body.decode("ascii"), ""
    else:
        text, codec, _ = text_of(body, charset, fallback)
    if text.startswith(_USUAL):
        signs = STANDARD
    else:
        text = text.lstrip(BLANK)
        signs = _signs(text)
    lines = lines_of(text, signs.field, line_feed)
    segments = Segments(body, lines, signs, codec)
    if len(segments.index.get("MSH", ())) != 1 or len(lines[segments.index["MSH"][0]]) < 10:
        raise _refused(segments)
    return segments


def _signs(text: str) -> Delimiters:
    """The delimiters of a text that does not begin in the usual way."""
    if text.startswith(_BATCH):
        found = re.search(r"[\r\n]\s*(MSH.*)", text)
        if not found:
            raise _no_message()
        header = found.group(1)
    elif text.startswith("MSH"):
        header = text
    else:
        raise _no_hl7(text)
    return signs_of(header)


def signs_of(header: str) -> Delimiters:
    """The delimiters that a text beginning with MSH declares. Raises `Fault` H002, H003."""
    header = re.split(r"[\r\n]", header, maxsplit=1)[0]
    separator = header[3:4]
    if len(header) < 5:
        raise cut_short()
    if separator.isalnum():
        raise _no_hl7(header)
    return delimiters_of(separator, header[4:].split(separator, 1)[0])


def cut_short() -> Fault:
    says = "the message ends within its MSH segment, behind the delimiters"
    return Fault("H002", says, "see why the sender, or the line, cut it off", source="MSH")


def _no_message() -> Fault:
    says = "there is a header or trailer of a batch here, and no message"
    return Fault(
        "H007", says, "an empty batch needs nothing to be done; otherwise see where the sender writes MSH", source="line 1"
    )


def _no_hl7(text: str) -> Fault:
    """H001, with what the bytes seem to be instead."""
    start = text[:200].lstrip("\ufeff" + BLANK)
    says, hint = "this is no HL7 v2 message: it does not begin with MSH", "see what the sender wrote"
    if not start:
        says, hint = "there is nothing here but blanks", "see why the sender wrote an empty message"
    elif start[0] in "\x0b\x1c":
        hint = "it is framed for MLLP: send it to an mllp: source, or take the signs 0B and 1C 0D away"
    elif start[0] in "{[":
        hint = "it looks like JSON: is format: hl7v2 right for this channel?"
    elif start[0] == "<":
        hint = "it looks like XML: this format reads HL7 v2 in its delimited encoding"
    elif start.startswith("ISA"):
        hint = "it looks like X12: this format reads HL7 v2"
    elif start.lower().startswith("msh"):
        hint = "segment names are written in capitals: MSH"
    elif _ANOTHER.search(text):
        hint = "text stands before MSH; see what puts it there"
    return Fault("H001", says, hint, source="line 1")


def _refused(segments: Segments) -> Fault:
    """Why what begins like a message is none, or is several."""
    numbers = segments.index.get("MSH", [])
    if not numbers:
        raise cut_short() if segments.lines[0].startswith("MSH") else _no_message()
    if len(numbers) > 1:
        says = f"there are {len(numbers)} messages here, and one at a time is decoded"
        return Fault("H006", says, "a channel's source splits them by itself; here, give one", source=f"line {numbers[1] + 1}")
    return cut_short()
