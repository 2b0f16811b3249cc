"""Of every one-word mistake that can be made by rule in the shipped mappings, nearly all are found by check or by a sample.

`make test` makes every twentieth; `make mutants` (INTERPRES_MUTANTS=all) makes all of them, which takes some minutes, and writes
to var/mutants.txt how many of each kind there were and who found them. What nothing finds stands in mutants.txt with its reason.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from interpres.workspace import Workspace
from tests.conftest import ROOT
from tests.mutants import Mutant, Samples, misspelt, mutants, told

EVERY = 1 if os.environ.get("INTERPRES_MUTANTS") == "all" else 20
LEAST_FOUND = 0.98
EXCUSED = Path(__file__).with_name("mutants.txt")


@cache
def workspace() -> Workspace:
    return Workspace(ROOT)


@cache
def samples() -> Samples:
    return Samples(workspace())


def excused() -> dict[str, str]:
    """From a mutant in words to why nothing need find it."""
    lines = [line for line in EXCUSED.read_text("utf-8").splitlines() if line.strip() and not line.startswith("#")]
    return {what.strip(): reason.strip() for what, _, reason in (line.partition(" — ") for line in lines)}


def in_words(mutant: Mutant) -> str:
    """Without the line, which moves whenever a mapping is edited."""
    return f"{mutant.file} {mutant.kind}: {mutant.what}"


def made() -> Iterator[tuple[int, Mutant]]:
    number = 0
    for name in workspace().names("mappings"):
        for mutant in mutants(workspace(), name):
            number += 1
            if number % EVERY == 0:
                yield number, mutant


@pytest.mark.slow
def test_nearly_all_mistakes_are_found() -> None:
    before = {name: told(workspace(), name, {}) for name in workspace().names("mappings")}
    count: Counter[str] = Counter()
    survivors: list[str] = []
    for _, mutant in made():
        if told(workspace(), mutant.mapping, {mutant.file: mutant.text}) - before[mutant.mapping]:
            count[f"{mutant.kind}: found by check"] += 1
        elif samples().show(mutant):
            count[f"{mutant.kind}: found by a sample"] += 1
        else:
            count[f"{mutant.kind}: not found"] += 1
            survivors.append(in_words(mutant))
    report = "\n".join([*(f"{number:5} {what}" for what, number in sorted(count.items())), *survivors])
    if EVERY == 1:
        (ROOT / "var").mkdir(exist_ok=True)
        (ROOT / "var" / "mutants.txt").write_text(report + "\n", encoding="utf-8")
    assert sum(count.values()) > 100, "so few mutants prove nothing"
    assert len(survivors) <= (1 - LEAST_FOUND) * sum(count.values()), report
    assert not [s for s in survivors if s not in excused()], report


def test_every_kind_of_mistake_is_made() -> None:
    kinds = {m.kind for name in workspace().names("mappings") for m in mutants(workspace(), name)}
    assert kinds == {
        "target", "required", "transform", "table", "column", "part", "name", "context", "constant", "conversion",
    }  # fmt: skip


def test_what_is_excused_has_a_reason() -> None:
    assert all(excused().values())


@pytest.mark.parametrize(("word", "wrong"), [("patient", "paitent"), ("if", "iff"), ("OPD", "ODP"), ("ab", "abb"), ("aa", "aaa")])
def test_a_slip_keeps_the_first_letter_and_makes_no_known_word(word: str, wrong: str) -> None:
    assert misspelt(word, set()) == wrong
    assert misspelt(word, {wrong}) not in (word, wrong)
