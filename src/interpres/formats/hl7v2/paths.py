"""Paths into HL7 v2 messages: `PID-5.1`, `PID-3[5 = 'PI'].1`, `OBX[3.1 = '8480-6']-5`, and in loops `.4`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from interpres.fault import Fault
from interpres.format import Grammar, Loop, Paths, Scope, Trace
from interpres.formats.hl7v2 import coded, quick
from interpres.formats.hl7v2.delimiters import HEADERS
from interpres.formats.hl7v2.reads import PLAIN, traced
from interpres.formats.hl7v2.shape import Shape, impossible, shape_of, title_of
from interpres.path import Every, Field, Index, Path, Where


class SegmentPaths(Paths):
    """Python expressions for paths; the functions that they call are in `reads`.

    A segment that a name means without any loop around it stands in a variable that `hoist` sets: `hl7v2_d_PID`.
    """

    grammar: ClassVar[Grammar] = "segments"

    def value(self, path: Path, scope: Scope) -> str:
        shape = shape_of(path)
        if not shape.name:
            return self._of_item(path, shape, scope)
        if path.many:
            return f"[{self._each(path, shape, scope)}]"
        segment = self._segment(path, shape, scope)
        if shape.field is None:
            return f"hl7v2_there({segment})"
        if (
            (code := coded.code_of(shape.repetition))
            and len(shape.positions) < 2
            and not (shape.name in HEADERS and shape.field < 3)
        ):
            return f"hl7v2_coded({segment}, {shape.field}, {code[0]}, {code[1]!r}{_more(shape.positions)})"
        if shape.repetition is not None:
            return _below(self._piece(segment, path, shape, scope), shape)
        if quick.is_quick(shape) and segment == quick.segment_of(scope.document, shape.name):
            return quick.read(scope.document, shape) if scope.binds else _read(_found(scope.document, shape.name), shape)
        return _read(segment, shape)

    def values(self, path: Path, scope: Scope) -> str:
        shape = shape_of(path)
        if not shape.name:
            item = (scope.here or scope.loops[-1]).item if path.root != "document" else scope.document
            return f"hl7v2_insides({item}{_more(shape.positions)})"
        return f"hl7v2_present([{self._each(path, shape, scope, omitted='all')}])"

    def items(self, path: Path, scope: Scope) -> str:
        shape = shape_of(path)
        if not shape.name:
            item = (scope.here or scope.loops[-1]).item if path.root != "document" else scope.document
            return f"hl7v2_below({item}{_more(shape.positions)})"
        segments = self._segments(path, shape, scope, omitted="all")
        if shape.field is None:
            return segments
        one, piece = _inner(scope, "s"), _inner(scope, "p")
        pieces = self._pieces(one, path, shape, scope, omitted="all")
        if not shape.positions:
            return f"[{piece} for {one} in {segments} for {piece} in {pieces}]"
        below = f"hl7v2_below({piece}{_more(shape.positions)})"
        return f"[{piece} for {one} in {segments} for {piece} in {pieces} for {piece} in {below}]"

    def raw(self, path: Path, scope: Scope) -> str:
        shape = shape_of(path)
        if path.many:
            hint = "choose one, or go through them with $each and read raw(.)"
            raise Fault("M107", "raw() reads one text, and this path means several", hint, at=path.at)
        if not shape.name:
            return f"hl7v2_raw_inside({(scope.here or scope.loops[-1]).item}{_more(shape.positions)})"
        segment = self._segment(path, shape, scope)
        if shape.field is None:
            return f"hl7v2_raw_inside({segment})"
        if shape.repetition is not None:
            return f"hl7v2_raw_inside({self._piece(segment, path, shape, scope)}{_more(shape.positions)})"
        if segment == quick.segment_of(scope.document, shape.name):
            segment = _found(scope.document, shape.name)
        return f"hl7v2_raw({segment}, {shape.field}{_more(shape.positions)})"

    def runtime(self, trace: Trace | None) -> Mapping[str, Any]:
        if trace is None:
            return {**PLAIN, **quick.PLAIN, "hl7v2_coded": coded.coded}
        told = traced(trace)
        return {**told, **quick.traced(trace, told), "hl7v2_coded": coded.traced(trace)}

    def hoist(self, paths: Sequence[Path], document: str) -> Sequence[tuple[str, str]]:
        return quick.hoisted(paths, document)

    def check(self, path: Path, loops: Sequence[Path]) -> Iterator[Fault]:
        return impossible(path, loops)

    def kind(self, path: Path) -> Literal["text", "any"]:
        """Text, except where a whole segment is meant (`FT1 exists`)."""
        whole = path.root in ("name", "document", "tick") and not any(isinstance(part, Field) for part in path.parts)
        return "any" if whole or (path.root == "item" and not path.parts) else "text"

    def title(self, path: str) -> str:
        return title_of(path)

    # segments

    def _segment(self, path: Path, shape: Shape, scope: Scope) -> str:
        """The one segment that a path means, or `hl7v2_nothing`."""
        choice = shape.segment
        if isinstance(choice, Index):
            return f"hl7v2_nth({self._around(path, shape, scope)}, {choice.number})"
        if isinstance(choice, Where):
            return self._first_that(choice, self._around(path, shape, scope), "hl7v2_nothing", path, scope)
        if path.root == "name" and (not scope.loops or shape.name in HEADERS) and shape.name.isidentifier():
            return quick.segment_of(scope.document, shape.name)
        if path.root == "document" or not scope.loops:
            return _found(scope.document, shape.name)
        return _own(shape.name, scope) or f"hl7v2_near({_standing(shape.name, scope)})"

    def _around(self, path: Path, shape: Shape, scope: Scope) -> str:
        """All segments of the name, as seen from the loops around."""
        if path.root == "document" or not scope.loops or shape.name in HEADERS:
            return f"hl7v2_every({scope.document}, {shape.name!r})"
        return f"hl7v2_near_all({_standing(shape.name, scope)})"

    def _segments(self, path: Path, shape: Shape, scope: Scope, *, omitted: Literal["first", "all"]) -> str:
        """The sequence of segments that a path means."""
        choice = shape.segment
        if isinstance(choice, Where) and choice.many:
            return self._all_that(choice, self._around(path, shape, scope), path, scope)
        if isinstance(choice, Every) or (choice is None and omitted == "all"):
            return self._around(path, shape, scope)
        return f"hl7v2_only({self._segment(path, shape, scope)})"

    # repetitions

    def _piece(self, segment: str, path: Path, shape: Shape, scope: Scope) -> str:
        choice = shape.repetition
        if isinstance(choice, Where):
            pieces = f"hl7v2_pieces({segment}, {shape.field})"
            return self._first_that(choice, pieces, "hl7v2_no_piece", path, scope)
        number = choice.number if isinstance(choice, Index) else 1
        return f"hl7v2_repetition({segment}, {shape.field}, {number})"

    def _pieces(self, segment: str, path: Path, shape: Shape, scope: Scope, *, omitted: Literal["first", "all"]) -> str:
        choice = shape.repetition
        pieces = f"hl7v2_pieces({segment}, {shape.field})"
        if isinstance(choice, Where) and choice.many:
            return self._all_that(choice, pieces, path, scope)
        if isinstance(choice, Every) or (choice is None and omitted == "all"):
            return pieces
        return f"hl7v2_only({self._piece(segment, path, shape, scope)})"

    def _each(self, path: Path, shape: Shape, scope: Scope, omitted: Literal["first", "all"] = "first") -> str:
        """What stands in the brackets of a list of values."""
        one, piece = _inner(scope, "s"), _inner(scope, "p")
        segments = self._segments(path, shape, scope, omitted=omitted)
        if shape.field is None:
            return f"*{segments}"
        if shape.repetition is None and omitted == "first":
            return f"{_read(one, shape)} for {one} in {segments}"
        pieces = self._pieces(one, path, shape, scope, omitted=omitted)
        return f"hl7v2_inside({piece}{_more(shape.positions)}) for {one} in {segments} for {piece} in {pieces}"

    def _of_item(self, path: Path, shape: Shape, scope: Scope) -> str:
        if path.root == "document":
            return scope.document
        return _below((scope.here or scope.loops[-1]).item, shape)

    # conditions

    def _first_that(self, choice: Where, found: str, nothing: str, path: Path, scope: Scope) -> str:
        one = _inner(scope, "h")
        return f"hl7v2_that({found}, lambda {one}: {self._test(choice, one, path, scope)}, {nothing})"

    def _all_that(self, choice: Where, found: str, path: Path, scope: Scope) -> str:
        one = _inner(scope, "h")
        return f"[{one} for {one} in {found} if {self._test(choice, one, path, scope)}]"

    def _test(self, choice: Where, one: str, path: Path, scope: Scope) -> str:
        assert scope.condition
        chosen = replace(path, parts=path.parts[: path.parts.index(choice)])
        return scope.condition(choice.condition, one, chosen)


def _found(document: str, name: str) -> str:
    """The message's first segment of a name, where no variable holds it."""
    return f"hl7v2_first({document}, {name!r})"


