"""Channel files: what is wrong with one is told with its place, all of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpres.fault import Faults
from interpres.workspace import Workspace
from interpres.workspace.reference import copy_reference

CHANNEL = """about: Visits become records.
source:
  mllp: {port: 0}
format: hl7v2
timezone: Asia/Phnom_Penh
keep: =MSH-9.1 = 'ADT'
keys:
  visit: =PV1-19.1
lane: =visit
enrich:
  beneficiary:
    call: npca/searchBeneficiary
    with: {card_code: "=PID-3[5 = 'EC'].1"}
    take: =data
destinations:
  npca:
    mapping: npca/visit_from_adt
    call: npca/submitVisit
"""

WRONG = {
    "a word misspelt": ("keep:", "kep:", "6:1 C101 there is no key 'kep' here — did you mean 'keep'?"),
    "a source that there is not": ("mllp:", "mlpp:", "3:3 C110 there is no source 'mlpp' — did you mean 'mllp'?"),
    "two sources": ("  mllp: {port: 0}", "  mllp: {port: 0}\n  folder: {path: in}", "2:1 C111 source names more than one part"),
    "a setting misspelt": ("port: 0", "prot: 0", "C101 there is no key 'prot' here — did you mean 'port'?"),
    "a time zone that there is not": ("Asia/Phnom_Penh", "Asia/Phnom_Pen", "5:1 C120 there is no time zone 'Asia/Phnom_Pen'"),
    "no formula": ("keep: =MSH-9.1 = 'ADT'", "keep: MSH-9.1", "6:7 C121 keep is not a formula — begin it with '='"),
    "a formula that is cut short": ("lane: =visit", "lane: =visit &", "9:"),
    "a name that there is not": ("lane: =visit", "lane: =vist", "M105"),
    "a mapping that there is not": (
        "npca/visit_from_adt",
        "npca/visit_from_atd",
        "17:5 C151 there is no mapping 'npca/visit_from_atd'",
    ),
    "an operation that there is not": ("submitVisit", "submitVisits", "18:5 C132 npca has no operation 'submitVisits'"),
    "a parameter that there is not": ("card_code:", "card:", "C133 npca/searchBeneficiary has no parameter 'card'"),
    "a system that there is not": ("call: npca/search", "call: npac/search", "12:5 C152 there is no system 'npac'"),
    "a context name that nobody supplies": ("beneficiary:\n", "benefit:\n", "C131 npca/visit_from_adt needs 'beneficiary'"),
    "a format that the mapping does not read": ("format: hl7v2", "format: json", "C130 this channel brings json"),
    "a length of time that is none": ("take: =data", "take: =data\n    keep_for: soon", "C104 a length of time is wanted"),
    "content kept longer than what it belongs to": (
        "lane: =visit",
        "lane: =visit\nretention: {content: 90d, metadata: 30d}",
        "C104 content cannot be kept longer than metadata",
    ),
    "a trace that goes before its duplicates": (
        "lane: =visit",
        "lane: =visit\nretention: {metadata: 1d}",
        "10:13 C122 a duplicate is recognised for 7d, and metadata goes before that",
    ),
}


def told(place: Path, text: str) -> list[str]:
    (place / "channels" / "tried.yaml").write_text(text, "utf-8")
    try:
        Workspace(place).recipe("tried")
    except Faults as wrong:
        return [f.line() for f in wrong]
    return []


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("workspace")
    copy_reference(folder)
    return folder


def test_a_good_channel_has_no_fault_and_is_pinned(place: Path) -> None:
    assert told(place, CHANNEL) == []
    recipe = Workspace(place).recipe("tried")
    assert len(recipe.digest) == 64
    assert {"channels/tried.yaml", "mappings/npca/visit_from_adt.yaml", "mappings/npca/parts/ncdd_address.yaml"} <= set(
        recipe.files
    )


@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_told_at_its_place(place: Path, mistake: str) -> None:
    right, wrong, sentence = WRONG[mistake]
    assert right in CHANNEL
    found = told(place, CHANNEL.replace(right, wrong, 1))
    assert any(line.startswith("channels/tried.yaml:") and sentence in line for line in found), found


def test_all_mistakes_of_a_file_are_told_at_once(place: Path) -> None:
    text = (
        CHANNEL.replace("submitVisit", "submitVisits")
        .replace("Asia/Phnom_Penh", "Nowhere")
        .replace("lane: =visit", "lane: visit")
    )
    assert len(told(place, text)) == 3


def test_the_digest_follows_whatever_the_recipe_is_made_of(place: Path) -> None:
    before = Workspace(place).recipe("adt_to_npca").digest
    table = place / "mappings" / "npca" / "tables" / "sex.csv"
    text = table.read_text("utf-8")
    table.write_text(text + "X,F,\n", "utf-8")
    assert Workspace(place).recipe("adt_to_npca").digest != before
    table.write_text(text, "utf-8")
    assert Workspace(place).recipe("adt_to_npca").digest == before
