"""Compile: a mapping becomes one Python function, and the variant of it that records where every value came from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Final

from interpres.document import Document, Tree
from interpres.fault import Fault, Faults, Place
from interpres.format import Format, Loop, Paths
from interpres.mapping import grammar, run
from interpres.mapping.draw import Drawer, Spot
from interpres.mapping.explain import Leaf, Recorder
from interpres.mapping.express import Coder
from interpres.mapping.formula import Formula
from interpres.mapping.lives import names_read
from interpres.mapping.picture import Mapping as Picture
from interpres.mapping.room import Room, Source, bound, compiled
from interpres.mapping.run import Codes
from interpres.mapping.scope import VALUES, Around, Named, Sight
from interpres.mapping.target import Rule, Sink, Target
from interpres.mapping.tree import RUNTIME as TREE
from interpres.path import Path
from interpres.schema import Shape
from interpres.table import Table
from interpres.times import Times
from interpres.transform import Transform
from interpres.yaml import Leaf as YamlLeaf

Formats = Callable[[str, Mapping[str, Any]], Format]
"""From a format's word and settings to the format; raises `Fault` where there is none."""

MOST_FAULTS: Final = 1_000
"""Faults that one message may collect in a mapping; whoever mends it will not read more."""

_HEADER: Final = "def work(d, X, C, F, W, N, D):"


@dataclass(frozen=True, slots=True)
class Made:
    """What a mapping made of one document: trees to encode, and all that was wrong. With faults there are no documents."""

    documents: tuple[Tree, ...]
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """The same, and a row for each leaf of the documents (of what was made of them before a fault, where there is one)."""

    made: Made
    leaves: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True)
