"""File: a mapping file, with its bases, parts and tables, becomes a picture — or all that is wrong with it, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from interpres import yaml
from interpres.fault import Fault, Faults, Place, did_you_mean
from interpres.format import Grammar
from interpres.mapping import picture
from interpres.mapping.reading.blocks import CONTROL_WORDS, Blocks
from interpres.mapping.reading.changes import read_drops, read_edits
from interpres.mapping.reading.code_tables import read_table
from interpres.mapping.reading.head import read_head
from interpres.mapping.reading.inherit import extended
from interpres.mapping.reading.shelf import Shelf
from interpres.table import Table
from interpres.yaml import Branch, Leaf, Node, Row

GrammarOf = Callable[[str], Grammar]
"""From a format's word to the grammar of its paths; raises `Fault` C110 where there is no such format."""

KEYS: Final = ("about", "extends", "from", "to", "needs", "timezone", "times", "tables", "let", "output", "edits", "drops")
PART_KEYS: Final = ("about", "needs", "tables", "let", "output")

_CUTTING: Final = ("Y107", "Y108", "Y111", "Y121")
"""Faults after which the rest of a line is not what was written."""


def load(name: str, folder: Path, grammar_of: GrammarOf, overlay: Mapping[str, str] | None = None) -> picture.Mapping:
    """The mapping of that name below `folder` (the workspace's `mappings/`), bases merged and parts resolved.

    `overlay` holds texts that stand in place of files, by their names in the workspace (`mappings/npca/visit.yaml`).
    Raises `Faults` with everything that is wrong with its files: Y1xx what YAML cannot read, M110 to M119 formulas, M120 to M139
    the rest.
    """
    found, faults = look_through(name, folder, grammar_of, overlay)
    if faults:
        raise Faults(faults)
    assert found is not None, "no picture, and nothing wrong"
    return found


def look_through(
    name: str, folder: Path, grammar_of: GrammarOf, overlay: Mapping[str, str] | None = None
) -> tuple[picture.Mapping | None, list[Fault]]:
    """As `load`, but what could be read of the picture beside its faults, for whoever wants to find still more of them."""
    reading = _Reading(Shelf(folder, overlay), grammar_of)
    found = reading.mapping(name)
    return found, _told_once(reading.faults)


def _told_once(faults: list[Fault]) -> list[Fault]:
    """The faults by place, without those that only follow from what YAML made of the same line."""
    cut = {(f.at.file, f.at.line) for f in faults if f.at and f.code in _CUTTING}
    kept = [f for f in dict.fromkeys(faults) if f.code[0] == "Y" or not f.at or (f.at.file, f.at.line) not in cut]
    return sorted(kept, key=lambda fault: fault.at or Place(""))


