"""Compile: whole mappings — edits, examples in every format, speed and limits of the generated code."""

from __future__ import annotations

import json
import traceback
from decimal import Decimal
from typing import Any

import pytest

from interpres.document import Document
from interpres.fault import Faults
from interpres.mapping.compiling.compile import Compiled
from interpres.transform import Transform
from tests.mapping.drafts import draft, formats, made, one

# edits


def edited(text: str, body: bytes, word: str = "json", context: Any = None) -> list[bytes]:
    mapping = draft(f"from: {word}\n{text}")
    reader = formats(word, {})
    result = made(mapping, reader.decode(body), context)
    assert not result.faults, [str(f) for f in result.faults]
    return [reader.encode(document) for document in result.documents]


def test_edits_set_paths_in_a_copy_and_read_the_original() -> None:
    body = b'{"id": "1",  "name": {"family": "F", "given": "G"}, "secret": 1}'
    text = "edits:\n  id: =id & '-X'\n  name.family: =id\n  name.given: =name.family\ndrops:\n  secret: not for them\n"
    (out,) = edited(text, body)
    assert json.loads(out) == {"id": "1-X", "name": {"family": "1", "given": "F"}}
    assert json.loads(body)["id"] == "1"


def test_an_edit_may_be_a_constant_null_or_missing() -> None:
    (out,) = edited("edits: {a: new, b: null, c: =nope, d: {e: =a}}", b'{"a": "old", "b": 1, "c": 2, "d": 3}')
    assert json.loads(out) == {"a": "new", "b": None, "d": {"e": "old"}}


def test_a_fault_in_an_edit_names_its_target_and_makes_no_copy() -> None:
    mapping = draft("edits: {a.b: =x | number, c: ok}")
    result = mapping(Document("json", {"x": "y", "a": {"b": 1}}), {})
    assert result.documents == ()
    assert [(f.code, f.target, str(f.at)) for f in result.faults] == [("M221", "a.b", "mappings/draft.yaml:3:14")]


def test_explain_tells_of_edits_too() -> None:
    explained = draft("edits: {a: =b, c: const}").explain(Document("json", {"a": 1, "b": 2}), {})
    assert [(leaf.target, leaf.value, leaf.source, leaf.formula) for leaf in explained.leaves] == [
        ("a", 2, "$.b", "b"),
        ("c", "const", "", "const"),
    ]


# HL7 v2

ADT = "\r".join(
    [
        r"MSH|^~\&|HIS|KH01|INT|NPCA|20261104083000||ADT^A01|M1|P|2.5",
        "EVN|A01|20261104083000",
        "PID|1||P1^^^KH^PI~EC9^^^GOV^EC||ចាន់^សុភា||19910322|F|||12^St 5^^^^^^^120101||012345678|||M",
        "PV1|1|I|W1^R2|A|||D1^SOK^DARA||||||||||||V77|||||||||||||||||01||||||||20261104080000|20261105080000",
        "PV2|||^Fever",
        "OBX|1|NM|8310-5^Temp||37.5|C",
        "OBX|2|NM|8302-2^Height||160|cm",
        "OBX|3|ST|99-9||x",
        "DG1|1||A09^Diarrhoea||20261104|A",
        "DG1|2||",
        "FT1|1|||20261104||CG|S1^Consult|||2||||||||||||5.50",
        "FT1|2|||20261104||PY|S2|||1||||||||||||1.00",
    ]
)

