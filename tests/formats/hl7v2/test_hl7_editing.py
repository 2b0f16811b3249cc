"""Editing: copies differ where they are told to, and nowhere else by a byte."""

from __future__ import annotations

import pytest

from interpres.fault import Fault
from tests.formats.hl7v2.messages import document, edited, message, value
from tests.mapping.drafts import draft, made

MSH = r"MSH|^~\&|A^1.2^ISO|B|C|D|2026||ADT^A04|1|P|2.5"
BODY = message(
    "EVN|A04|2026", r"PID|1||7^^^OLD^MRN~8^^^X&1.2^PI||NAME\T\X^G|||||\X0D\ |", "NK1|1|K", "NTE|1||on the relative",
    "PV1||I", "ZPI|1", "ZBE|2|3", msh=MSH,
)  # fmt: skip


@pytest.mark.parametrize(
    ("edits", "before", "after"),
    [
        ("MSH-3: INTERPRES", b"|A^1.2^ISO|", b"|INTERPRES|"),
        ("MSH-3.1: INTERPRES", b"|A^1.2^ISO|", b"|INTERPRES^1.2^ISO|"),
        ("PV1-2: =if(PV1-2 = 'I', 'IN', 'OUT')", b"PV1||I", b"PV1||IN"),
        ("PV1-5: x", b"PV1||I", b"PV1||I|||x"),
        ("PV1-3.2.2: x", b"PV1||I", b"PV1||I|^&x"),
        ("PID-3[5 = 'MRN'].4: NEW AUTH", b"7^^^OLD^MRN", b"7^^^NEW AUTH^MRN"),
        ("PID-3[2].4: NEW", b"8^^^X&1.2^PI", b"8^^^NEW^PI"),
        ("PID-3[2].4.1: NEW", b"8^^^X&1.2^PI", b"8^^^NEW&1.2^PI"),
        ("PID-3[3].1: 9", b"^PI||", b"^PI~9||"),
        ("PID-3[5 = 'none'].1: 9", b"", b""),
        ("PID-3[*].1: 9", rb"7^^^OLD^MRN~8^^^X&1.2^PI", rb"9^^^OLD^MRN~9^^^X&1.2^PI"),
        ("PID-3[* where 1 in ['7', '8']].5: Q", rb"7^^^OLD^MRN~8^^^X&1.2^PI", rb"7^^^OLD^Q~8^^^X&1.2^Q"),
        ("PID-3: x", rb"7^^^OLD^MRN~8^^^X&1.2^PI", b"x"),
        ("PID-3: null", rb"7^^^OLD^MRN~8^^^X&1.2^PI", b'""'),
        ("PID-3: =PID-30", rb"7^^^OLD^MRN~8^^^X&1.2^PI", b""),
        ("PID-30: =PID-31", b"", b""),
        ("PID-5.2: =PID-5.1", rb"NAME\T\X^G", rb"NAME\T\X^NAME\T\X"),
        ('PID-5.2: "a|b^c"', rb"\X^G", rb"\X^a\F\b\S\c"),
        ("DG1-3: x", b"", b""),
        ("OBX[2]-5: x", b"", b""),
    ],
)  # fmt: skip
def test_what_is_set_changes_and_nothing_else(edits: str, before: bytes, after: bytes) -> None:
    (copy,) = edited(f"edits:\n  {edits}\n", BODY)
    assert BODY.count(before) == 1 or not before
    assert copy == (BODY.replace(before, after, 1) if before else BODY)


def test_formulas_read_the_original() -> None:
    (copy,) = edited("edits:\n  PID-3[1].1: =PID-3[2].1\n  PID-3[2].1: =PID-3[1].1\n", BODY)
    assert b"8^^^OLD^MRN~7^^^X&1.2^PI" in copy


@pytest.mark.parametrize(
    ("drop", "gone"),
    [
        ("Z*", b"ZPI|1\rZBE|2|3\r"),
        ("ZB*", b"ZBE|2|3\r"),
        ("NK1", b"NK1|1|K\rNTE|1||on the relative\r"),
        ("NTE", b"NTE|1||on the relative\r"),
        ("QRD", b""),
    ],
)
def test_segments_are_dropped_with_the_notes_on_them(drop: str, gone: bytes) -> None:
    (copy,) = edited(f"edits: {{MSH-4: B}}\ndrops:\n  {drop}: nobody reads it\n", BODY)
    assert copy == BODY.replace(gone, b"")


