"""The proof in short: the same command as `make crash`, with few lives of each kind, and one of each scenario."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.crash.case import Case
from tests.crash.figures import bound
from tests.crash.scenario import all_scenarios

MATRIX = frozenset("R1 R2 R3 R4 R5 P1 P2 P3 D1 D2 D3 D4 D5 D6 F1 F2 F3 O1 O2 O3 Q1 Q2 Q3 M1 M2 M3 M4 C1 S1 N1".split())  # noqa: SIM905


def crash(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.crash", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
def test_engines_that_end_anywhere_break_no_promise() -> None:
    seed = () if os.environ.get("INTERPRES_FUZZ") else ("--seed", "1")  # the same ends in every run, as far as threads allow
    run = crash(*seed, "--points", "20", "--cuts", "30", "--kills", "0", "--seeds", "0", "--io-errors", "20", "--jobs", "1")
    assert run.returncode == 0, run.stdout + run.stderr
    last = run.stdout.splitlines()[-1]
    told = r"(\d+) points, (\d+) cuts, 0 kills, 0 seeds, (\d+) acknowledged"
    found = re.fullmatch(f"{told}, 0 lost, 0 corrupt, 0 orphans, 0 out of order, 0 doubled", last)
    assert found, last
    assert min(int(n) for n in found.groups()) >= 20


def test_every_step_of_the_matrix_has_a_scenario() -> None:
    assert {step for one in all_scenarios().values() for step in one.steps} >= MATRIX


def test_a_case_is_replayed_by_its_words() -> None:
    case = Case("cuts", "walk", 7, (("sync-wal", 3), ("any", 20)))
    assert case.only == "cuts:walk:7:sync-wal=3,any=20"
    assert Case.of(case.only) == case


def test_clean_tries_bound_the_rate_by_the_rule_of_three() -> None:
    assert bound(10_000) == "3,333"


def test_the_journal_of_a_first_start_does_not_come_back() -> None:
    """The power goes as the store is made, and again under load: a rollback journal that came back then emptied the store."""
    ends = [f"cuts:fresh:{seed}:sync-db=1,any={305 + seed % 20}" for seed in range(40)]
    script = (
        "import sys; from tests.crash.drawing import lived_through, prepare; from tests.crash.case import Case; prepare()\n"
        "print([w for w in sys.argv[1:] if not lived_through(Case.of(w)).clean])"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, *ends], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.stdout.strip() == "[]", run.stdout + run.stderr
