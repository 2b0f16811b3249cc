"""Check: everything about a mapping that can be known without a message — each fault at its place, all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from interpres.fault import Fault, Place, did_you_mean, nearest
from interpres.format import Format
from interpres.mapping import picture
from interpres.mapping.checking.check_rest import rest_of
from interpres.mapping.checking.infer import Reader
from interpres.mapping.checking.sight import Name, Sight
from interpres.mapping.checking.value import ANY, BLOCK, Known, Value, list_of, misfits, wanted
from interpres.mapping.picture import Block, Constant, Entry, Items, Node, Through, Worked
from interpres.path import Path
from interpres.schema import Shape
from interpres.table import Table
from interpres.transform import Transform

LEVELS: Final = {"fault": 0, "warning": 1, "note": 2}


def check_mapping(
    mapping: picture.Mapping, format: Format, transforms: Mapping[str, Transform], shape: Shape | None
) -> list[Fault]:
    """All faults, warnings and notes of one mapping, in the order of their places; one that a name carries to several
    targets is told at the first.

    Faults: M101 unknown target, M102 required and never filled, M103 a value that the schema or a transform refuses, M104 a path
    that cannot be, M105 an unknown name, M107 wrong arguments and tests that are no yes or no. Warnings: M140 unused, M141 never
    reached or never equal, M142 a name that hides the document's own, M144 a `drops:` that is read. Note: M143 nothing promised.
    """
    found = _Checking(mapping, format, transforms, shape).faults()
    once = {(f.at, f.code, f.says): f for f in reversed(found)}.values()
    return sorted(once, key=lambda f: (f.at or Place(mapping.file), LEVELS[f.level], f.code, f.target, f.says))


class _Checking:
    """One mapping on its way: the picture is gone through beside the shape of what it promises."""

    def __init__(
        self, mapping: picture.Mapping, format: Format, transforms: Mapping[str, Transform], shape: Shape | None
    ) -> None:
        self.mapping = mapping
        self.shape = shape
        self.found: list[Fault] = []
        self.reader = Reader(format.paths, transforms, self.found.append)
        self.names: dict[str, list[Name]] = {}
        self.tables: dict[Place, Table] = {}

    def faults(self) -> list[Fault]:
        mapping = self.mapping
        sight = Sight(tables=self._seen(mapping.tables))
        for need in mapping.needs:
            at = mapping.places.get(f"needs.{need}") or mapping.places.get("needs") or Place(mapping.file)
            sight = self._naming(sight, need, ANY, at, "needs")
        context = sight.names
        sight = self._lets(mapping.let, sight, "let")
        for through in mapping.each:
            sight = self._through(through, sight)
        if mapping.output is not None:
            self._root(mapping.output, sight, context)
        for edit in mapping.edits:
            if isinstance(edit.value, Items | Block):
                self._node(edit.value, None, edit.target.text, sight, context)
        self.found.extend(rest_of(mapping, self.reader, sight, self.names, self.tables))
        return self.found

    # names

    def _seen(self, tables: Mapping[str, Table]) -> Mapping[str, Table]:
        self.tables.update({table.at: table for table in tables.values()})
        return tables

    def _naming(self, sight: Sight, name: str, value: Value, at: Place, kind: str) -> Sight:
        named = Name(value, at, kind)
        self.names.setdefault(name, []).append(named)
        return sight.naming(name, named)

    def _lets(self, entries: tuple[Entry, ...], sight: Sight, kind: str) -> Sight:
        """Names in order: each sees those before it."""
        for entry in entries:
            value = self._value(entry.value, sight)
            sight = self._naming(sight, entry.key, value, entry.at, kind)
            # a name is worked out even if nothing reads it, so it may stand there only to refuse what must not pass
            sight.names[entry.key].used = isinstance(entry.value, Worked) and "expect(" in entry.value.text
        return sight

    def _value(self, node: Node, sight: Sight) -> Value:
        """What a name stands for: a formula's value, a constant, or a block built without any promise."""
        match node:
            case Worked(formula):
                return self.reader.value(formula, sight)
            case Constant(value, at):
                return Value(known=(Known(value, at),))
            case Items():
                self._node(node, None, "", sight, sight.names)
                return list_of(ANY)
        self._node(node, None, "", sight, sight.names)
        return list_of(BLOCK) if isinstance(node, Block) and node.each else BLOCK

    def _through(self, through: Through, sight: Sight) -> Sight:
        """The sight inside one loop."""
        over = through.over
        if isinstance(over, Worked):
            item = self.reader.items(over.formula, sight)
            inner = sight.inside(None, item)
        else:
            inner = self._through_path(over, sight)
        if through.name:
            inner = self._naming(inner, through.name, ANY, through.at, "loop")
            inner.names[through.name].loops = tuple(loop for loop in inner.loops if loop is not None)
        return inner

    def _through_path(self, over: Path, sight: Sight) -> Sight:
        value = self.reader.read(over, sight)
        named = over.root == "name" and over.name in sight.names
        plain = value.all_kinds()
        if named and not over.parts and plain and plain <= {"text", "number", "truth"}:
            hint = "give $each what repeats: a path, a list, or rows"
            self.found.append(Fault("M107", f"'{over.text}' is one value, and nothing goes round", hint, at=over.at))
        return sight.inside(None if named else over, value.items or ANY)

    # the picture

    def _root(self, output: Node, sight: Sight, context: Mapping[str, Name]) -> None:
        """The whole output: `$each` at the root makes documents, not a list."""
        if isinstance(output, Block):
            self._block(output, self.shape, "", sight, context)
        else:
            self._node(output, self.shape, "", sight, context)

    def _node(self, node: Node, shape: Shape | None, target: str, sight: Sight, context: Mapping[str, Name]) -> None:
        match node:
            case Constant():
                if shape is not None and node.value not in ([], {}):
                    self.found += misfits(Value(known=(Known(node.value, node.at),)), shape, node.at, target)
                    self._null(node, shape, target)
                elif shape is not None and (reason := shape.refuses(node.value)):
                    self.found.append(Fault("M103", reason, "", at=node.at, target=target))
            case Worked():
                value = self.reader.value(node.formula, sight)
                if shape is not None:
                    self.found += misfits(value, shape, node.at, target)
            case Items():
                self._items(node, shape, target, sight, context)
            case Block():
                inner = self._fitting(node, shape, target)
                self._block(node, inner, target + ("[]" if node.each else ""), sight, context)

    def _null(self, node: Constant, shape: Shape, target: str) -> None:
        if node.value is None and not shape.nullable and shape.kinds:
            hint = "leave the line out, or write what belongs there"
            self.found.append(Fault("M103", f"null where {wanted(shape)} is wanted", hint, at=node.at, target=target))

    def _items(self, node: Items, shape: Shape | None, target: str, sight: Sight, context: Mapping[str, Name]) -> None:
        item: Shape | None = None
        if shape is not None and shape.kinds and "array" not in shape.kinds:
            says = f"a list where {wanted(shape)} is wanted"
            self.found.append(Fault("M103", says, "take away the '- ' in front", at=node.at, target=target))
        elif shape is not None:
            item = shape.item()
        for inner in node.items:
            if isinstance(inner, Block):
                self._block(inner, self._object(inner, item, f"{target}[]"), f"{target}[]", sight, context)
            else:
                self._node(inner, item, f"{target}[]", sight, context)

    def _fitting(self, block: Block, shape: Shape | None, target: str) -> Shape | None:
        """The shape of what a block makes each time; M103 where it makes a list for one place, or one thing for a list."""
        if not block.each:
            return self._object(block, shape, target)
        if shape is None or (shape.kinds and "array" not in shape.kinds):
            if shape is not None:
                hint = "take $each away, and choose one by a condition in brackets"
                says = f"$each makes a list where {wanted(shape)} is wanted"
                self.found.append(Fault("M103", says, hint, at=block.at, target=target))
            return None
        return self._object(block, shape.item(), f"{target}[]")

    def _object(self, block: Block, shape: Shape | None, target: str) -> Shape | None:
        """The shape that one block is held against; M103 where no block can stand."""
        if shape is None or not shape.kinds or "object" in shape.kinds:
            return shape
        listed = "array" in shape.kinds
        hint = "write '- ' in front of its first key, or give it $each" if listed else ""
        self.found.append(Fault("M103", f"a block where {wanted(shape)} is wanted", hint, at=block.at, target=target))
        return shape.item() if listed else None

    def _block(self, block: Block, shape: Shape | None, target: str, sight: Sight, context: Mapping[str, Name]) -> None:
        for through in block.each:
            sight = self._through(through, sight)
        sight = self._lets(block.let, sight, "$let")
        if block.when is not None:
            self.reader.yes_or_no(block.when.formula, sight)
        shared = self._used(block, target, sight, context)
        entries = {**{e.key: (e, s) for e, s in shared}, **{e.key: (e, sight) for e in block.entries}}
        constants = {k: e.value.value for k, (e, _) in entries.items() if isinstance(e.value, Constant)}
        if shape is not None:
            shape = shape.form(constants)
            self._unfilled(block, shape, entries, target)
        for key, (entry, seen) in entries.items():
            inner = self._under(entry, shape, target) if shape is not None else None
            self._node(entry.value, inner, _joined(target, key), seen, context)

    def _under(self, entry: Entry, shape: Shape, target: str) -> Shape | None:
        """The shape under a key; M101 where there is none, and the shape under the key that was probably meant."""
        inner = shape.key(entry.key)
        if inner is not None or not (shape.keys or not shape.open):
            return inner
        hint = did_you_mean(entry.key, shape.keys)
        if not shape.open:
            keys = ", ".join(shape.keys[:12]) + (", …" if len(shape.keys) > 12 else "")
            says = f"'{entry.key}' is not in {self.mapping.to or 'the schema'}"
            self.found.append(Fault("M101", says, hint or f"the keys here are {keys}", at=entry.at, target=target))
        elif hint:
            says = f"'{entry.key}' is no key that {self.mapping.to or 'the schema'} names"
            self.found.append(Fault("M101", says, hint, at=entry.at, target=target, level="warning"))
            return None
        near = nearest(entry.key, shape.keys)
        return shape.key(near) if near else None

    def _unfilled(self, block: Block, shape: Shape, entries: Mapping[str, Any], target: str) -> None:
        """M102 for every required key that the block never fills."""
        schema = self.mapping.to or "the schema"
        when = ", whenever this block is there" if block.when is not None else ""
        meant = {nearest(key, shape.keys) for key in entries if shape.key(key) is None}  # told already, as misspelt
        for name in shape.required:
            if name not in entries and name not in meant:
                inner = shape.key(name)
                hint = inner.about.rstrip(". ") if inner else ""
                says = f"{schema} needs {_joined(target, name)}, and nothing fills it{when}"
                self.found.append(Fault("M102", says, hint, at=block.at))
        for group in shape.either:
            if not any(name in entries for name in group):
                says = f"{schema} needs one of {', '.join(group)} in {target or 'the document'}, and nothing fills any{when}"
                self.found.append(Fault("M102", says, "", at=block.at))

    # shared parts

    def _used(self, block: Block, target: str, sight: Sight, context: Mapping[str, Name]) -> list[tuple[Entry, Sight]]:
        """The entries that a part brings, and what they see: its own names, the caller's `$let` beside it, and the context."""
        use = block.use
        if use is None:
            return []
        part = use.part
        given = {e.key: sight.names[e.key] for e in block.let}
        for name in part.needs:
            if name in given or name in context:
                (given.get(name) or context[name]).used = True
        absent = {n: Name(ANY, part.at, "parameter", used=True) for n in part.needs if n not in given}
        inside = Sight({**absent, **context, **given}, self._seen(part.tables), sight.loops, sight.items)
        inside = self._lets(part.let, inside, "let")
        return list(self._brought(part.output, inside, use.name, use.at, target, context))

    def _brought(
        self, output: Node, sight: Sight, name: str, at: Place, target: str, context: Mapping[str, Name]
    ) -> Iterator[tuple[Entry, Sight]]:
        if not isinstance(output, Block):
            says = f"the part {name} makes no block that can stand here"
            self.found.append(Fault("M103", says, "give its output: keys and values", at=at, target=target))
            return
        for through in output.each:
            sight = self._through(through, sight)
        sight = self._lets(output.let, sight, "$let")
        if output.when is not None:
            self.reader.yes_or_no(output.when.formula, sight)
        for entry, seen in self._used(output, target, sight, context):
            yield entry, seen
        for entry in output.entries:
            yield entry, sight


def _joined(target: str, key: str) -> str:
    return f"{target}.{key}" if target else key
