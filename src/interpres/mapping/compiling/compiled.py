"""Compiled: a mapping ready to run, what it makes of a document, and what it can tell of every value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import CodeType, FunctionType
from typing import Any, Final, NamedTuple

from interpres.document import Document, Tree
from interpres.fault import Fault, Faults
from interpres.format import Format, Paths
from interpres.mapping.compiling import run
from interpres.mapping.compiling.explain import Leaf, Recorder
from interpres.mapping.compiling.express import Coder
from interpres.mapping.compiling.room import Source
from interpres.mapping.compiling.run import Codes
from interpres.mapping.compiling.target import Rule
from interpres.mapping.finding import NameTracks, located
from interpres.mapping.picture import Mapping as Picture
from interpres.mapping.tree import RUNTIME as TREE
from interpres.path import Path, Where
from interpres.table import Table

Formats = Callable[[str, Mapping[str, Any]], Format]
"""From a format's word and settings to the format; raises `Fault` where there is none."""

Indexes = tuple[int, ...]

MOST_FAULTS: Final = 1_000
"""Faults that one message may collect in a mapping; whoever mends it will not read more."""


class Made(NamedTuple):
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
class Variant:
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
    _plain: Variant
    _tracing: Variant
    _run: Callable[..., Any] = field(repr=False, compare=False)

    def __call__(self, document: Document, context: Mapping[str, Any]) -> Made:
        """What the mapping makes of a document. All faults are collected; none is raised."""
        faults: list[Fault] = []
        warnings: list[Fault] = []
        documents: list[Tree] = []
        try:
            self._run(document.tree, document, context, faults, warnings, [0], documents)
        except Enough:
            pass
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
        if self._paths.grammar == "tree":
            objects |= NameTracks(recorder, located(document.tree)).functions()
        objects |= recorder.functions()
        objects |= {name: Codes(table, recorder.used) for name, table in variant.tables.items()}
        function = FunctionType(variant.code, objects)
        try:
            function(document.tree, document, context, faults, warnings, [0], documents)
        except Enough:
            pass
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


class Enough(Exception):
    """A message is given up; its faults are collected already."""


def objects_of(coder: Coder, reader: Format) -> dict[str, Any]:
    """All that the generated code of a plain run calls by name."""
    objects = {**run.RUNTIME, **TREE}
    for paths in (*coder.parsed, reader.paths):
        objects |= paths.runtime(None)
    return {**objects, **coder.room.objects, **{name: Codes(table) for name, table in coder.tables.items()}}


def reporting(rules: list[Rule]) -> dict[str, Any]:
    """The functions that put a fault where it belongs."""

    def placed(wrong: Fault, number: int, indexes: Indexes) -> Fault:
        rule = rules[number]
        return wrong.within(at=rule.at, target=rule.target.path(indexes), source=rule.source)

    def fail(faults: list[Fault], wrong: Fault | NameError, number: int, indexes: Indexes) -> None:
        if isinstance(wrong, NameError):  # a name whose own fault is collected already
            if not faults:
                raise wrong
            return
        faults.append(placed(wrong, number, indexes))
        if isinstance(wrong, run.TooMuch) or len(faults) >= MOST_FAULTS:
            raise Enough

    def warn(warnings: list[Fault], wrong: Fault, leaf: tuple[int, Indexes]) -> None:
        if len(warnings) < MOST_FAULTS:
            warnings.append(placed(wrong, *leaf).but(level="warning"))

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

    return {"_fail": fail, "_warn": warn, "_unsupplied": unsupplied, "_edit": edit, "_aimed": aimed}


def aimed(target: Path, tests: Sequence[Callable[[Any], bool]]) -> Path:
    """A target path of `edits:` whose conditions can be asked of an item, as `Format.edit` takes it."""
    asked = iter(tests)
    return replace(target, parts=tuple(replace(p, condition=next(asked)) if isinstance(p, Where) else p for p in target.parts))