VISIT = """\
from: hl7v2
needs: [beneficiary]
timezone: Asia/Phnom_Penh
tables:
  sex: {M: M, F: F}
  visit_type: {I: IPD, O: OPD, E: Emergency}
  admission_type: {A: Walk-in, '*': Walk-in}
  discharge: {'01': Authorized, '*': Authorized}
  vital: {8310-5: Temperature, 8867-4: Heart Rate}
  dx_type: {A: In, '*': Secondary}
let:
  patient_code: =PID-3[5 = 'PI'].1
  visit_code: =PV1-19.1
  encounter_code: =visit_code & '-E1'
  triage_code: =visit_code & '-T1'
  admitted_at: =coalesce(PV1-44, EVN-2, MSH-7) | datetime
  doctor: =[PV1-7.2, PV1-7.3] | join(' ')
output:
  visits:
    - health_facility_code: =MSH-4.1
      code: =visit_code
      visit_type: =PV1-2 | table(visit_type)
      admission_type: =PV1-4 | table(admission_type)
      discharge_type: =if(PV1-45 exists, PV1-36 | table(discharge), null)
      admitted_at: =admitted_at
      discharged_at: =PV1-45 | datetime
      patient:
        code: =patient_code
        surname: =PID-5.1
        name: =PID-5.2
        sex: =PID-8 | table(sex)
        birthdate: =PID-7 | date
        nationality: Cambodian
        spid: =beneficiary.spid
        death_date: =PID-29 | date
        identifications:
          $each: PID-3[* where 5 = 'EC']
          patient_code: =patient_code
          card_code: =.1
          card_type: =.4
      triages:
        - visit_code: =visit_code
          code: =triage_code
          chief_complaint: =PV2-3.2
          height: =OBX[3.1 = '8302-2']-5 | number
          weight: =OBX[3.1 = '29463-7']-5 | number
      vital_signs:
        - encounter_code: =triage_code
          observations:
            $each: OBX
            $when: =OBX-3.1 in table(vital)
            name: =OBX-3.1 | table(vital)
            value: =OBX-5 | number
      outpatients:
        - {$when: =PV1-2 = 'O', visit_code: =visit_code, code: =encounter_code, ward: =PV1-3.1}
      inpatients:
        - $when: =PV1-2 = 'I'
          visit_code: =visit_code
          code: =encounter_code
          ward: =PV1-3.1
          ended_at: =PV1-45 | datetime
          encountered_by: =doctor
      diagnosis:
        $each: DG1
        visit_code: =visit_code
        type: =DG1-6 | table(dx_type)
        diagnosis_code: =DG1-3.1
        diagnosed_at: =DG1-5 | datetime
      invoices:
        - $when: =FT1 exists
          code: ='INV-' & visit_code
          payment_type: =beneficiary.benefit_program.name
          total: =sum(each(FT1, FT1-10 | number * FT1-22.1 | number))
          services:
            $each: FT1
            $when: =FT1-6 = 'CG'
            service_code: =FT1-7.1
            price: =FT1-22.1 | number
            paid: false
"""


def from_hl7(text: str, message: str, context: Any = None) -> tuple[Compiled, Any]:
    mapping = draft(text)
    return mapping, made(mapping, formats("hl7v2", {}).decode(message.encode()), context or {})


def test_an_adt_becomes_a_visit() -> None:
    _, result = from_hl7(VISIT, ADT, {"beneficiary": {"spid": "S1", "benefit_program": {"name": "HEF"}}})
    assert not result.faults
    assert result.documents == (
        {
            "visits": [
                {
                    "health_facility_code": "KH01",
                    "code": "V77",
                    "visit_type": "IPD",
                    "admission_type": "Walk-in",
                    "discharge_type": "Authorized",
                    "admitted_at": "2026-11-04T08:00:00+07:00",
                    "discharged_at": "2026-11-05T08:00:00+07:00",
                    "patient": {
                        "code": "P1",
                        "surname": "ចាន់",
                        "name": "សុភា",
                        "sex": "F",
                        "birthdate": "1991-03-22",
                        "nationality": "Cambodian",
                        "spid": "S1",
                        "identifications": [{"patient_code": "P1", "card_code": "EC9", "card_type": "GOV"}],
                    },
                    "triages": [{"visit_code": "V77", "code": "V77-T1", "chief_complaint": "Fever", "height": 160}],
                    "vital_signs": [
                        {"encounter_code": "V77-T1", "observations": [{"name": "Temperature", "value": Decimal("37.5")}]}
                    ],
                    "inpatients": [
                        {
                            "visit_code": "V77",
                            "code": "V77-E1",
                            "ward": "W1",
                            "ended_at": "2026-11-05T08:00:00+07:00",
                            "encountered_by": "SOK DARA",
                        }
                    ],
                    "diagnosis": [{"visit_code": "V77", "type": "In", "diagnosis_code": "A09", "diagnosed_at": "2026-11-04"}],
                    "invoices": [
                        {
                            "code": "INV-V77",
                            "payment_type": "HEF",
                            "total": Decimal("12.00"),
                            "services": [{"service_code": "S1", "price": Decimal("5.50"), "paid": False}],
                        }
                    ],
                }
            ]
        },
    )


