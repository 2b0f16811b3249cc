"""Tree: how paths go through JSON-like values, plainly or telling a trace where they went, and the Python code for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, ClassVar, Final, Literal

from interpres.document import MISSING
from interpres.fault import Fault
from interpres.format import Grammar, Paths, Scope, Trace
from interpres.path import Every, Field, Index, Key, Part, Path, Position, Step, Where

Find = str | int
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


def runtime(prefix: str, trace: Trace | None = None, spelling: Spelling = JSON_SPELLING) -> dict[str, Any]:
    """The functions that `Code(prefix)` calls, plain or with a trace."""
    plain = {"value": value, "each": each, "lists": lists, "items": items}
    tracks = Tracks(trace, spelling) if trace else None
    chosen = {name: getattr(tracks, name) if tracks else function for name, function in plain.items()}
    return {f"{prefix}_{name}": function for name, function in {**chosen, "first": first}.items()} | {
        f"{prefix}_missing": MISSING
    }


@dataclass(frozen=True, slots=True)
class Code:
    """Writes the Python expressions of paths; `base` is the index of a list's first item as the document's users count."""

    prefix: str
    base: int = 0
    spell: Callable[[Path], str] = field(default=lambda path: path.text)

    def value(self, start: str, path: Path, scope: Scope) -> str:
        """The expression for the first value that `path.parts` lead to from the variable `start`, or for the list of all."""
        return self._value(start, path, 0, scope)

    def items(self, start: str, path: Path, scope: Scope) -> str:
        """The expression for every item that `path.parts` lead to from the variable `start`."""
        clauses: list[str] = []
        at, source = 0, start
        while (stop := self._stop(path, at)) < len(path.parts):
            name = _name(scope, len(clauses))
            clauses.append(self._clause(path, at, stop, source, name, scope))
            at, source = stop + 1, name
        last = self._call("items", source, path.parts[at:], path)
        if not clauses:
            return last
        inner = _name(scope, len(clauses))
        return f"[{inner} {' '.join(clauses)} for {inner} in {last}]"

    def _clause(self, path: Path, at: int, stop: int, source: str, name: str, scope: Scope) -> str:
        part, steps = path.parts[stop], path.parts[at:stop]
        if isinstance(part, Where) and not part.many:
            whole = f"{name}s"
            test = self._test(path, stop, name, scope)
            chosen = f"{self.prefix}_first({name} for {name} in {self._call('each', whole, (), path)} if {test})"
            return f"for {whole} in {self._call('lists', source, steps, path)} for {name} in {chosen}"
        test = f" if {self._test(path, stop, name, scope)}" if isinstance(part, Where) else ""
        return f"for {name} in {self._call('items', source, steps, path)}{test}"

    def _value(self, start: str, path: Path, at: int, scope: Scope, depth: int = 0) -> str:
        source = start
        while (stop := self._stop(path, at)) < len(path.parts):
            part, name = path.parts[stop], _name(scope, depth)
            among = self._call("each", source, path.parts[at:stop], path)
            test = f" if {self._test(path, stop, name, scope)}" if isinstance(part, Where) else ""
            if isinstance(part, Where) and not part.many:
                source, at, depth = f"next(({name} for {name} in {among}{test}), {self.prefix}_missing)", stop + 1, depth + 1
            else:
                return self._listed(name, f"for {name} in {among}{test}", path, stop + 1, scope, depth + 1)
        return self._call("value", source, path.parts[at:], path)

    def _listed(self, name: str, clause: str, path: Path, at: int, scope: Scope, depth: int) -> str:
        """A list of what the rest of the path gives for each; a further `[*]` goes on in the same list."""
        rest = self._value(name, path, at, scope, depth)
        if any(isinstance(p, Every) or (isinstance(p, Where) and p.many) for p in path.parts[at:]):
            inner = _name(scope, depth) + "v"
            return f"[{inner} {clause} for {inner} in {rest}]"
        return f"[{rest} {clause}]"

    def _stop(self, path: Path, at: int) -> int:
        """The position of the next part that chooses (`[*]`, `[condition]`), else the end."""
        return next((i for i in range(at, len(path.parts)) if isinstance(path.parts[i], Every | Where)), len(path.parts))

    def _test(self, path: Path, stop: int, name: str, scope: Scope) -> str:
        part = path.parts[stop]
        assert isinstance(part, Where) and scope.condition, "a condition is the compiler's to write"
        return scope.condition(part.condition, name, replace(path, parts=path.parts[:stop]))

    def _call(self, function: str, source: str, steps: Sequence[Part], path: Path) -> str:
        return f"{self.prefix}_{function}({', '.join([source, *(self._find(s, path) for s in steps)])})"

    def _find(self, step: Part, path: Path) -> str:
        if isinstance(step, Key):
            return repr(step.name)
        if isinstance(step, Index):
            return repr(step.number - self.base)
        raise next(impossible(path))


def _name(scope: Scope, depth: int) -> str:
    """A variable for what a condition is asked of; inside another condition's left side it must not hide the outer one."""
    return f"{scope.here.item if scope.here else '_h'}{depth}"


