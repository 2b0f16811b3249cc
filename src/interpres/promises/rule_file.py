"""Rule file: what `rules.yaml` says, and all that is wrong with it — keys, formulas, and paths that the schema does not have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast

from interpres.fault import Fault, Place, did_you_mean
from interpres.mapping.checking.infer import Reader
from interpres.mapping.checking.sight import Name, Sight
from interpres.mapping.checking.value import ANY
from interpres.mapping.compiling.scope import Values
from interpres.mapping.picture import Worked
from interpres.mapping.reading.grammar import path_of, worked
from interpres.path import Every, Index, Key, Where
from interpres.path import Path as DocumentPath
from interpres.schema import Shape
from interpres.transform import Transform
from interpres.yaml import Branch, Leaf, Node, Row

KEYS: Final = ("on", "at", "when", "expect", "says", "hint", "level")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `on` are loops within one another, each with its name or None; `place` is where the rule begins."""

    on: tuple[tuple[str | None, DocumentPath], ...]
    about: DocumentPath | None
    when: Worked | None
    expect: Worked
    says: str
    hint: str
    level: Literal["fault", "warning"]
    place: Place


class RuleReading:
    """One rules.yaml; `faults` gathers everything wrong with the rules that are read."""

    def __init__(self, tree: Node, folder: Path) -> None:
        self.tree = tree
        self.folder = folder
        self.faults: list[Fault] = []

    def rules(self, name: str) -> Iterator[Rule]:
        """The rules under a schema's name (as its file's folder knows it: `visit`)."""
        if not isinstance(self.tree, Branch):
            self._fault(
                "R101", "rules stand under the names of their schemas", "write visit: and the rules below it", self.tree.at
            )
            return
        for key, listed in self.tree.entries:
            self._known(key)
            if key.text == name:
                if isinstance(listed, Row):
                    yield from (rule for item in listed.items if (rule := self._rule(item)))
                else:
                    self._fault("R101", "a list of rules is wanted here", "begin each rule with '- on:'", listed.at)

    def named(self) -> Iterator[Path]:
        """The files of the schemas that have rules here: without them the file would be at fault."""
        if isinstance(self.tree, Branch):
            for key, _ in self.tree.entries:
                yield from self._files(key)

    def _files(self, key: Leaf) -> Iterator[Path]:
        stem = key.text.split("#")[0].split("/")[0]
        yield from (f for suffix in (".json", ".yaml") if (f := self.folder / f"{stem}{suffix}").is_file())

    def _known(self, key: Leaf) -> None:
        if not any(self._files(key)):
            names = [f.stem for f in sorted(self.folder.glob("*.json"))]
            self._fault("R101", f"there is no schema '{key.text}' beside this file", did_you_mean(key.text, names), key.at)

    def _rule(self, node: Node) -> Rule | None:
        if not isinstance(node, Branch):
            self._fault("R102", "a rule has the keys on, expect and says", "write - on: …, expect: =…, says: …", node.at)
            return None
        before = len(self.faults)
        self._keys(node)
        on = tuple(self._loops(node.get("on")))
        about = self._path(node.get("at"))
        when = self._formula(node.get("when"))
        expect = self._formula(node.get("expect"))
        says, hint = self._text(node.get("says")), self._text(node.get("hint"))
        level = self._level(node.get("level"))
        if len(self.faults) > before or expect is None:
            return None
        return Rule(on, about, when, expect, says.rstrip("."), hint.rstrip("."), level, node.at)

    def _keys(self, node: Branch) -> None:
        for key, _ in node.entries:
            if key.text not in KEYS:
                hint = did_you_mean(key.text, KEYS) or f"the keys of a rule are {', '.join(KEYS)}"
                self._fault("R102", f"there is no key '{key.text}' in a rule", hint, key.at)
        for needed in ("on", "expect", "says"):
            if node.get(needed) is None:
                self._fault("R102", f"the rule has no {needed}:", "every rule has on, expect and says", node.at)

    def _loops(self, node: Node | None) -> Iterator[tuple[str | None, DocumentPath]]:
        if isinstance(node, Branch):
            for key, leaf in node.entries:
                path = self._path(leaf)
                if path:
                    yield key.text, path
        elif path := self._path(node):
            yield None, path

    def _path(self, node: Node | None) -> DocumentPath | None:
        if node is None:
            return None
        if not isinstance(node, Leaf) or not isinstance(node.value, str):
            self._fault("R102", "a path is wanted here", "write it as in visits.diagnosis", node.at)
            return None
        try:
            return path_of(node, "tree")
        except Fault as wrong:
            self.faults.append(wrong)
            return None

    def _formula(self, node: Node | None) -> Worked | None:
        if node is None:
            return None
        if not isinstance(node, Leaf) or not node.text.startswith("="):
            self._fault("R102", "a formula is wanted here", "begin it with =", node.at)
            return None
        try:
            return worked(node, "tree")
        except Fault as wrong:
            self.faults.append(wrong)
            return None

    def _text(self, node: Node | None) -> str:
        if node is None:
            return ""
        if not isinstance(node, Leaf) or not isinstance(node.value, str) or not node.text.strip():
            self._fault("R102", "a sentence is wanted here", "write it as plain text", node.at)
            return ""
        return node.text.strip()

    def _level(self, node: Node | None) -> Literal["fault", "warning"]:
        if node is None:
            return "fault"
        if not isinstance(node, Leaf) or node.text not in ("fault", "warning"):
            self._fault("R102", "level is fault or warning", "a fault refuses the document, a warning lets it pass", node.at)
            return "fault"
        return cast(Literal["fault", "warning"], node.text)

    def _fault(self, code: str, says: str, hint: str, at: Place) -> None:
        self.faults.append(Fault(code, says, hint, at=at))


