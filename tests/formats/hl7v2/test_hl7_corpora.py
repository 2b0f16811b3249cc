"""Real inputs: every HL7 message of the corpora is written again to the same bytes, or refused for a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpres.fault import Fault
from interpres.formats.hl7v2 import reads
from interpres.formats.hl7v2.groups import family
from tests.formats.hl7v2.count_corpora import count, files
from tests.formats.hl7v2.messages import HL7

REFUSED = {
    "Genv1-Case-TestMessage1.HL7": "H001",
    "Lyme_WithBadDelimiters.txt": "H003",
    "empty-input.hl7": "H001",
    "msh-too-short.hl7": "H002",
    "no-msh-segment.hl7": "H001",
    "malformed-mid-stream.hl7": "H002",
    "mllp-framing-stripped.hl7": "H001",
    "messages.txt": "H001",
    "invalid-missing-msh.hl7": "H001",
}
"""What cannot be read, by file; each was looked at: junk before MSH, delimiters given twice, a header cut short, no message."""


def test_every_message_is_byte_identical_or_refused_for_a_reason(corpora: Path) -> None:
    result = count(corpora)
    assert result.altered == []
    assert {name.rsplit("/", 1)[-1]: code for name, _, code, _ in result.refusals} == REFUSED
    assert len(result.refusals) == len(REFUSED)
    assert result.identical == result.messages - len(REFUSED) > 1_400


@pytest.fixture(scope="module")
def bodies(corpora: Path) -> list[bytes]:
    """Every message of the corpora that is read."""
    found = []
    for file in files(corpora):
        whole = file.read_bytes()
        for start, end in HL7.split(whole):
            try:
                HL7.decode(whole[start:end])
            except Fault:
                continue
            found.append(whole[start:end])
    return found


def test_within_an_order_no_name_ever_means_a_neighbour_s(bodies: list[bytes]) -> None:
    """Every ORC, OBX and NTE that an OBR's name leads to stands between it and the next OBR, or is the ORC just before."""
    orders = 0
    for body in bodies:
        tree = HL7.decode(body).tree
        numbers = tree.index.get("OBR", [])
        follows_obr = "OUL" in "".join(tree.first("MSH").fields[9:10])
        for position, number in enumerate(numbers):
            orders += 1
            end = numbers[position + 1] if position + 1 < len(numbers) else len(tree.lines)
            begin = numbers[position - 1] if position else -1
            obr = tree.at(number)
            for name in ("OBX", "NTE", "SPM"):
                assert all(number < s.number < end or name == "SPM" for s in reads.near_all(tree, name, obr)), name
            for orc in reads.near_all(tree, "ORC", obr):
                assert (number < orc.number < end) if follows_obr else (begin < orc.number < number)
    assert orders > 300


def test_every_note_hangs_on_the_segment_just_before_it(bodies: list[bytes]) -> None:
    notes = 0
    for body in bodies:
        tree = HL7.decode(body).tree
        holders = family(tree).holder
        standing = [n for n, line in enumerate(tree.lines) if line]
        for number in tree.index.get("NTE", []):
            before = standing.index(number) - 1
            while tree.at(standing[before]).name == "NTE":
                before -= 1
            wanted = standing[before] if tree.at(standing[before]).name != "MSH" else None
            assert holders.get(number) == wanted
            notes += 1
    assert notes > 300


def test_a_copy_that_changes_nothing_is_the_same(bodies: list[bytes]) -> None:
    for body in bodies[::7]:
        document = HL7.decode(body)
        assert HL7.encode(HL7.edit(document, [], ["ZQZ"])) == body
