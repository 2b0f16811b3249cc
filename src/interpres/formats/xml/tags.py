"""Tags: where elements and attributes stand in the text of a well-formed document."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"<!--.*?-->|<\?.*?\?>|<!\[CDATA\[.*?\]\]>|</[^>]*>"
    r"|<(?P<name>[^\s/>!?]+)(?P<attributes>(?:\s+[^\s=/>]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*+)\s*(?P<empty>/?)>",
    re.DOTALL,
)
ATTRIBUTE: Final = re.compile(r"\s+(?P<name>[^\s=/>]+)\s*=\s*(?P<value>\"[^\"]*\"|'[^']*')")


@dataclass(slots=True)
class Tag:
    """Where an element stands in the text: its start tag from `start` to `inside`, its content up to `close`, all to `end`."""

    name: str
    start: int
    inside: int
    empty: bool
    close: int = 0
    end: int = 0


def tags(text: str) -> list[Tag]:
    """The elements of a well-formed text in the order in which they begin."""
    found: list[Tag] = []
    around: list[Tag] = []
    for token in _TOKEN.finditer(text):
        if token["name"]:
            tag = Tag(token["name"], token.start(), token.end(), bool(token["empty"]), token.end(), token.end())
            found.append(tag)
            if not tag.empty:
                around.append(tag)
        elif token[0].startswith("</"):
            tag = around.pop()
            tag.close, tag.end = token.start(), token.end()
    return found