def test_a_message_without_the_number_makes_up_none() -> None:
    _, result = from_hl7(VISIT, ADT.replace("V77", "").replace("FT1|", "ZT1|"), {"beneficiary": {"spid": "S1"}})
    visit = result.documents[0]["visits"][0]
    assert "code" not in visit
    assert "code" not in visit["inpatients"][0]
    assert "invoices" not in visit


def test_explain_names_fields_as_hl7_does() -> None:
    mapping, _ = from_hl7(VISIT, ADT)
    explained = mapping.explain(formats("hl7v2", {}).decode(ADT.encode()), {})
    leaves = {leaf.target.removeprefix("visits[0]."): leaf for leaf in explained.leaves}
    assert leaves["patient.surname"].source == "PID-5.1"
    assert leaves["patient.surname"].text == "ចាន់"
    assert leaves["patient.identifications[0].card_code"].source == "PID-3[2].1"
    assert leaves["triages[0].height"].source.startswith("OBX[2]-5")
    assert leaves["admitted_at"].source == "PV1-44"
    assert (leaves["patient.sex"].table, leaves["patient.sex"].row) == ("sex", "F")
    assert leaves["patient.nationality"].source == ""


ORU = "\r".join(
    [
        r"MSH|^~\&|LAB|KH01|INT|X|20261104083000||ORU^R01|M1|P|2.5",
        "PID|1||P1^^^KH^PI||CHAN^SOPHEA||19910322|F",
        "OBR|1|A|B|600-7^Culture^LN|||20261104080000||||||||||||||||||F",
        "NTE|1||first",
        "NTE|2||second",
        "OBX|1|NM|8310-5^Temp^LN||37.5|Cel|36.1-37.2|H~A|||F",
        "NTE|1||on temperature",
        "OBX|2|ST|X^Y^L||words||||||P",
        "OBR|2|A|B|CBC^Count^L|||||||||||||||||||||F",
        "OBX|1|CE|1^a^LN||OK^Okay^SCT||<5||||F",
    ]
)

BUNDLE = """\
from: hl7v2
tables:
  status: {F: final, P: preliminary, '*': unknown}
let:
  patient_url: ='urn:uuid:' & uuid5('patient', MSH-4.1, PID-3.1)
output:
  resourceType: Bundle
  entry:
    - fullUrl: =patient_url
      resource:
        resourceType: Patient
        name: {$each: PID-5, family: =.1, given: ["=.2", "=.3"]}
    - $each: {order: OBR}
      $let: {report: "=uuid5('report', MSH-10, order.$index)"}
      fullUrl: ='urn:uuid:' & report
      resource:
        resourceType: DiagnosticReport
        status: =OBR-25 | table(status)
        subject: {reference: =patient_url}
        conclusion: =NTE[*]-3 | join(' ')
        result:
          $each: {result: OBX}
          reference: ='urn:uuid:' & uuid5('obs', MSH-10, order.$index, result.$index)
    - $each: {order: OBR, result: OBX}
      fullUrl: ='urn:uuid:' & uuid5('obs', MSH-10, order.$index, result.$index)
      resource:
        resourceType: Observation
        status: =OBX-11 | table(status)
        valueQuantity:
          $when: =OBX-2 = 'NM' and OBX-5 matches '^[-+]?[0-9.]+$'
          value: =OBX-5 | number
          unit: =OBX-6.1
        valueString: =if(OBX-2 in ['ST', 'TX', 'FT'], OBX-5[*] | join(' '))
        valueCodeableConcept: {$when: "=OBX-2 in ['CE', 'CWE']", text: =OBX-5.2}
        interpretation: {$each: OBX-8, coding: [{system: S, code: =.1}]}
        referenceRange:
          - $let: {low: "=OBX-7 | match('^([0-9.]+) *-')", high: "=OBX-7 | match('- *([0-9.]+)$')"}
            low: {value: =low | number, unit: =OBX-6.1}
            high: {value: =high | number, unit: =OBX-6.1}
            text: =OBX-7
        note: {$each: NTE, text: =NTE-3}
"""