class _Variant:
    """One compiled function: its code, the objects it calls, its source text, and the rules that it numbers."""

    code: CodeType
    objects: Mapping[str, Any]
    source: Source
    rules: tuple[Rule, ...]
    tables: Mapping[str, Table]
    parsed: tuple[Paths, ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """A mapping ready to run: call it with a document and a context, or ask it to explain."""

    picture: Picture
    _paths: Paths
    _plain: _Variant
    _tracing: _Variant
    _run: Callable[..., Any] = field(repr=False, compare=False)

    def __call__(self, document: Document, context: Mapping[str, Any]) -> Made:
        """What the mapping makes of a document. All faults are collected; none is raised."""
        faults: list[Fault] = []
        warnings: list[Fault] = []
        documents: list[Tree] = []
        _work(self._run, document, context, faults, warnings, documents)
        return Made(() if faults else tuple(documents), tuple(faults), tuple(warnings))

    def explain(self, document: Document, context: Mapping[str, Any]) -> Explained:
        """The same by the same code, and where every value came from."""
        faults: list[Fault] = []
        warnings: list[Fault] = []
        documents: list[Tree] = []
        variant = self._tracing
        recorder = Recorder(variant.rules, documents)
        objects = dict(variant.objects)
        for paths in (*variant.parsed, self._paths):
            objects |= paths.runtime(recorder)
        objects |= recorder.functions()
        objects |= {name: Codes(table, recorder.used) for name, table in variant.tables.items()}
        function = bound(variant.code, objects, variant.source)
        _work(function, document, context, faults, warnings, documents)
        made = Made(() if faults else tuple(documents), tuple(faults), tuple(warnings))
        return Explained(made, tuple(recorder.leaves()))

    @property
    def source(self) -> str:
        """The generated Python text of the plain variant."""
        return self._plain.source.text

    @property
    def targets(self) -> tuple[str, ...]:
        """Every path of the output that the mapping writes, `[]` for lists: `visits[].patient.sex`."""
        return tuple(dict.fromkeys(rule.target.template for rule in self.rules if not rule.is_name))

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every place of the mapping that makes a value."""
        return self._plain.rules


def _work(
    function: Callable[..., Any],
    document: Document,
    context: Mapping[str, Any],
    faults: list[Fault],
    warnings: list[Fault],
    documents: list[Tree],
) -> None:
    try:
        function(document.tree, document, context, faults, warnings, [0], documents)
    except _Enough:
        return


class _Enough(Exception):
    """A message is given up; its faults are collected already."""


def compile_mapping(
    mapping: Picture, formats: Formats, transforms: Mapping[str, Transform], shape: Shape | None = None
) -> Compiled:
    """The mapping as one Python function. Raises `Faults` with everything that cannot be compiled, at its place."""
    reader = formats(mapping.from_format, mapping.from_settings)
    making = _Making(mapping, formats, transforms, reader, shape)
    plain, tracing = making.variant(traced=False), making.variant(traced=True)
    return Compiled(mapping, reader.paths, plain, tracing, bound(plain.code, plain.objects, plain.source))


@dataclass(frozen=True, slots=True)
class _Making:
    """What both variants of a mapping are made of."""

    mapping: Picture
    formats: Formats
    transforms: Mapping[str, Transform]
    reader: Format
    shape: Shape | None

    def variant(self, *, traced: bool) -> _Variant:
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
                self.draw(drawer)
                coder.room.add("return D")
            if drawer.faults:
                raise Faults(sorted(dict.fromkeys(drawer.faults), key=lambda f: f.at or Place("")))
            seen = coder.seen
        at = Place(mapping.file)
        title = f"<mapping {mapping.name}{' explained' if traced else ''}>"
        try:
            code = compiled(coder.room.lines, title, at)
        except Fault as wrong:
            raise Faults([wrong]) from None
        source = Source("\n".join(coder.room.lines) + "\n")
        objects = {**_objects(coder, self.reader), **_reporting(drawer.rules)}
        return _Variant(code, objects, source, tuple(drawer.rules), coder.tables, tuple(coder.parsed))

    def draw(self, drawer: Drawer) -> None:
        """The statements of the whole mapping: names first, then its output or its edits."""
        mapping = self.mapping
        sight = self.let(drawer, self.needs(drawer))
        root = Target()
        if mapping.output is not None:
            drawer.node(mapping.output, Spot(Sink.list("D"), root, self.shape), sight)
            return
        with drawer.looping(mapping.each, sight, root) as inner:
            self.edits(drawer, inner)

    def needs(self, drawer: Drawer) -> Sight:
        """The names that the channel supplies; one that it does not is missing, with a warning."""
        room, names = drawer.coder.room, {}
        for name in self.mapping.needs:
            variable = room.fresh("n")
            at = self.mapping.places.get("needs", Place(self.mapping.file))
            number = drawer.rule(at, Target.of_name(name), name)
            room.add(f"{variable} = C.get({name!r}, MISSING)")
            room.add(f"if {variable} is MISSING: _unsupplied(W, {number})")
            names[name] = Named(variable, context=True)
        return Sight("d", self.reader.paths, names, tables=self.mapping.tables)

    def let(self, drawer: Drawer, sight: Sight) -> Sight:
        return drawer.lets(self.mapping.let, sight, None)

    def edits(self, drawer: Drawer, sight: Sight) -> None:
        """The values are worked out from the document as it came; then a copy is made with all of them set."""
        room, sets = drawer.coder.room, []
        for edit in self.mapping.edits:
            variable = room.fresh("e")
            room.add(f"{variable} = MISSING")
            target = Target((edit.target.text,))
            drawer.node(edit.value, Spot(Sink.name(variable), target, None), sight)
            sets.append(f"({room.keep(edit.target)}, {variable})")
        keep = sight.loops[-1].loop.item if sight.loops else "None"
        drops = room.keep(tuple(drop.what for drop in self.mapping.drops))
        number = drawer.rule(Place(self.mapping.file), Target(), "")
        room.add(
            f"if not F: _edit(F, {room.keep(self.reader)}, X, ({''.join(f'{s}, ' for s in sets)}), {drops}, {keep}, D, {number})"
        )


def _objects(coder: Coder, reader: Format) -> dict[str, Any]:
    """All that the generated code of a plain run calls by name."""
    objects = {**run.RUNTIME, **TREE}
    for paths in (*coder.parsed, reader.paths):
        objects |= paths.runtime(None)
    return {**objects, **coder.room.objects, **{name: Codes(table) for name, table in coder.tables.items()}}


def _reporting(rules: list[Rule]) -> dict[str, Any]:
    """The functions that put a fault where it belongs."""

    def placed(wrong: Fault, number: int, indexes: tuple[int, ...]) -> Fault:
        rule = rules[number]
        return wrong.within(at=rule.at, target=rule.target.path(indexes), source=rule.source)

    def fail(faults: list[Fault], wrong: Fault | NameError, number: int, indexes: tuple[int, ...]) -> None:
        if isinstance(wrong, NameError):  # a name whose own fault is collected already
            if not faults:
                raise wrong
            return
        faults.append(placed(wrong, number, indexes))
        if isinstance(wrong, run.TooMuch) or len(faults) >= MOST_FAULTS:
            raise _Enough

    def warn(warnings: list[Fault], wrong: Fault, number: int, indexes: tuple[int, ...]) -> None:
        if len(warnings) < MOST_FAULTS:
            warnings.append(placed(wrong, number, indexes).but(level="warning"))

    def unsupplied(warnings: list[Fault], number: int) -> None:
        rule = rules[number]
        says = f"the context does not hold '{rule.text}', so it is missing"
        hint = "let the channel supply it (enrich: or keys:), or put it into context.json"
        warnings.append(Fault("M212", says, hint, at=rule.at, level="warning"))

    def edit(
        faults: list[Fault],
        format_: Format,
        document: Document,
        sets: Any,
        drops: Any,
        keep: Any,
        documents: list[Tree],
        number: int,
    ) -> None:
        try:
            documents.append(format_.edit(document, sets, drops, keep))
        except Fault as wrong:
            faults.append(wrong.within(at=rules[number].at))
        except Faults as several:
            faults += (wrong.within(at=rules[number].at) for wrong in several)

    return {"_fail": fail, "_warn": warn, "_unsupplied": unsupplied, "_edit": edit}


def compile_formula(
    written: str | YamlLeaf,
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
    if isinstance(written, YamlLeaf):
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
    objects = {**_objects(coder, format), **_reporting([Rule(place, Target(), text)])}
    objects["_placed"] = lambda wrong: wrong.within(at=place)
    return bound(compiled(lines, f"<formula {place}>", place), objects, source)


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