def impossible(path: Path) -> Iterator[Fault]:
    """What a path through keys cannot have (M104): fields, positions and steps of other standards, nested `$index`."""
    for part in path.parts:
        if isinstance(part, Field | Position):
            written = f"-{part.number}" if isinstance(part, Field) else f".{part.number}"
            yield Fault(
                "M104", f"'{path.text}': '{written}' is written so in HL7 v2 only", "write keys, as in name[0].family", at=path.at
            )
        elif isinstance(part, Step):
            yield Fault("M104", f"'{path.text}': '{part.axis}{part.name}' is a step of XML", f"write .{part.name}", at=path.at)


def start_of(path: Path, scope: Scope) -> tuple[str, Path]:
    """The variable that a path begins at, and the path from there.

    A first name stands for the loop of that name where there is one, else for a key of the document; `.` is the innermost
    loop's item; in the middle of a condition's left side all begins inside what is chosen from.
    """
    loops = scope.loops
    if path.root in ("name", "tick"):
        for loop in reversed(loops):
            if loop.name == path.name and path.root == "name":
                return loop.item, replace(path, name="", root="item")
        return scope.document, replace(path, parts=(Key(path.name), *path.parts))
    if path.root == "here":
        item = scope.here.item if scope.here else scope.document
        return item, replace(path, parts=(Key(path.name), *path.parts)) if path.name else path
    if path.root == "item" and loops:
        return loops[-1].item, path
    return scope.document, path


class TreePaths(Paths):
    """Keys and indexes; an omitted index on a list is its first item, and all of them where a loop goes through.

    The format that brings them says what its functions' names begin with.
    """

    grammar: ClassVar[Grammar] = "tree"

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._code = Code(prefix)

    def value(self, path: Path, scope: Scope) -> str:
        start, rest = start_of(path, scope)
        return self._code.value(start, rest, scope)

    def items(self, path: Path, scope: Scope) -> str:
        start, rest = start_of(path, scope)
        return self._code.items(start, rest, scope)

    def runtime(self, trace: Trace | None) -> Mapping[str, Any]:
        return runtime(self._prefix, trace)

    def check(self, path: Path, loops: Sequence[Path]) -> Iterator[Fault]:
        return impossible(path)

    def kind(self, path: Path) -> Literal["text", "any"]:
        return "any"


def meant(choice: Where, item: Any) -> bool:
    """Whether an item is what `[condition]` in a target of `edits:` means: the condition is a function there (`Format.edit`)."""
    if not callable(choice.condition):
        hint = "write an index, or [*] for all"
        raise Fault("M106", "a condition in a target of edits: was not made ready to be asked", hint)
    return choice.condition(item) is True


def bare(item: Any) -> Any:
    """What a loop's variable holds, without what a trace keeps beside it."""
    return item.value if item.__class__ is Leaf else item


_TREE: Final = Code("tree")


def tree_value_code(variable: str, path: Path, scope: Scope) -> str:
    """The expression for `path.parts` on from any variable (`beneficiary.benefit_program.name`): calls `runtime("tree")`."""
    return _TREE.value(variable, path, scope)


def tree_items_code(variable: str, path: Path, scope: Scope) -> str:
    """The expression for every item that `path.parts` lead to from any variable: calls `runtime("tree")`."""
    return _TREE.items(variable, path, scope)


RUNTIME: Final[Mapping[str, Any]] = runtime("tree")
