"""File: a mapping file, with its bases, parts and tables, becomes a picture — or all that is wrong with it, at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from interpres import yaml
from interpres.fault import Fault, Faults, Place, did_you_mean
from interpres.format import Grammar
from interpres.mapping import picture
from interpres.mapping.blocks import CONTROL_WORDS, Blocks
from interpres.mapping.code_tables import read_table
from interpres.mapping.grammar import path_of
from interpres.mapping.inherit import extended
from interpres.mapping.shelf import Shelf
from interpres.table import Table
from interpres.times import PRECISIONS
from interpres.yaml import Branch, Leaf, Node, Row

GrammarOf = Callable[[str], Grammar]
"""From a format's word to the grammar of its paths; raises `Fault` C110 where there is no such format."""

KEYS: Final = ("about", "extends", "from", "to", "needs", "timezone", "times", "tables", "let", "output", "edits", "drops")
PART_KEYS: Final = ("about", "needs", "tables", "let", "output")

_CUTTING: Final = ("Y107", "Y108", "Y111", "Y121")
"""Faults after which the rest of a line is not what was written."""

_DROPPED_SEGMENTS = re.compile(r"[A-Z*][A-Z0-9*]{0,2}\Z")


def load(name: str, folder: Path, grammar_of: GrammarOf, overlay: Mapping[str, str] | None = None) -> picture.Mapping:
    """The mapping of that name below `folder` (the workspace's `mappings/`), bases merged and parts resolved.

    `overlay` holds texts that stand in place of files, by their names in the workspace (`mappings/npca/visit.yaml`).
    Raises `Faults` with everything that is wrong with its files: Y1xx what YAML cannot read, M110 to M119 formulas, M120 to M139
    the rest.
    """
    reading = _Reading(Shelf(folder, overlay), grammar_of)
    found = reading.mapping(name)
    if reading.faults:
        raise Faults(_told_once(reading.faults))
    assert found is not None, "no picture, and nothing wrong"
    return found


def _told_once(faults: list[Fault]) -> list[Fault]:
    """The faults by place, without those that only follow from what YAML made of the same line."""
    cut = {(f.at.file, f.at.line) for f in faults if f.at and f.code in _CUTTING}
    kept = [f for f in dict.fromkeys(faults) if f.code[0] == "Y" or not f.at or (f.at.file, f.at.line) not in cut]
    return sorted(kept, key=lambda fault: fault.at or Place(""))


