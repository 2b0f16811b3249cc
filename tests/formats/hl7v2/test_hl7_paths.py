"""Paths: what each form of them reads, what explain names for it, and what check says of those that cannot be."""

from __future__ import annotations

from typing import Any

import pytest

from interpres.document import MISSING
from interpres.fault import Fault, Place
from interpres.formats.hl7v2.paths import SegmentPaths
from interpres.mapping.reading.grammar import parse_path
from tests.formats.hl7v2.messages import message, output, sources, value

BODY = message(
    "PID|1||P1^^^HOSP&1.2.3&ISO^PI~E9^^^GOV^EC~E7^^^GOV^EC||CHAN&van^SOPHEA^^^Ms~ALIAS^X||19910322|F||A~B|21^118",
    "PV1||O|OPD^2|||||^^",
    "OBX|1|NM|8302-2^Height~ALT^H||156|cm",
    'OBX|2|NM|8480-6^Systolic||112~113|""',
    "OBX|3|ST|8480-6^Systolic||words\\F\\more",
    "NTE|1||one",
    "ZPI|a^b|c",
)


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("PID-5", "CHAN"),
        ("PID-5.1", "CHAN"),
        ("PID-5.1.1", "CHAN"),
        ("PID-5.1.2", "van"),
        ("PID-5.1.3", "missing"),
        ("PID-5.2", "SOPHEA"),
        ("PID-5.2.1", "SOPHEA"),
        ("PID-5.2.2", "missing"),
        ("PID-5.9", "missing"),
        ("PID-99", "missing"),
        ("PID-8.2", "missing"),
        ("PV1-8", "missing"),
        ("PV1-8.2", "missing"),
        ("PID-5[2]", "ALIAS"),
        ("PID-5[2].2", "X"),
        ("PID-5[3].2", "missing"),
        ("PID-3[2].4", "GOV"),
        ("PID-3.4.2", "1.2.3"),
        ("PID-3[1].4.3", "ISO"),
        ("PID-3[5 = 'PI'].1", "P1"),
        ("PID-3[5 = 'EC'].1", "E9"),
        ("PID-3[5 = 'no'].1", "missing"),
        ("PID-3[5 = 'EC']", "E9"),
        ("PID-3[5 = 'EC'].4", "GOV"),
        ("PID-3[5 = 'PI'].4", "HOSP"),
        ("PID-3[4 = 'HOSP'].1", "P1"),
        ("PID-3[5 = ''].1", "missing"),
        ("PID-3[9 = 'PI'].1", "missing"),
        ("PID-3[5 = 'EC'].9", "missing"),
        ("PID-99[5 = 'EC'].1", "missing"),
        ("DG1-3[3 = 'I10'].1", "missing"),
        ("PID-3[4.2 = '1.2.3'].1", "P1"),
        ("PID-3[5 = 'EC' and 1 = 'E7'].1", "E7"),
        ("PID-3[not (5 = 'PI')].1", "E9"),
        ("PID-3[4.2 exists].1", "P1"),
        ("PID-3[.5 = 'EC'].1", "E9"),
        ("PID-3[5 = PV1-2 or 5 = 'EC'].1", "E9"),
        ("PID-3[1 = PID-3[5 = 'EC'].1].1", "E9"),
        ("PID-3[5 in ['EC', 'XX']].1", "E9"),
        ("PID-3[5 matches '^E'].1", "E9"),
        ("PID-3[* where 5 = 'EC'].1 | join(' ')", "E9 E7"),
        ("PID-3[*].1 | join(' ')", "P1 E9 E7"),
        ("PID-10[*] | join(' ')", "A B"),
        ("OBX-5", "156"),
        ("OBX[2]-5", "112"),
        ("OBX[2]-5[2]", "113"),
        ("OBX[4]-5", "missing"),
        ("OBX[*]-5 | join(' ')", "156 112 words|more"),
        ("OBX[3.1 = '8480-6']-5", "112"),
        ("OBX[3 = 'ALT']-5", "156"),
        ("OBX[3.2 = 'H']-3[2]", "ALT"),
        ("OBX[* where 3.1 = '8480-6']-5 | join(' ')", "112 words|more"),
        ("OBX[* where 3.1 = '8480-6']-5[*] | join(' ')", "112 113 words|more"),
        ("OBX[OBX-1 = '3']-2", "ST"),
        ("OBX[1 = '2' and 2 = 'NM']-5", "112"),
        ("OBX[6 exists]-1", "1"),
        ("OBX[not (6 exists)]-1", "3"),
        ("OBX[2]-6 exists", True),
        ("OBX[3]-6 exists", False),
        ("OBX exists", True),
        ("DG1 exists", False),
        ("OBX[3.1 = 'none'] exists", False),
        ("OBX[3.1 = '8480-6'] exists", True),
        ("PID-3[5 = 'EC'] exists", True),
        ("$.PID-5.1", "CHAN"),
        ("$.OBX[2]-5", "112"),
        ("ZPI-1.2", "b"),
        ("NTE[*]-3 | join(' ')", "one"),
        ("raw(OBX[3]-5)", "words\\F\\more"),
        ("raw(PID-3)", "P1^^^HOSP&1.2.3&ISO^PI~E9^^^GOV^EC~E7^^^GOV^EC"),
        ("raw(PID-3[2])", "E9^^^GOV^EC"),
        ("raw(PID-3.4)", "HOSP&1.2.3&ISO"),
        ("raw(PID-3.4.2)", "1.2.3"),
        ("raw(PV1)", "PV1||O|OPD^2|||||^^"),
        ("raw(DG1-3)", "missing"),
        ("raw(PID-3[5 = 'EC'].1)", "E9"),
        ("raw(MSH-2)", "^~\\&"),
    ],
)
def test_a_path_reads(formula: str, expected: Any) -> None:
    assert value(formula, BODY) == expected


