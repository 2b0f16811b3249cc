"""Mutants: every one-word mistake that can be made by rule in a mapping, its parts and its tables — what an analyst mistypes."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from interpres.fault import Fault, Faults, Place
from interpres.mapping import picture
from interpres.mapping.checking import check
from interpres.mapping.compiling.calls import SPECIAL
from interpres.mapping.formula import Arrow, Binary, Call, Exists, Formula, Listing, Not, Read
from interpres.mapping.picture import Block, Constant, Items, Node
from interpres.mapping.reading.grammar import worked
from interpres.path import Path as DocumentPath
from interpres.path import Where
from interpres.samples import Sample, fate, samples_in
from interpres.schema import Shape
from interpres.workspace import Workspace
from interpres.yaml import Branch, Leaf, Row, leaves, plain, read

Kind = Literal["target", "required", "transform", "table", "column", "part", "name", "context", "constant", "conversion"]
CONVERSIONS = ("date", "datetime", "time", "number", "integer")


@dataclass(frozen=True)
class Mutant:
    """One changed file. `mapping` is the mapping that is checked with it; `what` says the change in words."""

    kind: Kind
    mapping: str
    file: str
    at: Place
    what: str
    text: str


def misspelt(word: str, taken: set[str]) -> str:
    """The word with two letters in its middle exchanged, or one doubled where they are the same or the result is a word too."""
    middle = max(1, len(word) // 2)
    for cut in [*range(middle, len(word)), *range(1, middle)]:
        swapped = word[: cut - 1] + word[cut] + word[cut - 1] + word[cut + 1 :]
        if swapped != word and swapped not in taken and swapped[0] == word[0]:
            return swapped
    return word + word[-1] if word + word[-1] not in taken else word + "x"


class Files:
    """The files of one mapping as texts, edited at places."""

    def __init__(self, folder: Path, files: tuple[str, ...]) -> None:
        self.texts = {f: (folder / f).read_text("utf-8-sig") for f in files}

    def offset(self, at: Place) -> int:
        lines = self.texts[at.file].splitlines(keepends=True)
        return sum(map(len, lines[: at.line - 1])) + at.column - 1

    def replaced(self, at: Place, old: str, new: str) -> str | None:
        """The file's text with a word at a place replaced; None where another word stands there."""
        text, start = self.texts[at.file], self.offset(at)
        for quote in ("", "'", '"', "`"):
            if text.startswith(quote + old, start):
                start += len(quote)
                return text[:start] + new + text[start + len(old) :]
        return None


def mutants(workspace: Workspace, name: str) -> Iterator[Mutant]:
    """All mutants of a mapping, in the order of its files; the same every time."""
    yield from _Making(workspace, name).all()


