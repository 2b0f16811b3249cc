"""Rules: what must hold between the values of a document — read from `rules.yaml`, compiled once, checked beside a schema."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from interpres import yaml
from interpres.document import MISSING, Document
from interpres.fault import Fault, Faults, Place
from interpres.path import Index, Key
from interpres.path import Path as DocumentPath
from interpres.promises.rule_code import Asked, compile_rules
from interpres.promises.rule_file import Rule, RuleReading, check_rules
from interpres.schema import Checker, Shape
from interpres.transform import Transform


class Ruled(Checker):
    """A checker with the rules that go with its schema."""

    def __init__(
        self, checker: Checker, rules: Sequence[Rule], transforms: Mapping[str, Transform], files: Iterable[Path] = ()
    ) -> None:
        self._checker = checker
        self._files = tuple(files)
        self._rules = tuple(rules)
        self._broken: Callable[[Any], list[Asked]] = compile_rules(self._rules, transforms)

    def faults(self, document: Document) -> Iterator[Fault]:
        """The schema's own, then R201 for every rule that is broken and R202 for one that could not be worked out.

        Where the schema refuses the document anyway, a rule that could not be worked out is not told: the schema says why.
        """
        refused = False
        for fault in self._checker.faults(document):
            refused = refused or fault.level == "fault"
            yield fault
        for asked in self._broken(document.tree):
            if asked.wrong is None or not refused:
                yield self._fault(asked, document.tree)

    def shape(self) -> Shape | None:
        return self._checker.shape()

    def reads(self) -> Iterator[Path]:
        yield from self._checker.reads()
        yield from self._files

    def _fault(self, asked: Asked, tree: Any) -> Fault:
        rule = self._rules[asked.rule]
        target = _position(tree, asked.items)
        if rule.about is not None:
            target += _written(rule.about) if target else _written(rule.about).removeprefix(".")
        if asked.wrong is not None:
            says = f"a rule could not be worked out: {asked.wrong.says}"
            return Fault("R202", says, asked.wrong.hint, at=rule.place, target=target, value=asked.wrong.value, level=rule.level)
        value = None if isinstance(asked.about, dict | list) or asked.about is MISSING else _text(asked.about)
        return Fault("R201", rule.says, rule.hint, at=rule.place, target=target, value=value, level=rule.level)


def with_rules(name: str, checker: Checker, file: Path, root: Path, transforms: Mapping[str, Transform]) -> Checker:
    """The checker of a schema with its rules, where `rules.yaml` beside the schema's file has any.

    Raises `Faults` with everything that is wrong with that schema's rules: Y1xx, R101 to R104, M1xx for formulas.
    """
    written = file.parent / "rules.yaml"
    if not written.is_file():
        return checker
    named = f"{root.name}/{written.relative_to(root).as_posix()}"
    reading = RuleReading(yaml.read(written.read_bytes(), named), file.parent)
    rules = list(reading.rules(name.removeprefix(file.parent.relative_to(root).as_posix()).removeprefix("/")))
    if not reading.faults and rules:
        check_rules(rules, checker.shape(), transforms, name, reading.faults.append)
    if faults := [f for f in reading.faults if f.level == "fault"]:
        raise Faults(sorted(set(faults), key=lambda f: f.at or Place(named)))
    return Ruled(checker, rules, transforms, (written, *reading.named())) if rules else checker


# where a rule was broken


def _position(tree: Any, items: Sequence[Any]) -> str:
    """The concrete path of the innermost item: each is looked for, by identity, inside the one before it."""
    path, inside = "", tree
    for item in items:
        found = _path_to(item, inside)
        if found is None:
            return path
        path, inside = path + found, item
    return path.removeprefix(".")


def _path_to(wanted: Any, node: Any) -> str | None:
    if not isinstance(wanted, dict | list):
        return None
    waiting: list[tuple[Any, str]] = [(node, "")]
    while waiting:
        found, path = waiting.pop()
        if found is wanted:
            return path
        if isinstance(found, dict):
            waiting += [(v, f"{path}.{k}" if k.isidentifier() else f"{path}.`{k}`") for k, v in found.items()]
        elif isinstance(found, list):
            waiting += [(v, f"{path}[{i}]") for i, v in enumerate(found)]
    return None


def _written(path: DocumentPath) -> str:
    parts = [*([Key(path.name)] if path.root in ("name", "tick") else []), *path.parts]
    text = ""
    for part in parts:
        if isinstance(part, Key):
            text += f".{part.name}" if part.name.isidentifier() else f".`{part.name}`"
        elif isinstance(part, Index):
            text += f"[{part.number}]"
    return text


def _text(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