def test_null_is_null_and_exists() -> None:
    assert value("coalesce(OBX[2]-6, 'none')", BODY) == "none"
    assert value("OBX[2]-6", BODY) is None


def test_loops_bind_segments_and_repetitions() -> None:
    made = output(
        """\
  ids:
    $each: PID-3
    v: =.1
    system: =.4.2
    kind: =.5
    index: =$index
    facility: =MSH-4
    own: =PID-8
  cards: {$each: "PID-3[* where 5 = 'EC']", v: =.1}
  results:
    $each: OBX
    v: =OBX-5
    dotted: =.5
    codes: =.3.1
    every: =OBX-5[*]
    name: =PID-5.1
    raw: =raw(.5)
  names: {$each: PID-5.2, v: =.}
  deep: {$each: OBX, inner: {$each: .5, v: =.}}
  second: {$each: "OBX[2]", v: =.5}
""",
        BODY,
    )
    assert made["ids"] == [
        {"v": "P1", "system": "1.2.3", "kind": "PI", "index": 1, "facility": "KH01", "own": "F"},
        {"v": "E9", "kind": "EC", "index": 2, "facility": "KH01", "own": "F"},
        {"v": "E7", "kind": "EC", "index": 3, "facility": "KH01", "own": "F"},
    ]
    assert made["cards"] == [{"v": "E9"}, {"v": "E7"}]
    assert made["results"] == [
        {"v": "156", "dotted": "156", "codes": "8302-2", "every": ["156"], "name": "CHAN", "raw": "156"},
        {"v": "112", "dotted": "112", "codes": "8480-6", "every": ["112", "113"], "name": "CHAN", "raw": "112~113"},
        {
            "v": "words|more",
            "dotted": "words|more",
            "codes": "8480-6",
            "every": ["words|more"],
            "name": "CHAN",
            "raw": "words\\F\\more",
        },
    ]
    assert made["names"] == [{"v": "SOPHEA"}, {"v": "X"}]
    assert [[i["v"] for i in r["inner"]] for r in made["deep"]] == [["156"], ["112", "113"], ["words|more"]]
    assert made["second"] == [{"v": "112"}]


def test_each_sums_over_segments() -> None:
    body = message("FT1|1|||||CG|A|||2||1.5", "FT1|2|||||CG|B|||3||0.10")
    assert str(value("sum(each(FT1, FT1-10 | number * FT1-12.1 | number))", body)) == "3.30"
    assert str(value("sum(each(FT1, .10 | number * .12 | number))", body)) == "3.30"


