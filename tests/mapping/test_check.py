"""What `check` tells of mappings: golden files of faults, and each promise of the language's table.

`INTERPRES_ACCEPT=1 pytest tests/mapping/test_check.py` writes the texts anew; read the difference before you keep it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from interpres import catalog
from interpres.fault import Fault, a_slip_apart
from interpres.format import Format, Grammar, Paths, Scope, Trace
from interpres.mapping.checking.check import check_mapping
from interpres.mapping.reading.file import load
from interpres.path import Field
from interpres.path import Path as DocumentPath
from interpres.schema import Shape, Written
from interpres.transform import builtins

FOLDER = Path(__file__).parent / "checks"
CASES = sorted(file.stem for file in FOLDER.glob("*.yaml"))


class SegmentPaths(Paths):
    """Paths of HL7 v2 as far as a check needs them: what is asked of it is remembered, and no field is beyond 50."""

    grammar: Grammar = "segments"  # type: ignore[misc]

    def value(self, path: DocumentPath, scope: Scope) -> str:
        raise AssertionError("nothing is compiled here")

    items = value

    def runtime(self, trace: Trace | None) -> Mapping[str, Any]:
        return {}

    def check(self, path: DocumentPath, loops: Sequence[DocumentPath]) -> Iterator[Fault]:
        for part in path.parts:
            if isinstance(part, Field) and part.number > 50:
                says = f"{path.name}-{part.number}: {path.name} has 50 fields"
                yield Fault("M104", says, "", at=path.at, level="warning")


class Hl7(Format):
    """A format that only has paths."""

    paths = SegmentPaths()

    def __init__(self) -> None:
        pass

    def decode(self, body: bytes) -> Any:
        raise AssertionError("nothing is read here")

    def encode(self, tree: Any) -> bytes:
        raise AssertionError("nothing is written here")


def format_of(word: str, settings: Mapping[str, Any]) -> Format:
    if word == "hl7v2":
        return Hl7()
    part = catalog.part("formats", word)
    made: Format = part(part.Settings.model_validate(settings))
    return made


@pytest.fixture(scope="module")
def shape() -> Shape:
    contents = json.loads((FOLDER / "visit.json").read_text())
    checker = catalog.part("checkers", "jsonschema")(Written("x/visit", Path("schemas/x/visit.json"), Path("schemas"), contents))
    found: Shape = checker.shape()
    return found


def told(name: str, shape: Shape, overlay: Mapping[str, str] | None = None) -> list[Fault]:
    mapping = load(name, FOLDER, lambda word: format_of(word, {}).paths.grammar, overlay)
    format_ = format_of(mapping.from_format, mapping.from_settings)
    return check_mapping(mapping, format_, builtins(), shape if mapping.to else None)


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("PID-7 | date('dd/MM/yyyy')", ""),
        ("PID-7 | time_as('mm:ss')", ""),
        ("PID-7 | date('epoch_ms')", ""),
        ("PID-7 | date('DD/MM/YYYY')", "M225 'DD' means nothing in the pattern 'DD/MM/YYYY' — write dd"),
        (
            "PID-7 | date('dd/mm/yyyy')",
            "M225 mm in the pattern 'dd/mm/yyyy' are minutes, and it says no hour — write MM for the month",
        ),
    ],
)
def test_a_date_pattern_is_read_before_a_message_is(formula: str, says: str, shape: Shape) -> None:
    draft = f'about: A draft.\nfrom: hl7v2\noutput:\n  born: "={formula}"\n'
    found = [f.line() for f in told("draft", shape, {"checks/draft.yaml": draft}) if f.level == "fault"]
    assert [line.partition(" ")[2] for line in found] == ([says] if says else [])


@pytest.mark.parametrize("name", CASES)
def test_what_an_analyst_reads(name: str, shape: Shape) -> None:
    text = "".join(f"{fault}\n" for fault in told(name, shape))
    golden = FOLDER / f"{name}.txt"
    if os.environ.get("INTERPRES_ACCEPT"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_the_good_one_is_good(shape: Shape) -> None:
    assert told("good", shape) == []


def test_faults_come_in_the_order_of_their_places(shape: Shape) -> None:
    places = [fault.at for fault in told("values", shape) if fault.at and fault.at.file.endswith("values.yaml")]
    assert places == sorted(places)


def test_a_path_that_cannot_be_is_the_formats_to_tell(shape: Shape) -> None:
    text = (
        (FOLDER / "good.yaml")
        .read_text()
        .replace("=visit_code\n", "=PID-99\n")
        .replace("  visit_code: =PV1-19.1\n", "  v: =PID-3[60 = 'PI'].1\n")
    )
    lines = [f.line() for f in told("good", shape, {"checks/good.yaml": text})]
    assert [line.split(" ", 1)[1] for line in lines if "M104" in line] == ["M104 warning: PID-99: PID has 50 fields"]


@pytest.mark.parametrize(
    ("one", "other", "apart"),
    [
        ("visit_code", "vist_code", True),
        ("patient", "paitent", True),
        ("claim", "calim", True),
        ("place", "plaace", True),
        ("visit", "visits", False),
        ("dx1", "dx2", False),
        ("id", "ib", False),
        ("code", "mode", True),
        ("code", "name", False),
        ("code", "code", False),
        ("total", "totally", False),
    ],
)
def test_one_slip_of_the_finger(one: str, other: str, apart: bool) -> None:
    assert a_slip_apart(one, other) is apart and a_slip_apart(other, one) is apart
