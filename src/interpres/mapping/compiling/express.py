"""Express: a formula becomes one Python expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from interpres.fault import Fault
from interpres.format import Format, Loop, Paths, Scope
from interpres.mapping.compiling.room import Room
from interpres.mapping.compiling.scope import Kind, Sight, Way, index_of, way
from interpres.mapping.formula import Binary, Call, Exists, Formula, Listing, Not, Number, Read, Text, Truth, chain
from interpres.path import Field, Path, Position
from interpres.table import Table
from interpres.transform import Transform
from interpres.values.pattern import pattern
from interpres.values.times import UTC, Times

DEEPEST: Final = 100
"""Formulas within one another; the parser has the same limit."""

COMPARISONS: Final = {"=": "_equal", "!=": "_unequal", "<": "_less", "<=": "_at_most", ">": "_more", ">=": "_at_least"}
RECKONINGS: Final = {"+": "_add", "-": "_subtract", "*": "_multiply", "/": "_divide"}


@dataclass(frozen=True, slots=True)
class Code:
    """A Python expression and what its value is known to be. `constant`: it reads nothing."""

    text: str
    kind: Kind = "any"
    constant: bool = False


@dataclass(slots=True)
class Coder:
    """Writes expressions. With `traced`, reads of names and of conditions are wrapped so that a recorder can follow them; nothing
    else differs between the plain variant and the one that explains."""

    room: Room
    formats: Callable[[str, Mapping[str, Any]], Format]
    transforms: Mapping[str, Transform]
    times: Times = UTC
    traced: bool = False
    depth: int = 0
    functions: dict[Any, Callable[..., Any]] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    parsed: list[Paths] = field(default_factory=list)
    seen: list[Path] = field(default_factory=list)

    def code(self, formula: Formula, sight: Sight) -> Code:
        """The expression of a formula. Raises `Fault` for what cannot be compiled."""
        self.depth += 1
        try:
            if self.depth > DEEPEST:
                raise Fault("M119", "the formula is nested too deep", "split it into names under let:", at=formula.at)
            return self._code(formula, sight)
        finally:
            self.depth -= 1

    def _code(self, formula: Formula, sight: Sight) -> Code:
        match formula:
            case Text(text):
                return Code(repr(text), "text", constant=True)
            case Number(number):
                return Code(self.room.constant(number), "number", constant=True)
            case Truth(value):
                return Code(repr(value), "null" if value is None else "truth", constant=True)
            case Listing(items):
                codes = [self.code(i, sight) for i in items]
                return Code(f"[{', '.join(c.text for c in codes)}]", "gathered", all(c.constant for c in codes))
            case Read(path):
                return self.read(path, sight)
            case Call():
                from interpres.mapping.compiling.calls import call

                return call(self, formula, sight)
            case Not(operand):
                return Code(f"(not {self.truth(self.code(operand, sight))})", "truth")
            case Exists(operand):
                return self.exists(self.code(operand, sight))
            case Binary():
                return self.binary(formula, sight)

    # paths

    def read(self, path: Path, sight: Sight) -> Code:
        """The value of a path or a name."""
        index = index_of(path, sight)
        if index is not None:
            return Code(index, "number")
        taken = self.way(path, sight)
        named = taken.named
        if named is not None and named.loop is None and not path.parts:
            return Code(self._followed(named.variable, taken, path), named.kind, named.constant)
        text = taken.paths.value(taken.path, self._scope(taken, sight))
        kind: Kind = "gathered" if path.many else taken.paths.kind(taken.path)
        return Code(self._followed(text, taken, path), kind)

    def items(self, path: Path, sight: Sight) -> tuple[str, Way]:
        """The sequence of items of a path, and whose paths read on in them."""
        taken = self.way(path, sight)
        text = taken.paths.items(taken.path, self._scope(taken, sight))
        return self._followed(text, taken, path), taken

    def raw(self, path: Path, sight: Sight) -> Code:
        taken = self.way(path, sight)
        return Code(taken.paths.raw(taken.path, self._scope(taken, sight)), "text")

    def way(self, path: Path, sight: Sight) -> Way:
        """Whose paths read a path; what is read in the message's own document is noted for hoisting."""
        taken = way(path, sight)
        if taken.paths is sight.paths and taken.scope.document == sight.document:
            self.seen.append(taken.path)
        return taken

    def _followed(self, text: str, taken: Way, path: Path) -> str:
        """In the explain variant, what a name stands for is credited with what the name was made of."""
        named = taken.named
        if not self.traced or named is None or named.loop is not None or named.constant:
            return text
        if named.context:
            return f"_context({text}, {path.text!r})"
        return f"_again({text}, {named.number})"

    def _scope(self, taken: Way, sight: Sight) -> Scope:
        """The format's scope with the compiler's hook for conditions."""

        def condition(formula: Formula, item: str, chosen: Path) -> str:
            return self.condition(formula, Loop(item, "", chosen), taken.paths, sight)

        return replace(taken.scope, condition=condition, binds=sight.walrus)

    # conditions

    def condition(self, formula: Formula, here: Loop, chooser: Paths, sight: Sight) -> str:
        """A condition in brackets, true or false: left sides are read in what is chosen from, right sides outside."""
        outside = replace(sight, walrus=False)
        inside = replace(outside, here=here, chooser=chooser)
        text = self._test(formula, inside, outside)
        return f"_aside(_mark(), {text})" if self.traced else text

    def _test(self, formula: Formula, inside: Sight, outside: Sight) -> str:
        match formula:
            case Binary(operator="and" | "or"):
                left, right = self._test(formula.left, inside, outside), self._test(formula.right, inside, outside)
                return f"({left} {formula.operator} {right})"
            case Not(operand):
                return f"(not {self._test(operand, inside, outside)})"
            case Binary(operator=operator):
                asked = _position(formula.left, inside)
                if operator in COMPARISONS and isinstance(asked, Read) and self._several(asked.path, inside):
                    right = self.code(formula.right, outside).text
                    return f"_any_fits({COMPARISONS[operator]}, {self._values(asked.path, inside)}, {right})"
                return self.truth(self.binary(formula, outside, self.code(asked, inside)))
            case Exists(operand):
                return self.exists(self.code(_position(operand, inside), inside)).text
        return self.truth(self.code(_position(formula, inside), inside))

    def _several(self, path: Path, inside: Sight) -> bool:
        """Whether a condition's left side may find several values."""
        assert inside.chooser
        if path.root in ("document", "index") or (path.root == "here" and _is_repetition(inside.here)):
            return False
        return path.many or inside.chooser.grammar == "xml" or type(inside.chooser).values is not Paths.values

    def _values(self, path: Path, inside: Sight) -> str:
        taken = self.way(path, inside)
        scope = self._scope(taken, inside)
        if path.many:
            return taken.paths.value(taken.path, scope)
        if type(taken.paths).values is not Paths.values:
            return taken.paths.values(taken.path, scope)
        item = self.room.fresh("i")
        itself = Path("item", "", (), path.text, path.at)
        text = taken.paths.value(itself, replace(scope, loops=(*scope.loops, Loop(item, "", path)), here=None))
        return f"[{text} for {item} in {taken.paths.items(taken.path, scope)}]"

    # operators

    def binary(self, formula: Binary, sight: Sight, left: Code | None = None) -> Code:
        """An operator between two sides; `left` is given where a condition has read it already."""
        operator = formula.operator
        if operator in ("and", "or"):
            sides = [self.truth(self.code(side, sight)) for side in chain(formula, operator)]
            return Code(f"({f' {operator} '.join(sides)})", "truth")
        if operator == "&":
            first = [left] if left else [self.code(side, sight) for side in chain(formula.left, "&")]
            return self._join([*first, self.code(formula.right, sight)], sight)
        left = left or self.code(formula.left, sight)
        if operator == "matches":
            return self._matches(left, formula.right)
        if operator == "in":
            return Code(self.among(left, formula.right, sight), "truth")
        right = self.code(formula.right, sight)
        if operator in RECKONINGS:
            return Code(f"{RECKONINGS[operator]}({left.text}, {right.text})", "number", left.constant and right.constant)
        return Code(self.compare(operator, left, right), "truth")

    def compare(self, operator: str, left: Code, right: Code) -> str:
        """Python's own operator where it means the same: text against a text constant, anything against null."""
        if operator in ("=", "!="):
            sign = "==" if operator == "=" else "!="
            if left.kind == right.kind == "text" and (left.constant or right.constant):
                return f"({left.text} {sign} {right.text})"
            if right.kind == "null" and not left.constant:
                return f"({left.text} {'is' if operator == '=' else 'is not'} None)"
        return f"{COMPARISONS[operator]}({left.text}, {right.text})"

    def _join(self, sides: Sequence[Code], sight: Sight) -> Code:
        """`&`. The commonest, one text among constants, needs no call."""
        others = [s for s in sides if not s.constant]
        if not others:
            return Code(f"_join({', '.join(s.text for s in sides)})", "text", constant=True)
        if len(others) == 1 and all(s.kind == "text" for s in sides):
            return Code(self.let(others[0].text, sight, lambda first, again: _around(sides, first, again)), "text")
        wrapped = [s.text if not s.constant else f"({s.text},)" if s.kind == "text" else f"_constant({s.text})" for s in sides]
        return Code(f"_join({', '.join(wrapped)})", "text")

    def _matches(self, left: Code, right: Formula) -> Code:
        if not isinstance(right, Text):
            says = "a pattern stands in the formula itself, as text"
            raise Fault("M107", says, "write it in quotes; what a message holds is never used as a pattern", at=right.at)
        try:
            fits = self.room.keep(pattern(right.text).fits)
        except Fault as wrong:
            raise wrong.within(at=right.at) from None
        return Code(f"_matches({left.text}, {fits})", "truth")

    def among(self, left: Code, right: Formula, sight: Sight) -> str:
        """`x in …`: a table's codes, a set of texts where both sides are text, else one comparison after the other."""
        if isinstance(right, Call) and right.name == "table":
            from interpres.mapping.compiling.calls import table_of

            return f"_in_table({left.text}, {self.room.keep(table_of(right, sight, right.arguments))})"
        if left.kind == "text" and isinstance(right, Listing) and all(isinstance(i, Text) for i in right.items):
            texts = sorted({i.text for i in right.items if isinstance(i, Text)})
            return f"({left.text} in {{{', '.join(map(repr, texts))}}})" if texts else "False"
        return f"_among({left.text}, {self.code(right, sight).text})"

    def exists(self, operand: Code) -> Code:
        if operand.constant or operand.kind in ("gathered", "any", "list"):
            return Code(f"_exists({operand.text})", "truth")
        return Code(f"({operand.text} is not MISSING)", "truth")

    def truth(self, code: Code) -> str:
        """A yes or no of any value."""
        return code.text if code.kind == "truth" else f"_truth({code.text})"

    # tables, documents inside documents, names

    def codes(self, table: Table) -> str:
        """The object that is asked for what a code becomes; the explain variant has another under the same name."""
        name = f"T{self.room.keep(table)}"
        self.tables[name] = table
        return name

    def format_of(self, word: Formula, formula: Call) -> Format:
        """The format that `parse('xml')` and `write('xml')` name. Raises `Fault` M107, or what the finder of formats says."""
        if not isinstance(word, Text):
            says = f"{formula.name}() wants the name of a format"
            raise Fault("M107", says, f"write it as {formula.name}('xml')", at=formula.at)
        try:
            return self.formats(word.text, {})
        except Fault as wrong:
            raise wrong.within(at=word.at) from None

    # binding

    def let(self, text: str, sight: Sight, body: Callable[[str, str], str]) -> str:
        """An expression that uses another's value more than once: `body(first, again)`, the first evaluated first."""
        variable = self.room.fresh("t")
        if sight.walrus:
            return body(f"({variable} := {text})", variable)
        return f"(lambda {variable}: {body(variable, variable)})({text})"


def _around(sides: Sequence[Code], first: str, again: str) -> str:
    joined = " + ".join(s.text if s.constant else again for s in sides)
    return f"({joined} if {first}.__class__ is str else MISSING)"


def _is_repetition(here: Loop | None) -> bool:
    """Whether a repetition of a field is chosen from, in which every position is one value."""
    return here is not None and here.path is not None and any(isinstance(part, Field) for part in here.path.parts)


def _position(formula: Formula, inside: Sight) -> Formula:
    """A number on a condition's left side is a position where segments are chosen from: `PID-3[5 = 'PI']`."""
    assert inside.here
    assert inside.chooser
    if inside.chooser.grammar != "segments":
        return formula
    if isinstance(formula, Number) and not formula.written.startswith("-"):
        parts = tuple(Position(int(p)) for p in formula.written.split("."))
        return Read(Path("here", "", parts, formula.written, formula.at), formula.at)
    if isinstance(formula, Call) and formula.piped and not hasattr(formula.arguments[0], "match"):
        return replace(formula, arguments=(_position(formula.arguments[0], inside), *formula.arguments[1:]))
    return formula
