"""The words of a YAML file as a tree: what stands under what, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from interpres.fault import Place


@dataclass(frozen=True, slots=True)
class Leaf:
    """A text, number, true, false or null. `text` is it without its quotes, `written` with them; `plain` if it had none."""

    value: str | int | Decimal | bool | None
    text: str
    plain: bool
    at: Place
    written: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """A map, in the order of the file; keys are always text."""

    entries: tuple[tuple[Leaf, Node], ...]
    at: Place

    def get(self, key: str) -> Node | None:
        """What stands under a key, or None."""
        return next((value for name, value in self.entries if name.text == key), None)


@dataclass(frozen=True, slots=True)
class Row:
    """A list."""

    items: tuple[Node, ...]
    at: Place


Node: TypeAlias = Leaf | Branch | Row


def plain(node: Node) -> Any:
    """The values alone: dicts, lists, text, int, Decimal, bool, None."""
    match node:
        case Leaf():
            return node.value
        case Branch():
            return {key.text: plain(value) for key, value in node.entries}
        case Row():
            return [plain(item) for item in node.items]


def place(node: Node, keys: Sequence[str | int]) -> Place:
    """The place of the deepest value that the keys lead to; keys that are not there are passed over."""
    return _descend(node, keys)[1].at


def key_place(node: Node, keys: Sequence[str | int]) -> Place:
    """As `place`, but the place of the key in front of that value (of the value itself in a list)."""
    key, value = _descend(node, keys)
    return key.at if key else value.at


def _descend(node: Node, keys: Sequence[str | int]) -> tuple[Leaf | None, Node]:
    name: Leaf | None = None
    for key in keys:
        match node:
            case Branch():
                found = next(((n, v) for n, v in node.entries if n.text == key), None)
                name, node = found or (name, node)
            case Row() if isinstance(key, int) and 0 <= key < len(node.items):
                name, node = None, node.items[key]
    return name, node


def leaves(node: Node) -> Iterator[Leaf]:
    """Every value leaf of a tree, in the order of the file."""
    match node:
        case Leaf():
            yield node
        case Branch():
            for _, value in node.entries:
                yield from leaves(value)
        case Row():
            for item in node.items:
                yield from leaves(item)


def within(leaf: Leaf, index: int) -> Place:
    """The place of one character of a leaf's text: quotes and escapes of YAML are counted, text over several lines is not."""
    at, written = leaf.at, leaf.written
    if leaf.plain or written[:1] not in ("'", '"'):
        return Place(at.file, at.line, at.column + index)
    column = 1
    for _ in range(index):
        column += _width(written, column)
    return Place(at.file, at.line, at.column + min(column, max(len(written) - 1, 0)))


def _width(written: str, column: int) -> int:
    """How many characters of the file one character of the text takes."""
    sign = written[column : column + 2]
    if written[0] == "'":
        return 2 if sign == "''" else 1
    if not sign.startswith("\\"):
        return 1
    return 2 + {"x": 2, "u": 4, "U": 8}.get(sign[1:], 0)