def test_an_oru_becomes_a_bundle_whose_references_agree() -> None:
    _, result = from_hl7(BUNDLE, ORU)
    assert not result.faults
    patient, first, second, *observations = result.documents[0]["entry"]
    assert patient["resource"]["name"] == [{"family": "CHAN", "given": ["SOPHEA"]}]
    assert first["resource"]["subject"]["reference"] == patient["fullUrl"]
    assert first["resource"]["conclusion"] == "first second"
    assert "conclusion" not in second["resource"]
    urls = [o["fullUrl"] for o in observations]
    assert [r["reference"] for e in (first, second) for r in e["resource"]["result"]] == urls
    assert len(set(urls)) == 3
    number, words, coded = (o["resource"] for o in observations)
    assert number["valueQuantity"] == {"value": Decimal("37.5"), "unit": "Cel"}
    assert [i["coding"][0]["code"] for i in number["interpretation"]] == ["H", "A"]
    assert number["note"] == [{"text": "on temperature"}]
    assert number["referenceRange"][0]["low"] == {"value": Decimal("36.1"), "unit": "Cel"}
    assert words["valueString"] == "words"
    assert coded["valueCodeableConcept"] == {"text": "Okay"}
    assert coded["referenceRange"] == [{"low": {}, "high": {}, "text": "<5"}] or coded["referenceRange"] == [{"text": "<5"}]


def test_one_oru_becomes_one_for_each_order() -> None:
    text = "edits:\n  $each: OBR\n  MSH-10: =MSH-10 & '-' & $index\n  OBR-1: '1'\n"
    first, second = edited(text, ORU.encode(), "hl7v2")
    assert b"|M1-1|" in first
    assert b"|M1-2|" in second
    assert first.count(b"OBR|1|") == second.count(b"OBR|1|") == 1
    assert b"on temperature" in first
    assert b"on temperature" not in second
    assert b"Okay" in second


# tables of rows, XML


def test_grouped_rows_with_khmer_headers() -> None:
    text = """\
from: {csv: {group_by: [លេខករណី]}}
timezone: Asia/Phnom_Penh
tables:
  sex: {ប្រុស: M, ស្រី: F}
let:
  visit_code: =លេខករណី
output:
  code: =visit_code
  admitted_at: =`Visit date` | datetime('dd/MM/yyyy HH:mm')
  sex: =ភេទ | table(sex)
  diagnosis:
    - {visit_code: =visit_code, diagnosis_code: =dx1}
    - {visit_code: =visit_code, diagnosis_code: =dx2}
  total: "=sum(each(rows, .`Unit price` | number * .Qty | number))"
  services:
    $each: rows[* where Kind = 'SRV']
    service_code: =.`Service code`
"""
    header = "លេខករណី,Visit date,ភេទ,dx1,dx2,Kind,Service code,Unit price,Qty\n"
    rows = "V1,04/11/2026 08:30,ស្រី,A09,,SRV,S1,5.50,1\nV1,04/11/2026 08:30,ស្រី,A09,,MED,M1,0.10,20\n"
    mapping = draft(text)
    reader = formats("csv", {"group_by": ["លេខករណី"]})
    result = made(mapping, reader.decode((header + rows).encode()))
    assert not result.faults
    assert result.documents == (
        {
            "code": "V1",
            "admitted_at": "2026-11-04T08:30:00+07:00",
            "sex": "F",
            "diagnosis": [{"visit_code": "V1", "diagnosis_code": "A09"}],
            "total": Decimal("7.50"),
            "services": [{"service_code": "S1"}],
        },
    )


