"""The how-to page on watching: what it shows is what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from interpres import catalog
from interpres.installation import installation_faults, read_installation
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "how-to" / "watch-it.md"
TEXT = PAGE.read_text("utf-8")
SECRETS = {"SMTP_PASSWORD": "x", "BOARD_URL": "http://127.0.0.1:9", "BOARD_SECRET": "y"}


def test_its_file_is_one_that_interpres_takes(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "interpres.yaml").write_text(block, "utf-8")
    assert installation_faults(tmp_path, ["night_batch"], SECRETS) == []
    here = read_installation(tmp_path, SECRETS)
    assert [r.name for r in here.recipients] == ["ops", "pager", "board"]


def test_every_rule_has_its_row() -> None:
    rows = re.findall(r"^\| `([a-z]+)` \|", TEXT, re.MULTILINE)
    assert sorted(rows) == sorted(catalog.names("alerts"))


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", TEXT))))
def test_its_links_lead_somewhere(target: str) -> None:
    assert (PAGE.parent / target).is_file()


def test_a_line_of_the_log_is_found_as_it_says(tmp_path: Path) -> None:
    from structlog import get_logger

    from interpres.logs import to_file
    from tests.bad_input.clinic import let_go_of_the_log

    wanted = re.findall(r"grep '(.*?)'", TEXT)[0]
    to_file(tmp_path / "log.jsonl")
    try:
        get_logger("interpres.engine").warning("a message is rejected", message_id=json.loads(f"{{{wanted}}}")["message_id"])
    finally:
        let_go_of_the_log()
    assert wanted in (tmp_path / "log.jsonl").read_text("utf-8")
