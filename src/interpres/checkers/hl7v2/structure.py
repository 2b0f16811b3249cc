"""Structure: the message structures of the standard, as hl7apy knows them, held against a copy of the message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from interpres.fault import Fault

_CHILD: Final = re.compile(r"^(?P<what>Missing required child|Child limit exceeded) (?P<parent>\w+)\.(?P<child>\w+)$")
_FIELD: Final = re.compile(r"^[A-Z][A-Z0-9]{2}_\d+$")


def structure_faults(body: bytes) -> Iterator[Fault]:
    """V114 for the first thing that breaks the structure of MSH-9; V115 as a warning where hl7apy cannot read the message at all.

    hl7apy stops at the first. Its sentences may quote the message, so only the names of segments and fields are taken from them.
    """
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.exceptions import HL7apyException, ValidationError
    from hl7apy.parser import parse_message

    text = _without_truncation(body.decode("utf-8", "replace").replace("\r\n", "\r").replace("\n", "\r"))
    try:
        parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=True).validate()
    except ValidationError as wrong:
        yield _fault(str(wrong))
    except (HL7apyException, ValueError, LookupError, AttributeError, TypeError):
        says = "the standard's structure could not be looked up for this message"
        hint = "see whether MSH-9 and MSH-12 name a message structure and a version of the standard"
        yield Fault("V115", says, hint, source="MSH-9", level="warning")


def _fault(said: str) -> Fault:
    found = _CHILD.match(said)
    if not found:
        says = "the message holds something that the structure of its type has no place for"
        return Fault("V114", says, "see the standard's page of this message type", source="MSH-9")
    missing = found["what"].startswith("Missing")
    says = "is missing, and the standard requires it" if missing else "is there more often than the standard allows"
    return Fault("V114", says, f"it belongs into {found['parent']}", source=_place(found["child"]))


def _place(child: str) -> str:
    """`PID_5` as people write it: `PID-5`."""
    return child.replace("_", "-") if _FIELD.match(child) else child


def _without_truncation(text: str) -> str:
    """MSH-2 without its fifth character, the truncation sign of v2.7, which hl7apy refuses for older versions."""
    if text[:3] == "MSH" and len(text) > 9 and text[8] == "#" and text[9:10] == text[3]:
        return text[:8] + text[9:]
    return text
