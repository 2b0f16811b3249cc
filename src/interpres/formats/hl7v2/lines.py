"""Lines: where segments end, whatever mixture of carriage returns and line feeds a sender writes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

from interpres.formats.hl7v2 import dictionary

LineFeed = Literal["auto", "data", "ends"]

_EITHER: Final = re.compile(r"\r\n*|\n")
_RETURN: Final = re.compile(r"\r\n*|\n+\Z")
_ANY: Final = re.compile(r"\r\n*|\n+\Z|\n(?=([A-Z][A-Z0-9]{2})(.))")


def lines_of(text: str, separator: str, line_feed: LineFeed = "auto") -> list[str]:
    """The segments of a text, without what ends them; blank lines are empty texts."""
    if "\n" not in text:
        return text.split("\r")
    if "\r" not in text and line_feed != "data":
        return text.split("\n")
    lines, begin = [], 0
    for start, end in ends(text, separator, line_feed):
        lines.append(text[begin:start])
        begin = end
    lines.append(text[begin:])
    return lines


def ends(text: str, separator: str, line_feed: LineFeed = "auto") -> Iterator[tuple[int, int]]:
    """Where each end of a segment begins and ends.

    A carriage return always ends one (HL7 v2.8.2, 2.5.2), together with the line feeds right behind it. A line feed alone does
    - with `ends`, always; with `data`, only at the very end of the text;
    - with `auto`, always where the text's first line ends so; else it is data, unless a segment's name and the separator follow:
      a file pasted together from systems of both habits must not lose a segment into the last field of the one before.
    """
    first = _EITHER.search(text)
    if first is None:
        return
    if line_feed == "ends" or (line_feed == "auto" and first.group()[0] == "\n"):
        yield from (found.span() for found in _EITHER.finditer(text))
    elif line_feed == "data":
        yield from (found.span() for found in _RETURN.finditer(text))
    else:
        for found in _ANY.finditer(text):
            name = found.group(1)
            if name is None or (found.group(2) == separator and (name[0] == "Z" or name in dictionary.segment_names())):
                yield found.span()
