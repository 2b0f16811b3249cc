"""Sight: what a formula can see where it stands, while nothing of a message is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from interpres.fault import Place
from interpres.mapping.checking.value import Value
from interpres.path import Path
from interpres.table import Table


@dataclass(slots=True)
class Name:
    """A declared name, and whether anything read it; of a loop's name, the loops up to its own."""

    value: Value
    at: Place
    kind: str
    used: bool = False
    loops: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Sight:
    """What a formula can see: names, tables, the loops around it (None: through a formula's list); in a condition's left side
    `here` is the path of what is chosen from."""

    names: Mapping[str, Name] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    loops: tuple[Path | None, ...] = ()
    items: tuple[Value, ...] = ()
    here: Path | None = None

    def naming(self, name: str, named: Name) -> Sight:
        return replace(self, names={**self.names, name: named})

    def inside(self, over: Path | None, item: Value) -> Sight:
        return replace(self, loops=(*self.loops, over), items=(*self.items, item))
