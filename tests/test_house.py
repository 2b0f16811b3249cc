"""The house keeps its own rules: sentences at the door, sizes, words that are refused, and nothing that names a machine."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

SOURCES = sorted((ROOT / "src" / "interpres").rglob("*.py"))
REFUSED_ROOMS = {"utils", "helpers", "common", "misc", "base", "core", "manager", "handler", "service", "processor"}
LONG_FILES: dict[str, str] = {}
"""Files over 300 lines, each with its reason. The list may only shrink."""


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"))


@pytest.mark.parametrize("file", SOURCES, ids=lambda f: str(f.relative_to(ROOT / "src" / "interpres")))
def test_a_module_opens_with_one_sentence(file: Path) -> None:
    sentence = (ast.get_docstring(tree_of(file)) or "").split("\n\n")[0]
    assert sentence, "the module has no docstring"


def test_no_room_has_a_name_that_says_nothing() -> None:
    assert not [f for f in SOURCES if f.stem in REFUSED_ROOMS or f.parent.name in REFUSED_ROOMS]


def test_files_are_short_or_have_a_reason() -> None:
    long = {str(f.relative_to(ROOT)): n for f in SOURCES if (n := len(f.read_text("utf-8").splitlines())) > 300}
    assert set(long) <= set(LONG_FILES), f"over 300 lines and without a reason: {long}"
    assert set(LONG_FILES) <= set(long), "no longer long: take it off the list"


def test_only_doors_print() -> None:
    doors = ROOT / "src" / "interpres" / "cli"
    printing = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in SOURCES
        if doors not in file.parents
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not printing


def test_nothing_deserialises_objects() -> None:
    refused = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in SOURCES
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        if name.split(".")[0] in refused
    ]
    assert not found


def tracked_texts() -> list[tuple[str, str]]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("git, or the checkout's history, is not here")
    texts = []
    for name in listed.stdout.splitlines():
        try:
            texts.append((name, (ROOT / name).read_text("utf-8")))
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue
    return texts


def test_nothing_names_a_machine_or_a_registry() -> None:
    registry = [r"[-]-(?:extra-)?index-url", r"\"resolved\": *\"http", r"https?://\S*/simple/"]
    refused = re.compile("|".join([r"/(?:home|root|work)/[a-z]", *registry]))
    me = str(Path(__file__).relative_to(ROOT))
    assert not [name for name, text in tracked_texts() if name != me and refused.search(text)]
