"""Lives: which formulas a block lives by — those that read the document, and those that read a name of its own `$let`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from interpres.mapping.compiling.scope import Living, Sight
from interpres.mapping.formula import Arrow, Binary, Call, Exists, Formula, Listing, Not, Read
from interpres.mapping.picture import Block, Constant, Entry, Items, Node, Worked
from interpres.path import Key, Path, Where


def paths_in(formula: Formula | Arrow) -> Iterator[tuple[Path, bool]]:
    """Every path in a formula; whether it is the left side of a condition is the second."""
    match formula:
        case Read(path):
            yield path, False
            yield from choices_in(path)
        case Listing(items):
            for item in items:
                yield from paths_in(item)
        case Call(name, arguments):
            tables = 1 if name == "table" else 0
            for argument in arguments[: len(arguments) - tables]:
                yield from paths_in(argument)
        case Arrow(match, result):
            if match is not None:
                yield from paths_in(match)
            yield from paths_in(result)
        case Binary(_, left, right):
            yield from paths_in(left)
            yield from paths_in(right)
        case Not(operand) | Exists(operand):
            yield from paths_in(operand)


def choices_in(path: Path) -> Iterator[tuple[Path, bool]]:
    """The paths in the conditions of a path."""
    for part in path.parts:
        if isinstance(part, Where):
            yield from _sides(part.condition)


def _sides(formula: Formula) -> Iterator[tuple[Path, bool]]:
    match formula:
        case Binary("and" | "or", left, right):
            yield from _sides(left)
            yield from _sides(right)
        case Not(operand):
            yield from _sides(operand)
        case Binary(_, left, right):
            yield from ((path, True) for path, _ in paths_in(left))
            yield from paths_in(right)
        case Exists(operand):
            yield from ((path, True) for path, _ in paths_in(operand))
        case _:
            yield from ((path, True) for path, _ in paths_in(formula))


def reads_document(formula: Formula, sight: Sight) -> bool:
    """Whether a formula reads the document or the item of a loop; names (but those of loops) and indexes do not count."""
    for path, is_left in paths_in(formula):
        if is_left or path.root == "index" or (path.parts and path.parts[0] == Key("$index")):
            continue
        named = sight.named(path)
        if named is None or named.loop is not None:
            return True
    return False


def owners_of(formula: Formula, sight: Sight) -> list[Living]:
    """The blocks whose own `$let` names a formula reads; a name that is a constant counts as little as a constant."""
    owners: list[Living] = []
    for path, is_left in paths_in(formula):
        named = None if is_left else sight.named(path)
        if named is not None and named.owner is not None and not named.constant and named.owner not in owners:
            owners.append(named.owner)
    return owners


def constant_formula(formula: Formula, sight: Sight) -> bool:
    """Whether a formula reads nothing but constants."""
    for path, is_left in paths_in(formula):
        named = None if is_left else sight.named(path)
        if named is None or not named.constant:
            return False
    return True


def source_of(formula: Formula, sight: Sight) -> str:
    """The paths that a formula reads, as they are written; what begins with `.` behind the path of its loop."""
    found: dict[str, None] = {}
    for path, is_left in paths_in(formula):
        if is_left or path.root == "index":
            continue
        over = sight.loops[-1].loop.path if path.root == "item" and sight.loops else None
        found[f"{over.text} {path.text}" if over else path.text] = None
    return ", ".join(found)


def names_read(of: Formula | Node) -> set[str]:
    """The bare names that a formula, or anything in a node, begins its paths with."""
    if isinstance(of, Constant | Worked | Block | Items):
        return {name for formula in _formulas(of) for name in names_read(formula)}
    return {path.name for path, _ in paths_in(of) if path.root == "name"}


def _formulas(node: Any) -> Iterator[Formula]:
    match node:
        case Worked(formula):
            yield formula
        case Path():
            yield Read(node, node.at)
        case Items(items):
            for item in items:
                yield from _formulas(item)
        case Entry(_, value):
            yield from _formulas(value)
        case Block():
            for inner in (*node.entries, *node.let, *([node.when] if node.when else []), *(t.over for t in node.each)):
                yield from _formulas(inner)