def _read(segment: str, shape: Shape) -> str:
    """The value of a field's first repetition."""
    if shape.name in HEADERS and shape.field in (1, 2):
        return f"hl7v2_sign({segment}, {shape.field})"
    if not shape.positions:
        return f"hl7v2_text({segment}, {shape.field})"
    return f"hl7v2_{'part' if len(shape.positions) == 1 else 'deep'}({segment}, {shape.field}{_more(shape.positions)})"


def _below(item: str, shape: Shape) -> str:
    """The value at positions below an item."""
    function = "hl7v2_at" if len(shape.positions) == 1 else "hl7v2_inside"
    return f"{function}({item}{_more(shape.positions)})"


def _own(name: str, scope: Scope) -> str | None:
    """The item of the innermost loop, where that goes through segments of this very name."""
    loop: Loop = scope.loops[-1]
    if loop.path is None or loop.path.root not in ("name", "document") or shape_of(loop.path).name != name:
        return None
    return f"{loop.item}.segment" if shape_of(loop.path).field is not None else loop.item


def _standing(name: str, scope: Scope) -> str:
    """What a lookup by name is told: document, name, and the items of the loops around, innermost first."""
    return ", ".join((scope.document, repr(name), *(loop.item for loop in reversed(scope.loops))))


def _more(positions: Sequence[int]) -> str:
    return "".join(f", {position}" for position in positions)


def _inner(scope: Scope, letter: str) -> str:
    """A variable of an expression's own, another one within each condition."""
    outer = scope.here.item if scope.here else ""
    return f"hl7v2_{letter}{len(outer) if outer.startswith('hl7v2_') else ''}"
