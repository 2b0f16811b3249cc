"""Samples: the bytes in `samples/formats/hl7v2` say what the `.tree` beside them says (INTERPRES_ACCEPT=1 writes it)."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from interpres.document import MISSING
from interpres.fault import Fault
from interpres.formats.hl7v2 import reads
from interpres.formats.hl7v2.groups import family
from interpres.formats.hl7v2.segments import Segment, Segments
from tests.formats.hl7v2.messages import HL7

SAMPLES = Path(__file__).parents[3] / "samples/formats/hl7v2"


def outline(body: bytes) -> str:
    """What an intake says: oddities, then for every message its segments (indented below their holders) and their values."""
    lines = [fault.line() for fault in HL7.oddities(body)]
    for number, (start, end) in enumerate(HL7.split(body), 1):
        lines.append(f"message {number}")
        try:
            tree = HL7.decode(body[start:end]).tree
        except Fault as wrong:
            lines.append(wrong.line())
            continue
        assert HL7.encode(tree) == body[start:end]
        lines += told(tree)
    return "\n".join(lines) + "\n"


def told(tree: Segments) -> Iterator[str]:
    depths = family(tree)
    for number, line in enumerate(tree.lines):
        if line:
            segment = tree.at(number)
            indent = "  " * (1 + len(list(depths.holders(number))))
            yield f"{indent}{segment.path}"
            yield from (f"{indent}  {path} = {json.dumps(v, ensure_ascii=False)}" for path, v in values(segment))


def values(segment: Segment) -> Iterator[tuple[str, str | None]]:
    """Every value of a segment with its path; the delimiters of a header are no values."""
    signs = segment.signs
    for field in range(3 if segment.name in ("MSH", "FHS", "BHS") else 1, len(segment.fields)):
        for piece in reads.pieces(segment, field):
            components = piece.text.split(signs.component)
            for c, component in enumerate(components, 1):
                count = component.count(signs.subcomponent) + 1
                for s in range(1, count + 1):
                    value = reads.inside(piece, c, s)
                    path = piece.path + (f".{c}" if len(components) > 1 or count > 1 else "") + (f".{s}" if count > 1 else "")
                    if value is not MISSING:
                        yield path, value


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.hl7")), ids=lambda file: file.stem)
def test_the_bytes_say_what_is_written_beside_them(file: Path) -> None:
    found, expected = outline(file.read_bytes()), file.with_suffix(".tree")
    if os.environ.get("INTERPRES_ACCEPT"):
        expected.write_text(found, encoding="utf-8")
    assert found == expected.read_text(encoding="utf-8")


def test_every_tree_has_its_bytes() -> None:
    assert {f.stem for f in SAMPLES.glob("*.tree")} == {f.stem for f in SAMPLES.glob("*.hl7")}
    assert len(list(SAMPLES.glob("*.hl7"))) >= 15
