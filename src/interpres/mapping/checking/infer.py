"""Infer: goes through a formula without a message, finds what cannot be right in it, and says what its value may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from interpres.fault import Fault, Place, a_slip_apart, did_you_mean
from interpres.format import Paths
from interpres.mapping.checking.infer_calls import Calls
from interpres.mapping.checking.sight import Name, Sight
from interpres.mapping.checking.value import (
    ANY,
    ANY_CAME,
    CAME,
    MADE,
    NUMBER,
    TRUTH,
    WHOLE,
    WORDS,
    Known,
    Value,
    any_of,
    list_of,
    told,
)
from interpres.mapping.compiling.scope import no_loop
from interpres.mapping.formula import Arrow, Binary, Call, Exists, Formula, Listing, Not, Number, Read, Text, Truth
from interpres.path import Every, Field, Key, Path, Position, Where
from interpres.transform import Transform

SEGMENT: Final = re.compile(r"[A-Z][A-Z0-9]{1,2}\Z")
"""How a bare name must look to be a segment of HL7 v2 or X12; any other is a name that somebody declared."""


class Reader:
    """Reads formulas; `report` is told every fault, `used_tables` and `document_names` gather what they read."""

    def __init__(self, paths: Paths, transforms: Mapping[str, Transform], report: Callable[[Fault], None]) -> None:
        self.paths = paths
        self.transforms = transforms
        self.report = report
        self.calls = Calls(self)
        self.used_tables: set[Place] = set()
        self.document_names: dict[str, Place] = {}

    def value(self, formula: Formula, sight: Sight) -> Value:
        """What the formula may give; everything wrong in it is reported."""
        match formula:
            case Text(text, at):
                return Value(known=(Known(text, at),))
            case Number(number, _, at):
                return Value(known=(Known(number, at),))
            case Truth(truth, at):
                return Value(known=(Known(truth, at),))
            case Listing(items):
                return list_of(any_of([self.value(i, sight) for i in items]))
            case Read(path):
                return self.read(path, sight)
            case Call():
                return self.calls.call(formula, sight)
            case Not(operand):
                self.yes_or_no(operand, sight)
            case Exists(operand):
                self.value(operand, sight)
            case Binary():
                return self.binary(formula, sight)
        return TRUTH

    def yes_or_no(self, formula: Formula, sight: Sight) -> None:
        """M107 where a test cannot be a yes or no: text, a number, a list."""
        value = self.value(formula, sight)
        wrong = value.all_kinds() - {"truth", "any"}
        if wrong:
            hint = "did you mean 'exists'?" if isinstance(formula, Read) else "compare it with something"
            says = f"a yes or no is wanted here, and this is {WORDS[min(wrong)]}"
            self.report(Fault("M107", says, hint, at=formula.at))

    # reading

    def read(self, path: Path, sight: Sight) -> Value:
        """The value of a path or a name."""
        self.choices(path, sight)
        if path.root == "index":
            return self._index(path, sight)
        named = sight.names.get(path.name) if path.root == "name" and sight.here is None else None
        if named is not None:
            named.used = True
            return self._from_name(path, named)
        if path.root == "item" and sight.here is None:
            return self._from_item(path, sight)
        return self.from_document(path, sight)

    def from_document(self, path: Path, sight: Sight) -> Value:
        """The value of a path into the document, whatever is declared."""
        if path.root in ("name", "tick") and sight.here is None:
            if not self._may_be_there(path, sight):
                return ANY
            self.document_names.setdefault(path.name, path.at)
        elif path.root == "document" and path.parts and isinstance(path.parts[0], Key):
            self.document_names.setdefault(path.parts[0].name, path.at)
        return self._checked(_chosen(path, sight, self.paths), [loop for loop in sight.loops if loop is not None])

    def _checked(self, path: Path, loops: Sequence[Path]) -> Value:
        for fault in self.paths.check(path, loops):
            self.report(fault if fault.at else fault.but(at=path.at))
        one = CAME if self.paths.kind(path) == "text" else ANY_CAME
        return list_of(one) if path.many else one

    def choices(self, path: Path, sight: Sight) -> None:
        """The conditions in a path's brackets: left sides inside what is chosen from, right sides outside."""
        for index, part in enumerate(path.parts):
            if isinstance(part, Where):
                self._condition(part.condition, replace(path, parts=path.parts[:index]), sight)

    def _condition(self, formula: Formula, chosen: Path, sight: Sight) -> None:
        inside = replace(sight, here=chosen)
        match formula:
            case Binary(operator="and" | "or"):
                self._condition(formula.left, chosen, sight)
                self._condition(formula.right, chosen, sight)
            case Not(operand):
                self._condition(operand, chosen, sight)
            case Binary():
                self._inside(formula.left, inside)
                self._right(formula, sight)
            case Exists(operand):
                self._inside(operand, inside)
            case _:
                self._inside(formula, inside)

    def _inside(self, formula: Formula, inside: Sight) -> None:
        """A number on the left is a position where segments are chosen from."""
        if isinstance(formula, Number) and self.paths.grammar == "segments" and not formula.written.startswith("-"):
            parts = tuple(Position(int(p)) for p in formula.written.split("."))
            self.from_document(Path("here", "", parts, formula.written, formula.at), inside)
        elif isinstance(formula, Call) and formula.piped and formula.arguments and not isinstance(formula.arguments[0], Arrow):
            self._inside(formula.arguments[0], inside)
        else:
            self.value(formula, inside)

    def _right(self, formula: Binary, sight: Sight) -> Value:
        """The right side of a comparison; `in table(t)` asks a table, all else is a value."""
        if formula.operator == "in" and isinstance(formula.right, Call) and formula.right.name == "table":
            self.calls.table(formula.right, sight)
            return ANY
        return self.value(formula.right, sight)

    def _may_be_there(self, path: Path, sight: Sight) -> bool:
        """Whether a bare name that nobody declared may be the document's own; M105 where it may not."""
        segments = self.paths.grammar == "segments"
        if self.paths.grammar == "xml" or (segments and not SEGMENT.match(path.name)):
            declare = "declare it under let: or needs:" if segments else "an element is written /name"
            near = did_you_mean(path.name, sight.names)
            self.report(Fault("M105", f"there is no name '{path.name}' here", near or declare, at=path.at))
            return False
        near_names = [n for n in sight.names if path.root == "name" and a_slip_apart(path.name, n)]
        if near_names and not segments:
            says = f"'{path.name}' is read from the document: no such name is declared"
            hint = f"did you mean '{near_names[0]}'? write $.{path.name} if the document is meant"
            self.report(Fault("M105", says, hint, at=path.at, level="warning"))
        return True

    def _index(self, path: Path, sight: Sight) -> Value:
        if not sight.loops:
            self.report(no_loop(path.text, path.at))
        return WHOLE

    def _from_name(self, path: Path, named: Name) -> Value:
        if path.parts == (Key("$index"),):
            if named.kind != "loop":
                says = f"there is no loop named '{path.name}' around this"
                self.report(Fault("M104", says, f"name the loop, as in $each: {{{path.name}: PATH}}", at=path.at))
            return WHOLE
        if not path.parts:
            return named.value
        plain = named.value.all_kinds()
        if plain and plain <= {"text", "number", "truth"} and named.kind != "loop":
            says = f"'{path.name}' is {WORDS[min(plain)]}, and a path cannot go on in it"
            self.report(Fault("M104", says, f"write {path.name} alone", at=path.at))
        if named.kind == "loop":
            return self._checked(replace(path, root="item", name=""), named.loops)
        inner = ANY_CAME if "came" in named.value.origins else ANY
        return list_of(inner) if path.many else inner

    def _from_item(self, path: Path, sight: Sight) -> Value:
        if not sight.loops:
            self.report(no_loop(path.text, path.at))
            return ANY
        if sight.loops[-1] is None:
            return sight.items[-1] if not path.parts else ANY
        return self.from_document(path, sight)

    # operators

    def binary(self, formula: Binary, sight: Sight) -> Value:
        """The value of an operator; text is never reckoned with."""
        match formula.operator:
            case "and" | "or":
                self.yes_or_no(formula.left, sight)
                self.yes_or_no(formula.right, sight)
                return TRUTH
            case "&":
                self._joined(formula.left, sight)
                self._joined(formula.right, sight)
                return MADE
            case "+" | "-" | "*" | "/":
                sides = [self._number(side, formula.operator, sight) for side in (formula.left, formula.right)]
                return WHOLE if all(sides) and formula.operator != "/" else NUMBER
        left = self.value(formula.left, sight)
        right = self._right(formula, sight)
        if formula.operator == "matches" and not isinstance(formula.right, Text):
            says = "a pattern stands in the formula itself, as text"
            hint = "write it in quotes; what a message holds is never used as a pattern"
            self.report(Fault("M107", says, hint, at=formula.right.at))
        if formula.operator in ("=", "!="):
            self._never_equal(formula, left, right)
        return TRUTH

    def _never_equal(self, formula: Binary, left: Value, right: Value) -> None:
        """A warning where a value that is wholly known is compared with text that it never is."""
        for side, other in ((left, right), (right, left)):
            one = other.known[0].value if other.certain and len(other.known) == 1 else None
            from_table = side.certain and any(k.table for k in side.known)
            if one is not None and from_table and one not in [k.value for k in side.known]:
                hint = f"table {side.known[0].table} gives {told(side.known)}"
                self.report(Fault("M141", "this can never be equal", hint, at=formula.right.at, level="warning"))

    def _joined(self, formula: Formula, sight: Sight) -> None:
        kinds = self.value(formula, sight).all_kinds()
        if kinds and kinds <= {"list", "block"}:
            says = f"& joins text, and this is {WORDS[min(kinds)]}"
            self.report(Fault("M107", says, "make one text of a list with | join(', ')", at=formula.at))

    def _number(self, formula: Formula, operator: str, sight: Sight) -> bool:
        """Whether a side of a sum or product is surely whole; M103 where it is no number."""
        value = self.value(formula, sight)
        wrong = value.all_kinds() - {"number", "any"}
        if wrong:
            hint = "add | number" if "text" in wrong else "only numbers can be reckoned with"
            says = f"{WORDS[min(wrong)]} where a number is wanted beside '{operator}'"
            self.report(Fault("M103", says, hint, at=formula.at))
        constants = [k.value for k in value.known]
        return (value.whole or value.certain) and all(isinstance(c, int) for c in constants)

    # loops

    def items(self, several: Formula, sight: Sight) -> Value:
        """What a loop through a formula or a path binds: M107 where it is one plain value that no document holds."""
        value = self.value(several, sight)
        kinds = value.all_kinds()
        if not isinstance(several, Read) and kinds and kinds <= {"text", "number", "truth"}:
            says = f"a list is wanted here, and this is {WORDS[min(kinds)]}"
            self.report(Fault("M107", says, "give a path or a list, as in each(FT1, FT1-10)", at=several.at))
        return value.items or ANY


def _chosen(path: Path, sight: Sight, paths: Paths) -> Path:
    """What a condition's left side reads, as the whole path that it means: `PID-3[5 = 'PI']` asks for PID-3.5."""
    here = sight.here
    if here is None:
        return path
    before = tuple(p for p in here.parts if not isinstance(p, Every | Where))
    if path.root == "name" and paths.grammar == "tree":
        return replace(here, parts=(*before, Key(path.name), *path.parts), text=path.text, at=path.at)
    if path.root != "here" or not all(isinstance(p, Position) for p in path.parts):
        return path
    if any(isinstance(p, Field | Position) for p in before):
        return replace(here, parts=(*before, *path.parts), at=path.at)
    first = path.parts[0]
    assert isinstance(first, Position)
    return replace(here, parts=(*before, Field(first.number), *path.parts[1:]), at=path.at)
