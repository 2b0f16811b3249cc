"""Targets: which destinations a run is for, and which parts of what they are owed it leaves as they are."""

from __future__ import annotations

from collections.abc import Iterable

from interpres.store.sqlite.text import json_text, json_value


def targets_text(targets: Iterable[str] | None, kept: Iterable[tuple[str, int]] = ()) -> str | None:
    """As they stand in the table run: null for all destinations, else each with the numbers of the parts that are left out."""
    if targets is None:
        return None
    parts: dict[str, list[int]] = {name: [] for name in sorted(targets)}
    for name, part in sorted(kept):
        parts[name].append(part)
    return json_text(parts)


def named_targets(text: str | None) -> frozenset[str] | None:
    """The destinations; None: all. (Runs were once kept with a list of them.)"""
    return None if text is None else frozenset(json_value(text))


def kept_parts(text: str | None) -> frozenset[tuple[str, int]]:
    """What is left out: destination and part."""
    found = {} if text is None else json_value(text)
    return frozenset((name, part) for name, parts in found.items() for part in parts) if isinstance(found, dict) else frozenset()


def is_for(text: str | None, destination: str, part: int) -> bool:
    """Whether a run is for this part of what a destination is owed."""
    targets = named_targets(text)
    return (targets is None or destination in targets) and (destination, part) not in kept_parts(text)
