"""Edges: which edges of the tables of states a store's history went along."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

from interpres.delivery import DELIVERY_EDGES, MESSAGE_EDGES
from tests.crash.snapshot import Snapshot

Edge = tuple[str, str, str]
"""`message` or `delivery`, the state before, the state after."""


def _all() -> Iterator[Edge]:
    tables: Mapping[str, Mapping[str, frozenset[str]]] = {"message": MESSAGE_EDGES, "delivery": DELIVERY_EDGES}
    for kind, edges in tables.items():
        for before, after in edges.items():
            yield from ((kind, before, one) for one in sorted(after))


ALL: Final = tuple(_all())


def walked(held: Snapshot) -> Counter[Edge]:
    """How often each edge was gone along. A message that is processed as it is taken has been received in the same moment."""
    courses: dict[tuple[str, int], list[str]] = {}
    for kind, id_, *rest in held.events:
        if kind == "a":
            courses["message", id_] = ["received"] if rest[0] == "received" else ["received", rest[0]]
        elif kind == "o":
            courses["delivery", id_] = ["new", rest[3]]
        elif kind in ("m", "d"):
            courses.setdefault(("message" if kind == "m" else "delivery", id_), []).append(rest[0])
    return Counter((kind, *edge) for (kind, _), course in courses.items() for edge in pairwise(course))
