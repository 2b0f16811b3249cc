"""Reading: every kind of delimiters, line ends and damage is read exactly or refused with its reason."""

from __future__ import annotations

import pytest

from interpres.document import MISSING
from interpres.formats.hl7v2 import reads
from interpres.formats.hl7v2.delimiters import NEVER
from tests.formats.hl7v2.messages import HL7, message, refused, tree, value

CUT_SHORT = "the message ends within its MSH segment, behind the delimiters"
NO_HL7 = "this is no HL7 v2 message: it does not begin with MSH"
SAME_SIGN = "MSH declares one sign for two delimiters, so that neither can be told from the other"
BAD_SIGN = "MSH declares a letter, a digit, a blank or a quotation mark as a delimiter"
MSH = r"MSH|^~\&|A|B|C|D|2026||ADT^A04|1|P|2.5"


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        (b"", "H001", "there is nothing here but blanks"),
        (b"\r\n \r\n", "H001", "there is nothing here but blanks"),
        (b"\xef\xbb\xbf", "H001", "there is nothing here but blanks"),
        (b"MSH", "H002", CUT_SHORT),
        (b"MSH|", "H002", CUT_SHORT),
        (rb"MSH|^~\&", "H002", CUT_SHORT),
        (b"MSH|^~\\&\rPID|1", "H002", CUT_SHORT),
        (b"MSH||A|B|C|D|2026||ADT^A04|1|P|2.5", "H003", "MSH-2 declares no delimiters"),
        (b"MSH|^^^^|A|B|C|D|2026||ADT^A04|1|P", "H003", SAME_SIGN),
        (b"MSH|^~\\|&|A|B|C|D|2026||ADT^A04", "", ""),
        (b"MSH|aBcd|A|B|C|D|2026||ADT^A04", "H003", BAD_SIGN),
        (b"MSH|^~\\&#!|A|B|C|D|2026||ADT", "H003", "MSH-2 declares 6 delimiters, and there are five at most"),
        (b"MSHA^~\\&A1A2A3", "H001", NO_HL7),
        (b"\x0bMSH|^~\\&|A|B\x1c\r", "H001", NO_HL7),
        (b'{"a": 1}', "H001", NO_HL7),
        (b"<a/>", "H001", NO_HL7),
        (b"ISA*00*", "H001", NO_HL7),
        (b"msh|^~\\&|a", "H001", NO_HL7),
        (b"junk\rMSH|^~\\&|A|B", "H001", NO_HL7),
        (f"{MSH}\r{MSH}\r".encode(), "H006", "there are 2 messages here, and one at a time is decoded"),
        (b"BHS|^~\\&|A\rBTS|0\r", "H007", "there is a header or trailer of a batch here, and no message"),
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused_with_its_reason(body: bytes, code: str, says: str) -> None:
    if not code:
        assert HL7.encode(tree(body)) == body
        return
    fault = refused(body)
    assert (fault.code, fault.says) == (code, says)
    assert fault.hint


def test_hints_name_what_the_bytes_seem_to_be() -> None:
    hints = [
        refused(body).hint for body in (b'{"a": 1}', b"<a/>", b"ISA*00*", b"\x0bMSH|^~\\&|A", b"msh|^~\\&|", b"x\rMSH|^~\\&|A|B")
    ]
    assert [next(w for w in ("JSON", "XML", "X12", "MLLP", "capitals", "before MSH") if w in h) for h in hints] == [
        "JSON", "XML", "X12", "MLLP", "capitals", "before MSH",
    ]  # fmt: skip


@pytest.mark.parametrize("signs", ["|^~\\&", "|^~\\&#", "$%~\\&", "|^", "|^~", "|^~\\", "@~&#\\", "^~|\\&", "*+:/;"])
def test_any_distinct_delimiters_are_meant_as_declared(signs: str) -> None:
    separator, component = signs[0], signs[1]
    body = (
        separator.join([f"MSH{separator}{signs[1:]}", "A", "B", "C", "D", "2026", "", f"ADT{component}A04", "1"]).encode() + b"\r"
    )
    found = tree(body)
    assert HL7.encode(found) == body
    assert found.signs.encoding == signs[1:]
    assert value("[MSH-1, MSH-2, MSH-3, MSH-9, MSH-9.2, MSH-10] | join(' ')", body) == f"{separator} {signs[1:]} A ADT A04 1"


