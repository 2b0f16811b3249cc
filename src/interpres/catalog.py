"""Catalog: which parts there are. The folder is the registry: `mllp:` in a channel is `sources/mllp.py`."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Literal

from interpres.fault import Fault, did_you_mean

Room = Literal["sources", "formats", "destinations", "sign_ins", "checkers", "sandboxes", "notices", "alerts"]

_KINDS = {
    "sources": ("interpres.source", "Source"),
    "formats": ("interpres.format", "Format"),
    "destinations": ("interpres.destination", "Destination"),
    "sign_ins": ("interpres.sign_in", "SignIn"),
    "checkers": ("interpres.schema", "Checker"),
    "sandboxes": ("interpres.sandbox", "Sandbox"),
    "notices": ("interpres.notice", "Notice"),
    "alerts": ("interpres.alert", "Rule"),
}


@cache
def names(room: Room) -> tuple[str, ...]:
    """The words of all parts in a room: modules of the package's folder, and entry points of group `interpres.<room>`."""
    package = importlib.import_module(f"interpres.{room}")
    shipped = {m.name for m in pkgutil.iter_modules(package.__path__)}
    return tuple(sorted(shipped | {e.name for e in entry_points(group=f"interpres.{room}")}))


@cache
def part(room: Room, name: str) -> Any:
    """The part's class, imported now and not before. Raises `Fault` C110 where there is none of that name."""
    known = names(room)
    if name not in known:
        raise Fault(
            "C110",
            f"there is no {room[:-1].replace('_', '-')} '{name}'",
            did_you_mean(name, known) or f"there are {', '.join(known)}",
        )
    for entry in entry_points(group=f"interpres.{room}", name=name):
        return entry.load()
    kind_module, kind_name = _KINDS[room]
    kind = getattr(importlib.import_module(kind_module), kind_name)
    module = importlib.import_module(f"interpres.{room}.{name}")
    found = [
        c
        for _, c in inspect.getmembers(module, inspect.isclass)
        if issubclass(c, kind) and c is not kind and c.__module__.startswith(module.__name__)
    ]
    assert len(found) == 1, f"interpres.{room}.{name} must define exactly one {kind_name}"
    return found[0]
