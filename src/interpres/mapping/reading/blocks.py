"""Blocks: the output as a file draws it — control words, formulas and constants — read from its YAML tree."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Final

from interpres.fault import Fault, Place, did_you_mean
from interpres.format import Grammar
from interpres.mapping.picture import Block, Constant, Entry, Items, Node, Part, Through, Use, Worked
from interpres.mapping.reading import slips
from interpres.mapping.reading.grammar import path_of, worked
from interpres.path import Path
from interpres.yaml import Branch, Leaf, Row
from interpres.yaml import Node as Yaml

CONTROL_WORDS: Final = ("$each", "$when", "$let", "$use")

FindPart = Callable[[Leaf], Part | None]
"""From the name behind `$use` to the part; None where there is none, which has been told."""


class Blocks:
    """Reads the nodes of one file; everything wrong is gathered in `faults`, so that all of a file is told at once."""

    def __init__(self, grammar: Grammar, part: FindPart, context: frozenset[str], faults: list[Fault]) -> None:
        self.grammar = grammar
        self.part = part
        self.context = context
        self.faults = faults

    def node(self, node: Yaml) -> Node:
        """What a value of the output is: a constant, a formula, a list or a block."""
        match node:
            case Leaf():
                return self.leaf(node)
            case Row():
                return Items(tuple(self.node(i) for i in node.items), node.at) if node.items else Constant([], node.at)
            case Branch():
                return self.block(node) if node.entries else Constant({}, node.at)

    def leaf(self, leaf: Leaf) -> Constant | Worked:
        """A formula where the text begins with `=`, quoted or not; else a constant."""
        if leaf.text.startswith("="):
            try:
                return worked(leaf, self.grammar)
            except Fault as fault:
                self.faults.append(fault)
        elif leaf.plain and not leaf.text:
            self._fault("M136", "this key has no value", "write one; null says that there is none, '' is an empty text", leaf.at)
        return Constant(leaf.value, leaf.at)

    def block(self, branch: Branch) -> Block:
        """A map with its control words."""
        words = {key.text: (key, value) for key, value in branch.entries if self._is_control(key)}
        let = self._let(words)
        return Block(
            entries=self.entries([(k, v) for k, v in branch.entries if k.text not in words and not self._is_unknown(k)]),
            at=branch.at,
            each=self.each(words["$each"][1]) if "$each" in words else (),
            when=self._when(words["$when"][1]) if "$when" in words else None,
            let=let,
            use=self._use(words["$use"][1], let) if "$use" in words else None,
        )

    def entries(self, pairs: list[tuple[Leaf, Yaml]]) -> tuple[Entry, ...]:
        """The keys of a block with what they hold."""
        return tuple(Entry(key.text, self.node(value), key.at) for key, value in pairs)

    def names(self, node: Yaml, what: str) -> tuple[Entry, ...]:
        """The names of `let:` or `$let`, in order."""
        if not isinstance(node, Branch):
            self._fault("M126", f"{what} holds no names", f"write {what}: with lines 'name: =formula' below it", node.at)
            return ()
        return tuple(Entry(name, self.node(value), key.at) for key, value in node.entries if (name := self.name(key)))

    def name(self, key: Leaf) -> str:
        """A name that formulas can read, in NFC; empty where it is none, which is told."""
        text = unicodedata.normalize("NFC", key.text)
        try:
            written = slips.name(text, key.at) if not text.isascii() else text
        except Fault as fault:
            self.faults.append(fault.but(hint="a name has letters, digits and _ only"))
            return ""
        if text in slips.RESERVED:
            self._fault("M126", f"'{text}' is a word of the formula language", "choose another name", key.at)
            return ""
        if not text or text[0].isdigit() or (text.isascii() and not text.replace("_", "a").isalnum()):
            hint = "a name has letters, digits and _ only, and begins with a letter"
            self._fault("M126", f"'{key.text}' cannot be a name", hint, key.at)
            return ""
        return written

    def each(self, node: Yaml) -> tuple[Through, ...]:
        """The loops of `$each`: a path, a formula, or several of them by name."""
        if isinstance(node, Branch) and node.entries:
            return tuple(t for key, value in node.entries if (t := self._through(self.name(key), value, key.at)))
        found = self._through(None, node, node.at)
        return (found,) if found else ()

    def _through(self, name: str | None, node: Yaml, at: Place) -> Through | None:
        if name == "":
            return None
        if not isinstance(node, Leaf) or not isinstance(node.value, str):
            hint = "write a path ($each: DG1), a formula ($each: =…), or names ($each: {order: OBR, result: OBX})"
            self._fault("M124", "$each wants what it goes through", hint, node.at)
            return None
        try:
            over: Path | Worked = worked(node, self.grammar) if node.text.startswith("=") else path_of(node, self.grammar)
        except Fault as fault:
            self.faults.append(fault)
            return None
        return Through(name, over, at)

    def _when(self, node: Yaml) -> Worked | None:
        if isinstance(node, Leaf) and node.text.startswith("="):
            found = self.leaf(node)
            return found if isinstance(found, Worked) else None
        hint = "it keeps the block where a formula is true: $when: =PV1-2 = 'I'"
        if isinstance(node, Leaf) and isinstance(node.value, str) and node.text:
            hint = f"write = in front: $when: ={node.text}"
        self._fault("M125", "$when wants a formula", hint, node.at)
        return None

    def _let(self, words: dict[str, tuple[Leaf, Yaml]]) -> tuple[Entry, ...]:
        return self.names(words["$let"][1], "$let") if "$let" in words else ()

    def _use(self, node: Yaml, let: tuple[Entry, ...]) -> Use | None:
        if not isinstance(node, Leaf) or not isinstance(node.value, str) or node.text.startswith("="):
            self._fault("M127", "$use wants the name of a part", "as in $use: ncdd_address", node.at)
            return None
        part = self.part(node)
        if part is None:
            return None
        given = {entry.key for entry in let}
        asked = [need for need in part.needs if need not in given]
        for need in asked:
            if not part.needs[need] and need not in self.context:
                hint = f"write $let: {{{need}: =…}} beside it"
                self._fault("M128", f"the part '{node.text}' needs '{need}'", hint, node.at)
        for entry in let:
            near = did_you_mean(entry.key, asked)
            if entry.key not in part.needs and near:
                self._fault("M128", f"the part '{node.text}' does not ask for '{entry.key}'", near, entry.at)
        return Use(node.text, part, node.at)

    def _is_control(self, key: Leaf) -> bool:
        return key.text in CONTROL_WORDS

    def _is_unknown(self, key: Leaf) -> bool:
        """Whether a key begins with `$` and is none of ours; `$text` is XML's."""
        if not key.text.startswith("$") or key.text == "$text":
            return False
        known = [*CONTROL_WORDS, "$text"]
        hint = did_you_mean(key.text, known) or f"there are {', '.join(known)}; every other key is the output's own"
        self._fault("M123", f"there is no control word '{key.text}'", hint, key.at)
        return True

    def _fault(self, code: str, says: str, hint: str, at: Place) -> None:
        self.faults.append(Fault(code, says, hint, at=at))
