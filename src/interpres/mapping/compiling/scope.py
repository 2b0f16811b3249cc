"""Scope: what a formula can see where it stands — names, loops, tables — and who reads its paths there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from interpres.fault import Fault, Place
from interpres.format import Loop, Paths, Scope, Trace
from interpres.mapping import tree
from interpres.path import Key, Part, Path, Step
from interpres.table import Table

Kind = Literal["text", "number", "truth", "null", "list", "gathered", "block", "any"]
"""What a value is known to be before any message flows (beside missing or null). `gathered` is a list that a path with `[*]`,
`[…]` or each() put together: it may hold missing items, and where nothing is left of it, it is itself missing."""


class Values(Paths):
    """How paths go on in the values of names: a looked-up answer, a built block."""

    grammar = "tree"

    def value(self, path: Path, scope: Scope) -> str:
        start, rest = tree.start_of(path, scope)
        return tree.tree_value_code(start, rest, scope)

    def items(self, path: Path, scope: Scope) -> str:
        start, rest = tree.start_of(path, scope)
        return tree.tree_items_code(start, rest, scope)

    def runtime(self, trace: Trace | None) -> Mapping[str, Any]:
        return tree.RUNTIME

    def kind(self, path: Path) -> Literal["text", "any"]:
        return "any"


VALUES: Final = Values()


@dataclass(slots=True)
class Living:
    """Whether a block lives: the variable that says so at run time, and what is known before.

    `counts`: some formula of the block reads the document (or a name of its own `$let`), so it can be dropped.
    `touched`: something in it may set the variable.
    """

    variable: str
    counts: bool = False
    touched: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """A name that a formula may read. `number` is that of its reads in the explain variant; `owner` the block whose own `$let`
    it is; `paths` read on in a parsed document; `loop` is set for the name of a loop; `context` for what the channel supplies."""

    variable: str
    kind: Kind = "any"
    constant: bool = False
    number: int = 0
    owner: Living | None = None
    paths: Paths = VALUES
    loop: Around | None = None
    context: bool = False


@dataclass(frozen=True, slots=True)
class Around:
    """A loop that stands around: its variables, whose paths read its item, and the document variable of those."""

    loop: Loop
    paths: Paths
    document: str


@dataclass(frozen=True, slots=True)
class Sight:
    """All that a formula can see. `here` and `chooser` are set on the left side of a condition: what is chosen from, and whose
    paths read it. Without `walrus` the code must not bind variables (Python forbids it inside a comprehension's iterable)."""

    document: str
    paths: Paths
    names: Mapping[str, Named] = field(default_factory=dict)
    loops: tuple[Around, ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    here: Loop | None = None
    chooser: Paths | None = None
    walrus: bool = True
    leaf: str = "(0, ())"

    def naming(self, names: Mapping[str, Named]) -> Sight:
        return replace(self, names={**self.names, **names})

    def inside(self, around: Around) -> Sight:
        """The same, in one more loop."""
        names = {**self.names, around.loop.name: Named(around.loop.item, loop=around)} if around.loop.name else self.names
        return replace(self, loops=(*self.loops, around), names=names)

    def named(self, path: Path) -> Named | None:
        """The name that a path begins with, where one is declared; a condition's left side sees none."""
        if path.root != "name" or self.here is not None:
            return None
        return self.names.get(path.name)


@dataclass(frozen=True, slots=True)
class Way:
    """Whose paths read a path, and what to give them."""

    paths: Paths
    path: Path
    scope: Scope
    named: Named | None = None


def way(path: Path, sight: Sight) -> Way:
    """Where a path is read. Raises `Fault` M104 for `.` and `$index` where there is no loop."""
    if sight.here is not None and path.root not in ("document", "index"):
        return _inside_choice(path, sight)
    named = sight.named(path)
    if named is not None:
        return _from_name(path, named, sight)
    if path.root == "item":
        return _from_item(path, sight)
    loops = tuple(a.loop for a in sight.loops if a.paths is sight.paths and a.document == sight.document)
    return Way(sight.paths, path, Scope(sight.document, loops))


def _inside_choice(path: Path, sight: Sight) -> Way:
    """The left side of a condition, always inside what is chosen from."""
    assert sight.here
    assert sight.chooser
    chooser = sight.chooser
    loops = tuple(a.loop for a in sight.loops if a.paths is chooser)
    if path.root in ("name", "tick"):
        if chooser.grammar == "segments":
            return Way(chooser, path, Scope(sight.document, (*loops, sight.here), here=sight.here))
        first = Step("/", path.name) if chooser.grammar == "xml" else Key(path.name)
        path = replace(path, name="", parts=(first, *path.parts))
    return Way(chooser, replace(path, root="here"), Scope(sight.document, loops, here=sight.here))


def _from_name(path: Path, named: Named, sight: Sight) -> Way:
    if named.loop is not None:
        around = named.loop
        return Way(around.paths, replace(path, root="item", name=""), Scope(around.document, (around.loop,)), named)
    parts = tuple(map(_as_key, path.parts)) if named.paths is VALUES else path.parts
    return Way(named.paths, replace(path, root="document", name="", parts=parts), Scope(named.variable), named)


def _as_key(part: Part) -> Part:
    """A built block may be gone into with steps, too: `xml1/TONG_HOP/MA_BN`."""
    if isinstance(part, Step) and part.axis != "//":
        return Key(f"@{part.name}" if part.axis == "/@" else part.name)
    return part


def _from_item(path: Path, sight: Sight) -> Way:
    if not sight.loops:
        raise no_loop(path.text, path.at)
    around = sight.loops[-1]
    loops = tuple(a.loop for a in sight.loops if a.paths is around.paths and a.document == around.document)
    return Way(around.paths, path, Scope(around.document, loops))


def no_loop(text: str, at: Place) -> Fault:
    """M104: `.` or `$index` where nothing goes round."""
    says = f"'{text}' means the item of a loop, and there is no loop around it"
    return Fault("M104", says, "put it inside a block with $each, or write the whole path", at=at)


def index_of(path: Path, sight: Sight) -> str | None:
    """The variable of `$index` or `order.$index`; None where the path is another."""
    if path.root == "index":
        if not sight.loops:
            raise no_loop(path.text, path.at)
        return sight.loops[-1].loop.index
    if path.parts and path.parts[0] == Key("$index"):
        named = sight.names.get(path.name) if path.root == "name" else None
        if named is None or named.loop is None:
            says = f"there is no loop named '{path.name}' around this"
            raise Fault("M104", says, f"name the loop, as in $each: {{{path.name or 'order'}: PATH}}", at=path.at)
        return named.loop.loop.index
    return None
