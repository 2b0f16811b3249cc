"""Named: what a system calls a field is told only where it is a name of ours; else it stands with the values."""

from __future__ import annotations

from typing import Any

import pytest

from interpres import yaml
from interpres.answer import Answer, peer_faults
from interpres.calls.named import by_our_names
from interpres.openapi import Operation, read_operations

SENT = {"visits": [{"visit_code": "V1", "patient": {"sex": "F"}}]}
OPERATION = Operation("submit", "POST", "/visits", fields=frozenset({"card_code"}))


def told(name: str, sent: Any = SENT) -> tuple[str, str]:
    """The target and the value of a complaint about a field."""
    answer = Answer("refused", 422, faults=peer_faults({"errors": {name: ["is wrong"]}}, "npca"))
    (fault,) = by_our_names(answer, OPERATION, sent, "npca").faults
    assert fault.code == "N240" and fault.value and fault.value.endswith("is wrong")
    return fault.target, fault.value


@pytest.mark.parametrize(
    ("named", "target"),
    [
        ("visits.0.patient.sex", "visits[0].patient.sex"),
        ("/visits/0/visit_code", "visits[0].visit_code"),
        ("visits[0].card_code", "visits[0].card_code"),
        ("card_code", "card_code"),
        ("visits.9999", "visits[9999]"),
        ("", ""),
    ],
)
def test_a_name_of_ours_is_told(named: str, target: str) -> None:
    assert told(named) == (target, "is wrong")


@pytest.mark.parametrize("named", ["SOKHA", "visits.0.P120415", "P120415.sex", "visits.120415", "120415", "visits.0.sex.SOKHA"])
def test_any_other_name_stands_with_the_value(named: str) -> None:
    target, value = told(named)
    assert target == "" and "is wrong" in value and ("SOKHA" in value or "120415" in value)


@pytest.mark.parametrize("sent", [b'{"visits": [{"patient": {"sex": "F"}}]}', b"no json", b"\xff", None, [SENT]])
def test_what_was_sent_may_be_bytes_or_nothing(sent: Any) -> None:
    known = isinstance(sent, list) or (isinstance(sent, bytes) and sent.startswith(b"{"))
    assert told("visits.0.patient.sex", sent)[0] == ("visits[0].patient.sex" if known else "")
    assert told("card_code", sent)[0] == "card_code", "the contract knows it"


def test_fhir_names_a_resource_by_its_kind() -> None:
    assert told("Patient.name[0].family", {"resourceType": "Patient", "name": [{"family": "x"}]})[0] == "Patient.name[0].family"


def test_the_entries_of_a_list_are_cleared_too() -> None:
    item = Answer("refused", 200, faults=peer_faults({"errors": {"SOKHA": ["is wrong"]}}, "npca"))
    answer = by_our_names(Answer("refused", 200, items=(item,)), OPERATION, SENT, "npca")
    assert answer.items and answer.items[0].faults[0].target == ""


def test_the_contract_s_fields_are_the_names_under_properties_and_of_parameters() -> None:
    text = """openapi: 3.1.0
paths:
  /visits:
    post:
      operationId: submit
      parameters: [{name: card, in: query, schema: {type: string}}]
      requestBody: {content: {application/json: {schema: {$ref: "#/components/schemas/Visit"}}}}
components:
  schemas:
    Visit: {type: object, properties: {code: {type: string}, patient: {properties: {sex: {}}}}}
"""
    operations = read_operations(yaml.read(text, "openapi.yaml", strict=False), "npca")
    assert operations["submit"].fields == {"card", "code", "patient", "sex"}
