"""Explain: what a compiled mapping read for every value that it made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from interpres.document import Tree
from interpres.mapping.compiling.target import Rule
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


Read = tuple[str | Table, str | Row | None]
"""A path and the text that stood there (None: nothing), or a code table and the row of it that answered."""

Made = tuple[int, int, tuple[int, ...], Any, tuple[Read, ...]]


class Recorder:
    """Follows one run: what is read is gathered, and credited to the value that is written next."""

    def __init__(self, rules: Sequence[Rule], documents: Sequence[Tree]) -> None:
        self._rules = rules
        self._documents = documents
        self._reads: list[Read] = []
        self._named: dict[int, list[Read]] = {}
        self._made: list[Made] = []
        tell = self._reads.append

        def read(path: str, text: str | None) -> None:
            """Something was read; None for a text that is not there."""
            tell((path, text))

        self.read = read

    # what code tables tell

    def used(self, table: Table, row: Row) -> None:
        """A row of a code table was asked for."""
        self._reads.append((table, row))

    # what the generated code calls

    def named(self, number: int) -> None:
        """A name has its value now: what was read for it is credited to whatever reads the name."""
        self._named[number] = [*self._reads]

    def again(self, value: Any, number: int) -> Any:
        self._reads += self._named.get(number, ())
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

    def marked(self) -> int:
        return len(self._made)

    def unmarked(self, mark: int) -> None:
        """A block was dropped, and with it all its values."""
        del self._made[mark:]

    def functions(self) -> Mapping[str, Any]:
        """The functions by the names that the generated code calls; the two of every value know all they need without looking."""
        made, reads, documents = self._made.append, self._reads, self._documents

        def leaf(number: int, indexes: tuple[int, ...], value: Any) -> None:
            made((number, len(documents), indexes, value, (*reads,)))

        def written(number: int, indexes: tuple[int, ...], value: Any) -> None:
            made((number, len(documents), indexes, value, ()))

        words = ("named", "again", "context", "mark", "aside", "marked", "unmarked")
        functions = {f"_{word}": getattr(self, word) for word in words}
        return functions | {"_leaf": leaf, "_written": written, "_begin": reads.clear}

    # the result

    def leaves(self) -> list[Leaf]:
        """A row for every leaf of the outputs, in the order in which they were made."""
        rows: list[Leaf] = []
        add, new, rules = rows.append, tuple.__new__, self._rules  # half the time of Leaf(…), and there is one for every value
        for number, before, indexes, value, reads in self._made:
            at, path, formula, target = rules[number].told
            if indexes:
                path = target.path(indexes)
            if len(reads) == 1 and reads[0][1].__class__ is str:
                (source, text), table, row = reads[0], "", ""
            else:
                source, text, table, row = _credited(reads) if reads else NOTHING_READ
            if value.__class__ is not dict and value.__class__ is not list:
                add(new(Leaf, (before + 1, path, value, source, text, formula, table, row, at)))
                continue
            for below, leaf in leaves_of(value):
                add(new(Leaf, (before + 1, _joined(path, below), leaf, source, text, formula, table, row, at)))
        return rows


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
    from interpres.mapping.compiling.target import Target

    return Target((path,)).key(key).texts[0]


def _joined(path: str, below: str) -> str:
    return f"{path}.{below}" if path and below and not below.startswith("[") else f"{path}{below}"


def _holds(path: str, inner: str) -> bool:
    return inner.startswith(path) and inner[len(path) : len(path) + 1] in (".", "[")


NOTHING_READ = ("", "", "", "")


def _credited(reads: Sequence[Read]) -> tuple[str, str, str, str]:
    """What was read and held something — what was looked for, where nothing did — with its text, each path once and in order; the
    code tables that were asked, and the codes of the rows that answered."""
    texts: dict[tuple[str, str | None], None] = {}
    tables: dict[str, None] = {}
    codes: dict[str, None] = {}
    for path, text in reads:
        if isinstance(path, str):
            texts[path, cast("str | None", text)] = None
        else:
            tables[path.name] = None
            codes[cast(Row, text).code] = None
    found = [read for read in texts if read[1] is not None] or list(texts)
    if len(found) > 1:  # what was read inside of something says more than what holds it
        found = [read for read in found if not any(_holds(read[0], other) for other, _ in found)]
    source, held = ", ".join([path for path, _ in found]), ", ".join([text for _, text in found if text is not None])
    return source, held, ", ".join(tables), ", ".join(codes)
