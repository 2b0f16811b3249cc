"""From a promise's name to its file: what is found, what is refused, and which checker is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interpres.checkers.fhir import FhirSchema
from interpres.checkers.hl7v2 import Hl7v2Schema
from interpres.checkers.jsonschema import JsonSchema
from interpres.document import Document
from interpres.fault import Fault, Faults
from interpres.promises.rules import Ruled
from interpres.promises.schemas import find_schema, schema_names
from tests.conftest import ROOT

SHIPPED = ROOT / "schemas"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "schemas" / "x"
    folder.mkdir(parents=True)
    (folder / "visit.json").write_text(json.dumps({"type": "object", "$defs": {"code": {"type": "string", "description": "c"}}}))
    (folder / "openapi.yaml").write_text("openapi: 3.1.0\ncomponents:\n  schemas:\n    Visit: {type: object, required: [code]}\n")
    (folder / "system.yaml").write_text("about: x\n")
    (tmp_path / "secret.json").write_text("{}")
    return tmp_path / "schemas"


def refused(name: str, root: Path) -> str:
    with pytest.raises((Fault, Faults)) as error:
        find_schema(name, root)
    wrong = error.value
    return (wrong.faults[0] if isinstance(wrong, Faults) else wrong).line()


def test_each_name_leads_to_its_checker() -> None:
    assert isinstance(find_schema("npca/patient", SHIPPED).checker, JsonSchema)
    assert isinstance(find_schema("npca/visit", SHIPPED).checker, Ruled)
    assert isinstance(find_schema("fhir/r4/Patient", SHIPPED).checker, FhirSchema)
    assert isinstance(find_schema("hl7v2/oru", SHIPPED).checker, Hl7v2Schema)


@pytest.mark.parametrize("name", sorted(schema_names(SHIPPED)))
def test_every_shipped_schema_can_be_held(name: str) -> None:
    member = "/Bundle" if name == "fhir/r4" else ""
    assert find_schema(name + member, SHIPPED).name == name + member


def test_parts_of_files(root: Path) -> None:
    assert [f.line() for f in find_schema("x/openapi#Visit", root).checker.faults(Document("json", {}))] == [
        "V101 code: is missing"
    ]
    code = find_schema("x/visit#/$defs/code", root).shape()
    assert code and code.about == "c"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("x/vist", "C301 there is no schema 'x/vist' — did you mean 'x/visit'?"),
        ("x/visit/deeper", "C301 there is no schema 'x/visit/deeper' — did you mean 'x/visit'?"),
        ("x/system", "C301 there is no schema 'x/system' — there are x/openapi, x/visit"),
        ("../secret", "C301 there is no schema '../secret' — there are x/openapi, x/visit"),
        ("x/openapi#Vist", "schemas/x/openapi.yaml C311 schemas/x/openapi.yaml has no component 'Vist' — did you mean 'Visit'?"),
    ],
)
def test_what_is_not_there_is_said_so(root: Path, name: str, line: str) -> None:
    assert refused(name, root) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{", "schemas/x/bad.json:1:2 C310 this is not JSON — "),
        ('{"a": 1,\n "a": 2}', "schemas/x/bad.json C310 the key 'a' is given twice in one object — keep one of them"),
        ('{"type": "strng"}', "schemas/x/bad.json C316 type is no sound JSON Schema"),
        ("[1]", "schemas/x/bad.json C316 it is no sound JSON Schema"),
    ],
)
def test_files_that_are_no_schemas(root: Path, text: str, line: str) -> None:
    (root / "x" / "bad.json").write_text(text)
    assert refused("x/bad", root).startswith(line)


def test_a_checker_that_is_not_there(root: Path) -> None:
    (root / "x" / "m.yaml").write_text("checker: hl7v3\n")
    assert refused("x/m", root) == "C110 there is no checker 'hl7v3' — did you mean 'hl7v2'?"


def test_an_empty_workspace_says_so(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    assert refused("x", tmp_path / "schemas") == "C301 there is no schema 'x' — schemas/ holds none yet"