class _Making:
    """The mutants of one mapping's own file, its parts and its tables; what it extends is mutated as a mapping of its own."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = name
        self.picture = workspace.picture(name)
        self.shape = workspace.schema(self.picture.to).shape() if self.picture.to else None
        own = [f for f in self.picture.files if f == self.picture.file or "/parts/" in f or f.endswith(".csv")]
        self.files = Files(workspace.folder, tuple(own))
        self.trees = {f: read(t, f) for f, t in self.files.texts.items() if f.endswith(".yaml")}
        self.seen: set[tuple[str, Place]] = set()

    def all(self) -> Iterator[Mutant]:
        found = [*self.drawn(), *self.formulas(), *self.words(), *self.constants()]
        yield from sorted(found, key=lambda m: (m.at, m.kind, m.what))

    def mutant(self, kind: Kind, at: Place, old: str, new: str) -> Iterator[Mutant]:
        text = self.files.replaced(at, old, new) if at.file in self.files.texts else None
        if text is not None and (kind, at) not in self.seen:
            self.seen.add((kind, at))
            yield Mutant(kind, self.name, at.file, at, f"{old} -> {new}" if new else f"without {old}", text)

    # targets and required lines

    def drawn(self) -> Iterator[Mutant]:
        if self.picture.output is not None:
            yield from self.node(self.picture.output, self.shape, root=True)

    def node(self, node: Node, shape: Shape | None, root: bool = False) -> Iterator[Mutant]:
        if isinstance(node, Items):
            for item in node.items:
                yield from self.node(item, shape.item() if shape else None, root=True)
        elif isinstance(node, Block):
            inner = shape.item() if shape and node.each and not root else shape
            yield from self.block(node, inner)

    def block(self, block: Block, shape: Shape | None) -> Iterator[Mutant]:
        if block.use is not None and isinstance(block.use.part.output, Block):
            yield from self.block(block.use.part.output, shape)
        if shape:
            shape = shape.form({e.key: e.value.value for e in block.entries if isinstance(e.value, Constant)})
        names = {e.key for e in block.entries}
        for entry in block.entries:
            under = shape.key(entry.key) if shape else None
            if under is not None and shape is not None:
                yield from self.mutant("target", entry.at, entry.key, misspelt(entry.key, {*shape.keys, *names}))
                if entry.key in shape.required:
                    yield from self.removed(entry)
            yield from self.node(entry.value, under)

    def removed(self, entry: picture.Entry) -> Iterator[Mutant]:
        """The file without the lines of a required key; in `{ }` and behind `- ` a line cannot simply be taken out."""
        if entry.at.file not in self.files.texts:
            return
        lines = self.files.texts[entry.at.file].splitlines(keepends=True)
        first = entry.at.line - 1
        if lines[first][: entry.at.column - 1].strip():
            return
        last = first + 1
        while last < len(lines) and (not lines[last].strip() or _indent(lines[last]) >= entry.at.column):
            last += 1
        if ("required", entry.at) not in self.seen:
            self.seen.add(("required", entry.at))
            text = "".join(lines[:first] + lines[last:])
            yield Mutant("required", self.name, entry.at.file, entry.at, f"without the line {entry.key}:", text)

    # words in formulas

    def formulas(self) -> Iterator[Mutant]:
        for tree in self.trees.values():
            grammar = self.workspace.format(self.picture.from_format, self.picture.from_settings).paths.grammar
            for leaf in leaves(tree):
                if leaf.text.startswith("="):
                    yield from self.formula(worked(leaf, grammar).formula, leaf)

    def formula(self, formula: Formula, leaf: Leaf) -> Iterator[Mutant]:
        match formula:
            case Call():
                yield from self.call(formula, leaf)
            case Binary(left=left, right=right):
                yield from self.formula(left, leaf)
                yield from self.formula(right, leaf)
            case Not(operand) | Exists(operand):
                yield from self.formula(operand, leaf)
            case Listing(items):
                for item in items:
                    yield from self.formula(item, leaf)
            case Read(path):
                yield from self.path(path, leaf)

    def call(self, call: Call, leaf: Leaf) -> Iterator[Mutant]:
        known = {*self.workspace.transforms, *SPECIAL}
        yield from self.mutant("transform", call.at, call.name, misspelt(call.name, known))
        if call.piped and call.name in CONVERSIONS:
            yield from self.unpiped(call)
        arguments = list(call.arguments)
        if call.name == "table" and arguments:
            named = arguments.pop()
            if isinstance(named, Read):
                name = named.path.name
                yield from self.mutant("table", named.at, name, misspelt(name, set(self.picture.tables)))
        for argument in arguments:
            if isinstance(argument, Arrow):
                yield from () if argument.match is None else self.formula(argument.match, leaf)
                yield from self.formula(argument.result, leaf)
            else:
                yield from self.formula(argument, leaf)

    def unpiped(self, call: Call) -> Iterator[Mutant]:
        text, name = self.files.texts[call.at.file], self.files.offset(call.at)
        start = text.rindex("|", 0, name)
        end = name + len(call.name)
        if text[end : end + 1] == "(":
            end = text.index(")", end) + 1
        piece = text[start:end]
        if ("conversion", call.at) not in self.seen:
            self.seen.add(("conversion", call.at))
            changed = text[:start].rstrip(" ") + text[end:]
            yield Mutant("conversion", self.name, call.at.file, call.at, f"without {piece}", changed)

    def path(self, path: DocumentPath, leaf: Leaf) -> Iterator[Mutant]:
        for part in path.parts:
            if isinstance(part, Where):
                yield from self.formula(part.condition, leaf)
        declared = self.declared(path.at.file)
        if path.root == "name" and path.name in self.picture.needs:
            yield from self.mutant("context", path.at, path.name, misspelt(path.name, declared))
        elif path.root == "name" and path.name in declared:
            yield from self.mutant("name", path.at, path.name, misspelt(path.name, declared))
        elif path.root in ("name", "tick") and self.picture.from_format in ("csv", "xlsx"):
            yield from self.mutant("column", path.at, path.name, misspelt(path.name, declared))

    def declared(self, file: str) -> set[str]:
        """All names that are declared anywhere in a file."""
        names = {*self.picture.needs}
        waiting: list[Any] = [self.trees[file]]
        while waiting:
            node = waiting.pop()
            if isinstance(node, Branch):
                for key, value in node.entries:
                    if key.text in ("let", "$let") and isinstance(value, Branch):
                        names |= {k.text for k, _ in value.entries}
                    if key.text == "needs" and isinstance(value, Row):
                        names |= {i.text.rstrip("?") for i in value.items if isinstance(i, Leaf)}
                    if key.text == "$each" and isinstance(value, Branch):
                        names |= {k.text for k, _ in value.entries}
                    waiting.append(value)
            elif isinstance(node, Row):
                waiting += node.items
        return names

    # other words

    def words(self) -> Iterator[Mutant]:
        """Names where they are declared (`needs:`), and the parts behind `$use`."""
        for file, tree in self.trees.items():
            waiting: list[Any] = [tree]
            while waiting:
                node = waiting.pop()
                if isinstance(node, Row):
                    waiting += node.items
                elif isinstance(node, Branch):
                    for key, value in node.entries:
                        waiting.append(value)
                        if key.text == "$use" and isinstance(value, Leaf):
                            yield from self.mutant("part", value.at, value.text, misspelt(value.text, set()))
                        if key.text == "needs" and isinstance(value, Row):
                            for item in (i for i in value.items if isinstance(i, Leaf)):
                                name = item.text.rstrip("?")
                                yield from self.mutant("context", item.at, name, misspelt(name, self.declared(file)))

    # constants that the schema lists

    def constants(self) -> Iterator[Mutant]:
        """Constants, results in formulas and rows of tables that stand where the schema lists what is allowed."""
        for known in listed_constants(self.workspace, self.picture, self.shape):
            if known.at.file.endswith(".csv"):
                yield from self.row(known.at, str(known.value))
            elif isinstance(known.value, str) and known.value:
                at = self.value_place(known)
                yield from self.mutant("constant", at, known.value, misspelt(known.value, set()))

    def value_place(self, known: Any) -> Place:
        """Where a constant's text stands; a row's place is that of its code, in front of its result."""
        if not known.table:
            return known.at
        waiting: list[Any] = [self.trees[known.at.file]]
        while waiting:
            node = waiting.pop()
            if isinstance(node, Row):
                waiting += node.items
            elif isinstance(node, Branch):
                for key, value in node.entries:
                    if key.at == known.at:
                        return value.at
                    waiting.append(value)
        return known.at

    def row(self, at: Place, value: str) -> Iterator[Mutant]:
        text = self.files.texts.get(at.file)
        if text is None or ("constant", at) in self.seen:
            return
        self.seen.add(("constant", at))
        lines = text.splitlines(keepends=True)
        header, line = next(csv.reader([lines[0]])), next(csv.reader([lines[at.line - 1]]))
        line[header.index("to")] = misspelt(value, set())
        out = io.StringIO()
        csv.writer(out, lineterminator="\n").writerow(line)
        lines[at.line - 1] = out.getvalue()
        yield Mutant("constant", self.name, at.file, at, f"{value} -> {line[header.index('to')]}", "".join(lines))


def listed_constants(workspace: Workspace, mapping: picture.Mapping, shape: Shape | None) -> list[Any]:
    """Every constant that the checker holds against a list of values."""
    found: list[Any] = []
    plain = check.misfits

    def watching(value: Any, place: Shape, at: Place, target: str) -> Iterator[Fault]:
        if place.values:
            found.extend(k for k in value.known if isinstance(k.value, str))
        return plain(value, place, at, target)

    check.misfits = watching
    try:
        format_ = workspace.format(mapping.from_format, mapping.from_settings)
        check.check_mapping(mapping, format_, workspace.transforms, shape)
    finally:
        check.misfits = plain
    return list({(k.at, k.value): k for k in found}.values())


def told(workspace: Workspace, name: str, overlay: Mapping[str, str]) -> set[tuple[str, str, str, str]]:
    """What `check` tells of a mapping with some of its files changed, places left out."""
    from interpres.mapping.reading.file import load

    try:
        mapping = load(name, workspace.folder / "mappings", workspace.grammar, overlay)
        shape = workspace.schema(mapping.to).shape() if mapping.to else None
        format_ = workspace.format(mapping.from_format, mapping.from_settings)
        faults = check.check_mapping(mapping, format_, workspace.transforms, shape)
    except Fault as fault:
        faults = [fault]
    except Faults as several:
        faults = list(several)
    return {(f.code, f.level, f.target, f.says) for f in faults}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


class Mutated(Workspace):
    """A workspace in which one file of its mappings reads otherwise."""

    def __init__(self, folder: Path, overlay: Mapping[str, str]) -> None:
        super().__init__(folder)
        self.overlay = overlay

    def share(self, other: Workspace) -> None:
        """Everything that the other has read already, but for its mappings."""
        vars(self).update({k: v for k, v in vars(other).items() if k not in ("overlay", "_mappings")})

    def picture(self, name: str) -> picture.Mapping:
        from interpres.mapping.reading.file import load

        return load(name, self.folder / "mappings", self.grammar, self.overlay)


class Samples:
    """What became of every sample before anything was changed; places in faults left out, for a line that goes shifts them."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.fates: dict[str, list[tuple[Sample, dict[str, bytes]]]] = {}
        for sample in samples_in(workspace):
            try:
                recipe = workspace.recipe(sample.channel)
            except (Fault, Faults):
                continue  # a channel that cannot be read is told by `interpres check`; it shows nothing here
            self.fates.setdefault(sample.channel, []).append((sample, _placeless(fate(sample, recipe))))
        self.mappings = {
            channel: {
                d.get("mapping") for d in plain(read(workspace.read(f"channels/{channel}.yaml"), "")).get("destinations").values()
            }
            for channel in self.fates
        }

    def show(self, mutant: Mutant) -> bool:
        """Whether any sample of a channel that uses the mapping comes out otherwise than before."""
        mutated = Mutated(self.workspace.folder, {mutant.file: mutant.text})
        mutated.share(self.workspace)
        for channel, fates in self.fates.items():
            if mutant.mapping in self.mappings[channel]:
                try:
                    recipe = mutated.recipe(channel)
                    if any(_placeless(fate(sample, recipe)) != before for sample, before in fates):
                        return True
                except (Fault, Faults):
                    return True
        return False


def _placeless(made: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: re.sub(rb":\d+:\d+ ", b" ", text) if name.endswith(".txt") else text for name, text in made.items()}
