"""The page of bad input lists every row with the test that proves it: each test that it names is there, and none is left out."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

PAGE = ROOT / "docs/reference/bad-input.md"
ROWS = [*(f"H{n}" for n in range(1, 28)), *(f"F{n}" for n in range(1, 13)), "X1", *(f"C{n}" for n in range(1, 7)), "I12", "I13"]
LATER = {"F11"}
ROW = re.compile(r"\| ([A-Z]\d+) \| (.*) \| (.*) \| (?:`([^`]+)`)? ?\|")
OWN = re.compile(r"test_((?:[hfxc]\d+_)+)")


def listed() -> list[tuple[str, str]]:
    """(row, test) for every line of the tables; the test is empty where the row is a later issue's."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| [A-Z]\d", line)]
    found = [ROW.fullmatch(line) for line in lines]
    assert all(found), f"not a row of the table: {lines[found.index(None)]}"
    return [(match[1], match[4] or "") for match in found if match]


@cache
def names_in(file: Path) -> frozenset[str]:
    """The names of a file's tests, a class before those that are in one."""
    names: set[str] = set()
    for node in ast.parse(file.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}::{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
        elif isinstance(node, ast.FunctionDef):
            names.add(node.name)
    return frozenset(name for name in names if name.rpartition("::")[2].startswith("test_"))


def test_every_row_of_the_catalogue_is_listed() -> None:
    rows = listed()
    assert list(dict.fromkeys(row for row, _ in rows)) == ROWS
    assert {row for row, test in rows if not test} == LATER


@pytest.mark.parametrize(("row", "test"), [pair for pair in listed() if pair[1]])
def test_a_named_test_is_there(row: str, test: str) -> None:
    file, _, name = test.partition("::")
    assert name in names_in(ROOT / file), f"{row} names {test}, and there is no such test"


def test_every_test_that_is_named_after_a_row_is_listed_there() -> None:
    named = set(listed())
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        for name in names_in(file):
            if found := OWN.match(name):
                for row in found[1].upper().strip("_").split("_"):
                    assert (row, f"tests/bad_input/{file.name}::{name}") in named, f"{name} is not listed under {row}"
