"""Groups: inside a loop a name means what its segment holds, never a neighbour's."""

from __future__ import annotations

import pytest

from interpres.formats.hl7v2.groups import family, structure_of
from tests.formats.hl7v2.messages import message, output, tree

ORU = message(
    "PID|1||A", "NTE|1||of the patient", "PV1||O|WARD-A",
    "ORC|RE|O1", "NTE|1||of the order", "OBR|1|O1||CBC", "NTE|1||of the request",
    "OBX|1|NM|WBC||5", "NTE|1||of the first result", "NTE|2||and more",
    "OBX|2|NM|RBC||4", "SPM|1|S1", "OBX|3|NM|VOL||7",
    "OBR|2|O2||GLU", "OBX|1|NM|GLU||90", "NTE|1||of glucose", "ZRS|z1",
    "ORC|RE|O3", "OBR|3|O3||NA",
    "PID|2||B", "ORC|RE|O4", "OBR|4|O4||K", "OBX|1|NM|K||4.1",
)  # fmt: skip


def texts(loop: str, formula: str, body: bytes = ORU) -> list[object]:
    """What a formula gives for every item of a loop; None where it is missing."""
    quoted = formula.replace("'", "''")
    made = output(f"  all:\n    $each: {loop}\n    keep: {{$when: '=true', v: '={quoted}'}}\n", body)
    return [item["keep"].get("v") for item in made["all"]]


@pytest.mark.parametrize(
    ("loop", "formula", "expected"),
    [
        ("OBR", "NTE[*]-3 | join(' ')", ["of the request", None, None, None]),
        ("OBR", "ORC-2", ["O1", None, "O3", "O4"]),
        ("OBR", "OBX[*]-3 | join(' ')", ["WBC RBC", "GLU", None, "K"]),
        ("OBR", "SPM-2", ["S1", None, None, None]),
        ("OBR", "PID-3", ["A", "A", "A", "B"]),
        ("OBR", "PV1-3", ["WARD-A", "WARD-A", "WARD-A", None]),
        ("OBR", "MSH-4", ["KH01"] * 4),
        ("OBR", "$.OBX-3", ["WBC"] * 4),
        ("OBX", "NTE[*]-3 | join(' ')", ["of the first result and more", None, None, "of glucose", None]),
        ("OBX", "OBR-4", ["CBC", "CBC", "CBC", "GLU", "K"]),
        ("OBX", "ORC-2", ["O1", "O1", "O1", None, "O4"]),
        ("OBX", "SPM-2", [None, None, "S1", None, None]),
        ("OBX", "ZRS-1", [None, None, None, "z1", None]),
        ("ORC", "OBR-4", ["CBC", "NA", "K"]),
        ("ORC", "OBX[*]-3 | join(' ')", ["WBC RBC", None, "K"]),
        ("ORC", "NTE-3", ["of the order", None, None]),
        ("PID", "NTE-3", ["of the patient", None]),
        ("PID", "OBR[*]-4 | join(' ')", ["CBC GLU NA", "K"]),
        ("PID", "PV1-3", ["WARD-A", None]),
        ("NTE", "OBX-3", [None, None, None, "WBC", "WBC", "GLU"]),
        ("SPM", "OBX-3", ["VOL"]),
        ("PID-3", "PV1-3", ["WARD-A", None]),
        ("OBX[* where 1 = '1']", "OBR-4", ["CBC", "GLU", "K"]),
    ],
)
def test_a_name_means_what_its_segment_holds(loop: str, formula: str, expected: list[object]) -> None:
    assert texts(loop, formula) == expected


def test_loops_within_loops_look_outwards() -> None:
    made = output(
        """\
  orders:
    $each: OBR
    code: =OBR-4
    results:
      $each: OBX
      code: =OBX-3
      order: =OBR-4
      patient: =PID-3
      placer: =ORC-2
      notes: {$each: NTE, text: =NTE-3, result: =OBX-3}
  flat:
    $each: {order: OBR, result: OBX}
    order: =order.$index
    result: =result.$index
    code: =OBX-3
    placer: =ORC-2
""",
        ORU,
    )
    first = made["orders"][0]
    assert [r["code"] for r in first["results"]] == ["WBC", "RBC"]
    assert first["results"][0]["notes"] == [
        {"text": "of the first result", "result": "WBC"},
        {"text": "and more", "result": "WBC"},
    ]
    assert made["orders"][3]["results"] == [{"code": "K", "order": "K", "patient": "B", "placer": "O4"}]
    assert [(f["order"], f["result"], f["code"], f.get("placer")) for f in made["flat"]] == [
        (1, 1, "WBC", "O1"),
        (1, 2, "RBC", "O1"),
        (2, 1, "GLU", None),
        (4, 1, "K", "O4"),
    ]


