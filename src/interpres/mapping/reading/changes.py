"""Changes: what a mapping sets in a copy of what came (`edits`), and what it leaves behind and why (`drops`)."""

from __future__ import annotations

import re
from typing import Final

from interpres.fault import Fault, did_you_mean
from interpres.format import Grammar
from interpres.mapping.picture import Drop, Edit, Through
from interpres.mapping.reading.blocks import Blocks
from interpres.mapping.reading.grammar import path_of
from interpres.yaml import Branch, Leaf, Node

_DROPPED_SEGMENTS: Final = re.compile(r"[A-Z*][A-Z0-9*]{0,2}\Z")


def read_edits(node: Node | None, blocks: Blocks) -> tuple[tuple[Through, ...], tuple[Edit, ...]]:
    """The root `$each` of `edits:` and its targets; what is wrong goes to the faults of `blocks` (M135, M123, M11x)."""
    if node is None:
        return (), ()
    if not isinstance(node, Branch):
        blocks.faults.append(Fault("M135", "edits: lists no paths", "write lines 'MSH-3: INTERPRES' below it", at=node.at))
        return (), ()
    each: tuple[Through, ...] = ()
    edits: list[Edit] = []
    for key, value in node.entries:
        if key.text == "$each":
            each = blocks.each(value)
        elif edit := _edit(key, value, blocks):
            edits.append(edit)
    return each, tuple(edits)


def _edit(key: Leaf, value: Node, blocks: Blocks) -> Edit | None:
    if key.text.startswith("$") and not key.text.startswith("$."):
        hint = did_you_mean(key.text, ["$each"]) or "only $each can; write if(test, new, old) as the value"
        blocks.faults.append(Fault("M123", f"'{key.text}' cannot stand under edits:", hint, at=key.at))
        return None
    try:
        return Edit(path_of(key, blocks.grammar), blocks.node(value), key.at)
    except Fault as fault:
        blocks.faults.append(fault)
    return None


def read_drops(node: Node | None, grammar: Grammar, faults: list[Fault]) -> tuple[Drop, ...]:
    """What `drops:` leaves behind, each with its reason; what is wrong goes to `faults` (M134, M11x)."""
    if node is None:
        return ()
    if not isinstance(node, Branch):
        hint = "write lines 'NK1: why it is left behind' below it"
        faults.append(Fault("M134", "drops: lists nothing with a reason", hint, at=node.at))
        return ()
    return tuple(drop for key, value in node.entries if (drop := _drop(key, value, grammar, faults)))


def _drop(key: Leaf, value: Node, grammar: Grammar, faults: list[Fault]) -> Drop | None:
    reason = value.text.strip() if isinstance(value, Leaf) and not (value.plain and value.value is None) else ""
    if not reason:
        hint = "losing data is a decision: say why"
        faults.append(Fault("M134", f"no reason is given why {key.text} is left behind", hint, at=key.at))
        return None
    if grammar != "columns" and not (grammar == "segments" and _DROPPED_SEGMENTS.match(key.text)):
        try:
            path_of(key, grammar)
        except Fault as fault:
            faults.append(fault)
            return None
    return Drop(key.text, reason, key.at)
