"""Finding: what a path finds in JSON-like values, plainly, or telling a trace where it stood."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, TypeAlias

from interpres.document import MISSING
from interpres.format import Trace

Find: TypeAlias = str | int
"""One step as generated code passes it: a key, or an index counted from 0."""


def value(node: Any, *finds: Find) -> Any:
    """The first value there: a list met on the way, or at the end, stands for its first item.

    A value that is no list counts as a list of one, so that `name[0]` reads both habits of vendors. MISSING where nothing is.
    """
    for find in finds:
        if find.__class__ is str:
            while node.__class__ is list:
                node = node[0] if node else MISSING
            if not isinstance(node, dict):
                return MISSING
            node = node.get(find, MISSING)
        else:
            node = _at(node, find)  # type: ignore[arg-type]
    while node.__class__ is list:
        node = node[0] if node else MISSING
    return node


def each(node: Any, *finds: Find) -> Sequence[Any]:
    """What can be chosen from where the steps lead, the first way at each: a list's items, or the one value there."""
    for find in finds:
        if find.__class__ is str:
            while node.__class__ is list:
                node = node[0] if node else MISSING
            if not isinstance(node, dict):
                return ()
            node = node.get(find, MISSING)
        else:
            node = _at(node, find)  # type: ignore[arg-type]
    return _spread(node)


def lists(node: Any, *finds: Find) -> list[Any]:
    """What stands where the steps lead, every way at each, lists left whole: what `[condition]` chooses from in a loop's path."""
    nodes = [node]
    for find in finds:
        if find.__class__ is str:
            nodes = [n[find] for several in nodes for n in _spread(several) if isinstance(n, dict) and find in n]
        else:
            nodes = [n for n in (_at(several, find) for several in nodes) if n is not MISSING]  # type: ignore[arg-type]
    return nodes


def items(node: Any, *finds: Find) -> list[Any]:
    """Every item where the steps lead, an omitted index meaning all."""
    return [item for several in lists(node, *finds) for item in _spread(several)]


def first(found: Iterator[Any]) -> tuple[Any, ...]:
    """The first that was found, as a sequence of one or none."""
    for item in found:
        return (item,)
    return ()


def _at(node: Any, index: int) -> Any:
    """The item at an index from 0; a value that is no list is the first and only item of itself."""
    if node.__class__ is list:
        return node[index] if 0 <= index < len(node) else MISSING
    return MISSING if index or node is None else node


def _spread(node: Any) -> Sequence[Any]:
    if node.__class__ is list:
        return node
    return () if node is MISSING or node is None else (node,)


def text_of(found: Any) -> str | None:
    """How a trace tells a value: text as it is, null and truths as JSON writes them, None for what is missing."""
    if found is MISSING:
        return None
    if found is None:
        return "null"
    if found is True or found is False:
        return "true" if found else "false"
    if isinstance(found, str | int | Decimal):
        return str(found)
    return f"{{{len(found)} keys}}" if isinstance(found, dict) else f"[{len(found)} items]"


@dataclass(frozen=True, slots=True)
class Spelling:
    """How a kind of document writes the concrete path of a value: its root, a key below a path, an item of a path."""

    root: str
    key: Callable[[str, str], str]
    index: Callable[[str, int], str]


def _json_key(path: str, name: str) -> str:
    return f"{path}.{name}" if name.isidentifier() else f"{path}.`{name}`"


JSON_SPELLING: Final = Spelling("$", _json_key, lambda path, index: f"{path}[{index}]")


class Leaf:
    """A scalar that a loop goes to, with its path: it has no identity of its own by which it could be found again."""

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: str) -> None:
        self.value = value
        self.path = path


