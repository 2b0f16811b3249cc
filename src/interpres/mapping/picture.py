"""Picture: a mapping file as read — the shape of its output, with the place of every word."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from interpres.fault import Place
from interpres.mapping.formula import Formula
from interpres.path import Path
from interpres.table import Table


@dataclass(frozen=True, slots=True)
class Constant:
    """A value written as it is: text, int, Decimal, bool, None, or an empty list that was written `[]` / map `{}`."""

    value: Any
    at: Place


@dataclass(frozen=True, slots=True)
class Worked:
    """A formula: `text` as written, behind the `=`."""

    formula: Formula
    text: str
    at: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """One `key: value` of a block; `at` is the key's place."""

    key: str
    value: Node
    at: Place


@dataclass(frozen=True, slots=True)
class Through:
    """One loop of `$each`: a name or None, and the path or formula that it goes through."""

    name: str | None
    over: Path | Worked
    at: Place


@dataclass(frozen=True, slots=True)
class Part:
    """A shared part as `$use` finds it: its parameters (name → optional?), tables, `let` and output."""

    name: str
    needs: Map[str, bool]
    tables: Map[str, Table]
    let: tuple[Entry, ...]
    output: Node
    at: Place


@dataclass(frozen=True, slots=True)
class Use:
    """`$use: NAME`; `part` is what the name was resolved to."""

    name: str
    part: Part
    at: Place


@dataclass(frozen=True, slots=True)
class Block:
    """A map of the output with its control words. With `use`, `entries` override or add to what the part makes."""

    entries: tuple[Entry, ...]
    at: Place
    each: tuple[Through, ...] = ()
    when: Worked | None = None
    let: tuple[Entry, ...] = ()
    use: Use | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """A list of the output; an item with `$each` is spliced in where it stands."""

    items: tuple[Node, ...]
    at: Place


Node: TypeAlias = Constant | Worked | Block | Items


@dataclass(frozen=True, slots=True)
class Edit:
    """`edits:`: a target path of the document's own format, and what is set there."""

    target: Path
    value: Node
    at: Place


@dataclass(frozen=True, slots=True)
class Drop:
    """`drops:`: what is left behind, and why. `what` is a path's text, or a segment pattern such as `Z*`."""

    what: str
    reason: str
    at: Place


@dataclass(frozen=True, slots=True)
class Mapping:
    """One mapping file, bases merged and parts resolved. `output` or (`edits`, `each`) is set, never both.

    `from_settings` are the format's settings beside its name; `files` are all files that it was made of, for pinning, named as
    in the workspace (`mappings/npca/visit.yaml`). `timezone`, `times` (`local`, `utc`) and `precision` make an
    `interpres.values.times.Times`. `places` are those of the file's own keys.
    """

    name: str
    file: str
    about: str
    from_format: str
    from_settings: Map[str, Any]
    to: str | None
    to_format: str | None
    to_settings: Map[str, Any]
    needs: tuple[str, ...]
    timezone: str | None
    times: str
    tables: Map[str, Table]
    let: tuple[Entry, ...]
    output: Node | None
    edits: tuple[Edit, ...] = ()
    each: tuple[Through, ...] = ()
    drops: tuple[Drop, ...] = ()
    places: Map[str, Place] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    precision: str | None = None