@pytest.mark.parametrize(
    ("drop", "before", "after"),
    [
        ("PID-3", b"7^^^OLD^MRN~8^^^X&1.2^PI", b""),
        ("PID-3.4", b"7^^^OLD^MRN~8^^^X&1.2^PI", b"7^^^^MRN~8^^^^PI"),
        ("PID-3[2]", b"7^^^OLD^MRN~8^^^X&1.2^PI", b"7^^^OLD^MRN~"),
        ("PID-40", b"", b""),
        ("DG1-3", b"", b""),
    ],
)
def test_fields_are_emptied(drop: str, before: bytes, after: bytes) -> None:
    (copy,) = edited(f"edits: {{MSH-4: B}}\ndrops:\n  {drop}: nobody reads it\n", BODY)
    assert copy == (BODY.replace(before, after) if before else BODY)


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\n\n"])
@pytest.mark.parametrize("lead", [b"", b"\xef\xbb\xbf", b"\r\n \n"])
def test_line_ends_marks_and_what_surrounds_a_message_stay(end: str, lead: bytes) -> None:
    body = lead + end.join([MSH, "EVN|A04", "PID|||7", "ZZZ|1", "PV1||I", "odd line"]).encode() + end.encode() * 2
    (copy,) = edited("edits: {PID-3: '8'}\ndrops: {Z*: no, EVN: no}", body)
    wanted = body.replace(b"PID|||7", b"PID|||8").replace(f"ZZZ|1{end}".encode(), b"").replace(f"EVN|A04{end}".encode(), b"")
    assert copy == wanted


def test_a_batch_s_header_and_trailer_stay() -> None:
    body = b"FHS|^~\\&|F\rBHS|^~\\&|X\r" + BODY + b"BTS|1\rFTS|1\r"
    (copy,) = edited("edits: {PV1-2: O}", body)
    assert copy == body.replace(b"PV1||I", b"PV1||O")


def test_bytes_that_could_be_written_in_two_ways_are_taken_over_as_they_are() -> None:
    odd = b"\x1b$B\x1b(B\x1b$B;3\x1b(B"
    body = b"MSH|^~\\&|A|B|C|D|2026||ADT^A04|1|P|2.5||||||ISO IR87\rPID|||7||" + odd + b"\rPV1||I\r"
    (copy,) = edited("edits: {PV1-2: O}", body)
    assert copy == body.replace(b"PV1||I", b"PV1||O")


ORU = message(
    "PID|1||A", "PV1||I", "ORC|RE|1", "NTE|1||order", "OBR|1|1||X", "NTE|1||x", "OBX|1|||x1", "NTE|1||on x1", "ZRS|x",
    "ORC|RE|2", "OBR|2|2||Y", "OBX|1|||y1", "OBX|2|||y2",
    "PID|2||B", "NTE|1||of B", "ORC|RE|3", "OBR|3|3||Z", "OBX|1|||z1", "DSC|end",
)  # fmt: skip


def test_one_copy_for_every_order_with_nothing_of_the_others() -> None:
    copies = edited("edits:\n  $each: OBR\n  MSH-10: =MSH-10 & '-' & $index\n  OBR-1: '1'\n  OBX-1: =OBR-4\n", ORU)
    assert [copy.decode().replace("\r", "\n").splitlines()[1:] for copy in copies] == [
        [
            "PID|1||A",
            "PV1||I",
            "ORC|RE|1",
            "NTE|1||order",
            "OBR|1|1||X",
            "NTE|1||x",
            "OBX|X|||x1",
            "NTE|1||on x1",
            "ZRS|x",
            "DSC|end",
        ],
        ["PID|1||A", "PV1||I", "ORC|RE|2", "OBR|1|2||Y", "OBX|Y|||y1", "OBX|2|||y2", "DSC|end"],
        ["PID|2||B", "NTE|1||of B", "ORC|RE|3", "OBR|1|3||Z", "OBX|Z|||z1", "DSC|end"],
    ]
    assert [value("MSH-10", copy) for copy in copies] == ["M1-1", "M1-2", "M1-3"]


def test_one_copy_for_every_repetition() -> None:
    copies = edited("edits:\n  $each: PID-3\n  MSH-10: =.1\n", message("PID|||1^^^^A~2^^^^B||N"))
    assert [copy.split(b"\r")[1] for copy in copies] == [b"PID|||1^^^^A||N", b"PID|||2^^^^B||N"]


@pytest.mark.parametrize(
    ("edits", "code"),
    [
        ("edits: {MSH-1: '|'}", "H040"),
        ("edits: {MSH-2: ^~}", "H040"),
        ("edits: {MSH-18: 8859/1}", "H040"),
        ("edits: {PID: x}", "H040"),
        ("edits: {PID-3: 'ok', MSH-2: x}", "H040"),
        ("edits: {MSH-4: x}\ndrops: {MSH: no}", "H041"),
        ("edits: {MSH-4: x}\ndrops: {MSH-7: no}", "H041"),
        ("edits: {MSH-4: x}\ndrops: {'*': no}", "H041"),
        ("edits: {MSH-4: x}\ndrops: {\"PID-3[5 = 'x']\": no}", "H041"),
    ],
)
def test_what_cannot_be_changed_in_a_copy_is_refused(edits: str, code: str) -> None:
    result = made(draft(f"from: hl7v2\n{edits}"), document(BODY))
    assert [fault.code for fault in result.faults] == [code]
    assert all(isinstance(fault, Fault) and fault.hint for fault in result.faults)
    assert result.documents == ()


def test_a_charset_that_is_the_same_may_be_set() -> None:
    body = message("PID|||7", msh=MSH + "||||||UNICODE UTF-8")
    assert edited("edits: {MSH-18: UNICODE UTF-8}", body) == [body]