class _Reading:
    """One mapping being read with all that belongs to it."""

    def __init__(self, shelf: Shelf, grammar_of: GrammarOf) -> None:
        self.shelf = shelf
        self.grammar_of = grammar_of
        self.faults: list[Fault] = []
        self.parts: dict[str, picture.Part | None] = {}
        self.using: list[str] = []

    # the mapping

    def mapping(self, name: str) -> picture.Mapping | None:
        file = f"{name}.yaml"
        at = Place(self.shelf.name(file))
        if not self.shelf.holds(file):
            hint = did_you_mean(name, self.shelf.mappings()) or "mappings lie in mappings/"
            self.fault("M129", f"there is no mapping '{name}'", hint, at)
            return None
        tree = self.branch(file, [])
        if tree is None:
            return None
        self.unknown_keys(tree, KEYS, "a mapping")
        needs = self.needs(tree.get("needs"), optional=False)
        head = read_head(tree, self.faults)
        grammar = self.grammar(head.from_format, tree)
        if grammar is None:
            return None
        blocks = Blocks(grammar, lambda leaf: self.part(leaf, grammar, frozenset(needs)), frozenset(needs), self.faults)
        tables = self.tables(tree.get("tables"))
        let = self.let(tree.get("let"), blocks, needs)
        self.has_one_picture(tree)
        output = self.output(tree.get("output"), blocks)
        each, edits = read_edits(tree.get("edits"), blocks)
        drops = read_drops(tree.get("drops"), grammar, self.faults)
        return picture.Mapping(
            name=name,
            file=at.file,
            about=head.about,
            from_format=head.from_format,
            from_settings=head.from_settings,
            to=head.to,
            to_format=head.to_format,
            to_settings=head.to_settings,
            needs=tuple(needs),
            timezone=head.timezone,
            times=head.times,
            tables=tables,
            let=let,
            output=output,
            edits=edits,
            each=each,
            drops=drops,
            places=_places(tree),
            files=tuple(self.shelf.files),
            precision=head.precision,
        )

    def branch(self, file: str, below: list[str]) -> Branch | None:
        """A mapping file's tree with its bases merged in; `below` are the files that extend it."""
        tree = self.read(file)
        word = tree.get("extends") if tree else None
        if tree is None or word is None:
            return tree
        if not isinstance(word, Leaf) or not isinstance(word.value, str):
            self.fault("M129", "extends wants the name of one mapping", "as in extends: npca/visit_from_adt", word.at)
            return tree
        base = f"{word.text}.yaml"
        if base in [file, *below]:
            chain = [*below, file, base]
            round_ = " → ".join(n.removesuffix(".yaml") for n in chain[chain.index(base) :])
            self.fault("M129", f"extends goes in a circle: {round_}", "let one of them stand on its own", word.at)
            return None
        if not self.shelf.holds(base):
            hint = did_you_mean(word.text, self.shelf.mappings()) or "mappings lie in mappings/, named without .yaml"
            self.fault("M129", f"there is no mapping '{word.text}' to extend", hint, word.at)
            return None
        found = self.branch(base, [*below, file])
        return extended(found, tree, self.faults) if found else None

    def read(self, file: str) -> Branch | None:
        name = self.shelf.name(file)
        try:
            tree = yaml.read(self.shelf.read(file), name, faults=self.faults)
        except Faults as faults:
            self.faults += faults
            return None
        except Fault as fault:
            self.faults.append(fault)
            return None
        if isinstance(tree, Branch):
            return tree
        self.fault("M120", "the file holds no keys", "begin with about:, from: and output:", tree.at)
        return None

    def unknown_keys(self, tree: Branch, known: tuple[str, ...], what: str) -> None:
        for key, _ in tree.entries:
            if key.text in known:
                continue
            hint = did_you_mean(key.text, known) or f"{what} has {', '.join(known)}"
            if key.text in CONTROL_WORDS:
                hint = "control words stand under output: (or edits:), beside the keys that they rule"
            elif what == "a part" and key.text in KEYS:
                hint = "a part reads the document of the mapping that uses it; this belongs there"
            self.fault("M120", f"{what} has no key '{key.text}'", hint, key.at)

    def has_one_picture(self, tree: Branch) -> None:
        output, edits = tree.get("output"), tree.get("edits")
        if output is None and edits is None:
            hint = "draw the result under output:, or list under edits: what changes in a copy"
            self.fault("M121", "nothing says what the mapping makes", hint, tree.at)
        if output is not None and edits is not None:
            hint = "keep one: output: makes something new, edits: changes a copy of what came"
            self.fault("M121", "output: and edits: exclude each other", hint, yaml.key_place(tree, ["edits"]))

    def grammar(self, word: str, tree: Branch) -> Grammar | None:
        if not word:
            return None
        try:
            return self.grammar_of(word)
        except Fault as fault:
            self.faults.append(fault.within(at=yaml.place(tree, ["from"])))
        except Faults as faults:
            self.faults += (f.within(at=yaml.place(tree, ["from"])) for f in faults)
        return None

    # its parts

    def needs(self, node: Node | None, *, optional: bool) -> dict[str, bool]:
        """From each name to whether it is optional."""
        if node is None:
            return {}
        if not isinstance(node, Row):
            self.fault("M122", "needs: wants a list", "write needs: [beneficiary]", node.at)
            return {}
        blocks = Blocks("tree", lambda _: None, frozenset(), self.faults)
        found: dict[str, bool] = {}
        for item in node.items:
            if not isinstance(item, Leaf) or not item.text:
                self.fault("M126", "a need is a name", "write needs: [beneficiary]", item.at)
                continue
            text = item.text.removesuffix("?")
            if item.text.endswith("?") and not optional:
                hint = f"write {text}: what the channel does not bring is missing anyway"
                self.fault("M126", "only a part's needs can be optional", hint, item.at)
            if name := blocks.name(Leaf(text, text, item.plain, item.at, item.written)):
                if name in found:
                    self.fault("M126", f"'{name}' is listed twice", "keep one", item.at)
                found[name] = item.text.endswith("?")
        return found

    def tables(self, node: Node | None) -> dict[str, Table]:
        if node is None:
            return {}
        if not isinstance(node, Branch):
            hint = "write tables: with lines 'name: {A: B}' or 'name: npca/tables/name.csv' below it"
            self.fault("M131", "tables: holds no tables", hint, node.at)
            return {}
        return {k.text: read_table(k.text, v, k.at, self.shelf, self.faults) for k, v in node.entries}

    def let(self, node: Node | None, blocks: Blocks, needs: Iterable[str]) -> tuple[picture.Entry, ...]:
        entries = blocks.names(node, "let") if node else ()
        for entry in entries:
            if entry.key in needs:
                self.fault("M126", f"'{entry.key}' stands under needs: already", "choose another name for one of them", entry.at)
        return entries

    def output(self, node: Node | None, blocks: Blocks) -> picture.Node | None:
        if node is None:
            return None
        if isinstance(node, Leaf) and not node.text.startswith("="):
            self.fault("M122", "output: draws nothing", "write the keys of the result below it, each in its place", node.at)
            return None
        return blocks.node(node)

    # shared parts

    def part(self, leaf: Leaf, grammar: Grammar, context: frozenset[str]) -> picture.Part | None:
        """The part that `$use` names where `leaf` stands; None where there is none, which is told."""
        user = leaf.at.file.removeprefix(self.shelf.name(""))
        try:
            name = self.shelf.part(leaf.text, user, leaf.at)
        except Fault as fault:
            self.faults.append(fault)
            return None
        if name in self.using:
            round_ = " → ".join([*self.using[self.using.index(name) :], name])
            self.fault("M127", f"$use goes in a circle: {round_}", "let one of them stand on its own", leaf.at)
            return None
        if name not in self.parts:
            self.using.append(name)
            self.parts[name] = self.part_file(name, grammar, context)
            self.using.pop()
        return self.parts[name]

    def part_file(self, name: str, grammar: Grammar, context: frozenset[str]) -> picture.Part | None:
        tree = self.read(f"{name}.yaml")
        if tree is None:
            return None
        at = Place(self.shelf.name(f"{name}.yaml"))
        self.unknown_keys(tree, PART_KEYS, "a part")
        needs = self.needs(tree.get("needs"), optional=True)
        blocks = Blocks(grammar, lambda leaf: self.part(leaf, grammar, context), context, self.faults)
        tables = self.tables(tree.get("tables"))
        let = self.let(tree.get("let"), blocks, needs)
        output = self.output(tree.get("output"), blocks)
        if output is None:
            if tree.get("output") is None:
                self.fault("M121", "output: is missing", "draw what the part puts in", tree.at)
            return None
        return picture.Part(name, needs, tables, let, output, at)

    def fault(self, code: str, says: str, hint: str, at: Place) -> None:
        self.faults.append(Fault(code, says, hint, at=at))


def _places(tree: Branch) -> dict[str, Place]:
    """The places of the file's own keys, and of what stands under needs, tables and times."""
    places: dict[str, Place] = {}
    for key, value in tree.entries:
        places[key.text] = value.at
        if isinstance(value, Branch) and key.text in ("tables", "times", "to", "from"):
            places |= {f"{key.text}.{name.text}": name.at for name, _ in value.entries}
        if isinstance(value, Row) and key.text == "needs":
            places |= {f"needs.{item.text}": item.at for item in value.items if isinstance(item, Leaf)}
    return places
