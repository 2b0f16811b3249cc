"""HL7 v2 profiles: types that are taken, places that must be filled, codes, and the standard's structures on request."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.catalog import part
from interpres.document import Document
from interpres.fault import Fault, Faults
from interpres.promises.schemas import find_schema
from interpres.schema import Checker
from tests.conftest import ROOT

GOOD = (
    "MSH|^~\\&|HIS|120415|||20261104083012||ADT^A04^ADT_A01|1|P|2.5",
    "EVN||20261104083012",
    "PID|||P1^^^X^PI||ចាន់^សុភា||19910322|F",
    "PV1||O",
)


def document(*segments: str) -> Document:
    word = part("formats", "hl7v2")
    decoded: Document = word(word.Settings()).decode("\r".join((*segments, "")).encode())
    return decoded


@pytest.fixture(scope="module")
def adt() -> Checker:
    return find_schema("hl7v2/adt", ROOT / "schemas").checker


def lines(checker: Checker, *segments: str) -> list[str]:
    return [fault.line() for fault in checker.faults(document(*segments))]


def test_a_good_one_is_taken(adt: Checker) -> None:
    assert lines(adt, *GOOD) == []
    assert adt.shape() is None


def test_another_type_is_not(adt: Checker) -> None:
    (line,) = lines(adt, GOOD[0].replace("A04", "A99"), *GOOD[1:])
    assert line.startswith("V113 this type of message is not taken here [MSH-9] — taken are ADT^A01, ")


def test_what_is_missing_is_named_with_what_it_is_for(adt: Checker) -> None:
    assert lines(adt, GOOD[0], GOOD[2].replace("ចាន់", ""), 'PV1||""') == [
        "V101 the segment is missing [EVN] — it says when the event happened",
        "V101 is empty [PID-5.1] — the patient's family name",
        "V101 is empty [PV1-2] — the class of the visit (inpatient, outpatient, emergency)",
    ]


def test_codes_are_of_their_list_and_not_told(adt: Checker) -> None:
    (fault,) = adt.faults(document(*GOOD[:2], GOOD[2].replace("|F", "|SECRET"), GOOD[3]))
    assert fault.line() == "V103 is not one of F, M, O, U, A, N [PID-8]" and fault.value == "SECRET"


def test_of_several_segments_the_one_is_named() -> None:
    oru = find_schema("hl7v2/oru", ROOT / "schemas").checker
    said = lines(
        oru, GOOD[0].replace("ADT^A04^ADT_A01", "ORU^R01"), GOOD[2], "OBR|1|||x", "OBX|1|ST|a||b||||||F", "OBX|2||a||b||||||?"
    )
    assert said == [
        "V101 is empty [OBX[2]-2] — the type of the result's value",
        "V103 is not one of C, D, F, I, N, O, P, R, S, U, W, X, A, B, V [OBX[2]-11]",
    ]


class TestStructure:
    def checker(self, tmp_path: Path, text: str) -> Checker:
        (tmp_path / "schemas" / "x").mkdir(parents=True)
        (tmp_path / "schemas" / "x" / "m.yaml").write_text("checker: hl7v2\n" + text)
        return find_schema("x/m", tmp_path / "schemas").checker

    def test_it_is_asked_on_request_only(self, tmp_path: Path) -> None:
        assert lines(self.checker(tmp_path, "segments: {PID: whom}\n"), *GOOD[:3]) == []

    @pytest.mark.parametrize(
        ("segments", "said"),
        [
            (GOOD[:3], "V114 is missing, and the standard requires it [PV1] — it belongs into ADT_A01"),
            ((*GOOD[:2], "PID|||P1", GOOD[3]), "V114 is missing, and the standard requires it [PID-5] — it belongs into PID"),
            ((*GOOD, GOOD[3]), "V114 is there more often than the standard allows [PV1] — it belongs into ADT_A01"),
            ((GOOD[0].replace("ADT_A01", "ADT_A99"), *GOOD[1:]), "V115 warning: the standard's structure could not be looked up"),
        ],
    )
    def test_what_breaks_it(self, tmp_path: Path, segments: tuple[str, ...], said: str) -> None:
        (line,) = lines(self.checker(tmp_path, "structure: fault\n"), *segments)
        assert line.startswith(said)

    def test_as_a_warning_it_lets_the_message_pass(self, tmp_path: Path) -> None:
        checker = self.checker(tmp_path, "structure: warning\n")
        (line,) = lines(checker, *GOOD[:3])
        assert "V114 warning: " in line and checker.keeps(document(*GOOD[:3]))

    def test_a_good_one_keeps_to_it(self, tmp_path: Path) -> None:
        assert lines(self.checker(tmp_path, "structure: fault\n"), *GOOD) == []
        assert lines(self.checker_again(tmp_path), GOOD[0].replace("^~\\&|", "^~\\&#|"), *GOOD[1:]) == []

    def checker_again(self, tmp_path: Path) -> Checker:
        return find_schema("x/m", tmp_path / "schemas").checker


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("needs: {PIDD: x}\n", "C332 'PIDD' is no place in a message — write it as PID-3 or PID-3.1"),
        ("segmnts: {}\n", "C101 there is no key 'segmnts' here — did you mean 'segments'?"),
        ("structure: yes\n", "C105 the value must be 'ignore', 'warning' or 'fault'"),
    ],
)
def test_a_file_that_says_what_cannot_be(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "m.yaml").write_text("checker: hl7v2\n" + text)
    with pytest.raises((Fault, Faults)) as refused:
        find_schema("m", tmp_path / "schemas")
    wrong = refused.value
    line = (wrong.faults[0] if isinstance(wrong, Faults) else wrong).line()
    assert line.startswith(f"schemas/m.yaml {said}")


@given(fields=st.lists(st.text(alphabet="ABC^~&\\|019\u1780 ", max_size=20), max_size=6))
@settings(max_examples=60, deadline=None, database=None)
def test_nothing_but_faults_whatever_the_message(fields: list[str]) -> None:
    checker = find_schema("hl7v2/adt", ROOT / "schemas").checker
    for fault in checker.faults(document(GOOD[0], "PID|" + "|".join(fields), "PV1|" + "|".join(reversed(fields)))):
        assert isinstance(fault, Fault)