@pytest.mark.parametrize("event", ["R22", "R23"])
def test_in_specimen_oriented_results_the_orc_follows_its_obr(event: str) -> None:
    body = message(
        "PID|1||A", "SPM|1|S1", "SAC|||C1", "OBR|1|O1||CBC", "ORC|RE|P1", "OBX|1|NM|WBC||5",
        "OBR|2|O2||GLU", "ORC|RE|P2", "OBX|1|NM|GLU||6", "OBR|3|O3||NA", "SPM|2|S2", "SAC|||C2", "OBR|4|O4||K",
        msh=f"MSH|^~\\&|LAB|KH01|INT|X|20261104||OUL^{event}^OUL_{event}|M1|P|2.5.1",
    )  # fmt: skip
    assert texts("OBR", "ORC-2", body) == ["P1", "P2", None, None]
    assert texts("OBX", "ORC-2", body) == ["P1", "P2"]
    assert texts("OBR", "SPM-2", body) == ["S1", "S1", "S1", "S2"]
    assert texts("OBX", "OBR-4", body) == ["CBC", "GLU"]


def test_pharmacy_vaccination_and_charges() -> None:
    vaccine = message(
        "PID|1||A", "ORC|RE|1", "RXA|0|1|20260101||08^HepB", "RXR|IM^im", "OBX|1|CE|64994-7||V02", "ORC|RE|2",
        "RXA|0|1|20260102||20^DTP", "OBX|1|CE|x||V01",
        msh="MSH|^~\\&|A|B|C|D|2026||VXU^V04^VXU_V04|1|P|2.5.1",
    )  # fmt: skip
    assert texts("RXA", "RXR-1", vaccine) == ["IM", None]
    assert texts("ORC", "RXA-5", vaccine) == ["08", "20"]
    assert texts("ORC", "OBX-5", vaccine) == ["V02", "V01"]
    assert texts("OBX", "RXA-5", vaccine) == ["08", "20"]
    charges = message(
        "EVN|P03|2026", "PID|1||A", "PV1||O", "FT1|1|||||CG|X", "PR1|1||P1", "FT1|2|||||CG|Y", "DG1|1||B34", "GT1|1",
        msh="MSH|^~\\&|A|B|C|D|2026||DFT^P03^DFT_P03|1|P|2.5.1",
    )  # fmt: skip
    assert texts("FT1", "PR1-3", charges) == ["P1", None]
    assert texts("FT1", "DG1-3", charges) == ["B34", "B34"]
    orders = message(
        "PID|1||A", "ORC|NW|1", "OBR|1|||X", "DG1|1||D1", "ORC|NW|2", "RXO|aspirin", "NTE|1||n", "FT1|1",
        msh="MSH|^~\\&|A|B|C|D|2026||ORM^O01|1|P|2.3",
    )  # fmt: skip
    assert texts("OBR", "DG1-3", orders) == ["D1"]
    assert texts("ORC", "RXO-1", orders) == [None, "aspirin"]
    assert texts("RXO", "ORC-2", orders) == ["2"]
    assert texts("ORC", "DG1-3", orders) == ["D1", None]


def test_in_an_admission_all_hangs_on_the_message() -> None:
    body = message(
        "EVN|A01|2026", "PID|1||A", "NK1|1|X", "NK1|2|Y", "PV1||I|W", "DG1|1||D1", "DG1|2||D2", "IN1|1|P1", "IN2|i2",
        "IN1|2|P2", "ZBE|z", msh="MSH|^~\\&|A|B|C|D|2026||ADT^A08|1|P|2.4",
    )  # fmt: skip
    assert texts("DG1", "PID-3", body) == ["A", "A"]
    assert texts("PID", "DG1[*]-3 | join(' ')", body) == ["D1 D2"]
    assert texts("NK1", "PV1-3", body) == ["W", "W"]
    assert texts("IN1", "IN2-1", body) == ["i2", None]
    assert texts("DG1", "ZBE-1", body) == ["z", "z"]


@pytest.mark.parametrize(
    ("kind", "structure"),
    [
        ("ORU^R01^ORU_R01", "ORU_R01"), ("ORU^R01", "ORU_R01"), ("ADT^A08", "ADT_A08"),
        ("ADT^A99", "ADT_A01"), ("ADT^A39^ADT_A39", "ADT_A39"),
        ("ORM^O01^ORM^O01", "ORM_O01"), ("XYZ^Z01^XYZ_Z01", "*"), ("", "*"), ("^^", "*"), ("*", "*"),
    ],
)  # fmt: skip
def test_the_structure_is_found_as_far_as_the_message_says_it(kind: str, structure: str) -> None:
    assert structure_of(tree(f"MSH|^~\\&|A|B|C|D|2026||{kind}|1|P|2.5\r".encode())) == structure


def test_in_a_message_of_no_known_structure_orders_still_hold_their_results() -> None:
    body = message("ORC|RE|1", "OBR|1|||A", "OBX|1|||x", "OBR|2|||B", "OBX|1|||y", msh="MSH|^~\\&|A|B|C|D|2026||ZZZ^Z01|1|P|2.5")
    assert texts("OBX", "OBR-4", body) == ["A", "B"]
    assert texts("OBR", "ORC-2", body) == ["1", None]


def test_who_holds_whom_is_worked_out_in_a_time_that_grows_as_the_message_does() -> None:
    body = message("PID|1", *[s for n in range(3000) for s in (f"OBR|{n}", "OBX|1", "NTE|1", "OBX|2", "ZZZ|1", "PV1|1")])
    segments = tree(body)
    found = family(segments)
    assert len(found.holder) == 18_000
    assert all(len(found.meant(number, "OBX") or []) == 2 for number in segments.index["OBR"])
