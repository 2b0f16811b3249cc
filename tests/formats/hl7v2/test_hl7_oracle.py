"""Oracle: where hl7apy can be trusted (no escapes, standard segments) its values and groups are ours."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from interpres.fault import Fault
from interpres.formats.hl7v2 import dictionary, reads
from interpres.formats.hl7v2.segments import Segments
from tests.formats.hl7v2.count_corpora import files
from tests.formats.hl7v2.messages import HL7, message

EVERY = 25


def parsed(body: bytes) -> Any:
    """hl7apy's message; None where it gives up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from hl7apy.exceptions import HL7apyException
        from hl7apy.parser import parse_message

        try:
            return parse_message(
                body.decode().replace("\r\n", "\r").replace("\n", "\r"), find_groups=True, force_validation=False
            )
        except (HL7apyException, ValueError, KeyError, AttributeError, IndexError, TypeError):
            return None


@pytest.fixture(scope="module")
def messages(corpora: Path) -> list[tuple[Segments, Any]]:
    """Some small messages of the corpora that both read."""
    found = []
    for file in list(files(corpora))[::EVERY]:
        body = file.read_bytes()
        try:
            tree = HL7.decode(body).tree
        except Fault:
            continue
        if len(body) < 6_000 and "\\" not in "".join(tree.lines[1:]):
            other = parsed(body.lstrip(b"\xef\xbb\xbf"))
            if other is not None:
                found.append((tree, other))
    assert len(found) > 5
    return found


def standing(node: Any) -> list[Any]:
    """hl7apy's segments in order, out of all groups."""
    found = []
    for child in node.children:
        found += standing(child) if child.classname == "Group" else [child]
    return found


def test_field_values_are_the_same(messages: list[tuple[Segments, Any]]) -> None:
    compared = 0
    for tree, other in messages:
        for segment in standing(other):
            mine = [s for s in tree.named(segment.name) if s.text == segment.to_er7()]
            if not mine or segment.name == "MSH":
                continue
            for field in segment.children:
                number = int(field.name.rpartition("_")[2])
                texts = [f.to_er7() for f in segment.children if f.name == field.name]
                assert mine[0].repetitions(number) == [t for t in texts if t] or "" in texts
                compared += 1
    assert compared > 200


def test_what_an_order_holds_is_the_same() -> None:
    """With an ORC for every order: hl7apy gives the next order's to one that has none."""
    body = message(
        "PID|1||A", "ORC|RE|1", "OBR|1|1||X", "NTE|1||x", "OBX|1|ST|c||x1", "NTE|1||on x1", "OBX|2|ST|c||x2",
        "ORC|RE|2", "OBR|2|2||Y",
        "OBX|1|ST|c||y1", "SPM|1", "ORC|RE|3", "OBR|3|3||Z",
    )  # fmt: skip
    other, tree = parsed(body), HL7.decode(body).tree
    (result,) = (g for g in other.children if g.name == "ORU_R01_PATIENT_RESULT")
    groups = [g for g in result.children if g.name == "ORU_R01_ORDER_OBSERVATION"]
    assert len(groups) == len(tree.named("OBR")) == 3
    for group, obr in zip(groups, tree.named("OBR"), strict=True):
        theirs = standing(group)
        for name in ("ORC", "OBX", "SPM"):
            assert [s.to_er7() for s in theirs if s.name == name] == [s.text for s in reads.near_all(tree, name, obr)]


def test_names_of_fields_are_the_dictionary_s() -> None:
    from hl7apy.v2_8_2.segments import SEGMENTS

    for name in ("PID", "PV1", "OBX", "OBR", "DG1"):
        for field, about, *_ in SEGMENTS[name][1]:
            if about[2] != "WD":
                title = dictionary.title(name, int(field.rpartition("_")[2]))
                assert title.upper().replace("'", "_").replace(" ", "_") == about[3]
