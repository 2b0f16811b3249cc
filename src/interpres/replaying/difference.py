"""Difference: how two results for one message differ, as kinds that many messages can share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from interpres.fault import Fault

_INDEX: Final = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """What changed, without any value: at which path of which destination's document; both empty where it is the message itself.

    `change` is a word or two: `changed`, `added`, `removed`, `refused now: V102 …`, `processed before, filtered now`.
    """

    destination: str
    path: str
    change: str


@dataclass(frozen=True, slots=True)
class Made:
    """What processing came to. `documents` are those of each destination in the order of their parts, `refused` its faults."""

    state: str
    faults: Sequence[Fault] = ()
    documents: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    refused: Mapping[str, Sequence[Fault]] = field(default_factory=dict)


def differences(before: Made, after: Made) -> Iterator[Kind]:
    """All kinds of difference; the same kind may come more than once."""
    if before.state != after.state:
        why = f": {_in_short(after.faults)}" if after.state == "rejected" else ""
        yield Kind("", "", f"{before.state} before, {after.state} now{why}")
        return
    if after.state == "rejected":
        yield from _faults("", before.faults, after.faults)
    for destination in sorted({*before.documents, *before.refused, *after.documents, *after.refused}):
        yield from _of_destination(destination, before, after)


def _of_destination(destination: str, before: Made, after: Made) -> Iterator[Kind]:
    was, is_ = before.refused.get(destination, ()), after.refused.get(destination, ())
    if was and is_:
        yield from _faults(destination, was, is_)
    elif is_:
        for fault in is_:
            yield Kind(destination, _INDEX.sub("[]", fault.target), f"refused now: {fault.code} {fault.says}")
    elif was:
        yield Kind(destination, "", f"made now, refused before: {_in_short(was)}")
    else:
        yield from _documents(destination, before.documents.get(destination, ()), after.documents.get(destination, ()))


def _faults(destination: str, before: Sequence[Fault], after: Sequence[Fault]) -> Iterator[Kind]:
    known = {(f.code, _INDEX.sub("[]", f.target)) for f in before}
    for fault in after:
        target = _INDEX.sub("[]", fault.target)
        if (fault.code, target) not in known:
            yield Kind(destination, target, f"refused for another reason: {fault.code} {fault.says}")


def _documents(destination: str, before: Sequence[Any], after: Sequence[Any]) -> Iterator[Kind]:
    if bool(before) != bool(after):
        yield Kind(destination, "", "made now" if after else "no longer made")
        return
    if len(before) != len(after):
        yield Kind(destination, "", "more documents" if len(after) > len(before) else "fewer documents")
    for was, is_ in zip(before, after, strict=False):
        yield from (Kind(destination, path, change) for path, change in _trees(was, is_, ""))


def _trees(before: Any, after: Any, path: str) -> Iterator[tuple[str, str]]:
    """Paths without the numbers of list items, so that what happens to one is what happens to all."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in [*before, *(n for n in after if n not in before)]:
            below = f"{path}.{name}" if path else name
            if name not in after:
                yield below, "removed"
            elif name not in before:
                yield below, "added"
            else:
                yield from _trees(before[name], after[name], below)
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield f"{path}[]", "more items" if len(after) > len(before) else "fewer items"
        for was, is_ in zip(before, after, strict=False):
            yield from _trees(was, is_, f"{path}[]")
    elif type(before) is not type(after) or before != after:
        yield path, "changed"


def _in_short(faults: Sequence[Fault]) -> str:
    return ", ".join(sorted({f.code for f in faults})) or "nothing was said"
