"""Verbs: each says what it does and shows an example that works; exit statuses are as promised."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from interpres.cli.main import app, verbs
from tests.conftest import ROOT

ENDLESS = {"run", "sandbox"}
"""Verbs whose example does not end by itself, or is walked elsewhere."""

NEEDS_A_STORE = {"messages", "show", "store"}

AT_THE_DESK = {"drop", "edit", "pause", "problems", "release", "reload", "replay", "resend", "resume", "status", "verify"}
"""Verbs of whoever looks after an engine: their examples want one, or a store with something in it, and are walked there."""


def interpres(*words: str, cwd: Path = ROOT, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NPCA_")}
    command = [sys.executable, "-m", "interpres", *words]
    return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, timeout=120, check=False, env=environment)


def help_of(verb: str) -> tuple[str, str]:
    """The sentence and the example of a verb's help."""
    about, _, example = (get_command(app([verb, "check"])).commands[verb].help or "").partition("\n\n")  # type: ignore[attr-defined]
    return about, example.strip()


@pytest.mark.parametrize("verb", verbs())
def test_help_opens_with_a_sentence_and_an_example(verb: str) -> None:
    about, example = help_of(verb)
    assert about.endswith(".")
    assert example.startswith(f"Example: interpres {verb}")


@pytest.mark.parametrize("verb", sorted(set(verbs()) - ENDLESS - NEEDS_A_STORE - AT_THE_DESK - {"demo", "init"}))
def test_the_example_works_as_pasted(verb: str) -> None:
    words = help_of(verb)[1].removeprefix("Example: interpres ").replace("\n", " ").split(" > ")[0].split()
    ran = interpres(*words)
    assert ran.returncode == 0, ran.stderr.decode()
    assert ran.stdout or verb in ("check", "test")


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["check", "--workspace", "docs"], 3),
        (["map", "npca/no_such_mapping", "README.md"], 1),
        (["map", "npca/visit_from_adt", "no_such_file.hl7"], 3),
        (["nonsense"], 2),
        (["map"], 2),
        (["messages", "--var", "var/nothing/here"], 3),
        (["messages", "--state", "lost"], 2),
        (["--version"], 0),
        (["transforms", "upcase"], 1),
    ],
)
def test_exit_statuses_are_as_promised(words: list[str], status: int) -> None:
    ran = interpres(*words)
    assert ran.returncode == status, ran.stderr.decode()
    assert b"Traceback" not in ran.stderr
    assert status == 0 or ran.stderr


def test_run_without_its_environment_says_what_is_missing(tmp_path: Path) -> None:
    ran = interpres("run", "adt_to_npca", "--var", str(tmp_path))
    assert ran.returncode == 3
    assert b"NPCA_PASSWORD is not set" in ran.stderr


def test_map_prints_one_document_a_line_and_goes_on_after_a_fault() -> None:
    sample = ROOT / "samples/channels/adt_to_npca/outpatient_complete/in.hl7"
    ran = interpres("map", "npca/visit_from_adt", "README.md", str(sample))
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["visits"][0]["visit_type"] == "OPD"
    assert b"README.md: " in ran.stderr


def test_map_goes_on_after_a_workbook_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04no more")
    sample = ROOT / "samples/channels/csv_to_npca/outpatient/in.csv"
    ran = interpres("map", "npca/visit_from_csv", str(tmp_path / "broken.xlsx"), str(sample))
    assert ran.returncode == 1
    assert b"broken.xlsx: T02" in ran.stderr
    assert len(ran.stdout.splitlines()) == 1


def test_standard_input_is_a_dash() -> None:
    folder = ROOT / "samples/channels/adt_to_npca/outpatient_complete"
    words = ("map", "npca/visit_from_adt", "-", "--context", str(folder / "context.json"))
    ran = interpres(*words, stdin=(folder / "in.hl7").read_bytes())
    assert ran.returncode == 0, ran.stderr.decode()


@pytest.mark.parametrize("kind", ["hl7v2", "csv", "json"])
def test_a_new_workspace_is_without_fault_and_its_samples_run(kind: str, tmp_path: Path) -> None:
    place = tmp_path / "clinic"
    assert interpres("init", str(place), "--channel", kind, cwd=tmp_path).returncode == 0
    for verb in ("check", "test"):
        ran = interpres(verb, "--workspace", str(place), cwd=tmp_path)
        assert ran.returncode == 0, ran.stdout.decode() + ran.stderr.decode()
    again = interpres("init", str(place), cwd=tmp_path)
    assert again.returncode == 3


def test_completion_knows_verbs_and_mappings() -> None:
    environment = {
        **os.environ,
        "_INTERPRES_COMPLETE": "complete_bash",
        "COMP_WORDS": "interpres map npca/visit_from_a",
        "COMP_CWORD": "2",
    }
    command = [sys.executable, "-c", "import sys; sys.argv = ['interpres']; from interpres.cli.main import main; main()"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False, env=environment)
    assert b"npca/visit_from_adt" in ran.stdout, ran.stderr.decode()