def test_a_document_inside_a_document_is_written_and_read() -> None:
    writes = """\
from: json
needs: [today]
let:
  inner: {TONG_HOP: {MA_LK: =visitId, DSACH: {CHI_TIET: {$each: services, MA: =.code, SO: =.quantity}}}}
output:
  made_on: =today
  content: =inner | write('xml') | base64_encode
  deep: =inner.TONG_HOP.DSACH.CHI_TIET[1].MA
"""
    document = {"visitId": "V1", "services": [{"code": "s1", "quantity": 2}, {"code": "s2", "quantity": 1}]}
    out = one(writes, document, {"today": "20261104"})
    assert out["deep"] == "s2"
    reads = """\
from: json
let: {inner: =content | base64_decode | parse('xml')}
output:
  id: =inner/TONG_HOP/MA_LK
  second: =inner/TONG_HOP/DSACH/CHI_TIET[MA = 's2']/SO
  all: {$each: inner/TONG_HOP/DSACH/CHI_TIET, code: =./MA, n: =$index}
"""
    assert one(reads, {"content": out["content"]}) == {
        "id": "V1",
        "second": "1",
        "all": [{"code": "s1", "n": 1}, {"code": "s2", "n": 2}],
    }


CDA = b"""<doc xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><id root="r1"/>
<obs><value xsi:type="CD" code="c1"/><value xsi:type="PQ" unit="mg"/></obs>
<obs><value xsi:type="ST">words</value><tag>a</tag><tag>b</tag></obs></doc>"""


def test_xml_is_read_as_xpath_would() -> None:
    text = """\
from: xml
output:
  root: =/doc/id/@root
  list:
    $each: /doc/obs
    code: =./value[@xsi:type = 'CD']/@code
    words: =./value[@xsi:type = 'ST']
    n: =$index
  tagged: =/doc/obs[tag = 'b']/value
"""
    mapping = draft(text)
    result = made(mapping, formats("xml", {}).decode(CDA))
    assert not result.faults
    assert result.documents == ({"root": "r1", "list": [{"code": "c1", "n": 1}, {"words": "words", "n": 2}], "tagged": "words"},)


# the generated code


def test_a_bug_of_ours_shows_its_line_in_the_generated_text() -> None:
    def slips(x: str) -> str:
        """Breaks."""
        raise AssertionError("a bug")

    slips.__module__ = "interpres.builtins.slips"
    mapping = draft("output:\n  a: =x | slips\n", transforms={"slips": Transform.of("slips", slips)})
    with pytest.raises(AssertionError) as caught:
        mapping(Document("json", {"x": "1"}), {})
    text = "".join(traceback.format_exception(caught.value))
    assert 'File "mapping draft ' in text
    assert "json_value(d, 'x')" in text


def test_the_same_file_compiles_to_the_same_text() -> None:
    text = "let: {n: =x}\noutput: {a: =n, l: {$each: rows, $when: '=.k = n', v: \"=.v[k = 'x'].w | upper\"}}"
    assert draft(text).source == draft(text).source


def test_targets_are_known_without_a_message() -> None:
    mapping = draft("let: {n: =x}\noutput: {a: =n, l: {$each: rows, v: =.v, c: const}, m: [{p: {q: =x}}]}")
    assert mapping.targets == ("a", "l", "l[].v", "l[].c", "m[].p.q")


def test_fifteen_loops_stand_within_one_another() -> None:
    loops = ", ".join(f"a{n}: rows" for n in range(15))
    assert one(f"output: {{l: {{$each: {{{loops}}}, $when: '=true', v: =$index}}}}", {"rows": ["x"]})["l"] == [{"v": 1}]


def compiles(text: str) -> Compiled | set[str]:
    """The mapping, or the codes of what refuses it."""
    try:
        return draft(text)
    except Faults as wrong:
        return {f.code for f in wrong}


def test_deep_blocks_compile_or_are_refused() -> None:
    tree = one("output: " + "{a: " * 30 + "=x" + "}" * 30, {"x": "1"})
    for _ in range(30):
        tree = tree["a"]
    assert tree == "1"
    asked = compiles("output: " + "{$when: =x exists, a: " * 58 + "=x" + "}" * 58)
    assert asked == {"M119"} or (isinstance(asked, Compiled) and made(asked, {"x": "1"}).documents)


@pytest.mark.parametrize("formula", ["(" * 60 + "x" + ")" * 60, " & ".join(["x"] * 60), "upper(" * 60 + "x" + ")" * 60])
def test_deep_formulas_compile_or_are_refused(formula: str) -> None:
    asked = compiles(f"output: {{a: '={formula}'}}")
    assert asked == {"M119"} or (isinstance(asked, Compiled) and made(asked, {"x": "a"}).documents)
