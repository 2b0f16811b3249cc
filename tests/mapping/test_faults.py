"""Golden files of faults: every mapping in faults/ is wrong, and its text beside it is what an analyst reads.

`INTERPRES_ACCEPT=1 pytest tests/mapping/test_faults.py` writes the texts anew; read the difference before you keep it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from interpres.fault import Fault, Faults, did_you_mean
from interpres.format import Grammar
from interpres.mapping.reading.file import load

FOLDER = Path(__file__).parent / "faults"
CASES = sorted(file.stem for file in FOLDER.glob("*.yaml"))
GRAMMARS: dict[str, Grammar] = {"hl7v2": "segments", "json": "tree", "csv": "columns", "xml": "xml"}


def grammar_of(word: str) -> Grammar:
    if word not in GRAMMARS:
        raise Fault("C110", f"there is no format '{word}'", did_you_mean(word, GRAMMARS))
    return GRAMMARS[word]


def faults_of(name: str) -> tuple[Fault, ...]:
    with pytest.raises(Faults) as caught:
        load(name, FOLDER, grammar_of)
    return caught.value.faults


@pytest.mark.parametrize("name", CASES)
def test_what_an_analyst_reads(name: str) -> None:
    told = "".join(f"{fault}\n" for fault in faults_of(name))
    golden = FOLDER / f"{name}.txt"
    if os.environ.get("INTERPRES_ACCEPT"):
        golden.write_text(told, encoding="utf-8")
    assert told == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_every_fault_says_where_what_and_what_to_do(name: str) -> None:
    for fault in faults_of(name):
        assert fault.at and fault.at.line, f"{fault.code} has no line"
        assert fault.says and not fault.says.endswith("."), f"{fault.code} is one sentence without a full stop"
        assert fault.hint and not fault.hint.endswith("."), f"{fault.code} says what to do"


def test_no_text_is_left_of_a_case_that_is_gone() -> None:
    assert sorted(file.stem for file in FOLDER.glob("*.txt")) == CASES
