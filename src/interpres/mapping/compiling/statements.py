"""Statements: the few kinds of statement that generated functions consist of, each with its place in the mapping kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from interpres.fault import Fault, Place
from interpres.mapping.compiling.express import Code, Coder
from interpres.mapping.compiling.lives import owners_of, reads_document, source_of
from interpres.mapping.compiling.scope import Living, Sight
from interpres.mapping.compiling.target import Rule, Sink, Target
from interpres.mapping.formula import Formula
from interpres.mapping.picture import Worked
from interpres.schema import Shape


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value goes: its sink, its shape, what is written when it is absent ('': nothing), and the block around it."""

    sink: Sink
    target: Target
    shape: Shape | None
    absent: str = ""
    parent: Living | None = None

    @property
    def takes_null(self) -> bool:
        return self.shape is None or self.shape.nullable


@dataclass(slots=True)
class Statements:
    """Writes statements into the coder's room and remembers a rule for every value. `quiet` is above 0 inside the blocks of
    names, which are no values of the output."""

    coder: Coder
    rules: list[Rule] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    quiet: int = 0
    numbers: int = 0

    def coded(self, worked: Worked, sight: Sight) -> Code | None:
        """The expression of a formula, or None and its fault kept."""
        try:
            return self.coder.code(worked.formula, sight)
        except Fault as wrong:
            self.faults.append(wrong.within(at=worked.at))
            return None

    @contextmanager
    def trying(self, statement: str, number: int, target: Target, then: bool = True) -> Iterator[None]:
        """A statement whose fault is kept with its place; what is written inside happens where there was none."""
        room = self.coder.room
        self.begin()
        room.add("try:")
        with room.indented():
            room.add(statement)
        room.add("except (Fault, NameError) as e:")
        with room.indented():
            room.add(f"_fail(F, e, {number}, {target.indexes})")
        if then:
            room.add("else:")
            with room.indented():
                yield
        else:
            yield

    def write(self, spot: Spot, value: str, number: int, alive: Sequence[Living] = ()) -> None:
        """Puts a value where it goes."""
        self.hook(number, spot.target, value)
        self.coder.room.add(spot.sink.write(value))
        for living in alive:
            self.lift(living)

    def absent(self, spot: Spot, at: Place, text: str) -> None:
        """What the schema wants in place of a value that is absent: null, `[]` or nothing."""
        if spot.absent:
            self.write(spot, spot.absent, self.rule(at, spot.target, text, constant=True))

    def alive(self, formula: Formula, spot: Spot, sight: Sight) -> list[Living]:
        """The blocks that live by this formula's value: the one it stands in, if it reads the document, and those whose own
        `$let` it reads."""
        living = owners_of(formula, sight)
        if spot.parent is not None and reads_document(formula, sight) and spot.parent not in living:
            living.append(spot.parent)
        for one in living:
            one.counts = one.touched = True
        return living

    def lift(self, living: Living | None, when: str = "") -> None:
        """Says at run time that a block lives."""
        if living is None:
            return
        living.touched = True
        self.coder.room.add(f"if {when}: {living.variable} = True" if when else f"{living.variable} = True")

    def rule(
        self,
        at: Place,
        target: Target,
        text: str,
        *,
        constant: bool = False,
        formula: Formula | None = None,
        sight: Sight | None = None,
    ) -> int:
        """Remembers one place that makes a value; the number is how the code tells of it."""
        source = source_of(formula, sight) if formula is not None and sight is not None else ""
        self.rules.append(Rule(at, target, text, constant, bool(self.quiet) or target.is_name, source))
        return len(self.rules) - 1

    # what only the explain variant has

    def traced(self, line: str) -> None:
        """A line of the explain variant alone."""
        if self.coder.traced:
            self.coder.room.add(line)

    def begin(self) -> None:
        """What was read before is credited to nothing that follows."""
        if not self.quiet:
            self.traced("_begin()")

    def hook(self, number: int, target: Target, value: str) -> None:
        """A value is about to be written."""
        if not self.quiet:
            word = "_written" if self.rules[number].constant else "_leaf"
            self.traced(f"{word}({number}, {target.indexes}, {value})")

    def empty_leaf(self, name: str, spot: Spot, at: Place, text: str) -> None:
        """A block that lives though nothing is written in it is a leaf of the output, too."""
        if self.coder.traced and not self.quiet:
            number = self.rule(at, spot.target, text, constant=True)
            self.coder.room.add(f"if not {name}: _written({number}, {spot.target.indexes}, {name})")

    def marked(self) -> str:
        """The variable of how many values there were before a block that may be dropped."""
        mark = self.coder.room.fresh("m")
        if not self.quiet:
            self.traced(f"{mark} = _marked()")
        return mark

    def unmarked(self, mark: str) -> None:
        """The block was dropped with all its values."""
        if not self.quiet:
            self.traced(f"_unmarked({mark})")
