"""FHIR documents: every fault at once with its expression, decimals left alone, codes bound, and the shape that mappings fill."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.document import Document
from interpres.fault import Fault
from interpres.promises.schemas import find_schema
from interpres.schema import Checker, Shape
from tests.conftest import ROOT

SCHEMAS = ROOT / "schemas"


@pytest.fixture(scope="module")
def bundle() -> Checker:
    return find_schema("fhir/r4/Bundle", SCHEMAS).checker


def entry(resource: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": resource}]}


def lines(checker: Checker, tree: Any) -> list[str]:
    return [fault.line() for fault in checker.faults(Document("json", tree))]


OBSERVATION = {"resourceType": "Observation", "status": "final", "code": {"text": "Hb"}}


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        (
            {"resourceType": "Patient", "gender": "banana"},
            ["V103 Bundle.entry[0].resource.gender: is not one of 'male', 'female', 'other', 'unknown'"],
        ),
        (
            {"resourceType": "Patient", "birthDate": "20261104"},
            ["V105 Bundle.entry[0].resource.birthDate: is not a FHIR date — write 2026, 2026-11 or 2026-11-04"],
        ),
        (
            {"resourceType": "Patient", "birthdate": "2026-11-04", "active": "true"},
            [
                "V108 Bundle.entry[0].resource.birthdate: is no element of Patient — did you mean 'birthDate'?",
                "V102 Bundle.entry[0].resource.active: is text where true or false is wanted",
            ],
        ),
        (
            {"resourceType": "Patient", "name": {"family": "x"}},
            ["V102 Bundle.entry[0].resource.name: is an object where a list is wanted"],
        ),
        (
            {"resourceType": "Patient", "name": []},
            ["V110 Bundle.entry[0].resource.name: is an empty list — leave it out instead"],
        ),
        (
            {"resourceType": "Patient", "name": [{}]},
            ["V110 Bundle.entry[0].resource.name[0]: is an empty object — leave it out instead"],
        ),
        (
            {"resourceType": "Observation", "valueString": "x", "valueInteger": 1},
            [
                "V101 Bundle.entry[0].resource.code: is missing",
                "V101 Bundle.entry[0].resource.status: is missing",
                "V111 Bundle.entry[0].resource.value[x]: is there more than once: valueInteger, valueString"
                " — keep the one that says it best",
            ],
        ),
        (
            {**OBSERVATION, "status": "finished"},
            [
                "V103 Bundle.entry[0].resource.status: is not one of 'registered', 'preliminary', 'final', 'amended', "
                "'corrected', 'cancelled', 'entered-in-error', 'unknown'"
            ],
        ),
        (
            {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": {"reference": "Patient/1"}},
            ["V101 Bundle.entry[0].resource.medication[x]: is missing — one of medicationCodeableConcept, medicationReference"],
        ),
        (
            {"resourceType": "Pateint"},
            ["V103 Bundle.entry[0].resource.resourceType: is no resource type of this release — did you mean 'Patient'?"],
        ),
        ({}, ["V101 Bundle.entry[0].resource.resourceType: is missing — it says which resource this is"]),
        (
            {**OBSERVATION, "note": [{"text": ""}]},
            ["V107 Bundle.entry[0].resource.note[0].text: is empty — leave it out instead"],
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_expression(bundle: Checker, resource: dict[str, Any], said: list[str]) -> None:
    assert lines(bundle, entry(resource)) == said


def test_good_ones_are_kept_and_decimals_left_alone(bundle: Checker) -> None:
    tree = entry({**OBSERVATION, "valueQuantity": {"value": Decimal("5.50"), "unit": "g/dL"}, "effectiveDateTime": "2026-11"})
    before = copy.deepcopy(tree)
    assert bundle.keeps(Document("json", tree))
    assert tree == before and str(tree["entry"][0]["resource"]["valueQuantity"]["value"]) == "5.50"


def test_a_primitive_may_be_told_by_its_extensions_alone(bundle: Checker) -> None:
    absent = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
    tree = entry({"resourceType": "Observation", "_status": absent, "code": {"text": "Hb"}})
    assert lines(bundle, tree) == []
    assert lines(bundle, entry({"resourceType": "Patient", "name": [{"given": [None, "x"], "_given": [absent, None]}]})) == []


def test_no_value_stands_in_a_line(bundle: Checker) -> None:
    (fault,) = bundle.faults(Document("json", entry({"resourceType": "Patient", "gender": "SECRET"})))
    assert "SECRET" not in fault.line() and fault.value == "SECRET"


def test_an_unknown_resource_type_is_a_fault_of_the_configuration() -> None:
    with pytest.raises(Fault) as refused:
        find_schema("fhir/r4/Bundel", SCHEMAS)
    assert refused.value.line() == ("schemas/fhir/r4.yaml C321 FHIR R4B has no resource type 'Bundel' — did you mean 'Bundle'?")
    with pytest.raises(Fault) as refused:
        find_schema("fhir/r4", SCHEMAS)
    assert refused.value.code == "C321"


def test_the_shape_of_a_bundle_leads_into_the_resource_that_is_meant(bundle: Checker) -> None:
    def at(*names: str) -> Shape:
        shape = bundle.shape()
        for name in names:
            assert shape is not None
            shape = shape.item() if name == "[]" else shape.key(name)
        assert shape is not None
        return shape

    resource = at("entry", "[]", "resource")
    assert resource.open and list(resource.required) == ["resourceType"]
    observation = resource.form({"resourceType": "Observation"})
    assert set(observation.required) == {"resourceType", "status", "code"} and not observation.open
    assert observation.key("valuex") is None and "valueQuantity" in observation.keys
    effective = observation.key("effectiveDateTime")
    assert effective and effective.format == "date-time" and effective.refuses("20261104") == "'20261104' is not a FHIR dateTime"
    assert resource.form({"resourceType": "MedicationRequest"}).either == (("medicationCodeableConcept", "medicationReference"),)
    assert at("entry").kinds == {"array"} and at("type").refuses("transactio").startswith("'transactio' is not one of ")


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["resourceType", "type", "entry", "resource", "name", "given", "_given", "fullUrl", "extension", "url", "id"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(tree=TREES)
@settings(max_examples=150, deadline=None, database=None)
def test_nothing_but_faults_whatever_the_tree(tree: Any) -> None:
    checker = find_schema("fhir/r4/Bundle", SCHEMAS).checker
    for wrapped in (tree, entry(tree), entry({"resourceType": "Patient", "name": tree})):
        for fault in checker.faults(Document("json", wrapped)):
            assert fault.target.startswith("Bundle")


def test_real_resources_are_judged_as_their_model_judges_them(corpora: Path) -> None:
    from fhir.resources.R4B import get_fhir_model_class
    from pydantic import ValidationError

    files = sorted(corpora.rglob("*.json"))
    read = 0
    for file in files:
        try:
            tree = json.loads(file.read_bytes(), parse_float=Decimal)
        except (ValueError, RecursionError):
            continue
        if not isinstance(tree, dict) or "resourceType" not in tree or read >= 40:
            continue
        read += 1
        found = list(find_schema(f"fhir/r4/{tree['resourceType']}", SCHEMAS).checker.faults(Document("json", tree)))
        if not found:
            continue
        try:
            get_fhir_model_class(tree["resourceType"]).model_validate(copy.deepcopy(tree))
            model_keeps = True
        except ValidationError:
            model_keeps = False
        assert not model_keeps or {f.code for f in found} <= {"V102", "V103"}, f"file {files.index(file)}"
    assert read
