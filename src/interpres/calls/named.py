"""Named: a field that a system complains of is told by its name only where that name is ours; it may be a patient's otherwise."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any, Final

import msgspec

from interpres.answer import Answer
from interpres.fault import Fault
from interpres.openapi import Operation

PEER_FIELD: Final = "N240"
LONGEST_INDEX: Final = 4
"""Digits of a place in a list; a longer number may be somebody's."""

_PARTS: Final = re.compile(r"[.\[\]]+")


def by_our_names(answer: Answer, operation: Operation, body: Any, system: str) -> Answer:
    """The answer whose faults name no field but those of the contract or of what was sent.

    A system may key its complaints by what identifies a patient. What it named otherwise stands with its sentence as the fault's
    value, where only who may see content sees it.
    """
    if not any(f.code == PEER_FIELD and f.target for one in (answer, *(answer.items or ())) for f in one.faults):
        return answer
    known = operation.fields | set(_keys(_tree(body)))
    items = answer.items and tuple(replace(i, faults=_cleared(i.faults, known, system)) for i in answer.items)
    return replace(answer, faults=_cleared(answer.faults, known, system), items=items)


def _cleared(faults: tuple[Fault, ...], known: Collection[str], system: str) -> tuple[Fault, ...]:
    return tuple(f if f.code != PEER_FIELD or _is_ours(f.target, known) else _without_target(f, system) for f in faults)


def _without_target(fault: Fault, system: str) -> Fault:
    named = f"{fault.target}: {fault.value}" if fault.value else fault.target
    return fault.but(target="", says=f"{system} does not accept it, and names a field that is not one of ours", value=named)


def _is_ours(target: str, known: Collection[str]) -> bool:
    parts = [part for part in _PARTS.split(target) if part]
    if parts and parts[0].isdecimal() and not target.startswith("["):
        return False
    return all(len(p) <= LONGEST_INDEX if p.isdecimal() else p in known for p in parts)


def _tree(body: Any) -> Any:
    if not isinstance(body, bytes):
        return body
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _keys(tree: Any) -> Iterator[str]:
    """The names of all fields that were sent; FHIR names a resource by its kind (FHIRPath)."""
    open_ = [tree]
    while open_:
        match open_.pop():
            case dict() as branch:
                yield from (str(key) for key in branch)
                if isinstance(kind := branch.get("resourceType"), str):
                    yield kind
                open_ += branch.values()
            case list() | tuple() as row:
                open_ += row
            case _:
                pass
