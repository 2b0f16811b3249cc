"""Fuzz: whatever the bytes, a message is read and written to the same bytes, or refused with a fault and nothing else."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.document import MISSING
from interpres.fault import Fault, Place
from interpres.format import Scope
from interpres.formats.hl7v2.delimiters import delimiters_of
from interpres.formats.hl7v2.escape import unescape
from interpres.formats.hl7v2.groups import family
from interpres.formats.hl7v2.segments import Segments, pieces
from interpres.mapping.reading.grammar import parse_path
from tests.formats.hl7v2.messages import HL7, message, value

SEED = message(
    r"PID|1||P1^^^HOSP&1.2.3&ISO^PI~E9^^^GOV^EC||CHAN^SO\T\PHEA|\X0D\|19910322|F", "PV1||O|OPD^2", 'ORC|RE|""', "OBR|1|||X",
    "OBX|1|NM|8302-2^Height||156|cm", r"NTE|1||a\.br\b\E\c", "ZPI|ចាន់|c", "BTS|1",
)  # fmt: skip
PATHS = ["MSH-2", "MSH-9.2", "PID-3.4.2", "PID-5", "PID-5.2", "OBX-5", "NTE-3", "ZPI-1", "OBR-4.1", "PV1-3.9"]
SPLICES = [
    b"|",
    b"^",
    b"~",
    b"\\",
    b"&",
    b"\r",
    b"\n",
    b"MSH|",
    b'""',
    b"\x00",
    b"\x0b",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\x1b$B",
    b"Z",
]


def compiled() -> Any:
    """A function that reads all of `PATHS` in both ways in which they are read."""
    paths, at = HL7.paths, Place("fuzz")
    parsed = [parse_path(path, at, "segments") for path in PATHS]
    lines = [f"  {name} = {code}" for name, code in paths.hoist(parsed, "d")]
    reads = [paths.value(path, Scope("d", binds=binds)) for path in parsed for binds in (True, False)]
    names = dict(paths.runtime(None)) | {"MISSING": MISSING}
    text = "\n".join(["def work(d):", *lines, f"  return [{', '.join(reads)}]"])
    exec(text, names)
    return names["work"]


WORK = compiled()


def survives(body: bytes) -> bool:
    """Whether a body is read; then it is written again as it was, both ways of reading agree, and groups are found."""
    try:
        tree = HL7.decode(body).tree
    except Fault as refusal:
        wrong = refusal
        tree = None
    if tree is None:
        assert wrong.code.startswith("H00")
        assert all((wrong.says, wrong.hint, wrong.source))
        return False
    assert isinstance(tree, Segments)
    assert HL7.encode(tree) == body
    values = WORK(tree)
    assert values[::2] == values[1::2]
    assert all(v is MISSING or v is None or (isinstance(v, str) and v) for v in values)
    assert all(up < number for number, up in family(tree).holder.items())
    return True


@pytest.mark.parametrize("seed", range(6))
def test_mutants_are_read_or_refused(seed: int) -> None:
    chance = random.Random(seed)
    count = 0
    for _ in range(700):
        body = bytearray(SEED)
        for _ in range(chance.randint(1, 6)):
            at = chance.randrange(len(body) + 1)
            cut = chance.choice((0, 0, 1, 1, 3, 30))
            body[at : at + cut] = chance.choice((chance.choice(SPLICES), bytes([chance.randrange(256)]), b""))
        count += survives(bytes(body))
    assert 100 < count < 700, "the mutants are all good or all bad, and prove little"


@settings(max_examples=200, deadline=None)
@given(body=st.one_of(st.binary(max_size=120), st.text('MSHPIDZ|^~\\&#\r\n" 1a\ufeff', max_size=120).map(str.encode)))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    survives(body)
    survives(b"MSH|^~\\&|A|B|C|D|2026||" + body)


@settings(max_examples=200, deadline=None)
@given(text=st.text("\\FSTREXHNCMZP.br0DFf128+-~", max_size=24), encoding=st.sampled_from(["^~\\&", "^~\\&#", "^", "*~/:"]))
def test_any_sequence_has_a_text(text: str, encoding: str) -> None:
    assert isinstance(unescape(text, delimiters_of("|", encoding), "utf-8"), str)


@settings(max_examples=60, deadline=None)
@given(
    new=st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("|^~\\&\r\n")), min_size=1, max_size=12),
    target=st.sampled_from(["PID-5.2", "PID-3[2].4.2", "OBX-20", "MSH-10", "ZPI-1", "NTE-3"]),
)
def test_what_is_edited_in_is_read_back_and_all_else_stays(new: str, target: str) -> None:
    tree = HL7.decode(SEED)
    path = parse_path(target, Place("fuzz"), "segments")
    copy = HL7.edit(tree, [(path, new)], [])
    body = HL7.encode(copy)
    assert value(target, body) == new
    others = [p for p in PATHS if not (p.startswith(target) or target.startswith(p))]
    assert [value(p, body) for p in others[:3]] == [value(p, SEED) for p in others[:3]]
    assert list(copy.index) == list(tree.tree.index)


def test_crashers_of_other_readers() -> None:
    """Shapes that have made other HL7 readers hang, overflow or lose data."""
    for body in (
        b"MSH|^~\\&" + b"|" * 100_000,
        b"MSH|^~\\&|" + b"^" * 100_000 + b"|x|y|z",
        b"MSH|^~\\&|A|B\r" + b"\r" * 100_000,
        b"MSH|^~\\&|A|B\r" + b"\\" * 100_001,
        b"MSH|^~\\&|A|B\rPID|" + b"\\X" * 50_000,
        b"MSH|^~\\&|A|B\rPID|" + b"\\Z" + b"a" * 100_000,
        b"MSH|^~\\&|A|B\rPID|" + b"&" * 60_000 + b"\\T\\",
        b"MSH|^~\\&|A|B\r" + b"NTE|1\r" * 20_000,
        b"MSH|^~\\&|A|B\r" + b"ORC|1\rOBR|1\r" * 5_000,
        b"MSH|^~\\&|A|B\n" + b"A" * 100_000,
        b"MSH|^~\\&|A|B\r" + b"\n" * 100_000,
        b"MSH|^~\\&|A|B\r" + b"\nPID|" * 20_000,
    ):
        assert survives(body)


@pytest.mark.parametrize(
    "body",
    [
        b"SECRET",
        b"SECRET\rMSH|^~\\&|A|B",
        b"MSH|^^^^|SECRET|x\r",
        b"MSH|SECRETS|A|B\r",
        b"MSH|^~\\&|A|B\rPID|SECRET\xff",
        b"MSH|^~\\&||||||||||||||||SECRET\r\xff",
    ],
)
def test_nothing_of_a_message_is_in_a_fault_s_words(body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        HL7.decode(body)
    assert "SECRET" not in str(caught.value) + repr(caught.value) + str(caught.value.as_dict())


def test_nothing_of_a_message_is_in_what_its_parts_are_called() -> None:
    tree = HL7.decode(SEED).tree
    shown = [repr(x) for x in (tree, tree.first("PID"), tree.first("ZZZ"), *pieces(tree.first("PID"), 3))]
    assert shown[1:] == ["Segment(PID of 8 fields)", "NOTHING", "Piece(PID-3)", "Piece(PID-3[2])"]
    assert "CHAN" not in "".join(shown)