class Tracks:
    """The same functions, telling a trace of every value read and where it stood.

    Containers that a loop or a condition goes to are remembered by identity (and kept alive, so that no identity is used
    twice); whatever was not gone to before is the document itself.
    """

    def __init__(self, trace: Trace, spelling: Spelling = JSON_SPELLING) -> None:
        self._trace = trace
        self._spelling = spelling
        self._seen: dict[int, tuple[Any, str]] = {}

    def value(self, node: Any, *finds: Find) -> Any:
        found, path = self._first(*self._go(node, finds))
        self._trace.read(path, text_of(found))
        return found

    def each(self, node: Any, *finds: Find) -> list[Any]:
        return [self._kept(*found) for found in self._spread(*self._go(node, finds))]

    def lists(self, node: Any, *finds: Find) -> list[Any]:
        return [self._kept(*found) for found in self._all(node, finds)]

    def items(self, node: Any, *finds: Find) -> list[Any]:
        return [self._kept(*found) for several in self._all(node, finds) for found in self._spread(*several)]

    def place(self, node: Any) -> tuple[Any, str]:
        """What generated code holds in a variable, and where it stands."""
        if node.__class__ is Leaf:
            return node.value, node.path
        return node, self._seen[id(node)][1] if id(node) in self._seen else self._spelling.root

    def _kept(self, node: Any, path: str) -> Any:
        if not isinstance(node, dict | list):
            return Leaf(node, path)
        self._seen[id(node)] = node, path
        return node

    def _first(self, node: Any, path: str) -> tuple[Any, str]:
        while node.__class__ is list and node:
            node, path = node[0], self._spelling.index(path, 0)
        return (MISSING if node.__class__ is list else node), path

    def _go(self, node: Any, finds: Sequence[Find]) -> tuple[Any, str]:
        node, path = self.place(node)
        for find in finds:
            if isinstance(find, str):
                node, path = self._first(node, path)
                node, path = node.get(find, MISSING) if isinstance(node, dict) else MISSING, self._spelling.key(path, find)
            else:
                node, path = self._at(node, path, find)
        return node, path

    def _all(self, node: Any, finds: Sequence[Find]) -> list[tuple[Any, str]]:
        nodes = [self.place(node)]
        for find in finds:
            if isinstance(find, str):
                spread = [found for several in nodes for found in self._spread(*several)]
                nodes = [(n[find], self._spelling.key(p, find)) for n, p in spread if isinstance(n, dict) and find in n]
            else:
                nodes = [found for several in nodes if (found := self._at(*several, find))[0] is not MISSING]
        return nodes

    def _at(self, node: Any, path: str, index: int) -> tuple[Any, str]:
        return _at(node, index), self._spelling.index(path, index) if node.__class__ is list else path

    def _spread(self, node: Any, path: str) -> list[tuple[Any, str]]:
        if node.__class__ is list:
            return [(item, self._spelling.index(path, at)) for at, item in enumerate(node)]
        return [(item, path) for item in _spread(node)]


class NameTracks(Tracks):
    """The same for what names stand for: told where it is part of the document, and passed over in silence where it is not.

    What a name was made of is credited to it anyhow; this says which part of that was read.
    """

    def __init__(self, trace: Trace, seen: dict[int, tuple[Any, str]]) -> None:
        super().__init__(trace)
        self._seen = seen

    def value(self, node: Any, *finds: Find) -> Any:
        return super().value(node, *finds) if self._knows(node) else value(node, *finds)

    def each(self, node: Any, *finds: Find) -> list[Any]:
        return super().each(node, *finds) if self._knows(node) else list(each(node, *finds))

    def lists(self, node: Any, *finds: Find) -> list[Any]:
        return super().lists(node, *finds) if self._knows(node) else list(lists(node, *finds))

    def items(self, node: Any, *finds: Find) -> list[Any]:
        return super().items(node, *finds) if self._knows(node) else list(items(node, *finds))

    def _knows(self, node: Any) -> bool:
        return node.__class__ is Leaf or id(node) in self._seen

    def functions(self) -> dict[str, Any]:
        """The functions that the code of `tree_value_code` calls."""
        return {f"tree_{name}": getattr(self, name) for name in ("value", "each", "lists", "items")}


def located(tree: Any) -> dict[int, tuple[Any, str]]:
    """Every list and block of a JSON document by its identity, with its path."""
    found: dict[int, tuple[Any, str]] = {}
    waiting: list[tuple[Any, str]] = [(tree, JSON_SPELLING.root)]
    while waiting:
        node, path = waiting.pop()
        if node.__class__ is dict:
            waiting += [(inner, JSON_SPELLING.key(path, key)) for key, inner in node.items() if isinstance(inner, dict | list)]
        elif node.__class__ is list:
            waiting += [(inner, JSON_SPELLING.index(path, at)) for at, inner in enumerate(node) if isinstance(inner, dict | list)]
        else:
            continue
        found[id(node)] = node, path
    return found


def runtime(prefix: str, trace: Trace | None = None, spelling: Spelling = JSON_SPELLING) -> dict[str, Any]:
    """The functions that `Code(prefix)` calls, plain or with a trace."""
    plain = {"value": value, "each": each, "lists": lists, "items": items}
    tracks = Tracks(trace, spelling) if trace else None
    chosen = {name: getattr(tracks, name) if tracks else function for name, function in plain.items()}
    return {f"{prefix}_{name}": function for name, function in {**chosen, "first": first}.items()} | {
        f"{prefix}_missing": MISSING
    }


def bare(item: Any) -> Any:
    """What a loop's variable holds, without what a trace keeps beside it."""
    return item.value if item.__class__ is Leaf else item
