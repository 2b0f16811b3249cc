"""Quick reads of HL7 v2: the same values as the long way has, whatever a field holds, and the same with a trace."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.document import MISSING, Document
from interpres.fault import Fault, Place
from interpres.formats.hl7v2 import quick, reads
from interpres.mapping.compiling.compile import compile_formula
from interpres.transform import builtins
from tests.mapping.drafts import draft, formats, made

READER = formats("hl7v2", {})
FORMULAS = ["PID-5", "PID-5.1", "PID-5.2", "PID-5.4", "PID-9", "PID-9.3", "PV1-2", "ZZZ-1.2", "MSH-3", "MSH-9.2", "PID-5.1.2"]
COMPILED = {text: compile_formula(text, Place("t"), format=READER, transforms=builtins()) for text in FORMULAS}

fields = st.text(alphabet='aZ9^~&\\F|" ខ', max_size=12)


def message(third: str, fifth: str, ninth: str, visit: str) -> Document:
    lines = [f"MSH|^~\\&|{third}||||||ADT^A01|1|P|2.5", f"PID|||||{fifth}||||{ninth}", f"PV1||{visit}"]
    return READER.decode("\r".join(lines).encode())


def long_way(text: str, document: Document) -> Any:
    name, _, rest = text.partition("-")
    field, *positions = (int(n) for n in rest.split("."))
    segment = reads.first(document.tree, name)
    if len(positions) > 1:
        return reads.deep(segment, field, *positions)
    return reads.part(segment, field, *positions) if positions else reads.text(segment, field)


@settings(max_examples=300, deadline=None, database=None)
@given(fields, fields, fields, fields)
def test_the_short_way_reads_what_the_long_way_reads(third: str, fifth: str, ninth: str, visit: str) -> None:
    try:
        document = message(third, fifth, ninth, visit)
    except Fault:
        return
    for text, work in COMPILED.items():
        assert work(document.tree, {}) == long_way(text, document), text


MAPPING = draft("from: hl7v2\noutput:\n  k: c\n" + "".join(f"  '{text}': ={text}\n" for text in FORMULAS))


@settings(max_examples=100, deadline=None, database=None)
@given(fields, fields, fields, fields)
def test_a_trace_changes_nothing(third: str, fifth: str, ninth: str, visit: str) -> None:
    try:
        document = message(third, fifth, ninth, visit)
    except Fault:
        return
    made(MAPPING, document)


def test_a_trace_tells_paths_and_texts_as_they_stand() -> None:
    document = message("HIS", r"CHAN\T\CO^SOPHEA&x~OTHER", "", "")
    leaves = {leaf.formula: (leaf.value, leaf.source, leaf.text) for leaf in MAPPING.explain(document, {}).leaves}
    assert leaves["PID-5"] == ("CHAN&CO", "PID-5", r"CHAN\T\CO^SOPHEA&x")
    assert leaves["PID-5.1"] == ("CHAN&CO", "PID-5.1", r"CHAN\T\CO")
    assert leaves["PID-5.2"] == ("SOPHEA", "PID-5.2", "SOPHEA&x")
    assert leaves["MSH-3"] == ("HIS", "MSH-3", "HIS")
    assert leaves["MSH-9.2"] == ("A01", "MSH-9.2", "A01")


def test_common_reads_need_no_call() -> None:
    assert "hl7v2_text(" not in MAPPING.source
    assert MAPPING.source.count("hl7v2_opened(") == 1


@pytest.mark.parametrize("position", [0, 1, 2, 3])
def test_below_a_repetition(position: int) -> None:
    document = message("", "A^B C^~x&y^z", "", "")
    for piece in reads.pieces(reads.first(document.tree, "PID"), 5):
        assert quick.at(piece, position) == (reads.inside(piece, position) if position else MISSING)
