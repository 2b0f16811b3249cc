"""The payloads in samples/schemas/npca: good ones break no promise, bad ones break exactly what stands beside them.

`INTERPRES_ACCEPT=1` writes what is found beside the bad ones; read it before it is committed.
"""

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from interpres.catalog import part
from interpres.document import Document
from interpres.fault import Fault
from interpres.promises.schemas import find_schema
from tests.conftest import ROOT

SCHEMAS = ROOT / "schemas"
SAMPLES = ROOT / "samples" / "schemas" / "npca"
TABLES = ROOT / "mappings" / "npca" / "tables"
GOOD = sorted((SAMPLES / "good").glob("*.json"))
BAD = sorted((SAMPLES / "bad").glob("*.json"))


def faults_of(file: Path) -> list[Fault]:
    json_ = part("formats", "json")
    document = Document("json", json_(json_.Settings()).decode(file.read_bytes()).tree)
    return list(find_schema("npca/visit", SCHEMAS).checker.faults(document))


def lines(found: list[Fault]) -> list[str]:
    """Without the rule's own place, which moves with every line that is added above it."""
    return [f.but(at=None).line() for f in found]


@pytest.mark.parametrize("file", GOOD, ids=lambda f: f.stem)
def test_good(file: Path) -> None:
    found = faults_of(file)
    assert not [f.line() for f in found if f.level == "fault"]
    beside = file.with_suffix(".warnings.txt")
    warnings = lines(found)
    assert warnings == (beside.read_text("utf-8").splitlines() if beside.exists() else [])


@pytest.mark.parametrize("file", BAD, ids=lambda f: f.stem)
def test_bad(file: Path) -> None:
    found = lines(faults_of(file))
    beside = file.with_suffix(".faults.txt")
    if os.environ.get("INTERPRES_ACCEPT"):
        beside.write_text("\n".join(found) + "\n", "utf-8")
    assert found == beside.read_text("utf-8").splitlines()
    assert any(" warning: " not in line for line in found)


def test_there_is_something_to_walk() -> None:
    assert len(GOOD) >= 6
    assert len(BAD) >= 25


def test_every_section_is_used_by_a_good_visit() -> None:
    visits = [v for file in GOOD for v in json.loads(file.read_text("utf-8"))["visits"]]
    sections = {k for v in visits for k, value in v.items() if value not in ([], None)}
    promised = json.loads((SCHEMAS / "npca" / "visit.json").read_text("utf-8"))["properties"]["visits"]["items"]["properties"]
    assert sections == set(promised)


def test_the_enums_are_the_code_lists() -> None:
    rows = codes()
    enums = json.loads((SCHEMAS / "npca" / "codes.json").read_text("utf-8"))["$defs"]
    for name, schema in enums.items():
        assert schema["enum"] == [r["value"] for r in rows if r["list"] == name], name


def test_a_code_is_looked_up_by_its_list_and_itself() -> None:
    rows = codes()
    by_code = [(r["list"], r["code"]) for r in rows if r["code"]]
    by_value = [(r["list"], r["value"]) for r in rows]
    assert len(by_code) == len(set(by_code))
    assert len(by_value) == len(set(by_value))
    assert [r for r in rows if not r["code"]] == [r for r in rows if r["value"] == "Emergency"]
    assert all(r["khmer"] for r in rows)


@pytest.mark.parametrize("file", sorted(TABLES.glob("*.csv")), ids=lambda f: f.stem)
def test_a_table_leads_into_its_list(file: Path) -> None:
    lists = {"admission_source": "admission_type"}
    values = {r["value"] for r in codes() if r["list"] == lists.get(file.stem, file.stem)}
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert rows
    assert {*rows[0]} == {"from", "to", "note"}
    assert len({r["from"] for r in rows}) == len(rows)
    if values:
        assert {r["to"] for r in rows} <= values


def test_the_interface_refers_to_the_same_files() -> None:
    openapi = YAML(typ="safe").load((SCHEMAS / "npca" / "openapi.yaml").read_text("utf-8"))
    named = {r for r in references(openapi) if not r.startswith("#")}
    assert {"visit.json", "beneficiary.json", "submission.json", "processed.json", "token.json"} <= named
    assert all((SCHEMAS / "npca" / name).is_file() for name in named)


def test_every_leaf_of_the_schemas_says_where_it_comes_from() -> None:
    """`description` begins with, or holds, Stated, Public or Inferred at every property of a visit."""
    silent = [
        f"{file.name}: {name}"
        for file in sorted((SCHEMAS / "npca").glob("*.json"))
        if file.stem in {*sections_of_a_visit(), "visit", "patient", "address", "identification", "referral"}
        for name, schema in properties(json.loads(file.read_text("utf-8")))
        if not any(word in said(schema) for word in ("tated", "ublic", "nferred"))
    ]
    assert not silent


def codes() -> list[dict[str, str]]:
    with (SCHEMAS / "npca" / "codes.csv").open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


def references(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        own = [tree["$ref"]] if isinstance(tree.get("$ref"), str) else []
        return own + [r for value in tree.values() for r in references(value)]
    return [r for item in tree for r in references(item)] if isinstance(tree, list) else []


def sections_of_a_visit() -> set[str]:
    visit = json.loads((SCHEMAS / "npca" / "visit.json").read_text("utf-8"))
    return {r.removesuffix(".json") for r in references(visit) if "#" not in r}


def properties(schema: Any) -> list[tuple[str, Any]]:
    if isinstance(schema, list):
        return [p for item in schema for p in properties(item)]
    if not isinstance(schema, dict):
        return []
    own = list(schema["properties"].items()) if isinstance(schema.get("properties"), dict) else []
    return own + [p for key, value in schema.items() if key != "required" for p in properties(value)]


def said(schema: Any) -> str:
    """The schema's own description, or that of what it refers to."""
    if "description" in schema or "$ref" not in schema:
        return str(schema.get("description", ""))
    file, _, pointer = schema["$ref"].partition("#")
    found = json.loads((SCHEMAS / "npca" / file).read_text("utf-8"))
    for step in filter(None, pointer.split("/")):
        found = found[step]
    return said(found)
