"""Pinning: whatever decides what a channel makes of a message is in the recipe's hash and among its files; nothing else is."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from interpres.channel import Recipe
from interpres.fault import Faults
from interpres.workspace import Workspace, pinning
from interpres.workspace.pinning import VERSIONS, bytes_of
from interpres.workspace.reference import copy_reference
from tests.conftest import ROOT

CHANNEL = "oru_to_npca"
RECIPE = Workspace(ROOT).recipe(CHANNEL)

SMALL = {
    "channels/notes.yaml": """about: Notes are kept.
source: {http: {port: 0, path: /, callers: {api_key: {header: X-Key, key: '${FRONT_DOOR_KEY}'}}}}
format: json
destinations: {archive: {mapping: note, folder: {path: out}}}
""",
    "mappings/note.yaml": "about: A note.\nfrom: json\noutput: {said: =text}\n",
}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A workspace that is read quickly."""
    for name, text in SMALL.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "transforms").mkdir()
    return tmp_path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    copy_reference(tmp_path)
    return tmp_path


def pinned(place: Path, channel: str = CHANNEL) -> Recipe:
    return Workspace(place).recipe(channel)


def added(file: Path, text: str) -> None:
    file.write_text(file.read_text("utf-8") + text, "utf-8")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("channels/oru_to_npca.yaml", "# a remark\n"),
        ("mappings/npca/visit_from_oru.yaml", "# a remark\n"),
        ("mappings/npca/parts/patient_from_pid.yaml", "# a remark\n"),
        ("mappings/npca/tables/sex.csv", "\n"),
        ("schemas/npca/visit.json", "\n"),
        ("schemas/npca/types.json", "\n"),
        ("schemas/npca/codes.json", "\n"),
        ("schemas/npca/rules.yaml", "# a remark\n"),
        ("transforms/khmer.py", "# a remark\n"),
    ],
)
def test_a_change_of_any_file_that_decides_is_another_recipe(place: Path, name: str, text: str) -> None:
    added(place / name, text)
    after = pinned(place)
    assert after.digest != RECIPE.digest and after.files[name] == RECIPE.files[name] + text
    assert {n for n in after.files if after.files[n] != RECIPE.files[n]} == {name}


def test_what_a_channel_accepts_is_part_of_it_with_all_that_it_refers_to(small: Path) -> None:
    before = pinned(small, "notes").digest
    (small / "schemas" / "notes").mkdir(parents=True)
    (small / "schemas" / "notes" / "note.json").write_text('{"properties": {"text": {"$ref": "types.json#/$defs/text"}}}')
    (small / "schemas" / "notes" / "types.json").write_text('{"$defs": {"text": {"type": "string"}}}')
    added(small / "channels" / "notes.yaml", "accepts: notes/note\n")
    accepting = pinned(small, "notes")
    assert accepting.digest != before
    assert {"schemas/notes/note.json", "schemas/notes/types.json"} < accepting.files.keys()
    (small / "schemas" / "notes" / "types.json").write_text('{"$defs": {"text": {"type": "number"}}}')
    assert pinned(small, "notes").digest != accepting.digest


def test_what_others_are_made_of_and_where_systems_are_is_no_part_of_it(place: Path) -> None:
    """Address, sign-in, limits and retry are always today's."""
    for name in (
        "channels/csv_to_npca.yaml",
        "mappings/npca/visit_from_csv.yaml",
        "schemas/npca/openapi.yaml",
        "schemas/fhir/r4.yaml",
    ):
        added(place / name, "# a remark\n")
    file = place / "schemas" / "npca" / "system.yaml"
    file.write_text(file.read_text("utf-8").replace("per_second: 10", "per_second: 5"), "utf-8")
    assert pinned(place).digest == RECIPE.digest


def test_other_versions_of_what_judges_make_another_recipe(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later = {**pinning.versions(), "hl7apy": "2.0"}
    monkeypatch.setattr(pinning, "versions", lambda: later)
    after = pinned(place)
    assert after.digest != RECIPE.digest and '"hl7apy": "2.0"' in after.files[VERSIONS]
    assert {n for n in after.files if after.files[n] != RECIPE.files[n]} == {VERSIONS}


def test_secrets_are_kept_as_their_names(small: Path) -> None:
    (small / ".env").write_text("FRONT_DOOR_KEY=hunter2\n", "utf-8")
    (small / ".env").chmod(0o600)
    files = pinned(small, "notes").files
    assert "${FRONT_DOOR_KEY}" in files["channels/notes.yaml"]
    assert not any("hunter2" in text for text in files.values())


def test_bytes_that_are_no_text_are_kept_as_they_are(small: Path) -> None:
    content = b"# -*- coding: latin-1 -*-\r\n# caf\xe9\r\n"
    (small / "transforms" / "mine.py").write_bytes(content)
    assert bytes_of(pinned(small, "notes").files["transforms/mine.py"]) == content


def test_a_transform_is_what_its_file_says_now_not_what_python_kept_of_it(small: Path) -> None:
    """Two texts of the same length within one second: bytecode kept beside the file could not tell them apart."""
    file = small / "transforms" / "mine.py"
    transform = '"""Mine."""\n\n\ndef mine(text: str) -> str:\n    """Mine."""\n    return "{}"\n'

    def said(word: str) -> str:
        file.write_text(transform.format(word), "utf-8")
        os.utime(file, (1_800_000_000, 1_800_000_000))
        result = Workspace(small).transforms["mine"].function("")
        assert isinstance(result, str)
        return result

    assert [said("one"), said("two")] == ["one", "two"]
    assert not (small / "transforms" / "__pycache__").exists()


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("def broken(:\n", 1, "SyntaxError"),
        ("import re\nimport not_there\n", 2, "ModuleNotFoundError"),
        ("x = 1 / 0\n", 1, "Zero"),
    ],
)
def test_a_transform_that_python_cannot_run_is_a_fault_at_its_line(small: Path, text: str, line: int, says: str) -> None:
    (small / "transforms" / "mine.py").write_text(text, "utf-8")
    with pytest.raises(Faults) as wrong:
        pinned(small, "notes")
    (fault,) = wrong.value
    assert (str(fault.at), says in fault.says) == (f"transforms/mine.py:{line}:1", True)
    assert [f.code for f in Workspace(small).check() if f.level == "fault"] == ["C170"]


def test_a_promise_knows_every_file_that_it_was_made_of() -> None:
    here = Workspace(ROOT)
    files: Callable[[str], set[str]] = lambda name: set(here.schema(name).files)  # noqa: E731
    assert files("hl7v2/adt") == {"schemas/hl7v2/adt.yaml"}
    assert files("fhir/r4/Bundle") == {"schemas/fhir/r4.yaml"}
    visit = files("npca/visit")
    assert {"schemas/npca/visit.json", "schemas/npca/types.json", "schemas/npca/codes.json", "schemas/npca/rules.yaml"} <= visit
    assert "schemas/npca/token.json" not in visit and "schemas/npca/openapi.yaml" not in visit
