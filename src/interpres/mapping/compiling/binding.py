"""Binding: names that stand for values, and loops that go round — what makes new variables in a generated function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from interpres.fault import Fault
from interpres.format import Loop, Paths
from interpres.mapping.compiling.calls import parsed_by
from interpres.mapping.compiling.lives import constant_formula
from interpres.mapping.compiling.scope import VALUES, Around, Kind, Living, Named, Sight
from interpres.mapping.compiling.statements import Spot
from interpres.mapping.compiling.target import Sink, Target
from interpres.mapping.formula import Read
from interpres.mapping.picture import Constant, Entry, Through, Worked
from interpres.path import Path

if TYPE_CHECKING:
    from interpres.mapping.compiling.draw import Drawer

MOST_LOOPS: Final = 15
"""Loops within one another; Python nests 20 blocks at most."""


def lets(draw: Drawer, entries: Sequence[Entry], sight: Sight, owner: Living | None) -> Sight:
    """Works out names in order; each sees those before it."""
    for entry in entries:
        sight = sight.naming({entry.key: _named(draw, entry, sight, owner)})
    return sight


def _named(draw: Drawer, entry: Entry, sight: Sight, owner: Living | None) -> Named:
    room = draw.coder.room
    variable = room.fresh("n")
    draw.numbers += 1
    target = Target.of_name(entry.key)
    if isinstance(entry.value, Constant):
        room.add(f"{variable} = {room.constant(entry.value.value)}")
        return Named(variable, _kind_of(entry.value.value), constant=True)
    named = Named(variable, number=draw.numbers, owner=owner)
    if isinstance(entry.value, Worked):
        return _worked(draw, entry.value, named, target, sight)
    room.add(f"{variable} = MISSING")
    draw.begin()
    draw.quiet += 1
    draw.node(entry.value, Spot(Sink.name(variable), target, None), sight)
    draw.quiet -= 1
    draw.traced(f"_named({named.number})")
    return named


def _worked(draw: Drawer, worked: Worked, named: Named, target: Target, sight: Sight) -> Named:
    """A name whose formula fails stays unbound: what reads it is passed over, for the fault is told already."""
    room = draw.coder.room
    number = draw.rule(worked.at, target, worked.text, formula=worked.formula, sight=sight)
    code = draw.coded(worked, replace(sight, leaf=f"({number}, {target.indexes})"))
    if code is None:
        return named
    draw.begin()
    room.add("try:")
    with room.indented():
        room.add(f"{named.variable} = {code.text}")
    room.add("except (Fault, NameError) as e:")
    with room.indented():
        room.add(f"{named.variable} = None; del {named.variable}; _fail(F, e, {number}, {target.indexes})")
    draw.traced(f"_named({named.number})")
    parsed = parsed_by(draw.coder, worked.formula)
    constant = constant_formula(worked.formula, sight)
    return replace(named, kind=code.kind, constant=constant, paths=parsed or VALUES)


@contextmanager
def looping(draw: Drawer, through: Sequence[Through], sight: Sight, target: Target) -> Iterator[Sight]:
    """Loops within one another; whatever is written inside stands in the innermost."""
    if not through:
        yield sight
        return
    first, *rest = through
    room = draw.coder.room
    if len(sight.loops) >= MOST_LOOPS:
        says = f"more than {MOST_LOOPS} loops stand within one another"
        raise Fault("M119", says, "build the inner lists under let:", at=first.at)
    several, item, index = room.fresh("s"), room.fresh("i"), room.fresh("j")
    around = _gone_through(draw, first, several, item, index, sight, target)
    line = room.add(f"for {index}, {item} in enumerate({several}, 1):")
    with room.indented():
        with looping(draw, rest, sight.inside(around), target) as inner:
            yield inner
        room.add("pass")
    if not room.uses(index, line):
        room.set(line, f"for {item} in {several}:")


def _gone_through(draw: Drawer, through: Through, several: str, item: str, index: str, sight: Sight, target: Target) -> Around:
    """Sets the variable of what is gone through; a fault in it is kept, and nothing is gone through."""
    over = through.over
    if isinstance(over, Worked) and isinstance(over.formula, Read):
        over = over.formula.path
    text = over.text
    number = draw.rule(through.at, target, f"$each: {text}")
    paths: Paths = VALUES
    document, path = sight.document, None
    try:
        if isinstance(over, Path):
            code, taken = draw.coder.items(over, sight)
            paths, document, path = taken.paths, taken.scope.document, over
        else:
            code = f"_sequence({draw.coder.code(over.formula, sight).text})"
    except Fault as wrong:
        draw.faults.append(wrong.within(at=through.at, target=target.template))
        code = "()"
    draw.coder.room.add(f"{several} = ()")
    with draw.trying(f"{several} = _bound(N, {code})", number, target, then=False):
        pass
    return Around(Loop(item, index, path, through.name), paths, document)


def loops_text(through: Sequence[Through]) -> str:
    """The loops of a `$each` as they are written."""
    return ", ".join(t.over.text for t in through)


def _kind_of(value: Any) -> Kind:
    if isinstance(value, str):
        return "text"
    if value is None:
        return "null"
    return "truth" if isinstance(value, bool) else "any" if isinstance(value, list | dict) else "number"
