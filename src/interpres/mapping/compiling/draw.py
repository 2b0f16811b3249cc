"""Draw: a mapping's picture becomes the statements of one function, one try for every value that a formula makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from interpres.fault import Fault, Place
from interpres.mapping.compiling.binding import lets, looping, loops_text
from interpres.mapping.compiling.lives import names_read
from interpres.mapping.compiling.scope import Living, Named, Sight
from interpres.mapping.compiling.statements import Spot, Statements
from interpres.mapping.compiling.target import Sink, Target
from interpres.mapping.picture import Block, Constant, Entry, Items, Node, Part, Worked
from interpres.schema import Shape

Over = Sequence[tuple[Entry, Sight]]
"""Entries laid over a part's, each with what it sees."""


class Drawer(Statements):
    """Goes through a picture from top to bottom."""

    def node(self, node: Node, spot: Spot, sight: Sight) -> None:
        """The statements that put a node's value where it goes, if there is one."""
        match node:
            case Constant():
                self.constant(node, spot)
            case Worked():
                self.worked(node, spot, sight)
            case Items():
                self.items(node, spot, sight)
            case Block():
                self.block(node, spot, sight)

    def constant(self, node: Constant, spot: Spot) -> None:
        value = node.value
        if value is None and not spot.takes_null:
            self.absent(spot, node.at, "null")
            return
        number = self.rule(node.at, spot.target, _as_written(value), constant=True)
        self.write(spot, self.coder.room.constant(value), number)

    def worked(self, node: Worked, spot: Spot, sight: Sight) -> None:
        """One try: a fault is kept with its place, and the next value is worked out all the same."""
        number = self.rule(node.at, spot.target, node.text, formula=node.formula, sight=sight)
        code = self.coded(node, replace(sight, leaf=f"({number}, {spot.target.indexes})"))
        if code is None:
            return
        alive = self.alive(node.formula, spot, sight)
        text = {"gathered": f"_listed({code.text})", "any": f"_tidy({code.text})"}.get(code.kind, code.text)
        with self.trying(f"v = {text}", number, spot.target):
            self.written(spot, number, alive)

    def written(self, spot: Spot, number: int, alive: Sequence[Living]) -> None:
        """What happens to a value that was worked out: written, or passed over, or what stands for an absent one."""
        add = self.coder.room.add
        add("if v is not MISSING:" if spot.takes_null else "if v is not MISSING and v is not None:")
        with self.coder.room.indented():
            self.write(spot, "v", number, alive)
        if spot.absent:
            add("else:")
            with self.coder.room.indented():
                self.write(spot, spot.absent, number)

    def items(self, node: Items, spot: Spot, sight: Sight) -> None:
        """A list; an item with `$each` is spliced in where it stands."""
        name = self.coder.room.fresh("l")
        self.coder.room.add(f"{name} = []")
        shape = spot.shape.item() if spot.shape else None
        inner = Spot(Sink.list(name), spot.target.item(name), shape, parent=spot.parent)
        for item in node.items:
            self.node(item, inner, sight)
        self.list_written(name, spot, node.at, "")

    def list_written(self, name: str, spot: Spot, at: Place, text: str) -> None:
        """A list that holds something is written; an empty one is an absent value."""
        room = self.coder.room
        if spot.absent == "[]" and not self.coder.traced:
            room.add(spot.sink.write(name))
            return
        room.add(f"if {name}:")
        with room.indented():
            room.add(spot.sink.write(name))
        if spot.absent:
            room.add("else:")
            with room.indented():
                self.absent(spot, at, text)

    # blocks

    def block(self, block: Block, spot: Spot, sight: Sight) -> None:
        """A block, or with `$each` the list of them."""
        if not block.each:
            self.single(block, spot, sight)
        elif spot.sink.many:
            with looping(self, block.each, sight, spot.target) as inner:
                self.single(block, replace(spot, absent=""), inner)
        else:
            name = self.coder.room.fresh("l")
            self.coder.room.add(f"{name} = []")
            shape = spot.shape.item() if spot.shape else None
            item = Spot(Sink.list(name), spot.target.item(name), shape, parent=spot.parent)
            with looping(self, block.each, sight, spot.target) as inner:
                self.single(block, item, inner)
            self.list_written(name, spot, block.at, loops_text(block.each))

    def single(
        self, block: Block, spot: Spot, sight: Sight, over: Over = (), life: Living | None = None, kept: bool = False
    ) -> None:
        """One block: its names, `$when`, and what is in it. `over` are entries that a `$use` beside them lays over a part's."""
        living = life or Living(self.coder.room.fresh("a"))
        start = self.coder.room.add("pass")
        early, late = _early_names(block)
        sight = lets(self, early, sight, living)
        if block.when is None:
            self.body(block, spot, lets(self, late, sight, living), over, living, kept)
        else:
            self.when(block, spot, sight, late, over, living)
        self.coder.room.set(start, f"{living.variable} = False" if living.touched else "pass")

    def when(self, block: Block, spot: Spot, sight: Sight, late: Sequence[Entry], over: Over, living: Living) -> None:
        """`$when`: what it reads is not credited to any value; where it is true the block lives."""
        room = self.coder.room
        assert block.when
        number = self.rule(block.when.at, spot.target, block.when.text, formula=block.when.formula, sight=sight)
        code = self.coded(block.when, sight)
        asked = room.fresh("w")
        room.add(f"{asked} = False")
        if code is None:
            return
        with self.trying(f"{asked} = {self.coder.truth(code)}", number, spot.target, then=False):
            pass
        room.add(f"if {asked}:")
        with room.indented():
            self.body(block, spot, lets(self, late, sight, living), over, living, kept=True)
        if spot.absent:
            room.add("else:")
            with room.indented():
                self.absent(spot, block.at, block.when.text)

    def body(self, block: Block, spot: Spot, sight: Sight, over: Over, living: Living, kept: bool = False) -> None:
        own = [(entry, sight) for entry in block.entries]
        if block.use is not None:
            self.used(block.use.part, spot, sight, _laid_over(own, over), living, block, kept)
            return
        name = self.coder.room.fresh("o")
        entries = _laid_over(own, over)
        if spot.shape is not None:
            constants = {e.key: e.value.value for e, _ in entries if isinstance(e.value, Constant)}
            spot = replace(spot, shape=spot.shape.form(constants))
        mark = self.marked()
        leading = self.literal(name, entries, spot)
        for entry, seen in entries[leading:]:
            shape = spot.shape.key(entry.key) if spot.shape else None
            inner = Spot(
                Sink.key(name, entry.key), spot.target.key(entry.key), shape, absent_of(spot.shape, entry.key, shape), living
            )
            self.node(entry.value, inner, seen)
        self.closed(name, spot, living, kept, mark, block)

    def literal(self, name: str, entries: Sequence[tuple[Entry, Sight]], spot: Spot) -> int:
        """The constants at a block's beginning, written at once; how many there are."""
        leading: list[str] = []
        for entry, _ in entries:
            shape = spot.shape.key(entry.key) if spot.shape else None
            target = spot.target.key(entry.key)
            text = self.prebuilt(entry.value, shape, target)
            if text is None:
                break
            leading.append(f"{entry.key!r}: {text}")
        self.coder.room.add(f"{name} = {{{', '.join(leading)}}}")
        return len(leading)

    def prebuilt(self, node: Node, shape: Shape | None, target: Target) -> str | None:
        """A subtree of constants alone as a literal, fresh for every document; None where there is more in it."""
        if isinstance(node, Constant) and (node.value is not None or shape is None or shape.nullable):
            number = self.rule(node.at, target, _as_written(node.value), constant=True)
            text = self.coder.room.constant(node.value)
            self.hook(number, target, text)
            return text
        if not _only_constants(node):
            return None
        if isinstance(node, Items):
            inner = shape.item() if shape else None
            texts = [self.prebuilt(item, inner, target.at(i)) for i, item in enumerate(node.items)]
            return f"[{', '.join(t for t in texts if t)}]" if texts else None
        assert isinstance(node, Block)
        pairs = [(e.key, self.prebuilt(e.value, shape.key(e.key) if shape else None, target.key(e.key))) for e in node.entries]
        return f"{{{', '.join(f'{k!r}: {t}' for k, t in pairs)}}}"

    def closed(self, name: str, spot: Spot, living: Living, kept: bool, mark: str, block: Block) -> None:
        """Writes a block that lives, drops one that read the document and found nothing."""
        room = self.coder.room
        if living.counts and spot.parent is not None:
            spot.parent.counts = True
        if kept or not living.counts:
            self.empty_leaf(name, spot, block.at, block.when.text if block.when else loops_text(block.each))
            room.add(spot.sink.write(name))
            if kept or (block.each and living.touched is False):
                self.lift(spot.parent)
            elif living.touched:
                self.lift(spot.parent, living.variable)
            return
        room.add(f"if {living.variable}:")
        with room.indented():
            self.empty_leaf(name, spot, block.at, block.when.text if block.when else loops_text(block.each))
            room.add(spot.sink.write(name))
            self.lift(spot.parent)
        if spot.absent or self.coder.traced:
            room.add("else:")
            with room.indented():
                self.unmarked(mark)
                room.add("pass")
                if spot.absent:
                    self.absent(spot, block.at, "")

    def used(self, part: Part, spot: Spot, sight: Sight, over: Over, living: Living, block: Block, kept: bool) -> None:
        """A shared part: of the caller's names it sees those of the `$let` beside it and the mapping's needs."""
        beside = {entry.key: sight.names[entry.key] for entry in block.let}
        context = {name: named for name, named in sight.names.items() if named.context}
        absent = {name: Named("MISSING", constant=True) for name in part.needs if name not in beside and name not in context}
        inside = replace(sight, names={**context, **absent, **beside}, tables=part.tables)
        inside = lets(self, part.let, inside, living)
        if isinstance(part.output, Block):
            output = part.output
            if output.each and not spot.sink.many:
                name = self.coder.room.fresh("l")
                self.coder.room.add(f"{name} = []")
                shape = spot.shape.item() if spot.shape else None
                item = Spot(Sink.list(name), spot.target.item(name), shape, parent=spot.parent)
                with looping(self, output.each, inside, spot.target) as looped:
                    self.single(replace(output, each=()), item, looped, over, living, kept)
                self.list_written(name, spot, block.at, loops_text(output.each))
                return
            with looping(self, output.each, inside, spot.target) as looped:
                self.single(replace(output, each=()), spot, looped, over, living, kept)
            return
        if over:
            says = f"the part '{part.name}' makes no block, so no keys can be laid over it"
            self.faults.append(Fault("M107", says, "take the keys away, or let the part's output be a block", at=block.at))
        self.node(part.output, replace(spot, parent=living), inside)
        if living.touched:
            self.lift(spot.parent, living.variable)


