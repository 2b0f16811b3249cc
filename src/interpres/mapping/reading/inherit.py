"""Inherit: `extends` — a mapping's keys laid over those of another, each word keeping the place of the file that wrote it."""

from __future__ import annotations

import re
from typing import Final

from interpres.fault import Fault, Place
from interpres.yaml import Branch, Leaf, Node, Row

_TARGET = re.compile(r"(?:^|\.)(?:`(?P<tick>[^`]+)`|(?P<name>[^.\[\]`]+))|\[(?P<index>[0-9]{1,6})\]")
_BY_NAME: Final = ("tables", "let", "drops", "edits")


def extended(base: Branch, over: Branch, faults: list[Fault]) -> Branch:
    """The base with what the other file names: `needs` of both, tables and names of `let` each by its own, `output` key by
    key or at target paths (`visits[0].patient.phone`), all else whole. What cannot be laid over goes to `faults` (M130)."""
    entries = dict(_by_text(base))
    for key, value in over.entries:
        old = entries.get(key.text)
        entries[key.text] = (key, _laid(key.text, old[1], value, faults) if old else value)
    return Branch(tuple(entries.values()), over.at)


def _by_text(branch: Branch) -> dict[str, tuple[Leaf, Node]]:
    return {key.text: (key, value) for key, value in branch.entries}


def _laid(key: str, old: Node, new: Node, faults: list[Fault]) -> Node:
    if key == "needs" and isinstance(old, Row) and isinstance(new, Row):
        known = {item.text for item in old.items if isinstance(item, Leaf)}
        return Row((*old.items, *(i for i in new.items if not (isinstance(i, Leaf) and i.text in known))), new.at)
    if not (isinstance(old, Branch) and isinstance(new, Branch)):
        return new
    if key in _BY_NAME:
        return Branch(tuple((_by_text(old) | _by_text(new)).values()), new.at)
    if key != "output":
        return new
    laid: Node = old
    for word, value in new.entries:
        laid = _set(laid, _steps(word, old), word, value, faults)
    return laid


def _steps(word: Leaf, base: Branch) -> list[str | int]:
    """The steps of a target path, or the key itself where it is none (or where the base has a key that is spelt so)."""
    if word.text.startswith("$") or word.text in _by_text(base):
        return [word.text]
    steps: list[str | int] = []
    at = 0
    for found in _TARGET.finditer(word.text):
        if found.start() != at:
            break
        at = found.end()
        steps.append(int(found["index"]) if found["index"] else found["tick"] or found["name"])
    return steps if at == len(word.text) and steps and isinstance(steps[0], str) else [word.text]


def _set(node: Node, steps: list[str | int], word: Leaf, value: Node, faults: list[Fault]) -> Node:
    """The node with a value set where the steps lead; a fault where the base goes another way."""
    if not steps:
        return _merged(node, value)
    step, rest = steps[0], steps[1:]
    if isinstance(step, int):
        return _set_item(node, step, rest, word, value, faults)
    if not isinstance(node, Branch):
        hint = f"its items have numbers: [0].{step}" if isinstance(node, Row) else "name the block itself, and write it anew"
        what = "a list" if isinstance(node, Row) else "no block"
        return _refused(node, word, f"'{step}' cannot be set: what stands there in {node.at.file} is {what}", hint, faults)
    entries = _by_text(node)
    if step in entries:
        key, old = entries[step]
        entries[step] = (key if rest else _named(word, step), _set(old, rest, word, value, faults))
    else:
        entries[step] = (_named(word, step), _built(rest, word, value, faults))
    return Branch(tuple(entries.values()), node.at)


def _set_item(node: Node, step: int, rest: list[str | int], word: Leaf, value: Node, faults: list[Fault]) -> Node:
    if isinstance(node, Branch):
        hint = f"leave out [{step}]: what is set holds for every item"
        return _refused(node, word, f"[{step}] names one item of what $each makes", hint, faults)
    if not isinstance(node, Row) or step >= len(node.items):
        count = len(node.items) if isinstance(node, Row) else 0
        hint = f"it holds {count} there; items count from 0" if count else "name the key, and write its list anew"
        return _refused(node, word, f"there is no item [{step}] in {node.at.file}", hint, faults)
    items = list(node.items)
    items[step] = _set(items[step], rest, word, value, faults)
    return Row(tuple(items), node.at)


def _built(steps: list[str | int], word: Leaf, value: Node, faults: list[Fault]) -> Node:
    """What stands under a key that the base does not have: blocks down to the value."""
    if not steps:
        return value
    if isinstance(steps[0], int):
        return _refused(value, word, "the base has no such list", "name its key, and write the list", faults)
    return Branch(((_named(word, steps[0]), _built(steps[1:], word, value, faults)),), word.at)


def _merged(old: Node, new: Node) -> Node:
    """Blocks key by key, all else the new one."""
    if not (isinstance(old, Branch) and isinstance(new, Branch)):
        return new
    entries = _by_text(old)
    for key, value in new.entries:
        entries[key.text] = (key, _merged(entries[key.text][1], value) if key.text in entries else value)
    return Branch(tuple(entries.values()), new.at)


def _named(word: Leaf, key: str) -> Leaf:
    return Leaf(key, key, word.plain, word.at, word.written)


def _refused(node: Node, word: Leaf, says: str, hint: str, faults: list[Fault]) -> Node:
    place: Place = word.at
    faults.append(Fault("M130", says, hint, at=place, target=word.text))
    return node
