"""Tables: makes the committed files of facts about HL7 from hl7apy (`python -m interpres.formats.hl7v2.tables`)."""

from __future__ import annotations

import importlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

VERSIONS: Final = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")
_WITHDRAWN: Final = "WD"
_SMALL: Final = {"Of", "And", "Or", "To", "In", "For", "The", "By", "On", "From", "With", "At", "A", "An"}
_LARGE: Final = {
    "Id",
    "Ssn",
    "Icd",
    "Cpt",
    "Ub",
    "Dea",
    "Dna",
    "Hl7",
    "Iso",
    "Nte",
    "Pid",
    "Obx",
    "Obr",
    "Dg1",
    "Pv1",
    "Nk1",
    "Al1",
}

Node = Any
"""hl7apy's `("sequence", ((name, node, (least, most), "SEG" or "GRP"), …))`."""


def dictionary() -> dict[str, Any]:
    """`segments`: name → count, version, fields: number → [title, type, most components]; `types`: name → [[title, type], …]."""
    segments: dict[str, dict[str, Any]] = {}
    types: dict[str, list[list[str]]] = {}
    for version in VERSIONS:
        for name, node in _module(version, "segments").SEGMENTS.items():
            if len(name) == 3 and node[0] == "sequence" and any(node[1:]):
                _take_segment(segments, name, node, version)
        for name, components in _module(version, "datatypes").DATATYPES_STRUCTS.items():
            found = [[_title(c[1][3]), c[1][2]] for c in components]
            types[name] = found + types.get(name, [])[len(found) :]
    return {"segments": dict(sorted(segments.items())), "types": dict(sorted(types.items()))}


def _take_segment(segments: dict[str, dict[str, Any]], name: str, node: Node, version: str) -> None:
    """A segment of one version; a later version's words win, and a field that it no longer has stays."""
    known = segments.setdefault(name, {"count": 0, "version": version, "fields": {}})
    numbers = []
    for field, about, *_ in node[1]:
        parts, datatype, title = about[1:4]
        number = field.rpartition("_")[2]
        numbers.append(int(number))
        components = 0 if datatype in ("varies", "*") else len(parts or [0])
        old = known["fields"].get(number, ["", "", 1])
        most = 0 if 0 in (components, old[2]) else max(components, old[2])
        words = old[:2] if datatype == _WITHDRAWN and old[0] else [_title(title), datatype]
        known["fields"][number] = [*words, most]
    if max(numbers) >= known["count"]:
        known["count"], known["version"] = max(numbers), version


def structures() -> dict[str, dict[str, str]]:
    """Message structure (`*`: any other) → segment → the segments that it holds; `""` stands for the message itself.

    Versions are laid over one another. In a group, its first segment holds the others and the groups in it; where an order's ORC
    is followed by a segment that must be there (OBR, RXA, RXE), or the first may be left out, that one holds what comes behind.
    """
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for version in VERSIONS:
        for name, node in _module(version, "messages").MESSAGES.items():
            for holders, held in _holdings(node, ("",), root=True):
                for holder in holders:
                    found[name][holder].add(held)
    found["*"] = _usual(found)
    return {
        name: {holder: " ".join(sorted(held)) for holder, held in sorted(table.items())} for name, table in sorted(found.items())
    }


def _usual(found: dict[str, dict[str, set[str]]]) -> dict[str, set[str]]:
    """Which segment holds which in a third of the structures that have both, and seldom the other way: for all others."""
    pairs = Counter((holder, name) for table in found.values() for holder, held in table.items() if holder for name in held)
    names = [set(table) | {name for held in table.values() for name in held} for table in found.values()]
    usual: dict[str, set[str]] = defaultdict(set)
    for (holder, held), count in pairs.items():
        if (
            holder != held
            and count > pairs[held, holder]
            and 3 * count >= sum(holder in there and held in there for there in names)
        ):
            usual[holder].add(held)
    return usual


def _holdings(node: Node, outer: tuple[str, ...], *, root: bool = False) -> Iterator[tuple[tuple[str, ...], str]]:
    """Pairs of holders (one, or the alternatives of a choice) and held; the holder of what hangs on the message is `""`."""
    holders, first, may_lack = outer, True, False
    for name, inner, (least, _most), what in node[1]:
        if what == "GRP":
            yield from _holdings(inner, holders)
        else:
            yield (*holders, *outer) if may_lack else holders, name
        opening = _opening(inner) if what == "GRP" else (name,)
        leads = first or (what == "SEG" and (may_lack or (holders == ("ORC",) and least)))
        if opening and not root and node[0] == "sequence" and leads:
            holders, may_lack = opening, first and what == "SEG" and not least
        else:
            may_lack = False
        first = False


def _opening(node: Node) -> tuple[str, ...]:
    """The segments that may hold a group: every alternative of a choice, the first that must be there, else the first."""
    openings: list[tuple[str, ...]] = []
    for name, inner, (least, _most), what in node[1]:
        opening = _opening(inner) if what == "GRP" else (name,)
        if opening and (least or what == "GRP") and node[0] == "sequence":
            return opening
        openings.append(opening)
    if node[0] == "choice":
        return tuple(name for opening in openings for name in opening)
    return openings[0] if openings else ()


def _module(version: str, name: str) -> Any:
    return importlib.import_module(f"hl7apy.v{version.replace('.', '_')}.{name}")


def _title(written: str) -> str:
    """`SET_ID_PID` as people write it."""
    words = [w.capitalize() for w in written.split("_") if w]
    words = [w.upper() if w in _LARGE else w.lower() if w in _SMALL and i else w for i, w in enumerate(words)]
    return " ".join(words).replace(" S ", "'s ")


def written(facts: dict[str, Any]) -> str:
    """JSON with a line for every entry, so that a change can be read."""
    lines = [f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in facts.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write(folder: Path) -> None:
    """Writes `dictionary.json` (two lines of entries for `segments` and `types`) and `structures.json`."""
    facts = dictionary()
    parts = [f'"{name}": {written(facts[name]).rstrip()}' for name in facts]
    (folder / "dictionary.json").write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
    (folder / "structures.json").write_text(written(structures()), encoding="utf-8")


if __name__ == "__main__":
    write(Path(__file__).parent)