@dataclass(frozen=True, slots=True)
class _Head:
    """What stands in front of a mapping's picture."""

    about: str
    from_format: str
    from_settings: Mapping[str, Any]
    to: str | None
    to_format: str | None
    to_settings: Mapping[str, Any]
    timezone: str | None
    times: str
    precision: str | None


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
        head = self.head(tree)
        grammar = self.grammar(head.from_format, tree)
        if grammar is None:
            return None
        blocks = Blocks(grammar, lambda leaf: self.part(leaf, grammar, frozenset(needs)), frozenset(needs), self.faults)
        tables = self.tables(tree.get("tables"))
        let = self.let(tree.get("let"), blocks, needs)
        self.has_one_picture(tree)
        output = self.output(tree.get("output"), blocks)
        each, edits = self.edits(tree.get("edits"), blocks, grammar)
        drops = self.drops(tree.get("drops"), grammar)
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

    # its head

    def head(self, tree: Branch) -> _Head:
        word, settings = self.format(tree.get("from"), "from")
        if tree.get("from") is None:
            self.fault("M121", "from: is missing", "name the format whose paths the formulas use: from: hl7v2", tree.at)
        to, to_format, to_settings = self.to(tree.get("to"))
        times, precision = self.times(tree.get("times"))
        about = self.text(tree.get("about"), "about") or ""
        return _Head(about, word, settings, to, to_format, to_settings, self.timezone(tree.get("timezone")), times, precision)

    def text(self, node: Node | None, key: str) -> str | None:
        if node is None:
            return None
        if isinstance(node, Leaf) and node.text and not node.text.startswith("="):
            return node.text
        self.fault("M122", f"{key}: wants a text", f"write it behind {key}: on the same line", node.at)
        return None

    def format(self, node: Node | None, key: str) -> tuple[str, Mapping[str, Any]]:
        """`hl7v2` or `{csv: {group_by: [Visit No]}}`."""
        if isinstance(node, Branch) and len(node.entries) == 1:
            word, settings = node.entries[0]
            if isinstance(settings, Branch):
                return word.text, yaml.plain(settings)
            if isinstance(settings, Leaf) and settings.value is None:
                return word.text, {}
        elif isinstance(node, Leaf) and isinstance(node.value, str) and node.text:
            return node.text, {}
        if node is not None:
            hint = f"write {key}: hl7v2, or with settings {key}: {{csv: {{group_by: [Visit No]}}}}"
            self.fault("M122", f"{key}: wants the word of one format", hint, node.at)
        return "", {}

    def to(self, node: Node | None) -> tuple[str | None, str | None, Mapping[str, Any]]:
        """`npca/visit`, `{format: xml}`, `{text: {template: FILE}}`, or `{schema: NAME, format: …}`."""
        if not isinstance(node, Branch):
            return self.text(node, "to"), None, {}
        if not any(did_you_mean(key.text, ("format", "schema")) for key, _ in node.entries):
            word, settings = self.format(node, "to")
            return None, word or None, settings
        for key, _ in node.entries:
            if key.text not in ("format", "schema"):
                hint = did_you_mean(key.text, ("format", "schema")) or "to: has format and schema"
                self.fault("M120", f"to: has no key '{key.text}'", hint, key.at)
        word, settings = self.format(node.get("format"), "format")
        return self.text(node.get("schema"), "schema"), word or None, settings

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

    def timezone(self, node: Node | None) -> str | None:
        name = self.text(node, "timezone")
        if name is None or node is None:
            return None
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            near = did_you_mean(name, available_timezones()) or did_you_mean(
                name, [z.rsplit("/")[-1] for z in available_timezones()]
            )
            hint = near or "it is named by area and city: Asia/Phnom_Penh"
            self.fault("M133", f"there is no time zone '{name}'", hint, node.at)
            return None
        return name

    def times(self, node: Node | None) -> tuple[str, str | None]:
        """`local`, `utc`, or `{zone: local, precision: milliseconds}`."""
        if node is None:
            return "local", None
        if not isinstance(node, Branch):
            return self.one_of(node, "times", ("local", "utc")) or "local", None
        for key, _ in node.entries:
            if key.text not in ("zone", "precision"):
                hint = did_you_mean(key.text, ("zone", "precision")) or "it has zone and precision"
                self.fault("M120", f"times: has no key '{key.text}'", hint, key.at)
        zone, precision = node.get("zone"), node.get("precision")
        chosen = self.one_of(zone, "zone", ("local", "utc")) if zone else "local"
        return chosen or "local", self.one_of(precision, "precision", PRECISIONS) if precision else None

    def one_of(self, node: Node, key: str, known: tuple[str, ...]) -> str | None:
        if isinstance(node, Leaf) and node.text in known:
            return node.text
        written = node.text if isinstance(node, Leaf) else ""
        hint = did_you_mean(written, known) or f"write {' or '.join(known)}"
        self.fault("M133", f"{key}: is none of {', '.join(known)}", hint, node.at)
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

    def edits(
        self, node: Node | None, blocks: Blocks, grammar: Grammar
    ) -> tuple[tuple[picture.Through, ...], tuple[picture.Edit, ...]]:
        """The root `$each` of `edits:` and its targets."""
        if node is None:
            return (), ()
        if not isinstance(node, Branch):
            self.fault("M135", "edits: lists no paths", "write lines 'MSH-3: INTERPRES' below it", node.at)
            return (), ()
        each: tuple[picture.Through, ...] = ()
        edits: list[picture.Edit] = []
        for key, value in node.entries:
            if key.text == "$each":
                each = blocks.each(value)
            elif key.text.startswith("$") and not key.text.startswith("$."):
                hint = (
                    did_you_mean(key.text, ["$each"])
                    or "under edits: only $each can stand; write if(test, new, old) as the value"
                )
                self.fault("M123", f"'{key.text}' cannot stand under edits:", hint, key.at)
            else:
                try:
                    edits.append(picture.Edit(path_of(key, grammar), blocks.node(value), key.at))
                except Fault as fault:
                    self.faults.append(fault)
        return each, tuple(edits)

    def drops(self, node: Node | None, grammar: Grammar) -> tuple[picture.Drop, ...]:
        if node is None:
            return ()
        if not isinstance(node, Branch):
            hint = "write lines 'NK1: why it is left behind' below it"
            self.fault("M134", "drops: lists nothing with a reason", hint, node.at)
            return ()
        return tuple(d for key, value in node.entries if (d := self.drop(key, value, grammar)))

    def drop(self, key: Leaf, value: Node, grammar: Grammar) -> picture.Drop | None:
        reason = value.text.strip() if isinstance(value, Leaf) else ""
        if not reason or (isinstance(value, Leaf) and value.plain and value.value is None):
            self.fault("M134", f"no reason is given why {key.text} is left behind", "losing data is a decision: say why", key.at)
            return None
        if grammar != "columns" and not (grammar == "segments" and _DROPPED_SEGMENTS.match(key.text)):
            try:
                path_of(key, grammar)
            except Fault as fault:
                self.faults.append(fault)
                return None
        return picture.Drop(key.text, reason, key.at)

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
