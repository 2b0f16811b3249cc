"""Lone: one formula outside any mapping — a channel's keys, a system's answers — becomes a function."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from interpres.fault import Fault, Place
from interpres.format import Format, Loop
from interpres.mapping.compiling.compiled import Formats, objects_of, reporting
from interpres.mapping.compiling.express import Coder
from interpres.mapping.compiling.lives import names_read
from interpres.mapping.compiling.room import Room, Source, bound, compiled
from interpres.mapping.compiling.scope import VALUES, Around, Named, Sight
from interpres.mapping.compiling.target import Rule, Target
from interpres.mapping.formula import Formula
from interpres.mapping.reading import grammar
from interpres.path import Path
from interpres.table import Table
from interpres.transform import Transform
from interpres.values.times import Times
from interpres.yaml import Leaf


def compile_formula(
    written: str | Leaf,
    at: Place | None = None,
    *,
    format: Format,
    names: Collection[str] = (),
    tables: Mapping[str, Any] | None = None,
    transforms: Mapping[str, Transform],
    timezone: str | None = None,
    formats: Formats | None = None,
) -> Callable[[Any, Mapping[str, Any]], Any]:
    """One formula as a function of a document's tree and the values of `names`; it gives a value or MISSING, and raises `Fault`.

    `written` is the formula with or without its `=`. Among `names`, `.` stands for the item that `.` reads, `$index` for its
    number. Raises `Fault` for what cannot be read or compiled.
    """
    if isinstance(written, Leaf):
        worked = grammar.worked(written, format.paths.grammar)
        formula, text, place = worked.formula, worked.text, worked.at
    else:
        place = at or Place("")
        text = written.removeprefix("=")
        formula = grammar.parse(text, place, format.paths.grammar)
    seen: list[Path] = []
    for _ in range(2):
        coder = Coder(Room(), formats or _no_formats, transforms, Times.of(timezone))
        lines = _FormulaLines(coder, format, names, tables or {}).write(formula, seen, place)
        seen = coder.seen
    source = Source("\n".join(lines) + "\n")
    objects = {**objects_of(coder, format), **reporting([Rule(place, Target(), text)])}
    objects["_placed"] = lambda wrong: wrong.within(at=place)
    return bound(compiled(lines, f"formula {place}", place), objects, source)


class _FormulaLines:
    """Writes the function of one formula: of a document `d` and the values of names `C`."""

    def __init__(self, coder: Coder, reader: Format, names: Collection[str], tables: Mapping[str, Table]) -> None:
        self.coder = coder
        self.reader = reader
        self.names = names
        self.tables = tables

    def write(self, formula: Formula, seen: list[Path], place: Place) -> list[str]:
        room = self.coder.room
        sight = self.sight(names_read(formula))
        try:
            code = self.coder.code(formula, sight)
        except Fault as wrong:
            raise wrong.within(at=place) from None
        text = {"gathered": f"_listed({code.text})", "any": f"_tidy({code.text})"}.get(code.kind, code.text)
        given = list(room.lines)
        room.lines.clear()
        room.add("def work(d, C):")
        with room.indented():
            room.add("N, W = [0], []")
            room.add("try:")
            with room.indented():
                for line in (*(f"{name} = {code}" for name, code in self.reader.paths.hoist(seen, "d")), *given):
                    room.add(line)
                room.add(f"return {text}")
            room.add("except Fault as e:")
            with room.indented():
                room.add("raise _placed(e) from None")
        return room.lines

    def sight(self, read: Collection[str]) -> Sight:
        room, named = self.coder.room, {}
        loops: tuple[Around, ...] = ()
        for name in self.names:
            if name in read:
                named[name] = Named(room.fresh("n"), context=True)
                room.add(f"{named[name].variable} = C.get({name!r}, MISSING)")
        if "." in self.names:
            room.add("i = C.get('.', MISSING)")
            room.add("j = C.get('$index', MISSING)")
            loops = (Around(Loop("i", "j"), VALUES, "d"),)
        return Sight("d", self.reader.paths, named, loops, self.tables)


def _no_formats(word: str, settings: Mapping[str, Any]) -> Format:
    says = f"{word} cannot be read or written in this formula"
    raise Fault("M107", says, "do it in a mapping, under let:")
