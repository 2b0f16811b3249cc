"""Reply: what a sender is told, in both modes and every version, whatever arrived."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.fault import Fault
from interpres.format import Verdict
from interpres.formats.hl7v2.reply import acknowledgement
from tests.formats.hl7v2.messages import HL7, tree, value

AT = datetime(2026, 11, 4, 8, 30, 5, tzinfo=timezone(timedelta(hours=7)))
YES = Verdict(True, message_id="01ARZ")
NO_ROW = Fault("M201", "table sex has no row for this code", "add the code", source="PID-8", value="secret")
BAD_DATE = Fault("M221", "this is no date", "see the sender | ask", source="OBX[3]-5[2].1.2", value="secret")
UNREAD = Fault("H005", "the bytes here are no text in utf-8", "say the charset", source="byte 7, line 2 (PID)")
WARNING = Fault("M201", "only a warning", level="warning")
FULL = Fault("E140", "the disk is full", "make room")


def ask(extra: str = "", kind: str = "ADT^A04^ADT_A01", version: str = "2.5.1", signs: str = "|^~\\&") -> bytes:
    fields = [
        "MSH" + signs[0] + signs[1:],
        "HIS^1.2^ISO",
        "H1",
        "INT",
        "X",
        "20261104",
        "",
        kind,
        "CTRL-7",
        "P^T",
        version,
        "",
        "",
    ]
    return (signs[0].join(fields) + signs[0] + extra + "\rPID|1\r").replace("|", signs[0]).encode()


def answer(body: bytes, verdict: Verdict = YES, control_id: str = "A1") -> list[str]:
    """The segments of an answer."""
    found = HL7.reply(body, verdict, AT, control_id)
    return found.decode().removesuffix("\r").split("\r") if found is not None else []


def no(*faults: Fault) -> Verdict:
    return Verdict(False, faults)


def test_a_yes_goes_back_with_the_sides_exchanged() -> None:
    assert answer(ask()) == [
        r"MSH|^~\&|INT|X|HIS^1.2^ISO|H1|20261104083005+0700||ACK^A04^ACK|A1|P^T|2.5.1",
        "MSA|AA|CTRL-7",
    ]


def test_a_no_names_every_field_and_no_value() -> None:
    found = answer(ask(), no(NO_ROW, WARNING, BAD_DATE))
    assert found[1:] == [
        "MSA|AE|CTRL-7",
        "ERR||PID^1^8^1|103^Table value not found^HL70357|E|M201|||table sex has no row for this code - add the code",
        "ERR||OBX^3^5^2^1^2|102^Data type error^HL70357|E|M221|||this is no date - see the sender \\F\\ ask",
    ]
    assert "secret" not in "".join(found)


@pytest.mark.parametrize(
    ("version", "kind", "msa", "err"),
    [
        ("2.1", "ACK", "MSA|AE|CTRL-7|table sex has no row for this code", "ERR|PID^1^8^103&Table value not found&HL70357"),
        ("2.3", "ACK", "MSA|AE|CTRL-7|table sex has no row for this code", "ERR|PID^1^8^103&Table value not found&HL70357"),
        ("2.3.1", "ACK^A04", "MSA|AE|CTRL-7|table sex has no row for this code", "ERR|PID^1^8^103&Table value not found&HL70357"),
        (
            "2.4",
            "ACK^A04^ACK",
            "MSA|AE|CTRL-7|table sex has no row for this code",
            "ERR|PID^1^8^103&Table value not found&HL70357",
        ),
        ("2.8.2", "ACK^A04^ACK", "MSA|AE|CTRL-7", "ERR||PID^1^8^1|103^Table value not found^HL70357|E|M201|||"),
        ("2.9", "ACK^A04^ACK", "MSA|AE|CTRL-7", "ERR||PID^1^8^1|103^Table value not found^HL70357|E|M201|||"),
        ("", "ACK^A04^ACK", "MSA|AE|CTRL-7", "ERR||PID^1^8^1|103^"),
    ],
)
def test_the_answer_is_of_the_sender_s_version(version: str, kind: str, msa: str, err: str) -> None:
    header, found_msa, found_err = answer(ask(version=version), no(NO_ROW))
    assert header.split("|")[8] == kind
    assert found_msa == msa
    assert found_err.startswith(err)


@pytest.mark.parametrize(
    ("verdict", "code", "condition"),
    [
        (no(UNREAD), "AR", "100"),
        (Verdict(False, (FULL,), cannot_store=True), "AR", "207"),
        (no(Fault("X001", "our own bug")), "AR", "207"),
        (no(NO_ROW), "AE", "103"),
        (no(Fault("V101", "is missing", target="visits[0].code")), "AE", "101"),
        (no(Fault("V102", "a promise is broken", source="visits[0].code")), "AE", "102"),
        (no(), "AE", ""),
    ],
)
def test_what_was_not_read_is_rejected_and_what_is_ours_may_be_sent_again(verdict: Verdict, code: str, condition: str) -> None:
    found = answer(ask(), verdict)
    assert found[1] == f"MSA|{code}|CTRL-7"
    assert [line.split("|")[3].split("^")[0] for line in found[2:]] == ([condition] if condition else [])


def test_what_is_missing_is_named_though_no_place_of_the_message_is_known() -> None:
    found = answer(ask(), no(Fault("V101", "is missing", target="visits[0].code")))
    assert found[2] == "ERR|||101^Required field missing^HL70357|E|V101|||is missing (visits[0].code)"


@pytest.mark.parametrize(
    ("asked", "verdict", "code"),
    [
        ("AL|NE", YES, "CA"), ("AL|NE", no(NO_ROW), "CE"), ("AL|NE", no(UNREAD), "CR"), ("AL|AL", YES, "CA"),
        ("NE|AL", YES, "AA"), ("NE|AL", no(NO_ROW), "AE"), ("|AL", YES, "AA"), ("NE|NE", YES, ""), ("NE|", YES, ""),
        ("ER|NE", YES, ""), ("ER|NE", no(NO_ROW), "CE"), ("SU|NE", YES, "CA"), ("SU|NE", no(NO_ROW), ""),
        ("SU|ER", no(NO_ROW), "AE"), ("xx|xx", YES, ""), ("|", YES, "AA"),
    ],
)  # fmt: skip
def test_enhanced_mode_answers_as_msh_15_and_16_ask(asked: str, verdict: Verdict, code: str) -> None:
    found = answer(ask(asked), verdict)
    assert (found[1].split("|")[1] if found else "") == code


def test_either_answer_can_be_asked_for_alone() -> None:
    def codes(extra: str) -> list[str]:
        found = [acknowledgement(ask(extra), YES, AT, "A1", "", "", level) for level in ("accept", "application")]
        return [f.split(b"MSA|")[1][:2].decode() if f else "" for f in found]

    assert codes("AL|AL") == ["CA", "AA"]
    assert codes("AL|NE") == ["CA", ""]
    assert codes("NE|AL") == ["", "AA"]
    assert codes("") == ["", "AA"]


@pytest.mark.parametrize("kind", ["ACK", "ACK^A04^ACK", "MCF", "ACK&x"])
def test_an_acknowledgement_is_never_acknowledged(kind: str) -> None:
    assert HL7.reply(ask(kind=kind), YES, AT, "A1") is None
    assert HL7.reply(ask("AL|AL", kind=kind), no(NO_ROW), AT, "A1") is None


@pytest.mark.parametrize(
    "body", [b"", b"\r\n", b"hello", b"MSH", b"MSH|", b"MSH|^~\\&", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"PID|1", b"MSHA"]
)
def test_what_cannot_be_read_is_rejected_with_an_empty_msa_2(body: bytes) -> None:
    header, msa, err = answer(body, no(Fault("H001", "this is no HL7 v2 message", "see what the sender wrote", source="line 1")))
    assert header == r"MSH|^~\&|||||20261104083005+0700||ACK|A1|P|2.5"
    assert msa == "MSA|AR"
    assert (
        err == "ERR|||100^Segment sequence error^HL70357|E|H001|||this is no HL7 v2 message (line 1) - see what the sender wrote"
    )


def test_the_header_is_read_even_where_the_rest_is_damaged() -> None:
    body = ask().replace(b"PID|1", b"PID|\xff\xfe")
    assert answer(body, no(UNREAD))[1] == "MSA|AR|CTRL-7"
    assert answer(b"BHS|^~\\&|\xff\r" + ask(), no(UNREAD))[2] == "MSA|AR|CTRL-7"
    bad_signs = rb"MSH|^^^^|HIS|H1|INT|X|2026||ADT^A04|C|P|2.5" + b"\rPID|1"
    assert answer(bad_signs, no(UNREAD))[:2] == [
        r"MSH|^~\&|INT|X|HIS|H1|20261104083005+0700||ACK|A1|P|2.5",
        "MSA|AR|C",
    ]


def test_other_delimiters_are_the_answer_s_too() -> None:
    found = answer(ask(kind="ADT%A04", signs="$%*/:"), no(BAD_DATE))
    assert found[0].startswith("MSH$%*/:$INT$X$")
    assert found[1] == "MSA$AE$CTRL-7"
    assert found[2] == "ERR$$OBX%3%5%2%1%2$102%Data type error%HL70357$E$M221$$$this is no date - see the sender | ask"
    assert answer(ask(kind="ADT^A04", signs="|^"), no(BAD_DATE))[2].endswith("this is no date - see the sender   ask")


def test_charset_and_mark_are_kept() -> None:
    body = "MSH|^~\\&|ចាន់|H1|INT|X|2026||ADT^A04|C|P|2.5||||||UNICODE UTF-16\rPID|1\r"
    for codec, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b""), ("utf-8", b"\xef\xbb\xbf")):
        found = HL7.reply(mark + body.encode(codec), no(NO_ROW), AT, "A1")
        assert found is not None
        assert found.startswith(mark)
        text = found[len(mark) :].decode(codec)
        assert "|ចាន់|" in text
        assert text.splitlines()[0].endswith("|UNICODE UTF-16")
    latin = "MSH|^~\\&|Müller|H1|INT|X|2026||ADT^A04|C|P|2.5||||||8859/1\r".encode("latin-1")
    found = HL7.reply(latin, no(Fault("M201", "table ភេទ has no row for this code")), AT, "A1")
    assert found is not None
    assert b"table ??? has no row" in found


def test_a_batch_is_answered_by_a_batch() -> None:
    body = b"BHS|^~\\&|HIS\r" + ask() + ask(kind="ACK") + ask().replace(b"CTRL-7", b"CTRL-8") + b"BTS|3\r"
    verdict = Verdict(False, (NO_ROW,), each=(YES, YES, no(NO_ROW)))
    found = answer(body, verdict)
    assert found[0] == "BHS|^~\\&|||||20261104083005+0700||||A1"
    assert [line for line in found if line.startswith("MSA")] == ["MSA|AA|CTRL-7", "MSA|AE|CTRL-8"]
    assert found[-1] == "BTS|2"
    assert [line.split("|")[9] for line in found if line.startswith("MSH")] == ["01ARZ", "A1-3"]
    assert HL7.reply(b"BHS|^~\\&|HIS\r" + ask(kind="ACK") + b"BTS|1\r", YES, AT, "A1") is None


def test_several_messages_without_a_batch_are_answered_together() -> None:
    found = answer(ask() + ask().replace(b"CTRL-7", b"CTRL-8"), Verdict(True, each=(YES, YES)))
    assert [line[:3] for line in found] == ["BHS", "MSH", "MSA", "MSH", "MSA", "BTS"]


def test_many_faults_are_told_up_to_a_limit() -> None:
    assert len(answer(ask(), no(*[NO_ROW] * 500))) == 52


def test_an_answer_is_a_message_that_is_read_again() -> None:
    found = HL7.reply(ask(), no(NO_ROW, BAD_DATE), AT, "A1")
    assert found is not None
    assert value("[MSA-1, ERR[2]-5, ERR[2]-8] | join(' ')", found).startswith("AE M221 this is no date")
    assert HL7.reply(found, YES, AT, "A2") is None


@settings(max_examples=200, deadline=None)
@given(
    body=st.one_of(
        st.binary(max_size=60),
        st.builds(lambda a, b: ask()[:a] + b + ask()[a:], st.integers(0, 80), st.binary(max_size=6)),
        st.builds(lambda a: ask()[:a], st.integers(0, 90)),
        st.text("MSHBF|^~\\&\r\nACK2.5", max_size=60).map(str.encode),
    ),
    accepted=st.booleans(),
)
def test_nothing_that_arrives_makes_it_raise(body: bytes, accepted: bool) -> None:
    found = HL7.reply(body, Verdict(accepted, () if accepted else (UNREAD,)), AT, "A1")
    assert found is None or (b"\x0b" not in found and b"\x1c" not in found)
    if found is not None and found.startswith(b"MSH"):
        assert "MSA" in tree(found).index


def test_the_time_is_the_argument_s() -> None:
    found = HL7.reply(ask(), YES, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "A1")
    assert found is not None
    assert b"|20260102030405+0000|" in found
