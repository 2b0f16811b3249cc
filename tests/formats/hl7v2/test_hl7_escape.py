"""Escapes: what a sequence says is text and never structure, and a written value is read again as it was."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.fault import Fault
from interpres.formats.hl7v2.delimiters import STANDARD, delimiters_of
from interpres.formats.hl7v2.escape import escape, unescape
from interpres.formats.hl7v2.places import written
from tests.formats.hl7v2.messages import HL7, message, tree, value

SAID = [
    (r"\F\\S\\T\\R\\E\ ", "|^&~\\ "),
    (r"\P\ ", "# "),
    (r"a\.br\b\.sp\c\.sp2\d\.sk3\e\.ce\f", "a\nb\nc\n\nd   e\nf"),
    (r"\.in+4\\.ti-2\\.fi\\.nf\text", "text"),
    (r"\H\high\N\ low", "high low"),
    (r"\X0D\PID", "\rPID"),
    (r"\X000d\ ", "\x00\r "),
    (r"\X48656c6C6F\ ", "Hello "),
    (r"\XE19E85\ ", "ច "),
    (r"\XFF\ ", r"\XFF\ "),
    (r"\X0\ \XZZ\ ", r"\X0\ \XZZ\ "),
    (r"\E\R\ ", "\\R\\ "),
    (r"\E\F\E\ ", "\\F\\ "),
    (r"C:\dir\file", r"C:\dir\file"),
    (r"half \T", r"half \T"),
    (r"\ a \T\ b", r"\ a & b"),
    (r"\Zxx\ \C2842\ \M2842\ ", r"\Zxx\ \C2842\ \M2842\ "),
    (r"\.xy\ \q\ ", r"\.xy\ \q\ "),
    ("\\\\", "\\\\"),
]


@pytest.mark.parametrize(("text", "says"), SAID)
def test_every_sequence_says_its_text(text: str, says: str) -> None:
    assert unescape(text, STANDARD, "utf-8") == says


@pytest.mark.parametrize(("text", "says"), SAID)
def test_sequences_are_text_in_a_value_and_stay_as_they_are_in_the_bytes(text: str, says: str) -> None:
    body = message(f"NTE|1||{text}", "PV1||I")
    assert value("NTE-3", body) == says
    assert value("raw(NTE-3)", body) == text
    assert HL7.encode(tree(body)) == body
    assert list(tree(body).index) == ["MSH", "NTE", "PV1"]


def test_hexadecimal_bytes_are_read_in_the_message_s_charset() -> None:
    body = rb"MSH|^~\&|A|B|C|D|2026||ADT^A04|1|P|2.5||||||8859/1" + b"\rNTE|1||caf\\XE9\\\r"
    assert value("NTE-3", body) == "café"


def test_other_delimiters_are_said_by_the_same_letters() -> None:
    signs = delimiters_of("$", "%*/:")
    assert unescape("/F//S//R//E//T/", signs, "utf-8") == "$%*/:"
    assert escape("$%*/:|^~\\&", signs) == "/F//S//R//E//T/|^~\\&"


@pytest.mark.parametrize("signs", [STANDARD, delimiters_of("|", "^~\\&#"), delimiters_of("$", "%*/:")])
@settings(max_examples=150, deadline=None)
@given(text=st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from('|^~\\&#$%*/:\r\n"FSTREX.br0D')), max_size=30))
def test_what_is_written_is_read_again_and_is_never_structure(signs: object, text: str) -> None:
    assert isinstance(signs, type(STANDARD))
    out = written(text, signs)
    if text:
        assert out != '""'
        assert unescape(out, signs, "utf-8") == text
    structure = {signs.field, signs.component, signs.repetition, signs.subcomponent, "\n", "\v", "\x1c", "\r"}
    assert not structure & set(out)


def test_without_an_escape_sign_delimiters_cannot_be_written() -> None:
    signs = delimiters_of("|", "^~")
    assert escape("plain & simple", signs) == "plain & simple"
    with pytest.raises(Fault) as caught:
        escape("a|b", signs)
    assert (caught.value.code, caught.value.value) == ("H032", "a|b")
    assert "a|b" not in str(caught.value)
