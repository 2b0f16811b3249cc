"""Cause: what makes faults one problem: the same code and sentence, at the same place of the same destination's document."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from interpres.fault import Fault
from interpres.message import CROCKFORD
from interpres.store.fingerprint import fingerprint

CODES: Final = frozenset({"M201"})
"""Faults whose refused value is a code of a table and no patient's: each code is a problem of its own, wherever it stood."""

_NUMBER: Final = re.compile(r"\d+")
_INDEX: Final = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Cause:
    """`number` is the same today and always; `facts` are kept from the first fault that was seen."""

    number: int
    facts: dict[str, Any]


def problem_name(number: int) -> str:
    """What people call a cause: eight signs of Crockford's base 32, the same today and always."""
    unsigned = number & (1 << 64) - 1
    return "".join(CROCKFORD[unsigned >> shift & 31] for shift in range(59, 19, -5))


def causes(channel: str, destination: str, faults: Iterable[Fault]) -> list[Cause]:
    """The causes of these faults, each once. `destination` is empty where the message itself is in trouble."""
    found: dict[int, Cause] = {}
    for fault in faults:
        cause = _cause(channel, destination, fault)
        found.setdefault(cause.number, cause)
    return list(found.values())


def _cause(channel: str, destination: str, fault: Fault) -> Cause:
    """Counts and times in a sentence (`tried 12 times`) and places in a list do not make another cause."""
    of_code = fault.code in CODES
    target = "" if of_code else _INDEX.sub("[]", fault.target)
    value = fault.value if of_code else None
    source = fault.source if of_code else ""
    words = (channel, destination, fault.code, _NUMBER.sub("#", fault.says), target, value or "")
    facts = fault.but(target=target, value=value, source=source).as_dict()
    return Cause(fingerprint("cause", *words), {"channel": channel, "destination": destination, "fault": facts})
