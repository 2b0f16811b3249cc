"""Building: blocks become segments, and no value can become structure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.document import MISSING
from interpres.fault import Fault
from tests.formats.hl7v2.messages import HL7, document, tree, value
from tests.mapping.drafts import draft, made

NOT_A_VALUE = "a value here is neither text nor a number, true or false"
LACKS = "a value holds a character that the message's charset ({}) does not have"
SAME_SIGN = "MSH declares one sign for two delimiters, so that neither can be told from the other"
NO_ESCAPE = "a value holds a delimiter, and the message declares no escape sign to write it with"
NO_SIGN = "the message declares no delimiter for a repetition, component or subcomponent, and one is to be written"
MSH: dict[str, Any] = {"MSH-3": "A", "MSH-4": "B", "MSH-9.1": "ADT", "MSH-9.2": "A04", "MSH-10": "1", "MSH-12": "2.5"}
HEADER = b"MSH|^~\\&|A|B|||||ADT^A04|1||2.5\r"


def built(*blocks: Any) -> bytes:
    """The bytes of these blocks behind a header, without it."""
    body = HL7.encode([MSH, *blocks])
    assert body.startswith(HEADER)
    return body.removeprefix(HEADER)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"PID-3.1": "1", "PID-3.5": "MR"}, b"PID|||1^^^^MR\r"),
        ({"PID-3.5": "MR", "PID-3.1": "1", "PID-1": "7"}, b"PID|7||1^^^^MR\r"),
        ({"PID-3[2].4.2": "x", "PID-3": "a"}, b"PID|||a\r"),
        ({"PID-3": "a", "PID-3[2].4.2": "x"}, b"PID|||a~^^^&x\r"),
        ({"PID-3": ["a", "b", "c"]}, b"PID|||a~b~c\r"),
        ({"PID-3": [{"1": "a", "5": "PI"}, {"1": "b", "4.2": "o"}]}, b"PID|||a^^^^PI~b^^^&o\r"),
        ({"PID-5": {"1": "N", "1.2": "p", "2": "G"}}, b"PID|||||N&p^G\r"),
        ({"PV1": None}, b"PV1\r"),
        ({"PV1": ""}, b"PV1\r"),
        ({"PID-2": None, "PID-3": "", "PID-4": MISSING}, b'PID||""\r'),
        ({"OBX-5": Decimal("1.50"), "OBX-6": 7, "OBX-7": True, "OBX-8": False}, b"OBX|||||1.50|7|Y|N\r"),
        ({"NTE-3": "X|Y\rOBX|1|^~\\&\n"}, b"NTE|||X\\F\\Y\\X0D\\OBX\\F\\1\\F\\\\S\\\\R\\\\E\\\\T\\\\.br\\\r"),
        ({"NTE-3": '""'}, b"NTE|||\\X22\\\\X22\\\r"),
        ({"PID-5": "ចាន់"}, "PID|||||ចាន់\r".encode()),
    ],
)  # fmt: skip
def test_a_block_is_a_segment(block: dict[str, Any], expected: bytes) -> None:
    assert built(block) == expected


def test_lists_within_the_list_are_laid_flat_and_empty_blocks_pass() -> None:
    assert built([{"DG1-1": 1}, [{"DG1-1": 2}]], {}, None, {"PV1-2": "I"}) == b"DG1|1\rDG1|2\rPV1||I\r"


def test_delimiters_and_charset_are_the_block_s_own() -> None:
    body = HL7.encode(
        [{"MSH-1": "$", "MSH-2": "%*!:", "MSH-9": {"1": "ADT", "2": "A04"}, "MSH-18": "8859/1"}, {"PID-5": "Müller $%|^"}]
    )
    assert body == "MSH$%*!:$$$$$$$ADT%A04$$$$$$$$$8859/1\rPID$$$$$Müller !F!!S!|^\r".encode("latin-1")
    assert value("PID-5", body) == "Müller $%|^"


def test_a_mapping_writes_a_message() -> None:
    mapping = draft(
        """\
