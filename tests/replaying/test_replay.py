"""A mapping is changed: what that would have changed is shown, and what was sent is sent once more, as a person does it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

CHANNEL = """about: Registrations become records.
source:
  folder: {path: in, complete: {renamed: true}, scan_seconds: 0.05}
format: json
keys: {patient: =id}
lane: =id
destinations:
  records:
    mapping: clinic/record
    folder: {path: out, name: "{patient}-{message_id}-{run}.json"}
"""
MAPPING = """about: A registration becomes a record.
from: json
to: clinic/record
output:
  id: =id
  sex: =sex | table(sex)
tables:
  sex: {M: male, F: female}
"""
SCHEMA = """{"type": "object", "required": ["id"], "additionalProperties": false,
 "properties": {"id": {"type": "string"}, "sex": {"enum": ["male", "female", "unknown"]}, "country": {"type": "string"}}}"""


def interpres(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "interpres", *words, "--workspace", str(place)]
    return subprocess.run(command, cwd=place, capture_output=True, timeout=60, check=False, text=True)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Three registrations that have been through: two are records, one was refused for its sex."""
    files = {"channels/in.yaml": CHANNEL, "mappings/clinic/record.yaml": MAPPING, "schemas/clinic/record.json": SCHEMA}
    for number, sex in enumerate("MFX"):
        files[f"in/{number}.json"] = json.dumps({"id": f"P{number}", "sex": sex})
    for file, text in files.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, "utf-8")
    ran = interpres(tmp_path, "run", "--until-idle", "--quiet")
    assert len(list((tmp_path / "out").iterdir())) == 2, ran.stderr
    return tmp_path


def edit(place: Path, old: str, new: str, file: str = "mappings/clinic/record.yaml") -> None:
    text = (place / file).read_text("utf-8")
    assert old in text
    (place / file).write_text(text.replace(old, new), "utf-8")


def test_nothing_differs_where_nothing_was_changed(place: Path) -> None:
    ran = interpres(place, "replay", "--diff", "--json")
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    assert "0 of 3 messages differ; nothing was sent" in ran.stderr


def test_what_a_mapping_would_have_changed_is_shown_by_kind_and_nothing_is_sent(place: Path) -> None:
    edit(place, "sex: {M: male, F: female}", "sex: {M: male, F: female, X: unknown}")
    edit(place, "  sex: =sex", "  country: KH\n  sex: =sex")
    ran = interpres(place, "replay", "--diff", "--mapping", "clinic/record", "--json")
    assert ran.returncode == 1, "a pipeline can be stopped by it"
    found = {(k["path"], k["change"]): k["messages"] for k in map(json.loads, ran.stdout.splitlines())}
    assert found == {("country", "added"): 2, ("", "made now, refused before: M201"): 1}
    assert len(list((place / "out").iterdir())) == 2


def test_a_candidate_is_compared_under_its_own_name(place: Path) -> None:
    (place / "mappings/clinic/next.yaml").write_text(MAPPING.replace("M: male", "M: unknown"), "utf-8")
    ran = interpres(place, "replay", "--diff", "--mapping", "clinic/next", "--json")
    assert [json.loads(line)["path"] for line in ran.stdout.splitlines()] == ["sex"]
    (place / "mappings/clinic/other.yaml").write_text(MAPPING.replace("from: json", "from: csv"), "utf-8")
    ran = interpres(place, "replay", "--diff", "--mapping", "clinic/other")
    assert ran.returncode == 1 and "C162" in ran.stderr


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("--channel", "inn"), 1, "there is no channel 'inn' — did you mean 'in'?"),
        (("--channel", "in", "--to", "record"), 1, "there is no destination 'record' — did you mean 'records'?"),
        (("--to", "nowhere", "--diff"), 1, "there is no destination 'nowhere'"),
        (("--apply", "--yes"), 2, "say why"),
    ],
)
def test_a_slip_replays_nothing_and_is_told_before_anything_is_asked(
    words: tuple[str, ...], status: int, says: str, place: Path
) -> None:
    ran = interpres(place, "replay", *words)
    assert (ran.returncode, ran.stdout) == (status, ""), ran.stderr
    assert says in ran.stderr


def test_a_replay_shows_its_plan_and_is_done_by_the_next_engine(place: Path) -> None:
    edit(place, "sex: {M: male, F: female}", "sex: {M: male, F: female, X: unknown}")
    plan = interpres(place, "replay", "--state", "rejected")
    assert plan.returncode == 0 and "1 message would be processed once more" in plan.stdout, plan.stderr
    assert "1 of 1 would differ" in plan.stdout and "nothing was done" in plan.stderr
    unasked = interpres(place, "replay", "--state", "rejected", "--apply", "--reason", "the table has its row")
    assert unasked.returncode == 2 and "--yes" in unasked.stderr
    without = interpres(place, "replay", "--state", "rejected", "--apply", "--yes")
    assert without.returncode == 2 and "say why" in without.stderr
    begun = interpres(place, "replay", "--state", "rejected", "--apply", "--yes", "--reason", "the table has its row")
    assert begun.returncode == 0 and "the next one does it" in begun.stdout, begun.stderr
    ran = interpres(place, "run", "--until-idle")
    assert ran.returncode == 0, ran.stderr
    made = [json.loads(f.read_text()) for f in (place / "out").iterdir()]
    assert {"id": "P2", "sex": "unknown"} in made and len(made) == 3
    assert interpres(place, "verify").returncode == 0
    again = interpres(place, "replay", "--as-it-was", "--apply", "--yes", "--reason", "they lost them", "--json")
    assert again.returncode == 0, again.stderr
    ran = interpres(place, "run", "--until-idle")
    assert ran.returncode == 0, ran.stderr
    assert len(list((place / "out").iterdir())) == 6


def test_a_replay_that_was_not_begun_can_be_stopped(place: Path) -> None:
    interpres(place, "replay", "--apply", "--yes", "--reason", "by mistake")
    stopped = interpres(place, "replay", "--cancel", "1")
    assert stopped.returncode == 0 and "0 done, 3 left as they are" in stopped.stdout, stopped.stderr
    assert interpres(place, "replay", "--cancel", "1").returncode == 1
    assert interpres(place, "run", "--until-idle", "--quiet").returncode == 0
    assert len(list((place / "out").iterdir())) == 2
