"""Delimiters: the signs that a message declares in MSH-1 and MSH-2."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from interpres.fault import Fault

NEVER: Final = "\r"
"""Stands for a delimiter that is not declared: a carriage return ends a segment, so no segment holds one."""

HEADERS: Final = frozenset({"MSH", "FHS", "BHS"})
"""Segments whose first field is the field separator itself (HL7 v2.8.2, 2.14.9, 2.14.6, 2.14.2)."""


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The delimiters of one message (HL7 v2.8.2, 2.5.4). Those that MSH-2 leaves out are `NEVER`."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = NEVER

    @property
    def encoding(self) -> str:
        """What stands in MSH-2."""
        signs = self.component + self.repetition + self.escape + self.subcomponent + self.truncation
        return signs.rstrip(NEVER)


STANDARD: Final = Delimiters()


@lru_cache(maxsize=256)
def delimiters_of(field: str, encoding: str) -> Delimiters:
    """The delimiters that MSH-1 and MSH-2 declare.

    One to five signs may stand in MSH-2 (the fifth, for truncation, since v2.7). Raises `Fault` H003 where two are the same, or
    one is a letter, a digit, a blank, a quotation mark or no ASCII sign: data could not be told from structure.
    """
    if not encoding:
        hint = "a header reads MSH|^~\\&|…; ask the sender which delimiters it means"
        raise Fault("H003", "MSH-2 declares no delimiters", hint, source="MSH-2")
    if len(encoding) > 5:
        says = f"MSH-2 declares {len(encoding)} delimiters, and there are five at most"
        raise Fault("H003", says, "a header reads MSH|^~\\&|…", source="MSH-2")
    signs = field + encoding
    if len(set(signs)) < len(signs):
        says = "MSH declares one sign for two delimiters, so that neither can be told from the other"
        raise Fault("H003", says, "a header reads MSH|^~\\&|…; mend the sender's delimiters", source="MSH-2")
    if any(sign.isalnum() or not sign.isascii() or sign in ' "\0\r\n' for sign in signs):
        says = "MSH declares a letter, a digit, a blank or a quotation mark as a delimiter"
        raise Fault("H003", says, "a header reads MSH|^~\\&|…; mend the sender's delimiters", source="MSH-2")
    return Delimiters(field, *encoding.ljust(5, NEVER))
