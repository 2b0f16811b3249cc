"""Draw: a mapping's picture becomes the statements of one function, one try for every value that a formula makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from interpres.fault import Fault, Place
from interpres.format import Loop, Paths
from interpres.mapping.calls import parsed_by
from interpres.mapping.express import Code, Coder
from interpres.mapping.formula import Formula, Read
from interpres.mapping.lives import constant_formula, names_read, owners_of, reads_document, source_of
from interpres.mapping.picture import Block, Constant, Entry, Items, Node, Part, Through, Worked
from interpres.mapping.scope import VALUES, Around, Living, Named, Sight
from interpres.mapping.target import Rule, Sink, Target
from interpres.path import Path
from interpres.schema import Shape

Over = Sequence[tuple[Entry, Sight]]
"""Entries laid over a part's, each with what it sees."""

MOST_LOOPS: Final = 15
"""Loops within one another; Python nests 20 blocks at most."""


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
class Drawer:
    """Writes statements into the coder's room, and remembers a rule for every value."""

    coder: Coder
    rules: list[Rule] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    quiet: int = 0
    numbers: int = 0

    # nodes

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
        code = self.coded(node, replace(sight, leaf=f"{number}, {spot.target.indexes}"))
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
            with self.looping(block.each, sight, spot.target) as inner:
                self.single(block, replace(spot, absent=""), inner)
        else:
            name = self.coder.room.fresh("l")
            self.coder.room.add(f"{name} = []")
            shape = spot.shape.item() if spot.shape else None
            item = Spot(Sink.list(name), spot.target.item(name), shape, parent=spot.parent)
            with self.looping(block.each, sight, spot.target) as inner:
                self.single(block, item, inner)
            self.list_written(name, spot, block.at, _loops_text(block.each))

    def single(
        self, block: Block, spot: Spot, sight: Sight, over: Over = (), life: Living | None = None, kept: bool = False
    ) -> None:
        """One block: its names, `$when`, and what is in it. `over` are entries that a `$use` beside them lays over a part's."""
        living = life or Living(self.coder.room.fresh("a"))
        start = self.coder.room.add("pass")
        early, late = _early_names(block)
        sight = self.lets(early, sight, living)
        if block.when is None:
            self.body(block, spot, self.lets(late, sight, living), over, living, kept)
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
            self.body(block, spot, self.lets(late, sight, living), over, living, kept=True)
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
            self.empty_leaf(name, spot, block)
            room.add(spot.sink.write(name))
            if kept or (block.each and living.touched is False):
                self.lift(spot.parent)
            elif living.touched:
                self.lift(spot.parent, living.variable)
            return
        room.add(f"if {living.variable}:")
        with room.indented():
            self.empty_leaf(name, spot, block)
            room.add(spot.sink.write(name))
            self.lift(spot.parent)
        if spot.absent or self.coder.traced:
            room.add("else:")
            with room.indented():
                self.unmarked(mark)
                room.add("pass")
                if spot.absent:
                    self.absent(spot, block.at, "")

    # names, loops, parts

    def lets(self, entries: Sequence[Entry], sight: Sight, owner: Living | None) -> Sight:
        """Works out names in order; each sees those before it."""
        for entry in entries:
            sight = sight.naming({entry.key: self.named(entry, sight, owner)})
        return sight

    def named(self, entry: Entry, sight: Sight, owner: Living | None) -> Named:
        room = self.coder.room
        variable = room.fresh("n")
        self.numbers += 1
        target = Target.of_name(entry.key)
        if isinstance(entry.value, Constant):
            room.add(f"{variable} = {room.constant(entry.value.value)}")
            return Named(variable, _kind_of(entry.value.value), constant=True)
        named = Named(variable, number=self.numbers, owner=owner)
        if isinstance(entry.value, Worked):
            return self.worked_name(entry.value, named, target, sight)
        room.add(f"{variable} = MISSING")
        self.begin()
        self.quiet += 1
        self.node(entry.value, Spot(Sink.name(variable), target, None), sight)
        self.quiet -= 1
        self.traced(f"_named({named.number})")
        return named

    def worked_name(self, worked: Worked, named: Named, target: Target, sight: Sight) -> Named:
        """A name whose formula fails stays unbound: what reads it is passed over, for the fault is told already."""
        room = self.coder.room
        number = self.rule(worked.at, target, worked.text, formula=worked.formula, sight=sight)
        code = self.coded(worked, replace(sight, leaf=f"{number}, {target.indexes}"))
        if code is None:
            return named
        self.begin()
        room.add("try:")
        with room.indented():
            room.add(f"{named.variable} = {code.text}")
        room.add("except (Fault, NameError) as e:")
        with room.indented():
            room.add(f"{named.variable} = None; del {named.variable}; _fail(F, e, {number}, {target.indexes})")
        self.traced(f"_named({named.number})")
        parsed = parsed_by(self.coder, worked.formula)
        constant = constant_formula(worked.formula, sight)
        return replace(named, kind=code.kind, constant=constant, paths=parsed or VALUES)

    @contextmanager
    def looping(self, through: Sequence[Through], sight: Sight, target: Target) -> Iterator[Sight]:
        """Loops within one another; whatever is written inside stands in the innermost."""
        if not through:
            yield sight
            return
        first, *rest = through
        room = self.coder.room
        if len(sight.loops) >= MOST_LOOPS:
            says = f"more than {MOST_LOOPS} loops stand within one another"
            raise Fault("M119", says, "build the inner lists under let:", at=first.at)
        several, item, index = room.fresh("s"), room.fresh("i"), room.fresh("j")
        around = self.gone_through(first, several, item, index, sight, target)
        line = room.add(f"for {index}, {item} in enumerate({several}, 1):")
        with room.indented():
            with self.looping(rest, sight.inside(around), target) as inner:
                yield inner
            room.add("pass")
        if not room.uses(index, line):
            room.set(line, f"for {item} in {several}:")

    def gone_through(self, through: Through, several: str, item: str, index: str, sight: Sight, target: Target) -> Around:
        """Sets the variable of what is gone through; a fault in it is kept, and nothing is gone through."""
        over = through.over
        if isinstance(over, Worked) and isinstance(over.formula, Read):
            over = over.formula.path
        text = over.text
        number = self.rule(through.at, target, f"$each: {text}")
        paths: Paths = VALUES
        document, path = sight.document, None
        try:
            if isinstance(over, Path):
                code, taken = self.coder.items(over, sight)
                paths, document, path = taken.paths, taken.scope.document, over
            else:
                code = f"_sequence({self.coder.code(over.formula, sight).text})"
        except Fault as wrong:
            self.faults.append(wrong.within(at=through.at, target=target.template))
            code = "()"
        self.coder.room.add(f"{several} = ()")
        with self.trying(f"{several} = _bound(N, {code})", number, target, then=False):
            pass
        return Around(Loop(item, index, path, through.name), paths, document)

    def used(self, part: Part, spot: Spot, sight: Sight, over: Over, living: Living, block: Block, kept: bool) -> None:
        """A shared part: of the caller's names it sees those of the `$let` beside it and the mapping's needs."""
        beside = {entry.key: sight.names[entry.key] for entry in block.let}
        context = {name: named for name, named in sight.names.items() if named.context}
        absent = {name: Named("MISSING", constant=True) for name in part.needs if name not in beside and name not in context}
        inside = replace(sight, names={**context, **absent, **beside}, tables=part.tables)
        inside = self.lets(part.let, inside, living)
        if isinstance(part.output, Block):
            output = part.output
            if output.each and not spot.sink.many:
                name = self.coder.room.fresh("l")
                self.coder.room.add(f"{name} = []")
                shape = spot.shape.item() if spot.shape else None
                item = Spot(Sink.list(name), spot.target.item(name), shape, parent=spot.parent)
                with self.looping(output.each, inside, spot.target) as looped:
                    self.single(replace(output, each=()), item, looped, over, living, kept)
                self.list_written(name, spot, block.at, _loops_text(output.each))
                return
            with self.looping(output.each, inside, spot.target) as looped:
                self.single(replace(output, each=()), spot, looped, over, living, kept)
            return
        if over:
            says = f"the part '{part.name}' makes no block, so no keys can be laid over it"
            self.faults.append(Fault("M107", says, "take the keys away, or let the part's output be a block", at=block.at))
        self.node(part.output, replace(spot, parent=living), inside)
        if living.touched:
            self.lift(spot.parent, living.variable)

    # small statements

    def coded(self, worked: Worked, sight: Sight) -> Code | None:
        """The expression of a formula, or None and its fault kept."""
        try:
            return self.coder.code(worked.formula, sight)
        except Fault as wrong:
            self.faults.append(wrong.within(at=worked.at))
            return None

    @contextmanager
    def trying(self, statement: str, number: int, target: Target, then: bool = True) -> Iterator[None]:
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
        if self.coder.traced:
            self.coder.room.add(line)

    def begin(self) -> None:
        if not self.quiet:
            self.traced("_begin()")

    def hook(self, number: int, target: Target, value: str) -> None:
        if not self.quiet:
            word = "_written" if self.rules[number].constant else "_leaf"
            self.traced(f"{word}({number}, {target.indexes}, {value})")

    def empty_leaf(self, name: str, spot: Spot, block: Block) -> None:
        """A block that lives though nothing is written in it is a leaf of the output, too."""
        if self.coder.traced and not self.quiet:
            number = self.rule(block.at, spot.target, block.when.text if block.when else _loops_text(block.each))
            self.coder.room.add(f"if not {name}: _written({number}, {spot.target.indexes}, {name})")

    def marked(self) -> str:
        mark = self.coder.room.fresh("m")
        if not self.quiet:
            self.traced(f"{mark} = _marked()")
        return mark

    def unmarked(self, mark: str) -> None:
        if not self.quiet:
            self.traced(f"_unmarked({mark})")


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


def _loops_text(through: Sequence[Through]) -> str:
    return ", ".join(t.over.text for t in through)


def _as_written(value: Any) -> str:
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    return str(value)


def _kind_of(value: Any) -> Any:
    if isinstance(value, str):
        return "text"
    if value is None:
        return "null"
    return "truth" if isinstance(value, bool) else "any" if isinstance(value, list | dict) else "number"
