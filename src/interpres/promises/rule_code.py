"""Rule code: all rules of a schema become one Python function, by the compiler that mappings have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from interpres.document import MISSING
from interpres.fault import Fault, Place
from interpres.format import Format, Loop
from interpres.mapping.compiling.express import Coder
from interpres.mapping.compiling.room import Room, Source, bound, compiled
from interpres.mapping.compiling.run import RUNTIME
from interpres.mapping.compiling.scope import VALUES, Around, Sight
from interpres.mapping.picture import Worked
from interpres.mapping.tree import RUNTIME as TREE
from interpres.path import Path
from interpres.transform import Transform


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule that is not kept: its number, the items that its loops stood at, the value it is about, and what stopped it."""

    rule: int
    items: tuple[Any, ...]
    about: Any = MISSING
    wrong: Fault | None = None


class Written(Protocol):
    """What of a rule is compiled."""

    @property
    def on(self) -> tuple[tuple[str | None, Path], ...]: ...
    @property
    def about(self) -> Path | None: ...
    @property
    def when(self) -> Worked | None: ...
    @property
    def expect(self) -> Worked: ...
    @property
    def place(self) -> Place: ...


def compile_rules(rules: Sequence[Written], transforms: Mapping[str, Transform]) -> Callable[[Any], list[Asked]]:
    """From a document's tree to the rules that it breaks. Raises `Fault` M1xx for what cannot be compiled."""
    room = Room()
    coder = Coder(room, _no_format, transforms)
    room.add("def rules(document):")
    with room.indented():
        room.add("broken, N, W = [], [0], []")
        for number, rule in enumerate(rules):
            _write_loops(room, coder, rule, number, rule.on, Sight("document", VALUES), ())
        room.add("return broken")
    at = rules[0].place if rules else Place("")
    names = {**RUNTIME, **TREE, **room.objects, "_warn": _say_nothing, "Asked": Asked}
    return bound(compiled(room.lines, f"<rules of {at.file}>", at), names, Source("\n".join(room.lines)))


def _write_loops(
    room: Room,
    coder: Coder,
    rule: Written,
    number: int,
    loops: Sequence[tuple[str | None, Path]],
    sight: Sight,
    items: tuple[str, ...],
) -> None:
    if not loops:
        _write_question(room, coder, rule, number, sight, items)
        return
    (name, over), *rest = loops
    several, taken = coder.items(over, sight)
    loop = Loop(room.fresh("i"), room.fresh("j"), over, name)
    room.add(f"for {loop.index}, {loop.item} in enumerate(_bound(N, {several}), 1):")
    with room.indented():
        inside = sight.inside(Around(loop, taken.paths, taken.scope.document))
        _write_loops(room, coder, rule, number, rest, inside, (*items, loop.item))


def _write_question(room: Room, coder: Coder, rule: Written, number: int, sight: Sight, items: tuple[str, ...]) -> None:
    """One item of the innermost loop: whether the rule is asked of it, and whether it is kept."""
    stood_at = f"({', '.join(items)},)"
    room.add("about = MISSING")
    room.add("try:")
    with room.indented():
        if rule.about is not None:
            room.add(f"about = {coder.read(rule.about, sight).text}")
            room.add("if about is MISSING or about is None: continue")
        if rule.when is not None:
            room.add(f"if not {coder.truth(coder.code(rule.when.formula, sight))}: continue")
        room.add(f"kept = {coder.code(rule.expect.formula, sight).text}")
        room.add("if kept is not True and kept is not MISSING and kept is not None and not _truth(kept):")
        with room.indented():
            room.add(f"broken.append(Asked({number}, {stood_at}, about))")
    room.add("except Fault as wrong:")
    with room.indented():
        room.add(f"broken.append(Asked({number}, {stood_at}, about, wrong))")


def _no_format(word: str, settings: Mapping[str, Any]) -> Format:
    raise Fault("R104", f"a rule cannot read or write {word} inside a value", "do it in the mapping, or as a transform")


def _say_nothing(warnings: Any, wrong: Fault, leaf: Any) -> None:
    """`try` in a rule has nobody to warn: what stands instead decides."""