def test_delimiters_that_are_not_declared_are_data() -> None:
    found = tree(b"MSH|^|A|B|C|D|2026||ADT^A04|1\rPID|||1~2^x&y\\T\\\r")
    assert found.signs.repetition == found.signs.escape == NEVER
    assert reads.part(found.first("PID"), 3, 1) == "1~2"
    assert reads.part(found.first("PID"), 3, 2) == "x&y\\T\\"


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\n\n", "\n\n", "\r\r"])
def test_segments_end_as_the_message_ends_them(end: str) -> None:
    body = end.join([MSH, "PID|1||77", "PV1||I"]).encode()
    for whole in (body, body + end.encode()):
        assert [line for line in tree(whole).lines if line] == [MSH, "PID|1||77", "PV1||I"]
        assert HL7.encode(tree(whole)) == whole


def test_a_line_feed_is_data_where_carriage_returns_end_segments() -> None:
    body = f"{MSH}\rNTE|1||first\nsecond\nEND\rPV1||I\r".encode()
    assert value("NTE-3", body) == "first\nsecond\nEND"
    assert value("PV1-2", body) == "I"
    assert tree(body, line_feed="ends").index["second"] == [2]


def test_a_segment_behind_a_line_feed_is_not_lost_in_a_mixed_message() -> None:
    body = f"{MSH}\rEVN|A04\nPID|1||77\nZPI|x\nAND|this is text\rPV1||I\n".encode()
    assert value("PID-3", body) == "77"
    assert value("ZPI-1", body) == "x\nAND"
    assert value("PV1-2", body) == "I"
    assert tree(body, line_feed="data").first("EVN").fields[1].startswith("A04\nPID")


def test_other_line_ends_of_unicode_and_ascii_are_data() -> None:
    text = "a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h"
    assert value("NTE-3", f"{MSH}\rNTE|1||{text}\r".encode()) == text


@pytest.mark.parametrize(
    "line", ["PV1", "PV1|", "pid|1", "AB|1", "ABCD|1", "Z|1", "ZZZ|1|2", "1|2", "|x", "no field at all", "\ufeffPV1|x"]
)
def test_odd_segments_pass(line: str) -> None:
    body = f"{MSH}\r{line}\rPID|||9\r".encode()
    assert tree(body).lines[1] == line
    assert value("PID-3", body) == "9"
    assert HL7.encode(tree(body)) == body


def test_an_empty_segment_is_there_and_its_fields_are_missing() -> None:
    body = f"{MSH}\rPV1\r".encode()
    assert value("PV1 exists", body) is True
    assert value("PV2 exists", body) is False
    assert value("PV1-2", body) == "missing"


def test_null_empty_and_absent_are_told_apart() -> None:
    body = f'{MSH}\rPID|1|""||""^x|^""|a~""\r'.encode()
    found = tree(body).first("PID")
    assert [reads.text(found, n) for n in (1, 2, 3, 4, 5, 6, 30)] == ["1", None, MISSING, None, MISSING, "a", MISSING]
    assert reads.part(found, 5, 2) is None
    assert reads.part(found, 4, 2) == "x"
    assert value("[PID-2 exists, PID-3 exists, PID-30 exists]", body) == [True, False, False]


@pytest.mark.parametrize("version", ["2.3.z", "", "2.9", "twelve"])
def test_versions_are_not_asked_for(version: str) -> None:
    assert value("MSH-12", f"MSH|^~\\&|A|B|C|D|2026||ADT^A04|1|P|{version}\r".encode()) == (version or "missing")


def test_a_byte_order_mark_is_no_part_of_msh() -> None:
    body = b"\xef\xbb\xbf" + message("PID|||7")
    assert value("[MSH-3, PID-3] | join(' ')", body) == "LAB 7"
    assert HL7.encode(tree(body)) == body


def test_blank_lines_before_and_between_are_kept_and_mean_nothing() -> None:
    body = b"\r\n  \r" + message("", "PID|||7", "", "")
    assert value("PID-3", body) == "7"
    assert HL7.encode(tree(body)) == body


@pytest.mark.parametrize("many", [2_000, 20_000])
def test_large_messages_are_read_in_a_time_that_grows_as_they_do(many: int) -> None:
    body = message("PID|1|" + "~".join(["x"] * many), *[f"OBX|{i}|ED|||^^^Base64^{'QUJD' * 20}" for i in range(many)])
    found = tree(body)
    assert len(found.named("OBX")) == many
    assert len(found.first("PID").repetitions(2)) == many
    assert reads.part(found.at(many), 5, 5) == "QUJD" * 20


def test_a_field_of_five_megabytes_is_read() -> None:
    body = message("OBX|1|ED|||^^^Base64^" + "QUJD" * 1_250_000)
    assert len(value("OBX-5.5", body)) == 5_000_000


def test_a_message_shows_its_segments_on_lines_of_their_own() -> None:
    assert HL7.readable(b"MSH|a\rPID|b\r\nPV1|c\n") == b"MSH|a\nPID|b\nPV1|c\n"
