"""docs/how-to/deploy-a-change.md: a mapping with faults, and one that is wrong without any, and what the page says to do."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.how_to.pages import interpres, typed
from tests.how_to.test_an_unmapped_code import engine, message, place, send

__all__ = ["engine", "place"]

PROBLEM = "4XK2M7QR"
MESSAGE = "01KBM6Y3ZC4T8QW2N5R7V9XDHE"
"""What the page calls a problem and a message."""

MAPPING = Path("mappings", "npca", "visit_from_adt.yaml")
GOOD = "health_facility_code: =MSH-4.1"


@pytest.fixture
def commit(place: Path) -> Callable[[str], None]:
    """Write the mapping's line so, and commit it: the version before it is the good one."""

    def git(*words: str) -> None:
        who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
        subprocess.run(["git", *who, *words], cwd=place, check=True, capture_output=True)

    def made(line: str) -> None:
        file = place / MAPPING
        subprocess.run(["git", "checkout", "good", "--", str(MAPPING)], cwd=place, check=True, capture_output=True)
        git("reset", "--soft", "good")
        file.write_text(file.read_text("utf-8").replace(GOOD, line, 1), "utf-8")
        git("commit", "-qam", "a change")

    (place / ".gitignore").write_text("var/\n", "utf-8")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "good"), ("tag", "good")):
        git(*words)
    return made


def told(place: Path, line: str, status: int = 0, *more: str) -> str:
    """What a line of the page says, on either stream."""
    if not line.startswith("interpres "):
        return subprocess.run(["sh", "-c", line], cwd=place, check=True, capture_output=True, text=True).stdout
    ran = interpres(place, line, *more)
    assert ran.returncode == status, (line, ran.stdout, ran.stderr)
    return ran.stdout + ran.stderr


def messages(place: Path, *more: str) -> list[dict[str, Any]]:
    found = interpres(place, "interpres messages --json", *more).stdout.splitlines()
    return [json.loads(line) for line in found]


@pytest.mark.slow
def test_the_page_is_true(place: Path, engine: subprocess.Popen[bytes], commit: Callable[[str], None]) -> None:
    lines = iter(typed("deploy-a-change"))
    assert next(lines) == "interpres check"
    assert next(lines).startswith("interpres test ")
    assert send(place, message(1, "O")) == b"AA"

    commit("health_facility_code: =MSH-6.1")
    assert "refused now: V104" in told(place, next(lines), 1), "the comparison with real traffic would have shown it"
    reload_ = next(lines)

    commit("health_facility_code: =MSH-4.1 | uper")
    refused = told(place, reload_, 1)
    assert "adt_to_npca keeps what it had" in refused and f"{MAPPING}:31:40 M105" in refused
    assert send(place, message(2, "O")) == b"AA", "by the files of before"
    assert "M105" in told(place, next(lines))
    for _ in range(2):
        told(place, next(lines))
    assert "adt_to_npca did not change" in told(place, next(lines))

    commit("health_facility_code: =MSH-6.1")
    told(place, reload_)
    assert send(place, message(3, "O")) == b"AE"
    problem = re.match(r"\w+", told(place, next(lines)))
    assert problem
    (rejected,) = messages(place, "--state", "rejected")
    explained = told(place, next(lines).replace(MESSAGE, rejected["id"]))
    assert '"source":"MSH-6.1"' in explained and f"{MAPPING}:31:" in explained
    told(place, next(lines))
    assert "adt_to_npca goes by its new files" in told(place, next(lines))
    assert "to be processed anew" in told(place, next(lines).replace(PROBLEM, problem[0]), 0, "--yes")

    commit("health_facility_code: '120499'")
    told(place, reload_)
    assert send(place, message(4, "O")) == b"AA", "wrong, and taken"
    (place / MAPPING).write_text((place / MAPPING).read_text("utf-8").replace("health_facility_code: '120499'", GOOD), "utf-8")
    told(place, reload_)
    found = told(place, next(lines), 1)
    wrong = next(m["id"] for m in messages(place) if m["keys"]["visit"] == "V-N4")
    assert f"visits[].health_facility_code\tchanged\t{wrong}" in found and "1 of 4 messages differ" in found

    before = interpres(place, f"interpres show {wrong} --then --json")
    assert before.returncode == 0, before.stderr
    then = json.loads(before.stdout)
    assert then["same"] and then["changed_since"] == [str(MAPPING)], "as it was sent, by files that are others now"

    assert "replay 1 is done: 4 of 4" in told(place, next(lines), 0, "--yes")
    assert "byte for byte" in told(place, next(lines).replace(MESSAGE, wrong))
    assert '"source":"MSH-4.1"' in told(place, next(lines).replace(MESSAGE, wrong)), "its latest run is by the good files"
    assert next(lines, None) is None