class _ShapedPaths(Values):
    """Paths of rules, looked up in the schema's shape: a rule that reads a misspelt key would be silent for ever."""

    def __init__(self, shape: Shape | None, name: str) -> None:
        self.shape = shape
        self.schema = name

    def check(self, path: DocumentPath, loops: Sequence[DocumentPath]) -> Iterator[Fault]:
        """R103 for a key that the schema does not have where the path leads."""
        shape = self.shape
        if path.root == "item":
            for loop in loops:
                shape = self._follow(loop, self.shape if loop.root != "item" else shape, [])
        found: list[Fault] = []
        self._follow(path, shape, found)
        yield from found

    def _follow(self, path: DocumentPath, shape: Shape | None, faults: list[Fault]) -> Shape | None:
        parts = path.parts if path.root in ("item", "document", "here") else (Key(path.name), *path.parts)
        for part in parts:
            if shape is None:
                return None
            if isinstance(part, Key):
                while shape is not None and shape.kinds == {"array"}:
                    shape = shape.item()
                shape = self._key(part.name, shape, path, faults)
            elif isinstance(part, Index | Every | Where) and shape.kinds == {"array"}:
                shape = shape.item()
        while shape is not None and shape.kinds == {"array"}:
            shape = shape.item()
        return shape

    def _key(self, name: str, shape: Shape | None, path: DocumentPath, faults: list[Fault]) -> Shape | None:
        inner = shape.key(name) if shape is not None else None
        if shape is not None and inner is None and not shape.open and shape.keys:
            hint = did_you_mean(name, shape.keys) or f"the keys there are {', '.join(shape.keys[:12])}"
            faults.append(Fault("R103", f"{self.schema} has no '{name}' where '{path.text}' looks for it", hint, at=path.at))
        return inner


def check_rules(
    rules: Sequence[Rule], shape: Shape | None, transforms: Mapping[str, Transform], name: str, report: Callable[[Fault], None]
) -> None:
    """R103 and M1xx for all that is wrong with rules that could be read."""
    reader = Reader(_ShapedPaths(shape, name), transforms, report)
    for rule in rules:
        sight = Sight()
        for loop, over in rule.on:
            reader.read(over, sight)
            sight = sight.inside(over, ANY)
            if loop:
                paths = tuple(p for p in sight.loops if p is not None)
                sight = sight.naming(loop, Name(ANY, over.at, "loop", used=True, loops=paths))
        if rule.about is not None:
            reader.read(rule.about, sight)
        for formula in (rule.when, rule.expect):
            if formula is not None:
                reader.yes_or_no(formula.formula, sight)