def absent_of(parent: Shape | None, key: str, shape: Shape | None) -> str:
    """How an absent value is written: required and nullable is null, a required array is `[]`, else it is left out."""
    if parent is None or shape is None or key not in parent.required:
        return ""
    if shape.nullable:
        return "None"
    return "[]" if shape.kinds == frozenset({"array"}) else ""


def _early_names(block: Block) -> tuple[list[Entry], list[Entry]]:
    """The names of `$let` that `$when` needs, and the others: they are worked out only where it is true."""
    if block.when is None:
        return [], list(block.let)
    needed = names_read(block.when.formula)
    early: list[Entry] = []
    for entry in reversed(block.let):
        if entry.key in needed:
            early.insert(0, entry)
            needed |= names_read(entry.value)
    return early, [entry for entry in block.let if entry not in early]


def _laid_over(own: Sequence[tuple[Entry, Sight]], over: Over) -> list[tuple[Entry, Sight]]:
    """A part's entries with those of the block that uses it laid over them, each with what it sees."""
    laid = {entry.key: (entry, sight) for entry, sight in own}
    laid.update({entry.key: (entry, sight) for entry, sight in over})
    return list(laid.values())


def _only_constants(node: Node) -> bool:
    match node:
        case Constant(value):
            return value is not None
        case Items(items):
            return all(_only_constants(item) for item in items)
        case Block() if not (node.each or node.when or node.let or node.use):
            return all(_only_constants(entry.value) for entry in node.entries)
    return False


def _as_written(value: Any) -> str:
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    return str(value)