from: hl7v2
to: {format: hl7v2}
output:
  - {MSH-3: INTERPRES, MSH-9.1: ORU, MSH-9.2: R01, MSH-10: =MSH-10}
  - PID-3: {$each: PID-3, '1': =.1, '5': =.5}
    PID-5.1: =PID-5.1
  - $each: OBX
    OBX-1: =$index
    OBX-5: =.5
"""
    )
    source = tree(b"MSH|^~\\&|A|B|C|D|2026||ORU^R01|77|P|2.5\rPID|||1^^^^MR~2^^^^EC||A\\F\\B\rOBX|9|ST|||x\\T\\y\rOBX|8|ST|||z\r")
    result = made(mapping, document(source.body))
    assert not result.faults
    assert HL7.encode(result.documents[0]) == (
        b"MSH|^~\\&|INTERPRES||||||ORU^R01|77\rPID|||1^^^^MR~2^^^^EC||A\\F\\B\rOBX|1||||x\\T\\y\rOBX|2||||z\r"
    )


@pytest.mark.parametrize(
    ("blocks", "code", "says"),
    [
        ([], "H030", "there is no segment to write"),
        ("text", "H030", "this is no list of segments"),
        ([MSH, "text"], "H030", "this is no list of segments"),
        ([{"PID-3": "x"}], "H030", "a message begins with MSH, and this list does not"),
        ([MSH, {"PID-3": "x", "PV1-2": "I"}], "H031", "'PV1-2' is no place of PID"),
        ([MSH, {"PID.3": "x"}], "H031", "'PID.3' is no place in a segment"),
        ([MSH, {"PID-0": "x"}], "H031", "'PID-0' is no place in a segment"),
        ([MSH, {"PID-3.1.1.1": "x"}], "H031", "'PID-3.1.1.1' is no place in a segment"),
        ([MSH, {"patient": "x"}], "H031", "'patient' is no place in a segment"),
        ([MSH, {"PID-3": {"a": "x"}}], "H031", "'a' is no component"),
        ([MSH, {"PID-3.1.2": {"1": "x"}}], "H031", "nothing lies below a subcomponent (3.1.2.1)"),
        ([MSH, {"PID-3.1": ["x"]}], "H034", NOT_A_VALUE),
        ([MSH, {"PID-3": Decimal("NaN")}], "H034", NOT_A_VALUE),
        ([MSH, {"PID-3": 1.5}], "H034", NOT_A_VALUE),
        ([{**MSH, "MSH-18": "8859/1"}, {"PID-5": "ចាន់"}], "H033", LACKS.format("iso8859-1")),
        ([{**MSH, "MSH-18": "ASCII"}, {"PID-5": "é"}], "H033", LACKS.format("ascii")),
        ([{**MSH, "MSH-18": "Klingon"}], "H004", "this charset is not one that can be read"),
        ([{**MSH, "MSH-2": "^^"}], "H003", SAME_SIGN),
        ([{**MSH, "MSH-1": "||"}], "H003", "MSH-1 is one sign and MSH-2 up to five"),
        ([{**MSH, "MSH-2": "^"}, {"PID-3": "a|b"}], "H032", NO_ESCAPE),
        ([{**MSH, "MSH-2": "^"}, {"PID-3": ["a", "b"]}], "H034", NO_SIGN),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_refused(blocks: Any, code: str, says: str) -> None:
    with pytest.raises(Fault) as caught:
        HL7.encode(blocks)
    assert (caught.value.code, caught.value.says) == (code, says)
    assert caught.value.hint


@settings(max_examples=150, deadline=None)
@given(
    texts=st.lists(
        st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from('|^~\\&\r\n"')), max_size=12), min_size=1, max_size=4
    )
)
def test_values_come_back_as_they_were_and_make_no_segment(texts: list[str]) -> None:
    found = tree(HL7.encode([MSH, {f"ZZZ-{n}.{n}": text for n, text in enumerate(texts, 1)}, {"ZYX-1": "end"}]))
    assert list(found.index) == ["MSH", "ZZZ", "ZYX"]
    for number, text in enumerate(texts, 1):
        assert value(f"ZZZ-{number}.{number}", document(found.body)) == (text or "missing")
