"""Explain: what a compiled mapping read for every value that it made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from interpres.document import Tree
from interpres.mapping.target import Rule
from interpres.mapping.tree import text_of
from interpres.table import Row, Table


class Leaf(NamedTuple):
    """One value of an output and where it came from.

    `document` counts the outputs of a message from 1; `target` is a JSON path from 0 (`visits[0].patient.sex`). `source` are the
    concrete paths that were read and held something, joined by ", " (those that held nothing, where none did), `text` what stood
    there, joined the same way; both are empty for constants. `formula` is the formula, or the constant, as written; `table` and
    `row` the code table and the code of its row; `at` the place in the mapping.
    """

    document: int
    target: str
    value: Any
    source: str
    text: str
    formula: str
    table: str
    row: str
    at: str

    def as_dict(self) -> dict[str, Any]:
        """The row that `interpres explain --json` prints."""
        return self._asdict()


Reads = list[tuple[str, str | None]]
Used = list[tuple[Table, Row]]


class Recorder:
    """Follows one run: what is read is gathered, and credited to the value that is written next."""

    def __init__(self, rules: Sequence[Rule], documents: Sequence[Tree]) -> None:
        self._rules = rules
        self._documents = documents
        self._reads: Reads = []
        self._used: Used = []
        self._named: dict[int, tuple[Reads, Used]] = {}
        self._made: list[tuple[int, int, tuple[int, ...], Any, Reads, Used]] = []

    # what the formats tell

    def read(self, path: str, text: str | None) -> None:
        self._reads.append((path, text))

    def used(self, table: Table, row: Row) -> None:
        """A row of a code table was asked for."""
        self._used.append((table, row))

    # what the generated code calls

    def begin(self) -> None:
        self._reads, self._used = [], []

    def named(self, number: int) -> None:
        """A name has its value now: what was read for it is credited to whatever reads the name."""
        self._named[number] = [*self._reads], [*self._used]

    def again(self, value: Any, number: int) -> Any:
        reads, used = self._named.get(number, ([], []))
        self._reads += reads
        self._used += used
        return value

    def context(self, value: Any, text: str) -> Any:
        self._reads.append((text, text_of(value)))
        return value

    def mark(self) -> int:
        return len(self._reads)

    def aside(self, mark: int, truth: bool) -> bool:
        """What a condition in brackets read chooses a value and is no part of it."""
        del self._reads[mark:]
        return truth

    def leaf(self, number: int, indexes: tuple[int, ...], value: Any) -> None:
        self._made.append((number, len(self._documents) + 1, indexes, value, self._reads, self._used))

    def constant(self, number: int, indexes: tuple[int, ...], value: Any) -> None:
        self._made.append((number, len(self._documents) + 1, indexes, value, [], []))

    def marked(self) -> int:
        return len(self._made)

    def unmarked(self, mark: int) -> None:
        """A block was dropped, and with it all its values."""
        del self._made[mark:]

    def functions(self) -> Mapping[str, Any]:
        """The functions by the names that the generated code calls."""
        words = ("begin", "named", "again", "context", "mark", "aside", "leaf", "marked", "unmarked")
        return {f"_{word}": getattr(self, word) for word in words} | {"_written": self.constant}

    # the result

    def leaves(self) -> Iterator[Leaf]:
        """A row for every leaf of the outputs, in the order in which they were made."""
        for number, document, indexes, value, reads, used in self._made:
            rule = self._rules[number]
            path = rule.target.path(indexes) if indexes else rule.target.template
            source, text = _credited(reads)
            table, row = _asked(used) if used else ("", "")
            if value.__class__ is not dict and value.__class__ is not list:
                yield Leaf(document, path, value, source, text, rule.text, table, row, rule.place)
                continue
            for below, leaf in leaves_of(value):
                yield Leaf(document, _joined(path, below), leaf, source, text, rule.text, table, row, rule.place)


def leaves_of(tree: Tree) -> Iterator[tuple[str, Any]]:
    """Every leaf of a tree with its path; an empty list or block is a leaf of its own. Without recursion, however deep."""
    waiting: list[tuple[str, Any]] = [("", tree)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, dict) and node:
            waiting += reversed([(_key(path, key), value) for key, value in node.items()])
        elif isinstance(node, list) and node:
            waiting += reversed([(f"{path}[{index}]", value) for index, value in enumerate(node)])
        else:
            yield path, node


def _key(path: str, key: str) -> str:
    from interpres.mapping.target import Target

    return Target((path,)).key(key).texts[0]


def _joined(path: str, below: str) -> str:
    return f"{path}.{below}" if path and below and not below.startswith("[") else f"{path}{below}"


def _credited(reads: Reads) -> tuple[str, str]:
    """What was read and held something; what was looked for, where nothing did. Each path once, in the order of reading."""
    if len(reads) < 2:
        return (reads[0][0], reads[0][1] or "") if reads else ("", "")
    seen = dict.fromkeys(reads)
    found = [read for read in seen if read[1] is not None] or list(seen)
    return ", ".join(path for path, _ in found), ", ".join(text for _, text in found if text is not None)


def _asked(used: Used) -> tuple[str, str]:
    """The code tables that were asked, and the codes of the rows that answered."""
    return ", ".join(dict.fromkeys(table.name for table, _ in used)), ", ".join(dict.fromkeys(row.code for _, row in used))
