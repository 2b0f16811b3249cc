"""Tree: paths through JSON-like values, written as Python expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final, Literal

from interpres.fault import Fault
from interpres.format import Grammar, Paths, Scope, Trace
from interpres.mapping.finding import Find, Leaf, Spelling, bare, first, runtime, text_of
from interpres.path import Every, Field, Index, Key, Part, Path, Position, Step, Where

__all__ = [
    "RUNTIME", "Code", "Find", "Leaf", "Spelling", "TreePaths", "bare", "first", "impossible", "meant", "runtime", "start_of",
    "text_of", "tree_items_code", "tree_value_code",
]  # fmt: skip


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


_TREE: Final = Code("tree")


def tree_value_code(variable: str, path: Path, scope: Scope) -> str:
    """The expression for `path.parts` on from any variable (`beneficiary.benefit_program.name`): calls `runtime("tree")`."""
    return _TREE.value(variable, path, scope)


def tree_items_code(variable: str, path: Path, scope: Scope) -> str:
    """The expression for every item that `path.parts` lead to from any variable: calls `runtime("tree")`."""
    return _TREE.items(variable, path, scope)


RUNTIME: Final[Mapping[str, Any]] = runtime("tree")
