"""Compile: a mapping becomes one Python function, and the variant of it that records where every value came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Final

from interpres.fault import Fault, Faults, Place
from interpres.format import Format, Loop
from interpres.mapping.compiling.binding import lets, looping
from interpres.mapping.compiling.compiled import Compiled, Explained, Formats, Made, Variant, objects_of, reporting
from interpres.mapping.compiling.draw import Drawer
from interpres.mapping.compiling.explain import Leaf
from interpres.mapping.compiling.express import Coder
from interpres.mapping.compiling.lone import compile_formula
from interpres.mapping.compiling.room import Room, Source, bound, compiled
from interpres.mapping.compiling.scope import Named, Sight
from interpres.mapping.compiling.statements import Spot
from interpres.mapping.compiling.target import Sink, Target
from interpres.mapping.picture import Mapping as Picture
from interpres.path import Path, Where
from interpres.schema import Shape
from interpres.transform import Transform
from interpres.values.times import Times

__all__ = ["Compiled", "Explained", "Formats", "Leaf", "Made", "compile_formula", "compile_mapping"]

_HEADER: Final = "def work(d, X, C, F, W, N, D):"


def compile_mapping(
    mapping: Picture, formats: Formats, transforms: Mapping[str, Transform], shape: Shape | None = None
) -> Compiled:
    """The mapping as one Python function. Raises `Faults` with everything that cannot be compiled, at its place."""
    reader = formats(mapping.from_format, mapping.from_settings)
    making = _Making(mapping, formats, transforms, reader, shape)
    plain, tracing = making.variant(traced=False), making.variant(traced=True)
    return Compiled(mapping, reader.paths, plain, tracing, FunctionType(plain.code, dict(plain.objects)))


@dataclass(frozen=True, slots=True)
class _Making:
    """What both variants of a mapping are made of."""

    mapping: Picture
    formats: Formats
    transforms: Mapping[str, Transform]
    reader: Format
    shape: Shape | None

    def variant(self, *, traced: bool) -> Variant:
        """One variant, written twice: the first time shows which paths are read, so that the format can hoist them."""
        mapping = self.mapping
        times = Times.of(mapping.timezone, mapping.times, mapping.precision)
        seen: list[Path] = []
        for _ in range(2):
            coder = Coder(Room(), self.formats, self.transforms, times, traced=traced)
            drawer = Drawer(coder)
            coder.room.add(_HEADER)
            with coder.room.indented():
                for name, expression in self.reader.paths.hoist(seen, "d"):
                    coder.room.add(f"{name} = {expression}")
                try:
                    self.draw(drawer)
                except Fault as wrong:
                    drawer.faults.append(wrong.within(at=Place(mapping.file)))
                coder.room.add("return D")
            if drawer.faults:
                raise Faults(sorted(dict.fromkeys(drawer.faults), key=lambda f: f.at or Place("")))
            seen = coder.seen
        at = Place(mapping.file)
        title = f"mapping {mapping.name}{' explained' if traced else ''}"
        try:
            code = compiled(coder.room.lines, title, at)
        except Fault as wrong:
            raise Faults([wrong]) from None
        source = Source("\n".join(coder.room.lines) + "\n")
        objects = bound(code, {**objects_of(coder, self.reader), **reporting(drawer.rules)}, source).__globals__
        return Variant(code, objects, source, tuple(drawer.rules), coder.tables, tuple(coder.parsed))

    def draw(self, drawer: Drawer) -> None:
        """The statements of the whole mapping: names first, then its output or its edits."""
        mapping = self.mapping
        sight = self.let(drawer, self.needs(drawer))
        root = Target()
        if mapping.output is not None:
            drawer.node(mapping.output, Spot(Sink.list("D"), root, self.shape), sight)
            return
        with looping(drawer, mapping.each, sight, root) as inner:
            self.edits(drawer, inner)

    def needs(self, drawer: Drawer) -> Sight:
        """The names that the channel supplies; one that it does not is missing, with a warning."""
        room, names = drawer.coder.room, {}
        for name in self.mapping.needs:
            variable = room.fresh("n")
            at = self.mapping.places.get("needs", Place(self.mapping.file))
            number = drawer.rule(at, Target.of_name(name), name)
            room.add(f"{variable} = C.get({name!r}, MISSING)")
            room.add(f"if {name!r} not in C: _unsupplied(W, {number})")
            names[name] = Named(variable, context=True)
        return Sight("d", self.reader.paths, names, tables=self.mapping.tables)

    def let(self, drawer: Drawer, sight: Sight) -> Sight:
        return lets(drawer, self.mapping.let, sight, None)

    def edits(self, drawer: Drawer, sight: Sight) -> None:
        """The values are worked out from the document as it came; then a copy is made with all of them set."""
        room, sets = drawer.coder.room, []
        for edit in self.mapping.edits:
            variable = room.fresh("e")
            room.add(f"{variable} = MISSING")
            target = Target((edit.target.text,))
            drawer.node(edit.value, Spot(Sink.name(variable), target, None), sight)
            sets.append(f"({self.aimed(drawer.coder, edit.target, sight)}, {variable})")
        keep = sight.loops[-1].loop.item if sight.loops else "None"
        drops = room.keep(tuple(drop.what for drop in self.mapping.drops))
        number = drawer.rule(Place(self.mapping.file), Target(), "")
        room.add(
            f"if not F: _edit(F, {room.keep(self.reader)}, X, ({''.join(f'{s}, ' for s in sets)}), {drops}, {keep}, D, {number})"
        )

    def aimed(self, coder: Coder, target: Path, sight: Sight) -> str:
        """A target path as the format takes it: its conditions are functions that are asked of an item."""
        tests: list[str] = []
        for at, part in enumerate(target.parts):
            if isinstance(part, Where):
                item, chosen = coder.room.fresh("h"), replace(target, parts=target.parts[:at])
                test = coder.condition(part.condition, Loop(item, "", chosen), self.reader.paths, sight)
                tests.append(f"lambda {item}: {test}")
        kept = coder.room.keep(target)
        return f"_aimed({kept}, ({', '.join(tests)},))" if tests else kept