@pytest.mark.parametrize(
    ("formula", "told"),
    [
        ("PID-5.1", [("PID-5.1", "CHAN&van")]),
        ("PID-8", [("PID-8", "F")]),
        ("PID-5.1.2", [("PID-5.1.2", "van")]),
        ("PID-3[2].1", [("PID-3[2].1", "E9")]),
        ("PID-3[5 = 'EC'].1", [("PID-3[2].1", "E9")]),
        ("PID-3[5 = 'EC']", [("PID-3[2]", "E9^^^GOV^EC")]),
        ("PID-3[5 = 'PI'].1", [("PID-3.1", "P1")]),
        ("PID-3[5 = 'EC' and 1 = 'E7'].1", [("PID-3[3].1", "E7")]),
        ("OBX[3.1 = '8480-6']-5", [("OBX[2]-5", "112")]),
        ("OBX[3]-5", [("OBX[3]-5", "words\\F\\more")]),
        ("raw(OBX[3]-5)", [("OBX[3]-5", "words\\F\\more")]),
        ("MSH-2", [("MSH-2", "^~\\&")]),
    ],
)
def test_explain_names_the_concrete_path_and_the_text_as_it_stands(formula: str, told: list[tuple[str, str]]) -> None:
    found = sources(formula, BODY)
    assert [path for path, _ in found] == [path for path, _ in told]
    assert [text for _, text in found] == [text for _, text in told]


def checked(text: str, *loops: str) -> list[tuple[str, str, str]]:
    paths = SegmentPaths()
    at = Place("m.yaml", 1, 1)
    around = [parse_path(loop, at, "segments") for loop in loops]
    return [(f.level, f.says, f.hint) for f in paths.check(parse_path(text, at, "segments"), around)]


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ("PID-99", "PID-99: PID has 40 fields in v2.8.2", "see whether the sender adds fields of its own"),
        ("PID-5.20", "PID-5.20: PID-5 (Patient Name) has 15 components", "its type is XPN"),
        ("PID-1.2", "PID-1.2: PID-1 (Set ID PID) has no components", "its type is SI"),
        ("PID-3.4.9", "PID-3.4.9: PID-3.4 (Assigning Authority) has 3 subcomponents", "its type is HD"),
        ("PID-5.2.2", "PID-5.2.2: PID-5.2 (Given Name) has no subcomponents", "its type is ST"),
        ("PDI-3", "'PDI' is no segment of HL7 v2", "did you mean 'PID'?"),
        ("PV3-3", "'PV3' is no segment of HL7 v2", "did you mean 'PV2'?"),
        ("QQQ-3", "'QQQ' is no segment of HL7 v2", "segments of your own begin with Z"),
    ],
)
def test_check_warns_of_what_the_standard_does_not_know(text: str, says: str, hint: str) -> None:
    assert checked(text) == [("warning", says, hint)]


@pytest.mark.parametrize(
    "text", ["ZPI-9.9.9", "OBX-5.30.9", "PID-5[7].2", "MSH", "OBX[3.1 = 'x']-5", "PID-3[5 = 'PI'].4.2", "$.PID-5"]
)
def test_check_is_content_with_what_may_be(text: str) -> None:
    assert checked(text) == []


@pytest.mark.parametrize(
    "text", ["PID.name", "PID-0", "PID-3.0", "PID-3.1.1.1", "name", "order.PID-5", "$.foo.bar", "PID-3.code"]
)
def test_check_refuses_what_no_message_can_have(text: str) -> None:
    try:
        found = checked(text)
    except Fault as wrong:
        found = [(wrong.level, wrong.says, wrong.hint)]
    assert found
    assert all(hint or says for _, says, hint in found)


def test_check_follows_relative_paths_through_their_loop() -> None:
    assert checked(".20", "PID-5")[0][1] == "PID-5.20: PID-5 (Patient Name) has 15 components"
    assert checked(".4.9", "PID-3")[0][1] == "PID-3.4.9: PID-3.4 (Assigning Authority) has 3 subcomponents"
    assert checked(".99", "OBX")[0][1].startswith("OBX-99: OBX has 30 fields")
    assert checked(".5", "OBX") == []


def test_titles_are_the_standard_s() -> None:
    title = SegmentPaths().title
    assert title("PID-5.1") == "Patient Name: Family Name"
    assert title("PID-3[2].4.2") == "Patient Identifier List: Assigning Authority: Universal ID"
    assert title("OBX[3]-5") == "Observation Value"
    assert title("PID-7") == "Date Time of Birth"
    assert [title(t) for t in ("ZPI-1", "PID", "PID-99", "visits[0]", "")] == [""] * 5


def test_kinds() -> None:
    paths, at = SegmentPaths(), Place("m")
    assert [paths.kind(parse_path(t, at, "segments")) for t in ("PID-5", "PID", "$.PID-5", ".5", "PID-3[2].1", ".")] == [
        "text", "any", "text", "text", "text", "any",
    ]  # fmt: skip


def test_missing_is_not_null() -> None:
    assert value("PID-30", BODY) == "missing"
    assert MISSING is not None
