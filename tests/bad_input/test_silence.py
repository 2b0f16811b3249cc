"""I13: the reference workspace plays all its samples, and no value of them is in a log, a receipt, a fault or on a screen."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from interpres.fault import Fault
from interpres.logs import to_file
from interpres.playing import Player
from interpres.samples import samples_in
from interpres.station import Station
from interpres.store.store import Search
from interpres.workspace import Workspace
from interpres.workspace.reference import copy_reference
from tests.bad_input.clinic import let_go_of_the_log
from tests.conftest import ROOT

SHORTEST = 5
SHORTEST_KHMER = 3
WORD = re.compile(r"[\w.+-]+")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
SIGNS = re.compile(r"[\r\n|^~&,;\t]+")


def leaves(file: Path) -> Iterator[str]:
    """Every smallest value of an input: of JSON its texts and numbers, else what stands between delimiters."""
    if file.suffix == ".json":
        open_ = [msgspec.json.decode(file.read_bytes())] if is_json(file) else []
        while open_:
            match open_.pop():
                case dict() as branch:
                    open_ += branch.values()
                case list() as row:
                    open_ += row
                case value:
                    yield str(value)
    else:
        yield from SIGNS.split(file.read_bytes().decode("utf-8", "replace"))


def is_json(file: Path) -> bool:
    try:
        msgspec.json.decode(file.read_bytes())
    except msgspec.DecodeError:
        return False
    return True


def canaries(workspace: Workspace) -> set[str]:
    """The values of all samples that stand in no recipe or sentence of ours: names, numbers, telephones, dates, texts."""
    recipes = text_of(workspace.folder / room for room in ("channels", "mappings", "schemas", "transforms"))
    ours = recipes + text_of([ROOT / "src/interpres"])
    values = {v.strip() for sample in samples_in(workspace) for f in sample.inputs for v in leaves(f)}
    latin = {v for v in values if v.isascii() and len(v) >= SHORTEST and v not in ours and not DAY.match(v)}
    khmer = {v for v in values if not v.isascii() and len(v) >= SHORTEST_KHMER and v not in recipes}
    return {v for v in latin | khmer if WORD.search(v)}


def text_of(rooms: Iterable[Path]) -> str:
    """Everything that can be read there, the simulated systems' own people apart."""
    files = [f for room in rooms for f in room.rglob("*") if "sandboxes" not in f.parts]
    return "\n".join(f.read_text("utf-8") for f in files if f.suffix in (".yaml", ".csv", ".json", ".py"))


def told(said: str, values: set[str]) -> set[str]:
    """Which of the values stand in what was said, as words of their own."""
    words = set(WORD.findall(said))
    return {v for v in values if (v in words if WORD.fullmatch(v) else v in said)}


def without_names(line: str) -> str:
    """A line of the log or a receipt without times, hashes, ids and names of files, which are allowed in them."""
    facts = json.loads(line)
    for name in ("timestamp", "received_at", "sha256", "file", "message_id"):
        facts.pop(name, None)
    return json.dumps(facts, ensure_ascii=False)


async def played(station: Station) -> list[tuple[str, list[Fault], Any]]:
    """Play everything; of every message what it is, its faults and warnings, and its deliveries."""
    calls = station.calls()
    engine = station.engine(calls)
    player = Player(engine)
    await engine.start()
    try:
        for sample in samples_in(station.workspace):
            await player.play(sample)
        async with asyncio.timeout(60):
            while not await engine.is_idle():
                await asyncio.sleep(0.05)
        found: list[tuple[str, list[Fault], Any]] = []
        for record in await engine.store.find(Search(limit=10_000)):
            story = await engine.store.story(record.sequence)
            assert story is not None
            faults = [*record.faults, *record.warnings, *(f for d in story.deliveries for f in d.faults)]
            faults += [f for d in story.deliveries for a in d.attempts for f in a.faults]
            found.append((record.state, faults, story))
        assert await engine.store.verify() == ()
        return found
    finally:
        await engine.drain()
        await calls.close()


def test_no_value_of_any_sample_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    copy_reference(tmp_path)
    system = tmp_path / "schemas/npca/system.yaml"
    system.write_text(system.read_text("utf-8").replace("per_second: 10", "per_second: 1000"), "utf-8")
    workspace = Workspace(tmp_path)
    values = canaries(workspace)
    assert len(values) > 200 and "សុភា" in "".join(values)
    to_file(tmp_path / "var/log/interpres.jsonl", echo=True)
    try:
        with Station(workspace) as station:
            station.start_sandboxes()
            station.listen_anywhere()
            found = asyncio.run(played(station))
    finally:
        let_go_of_the_log()

    states = [state for state, _, _ in found]
    assert {"processed", "rejected", "filtered"} <= set(states) and len(states) > 40
    faults = [f for _, several, _ in found for f in several]
    assert len(faults) > 40 and any(f.value in values for f in faults), "faults hold values, and must not tell them"
    assert told("\n".join(f"{f} {f!r} {f.line()}" for f in faults), values) == set()
    assert told("\n".join(repr(story) for _, _, story in found), values - names_of_files(found)) == set()

    receipts = list((tmp_path / "var/inbox").rglob("*.receipt.json"))
    assert len(receipts) > 10
    for file in receipts:
        assert told(without_names(file.read_text("utf-8")), values) == set(), file.name
        page = file.with_name(file.name.removesuffix("json") + "txt").read_text("utf-8").splitlines()
        assert told("\n".join(page[2:-1]), values) == set(), file.name
    log = (tmp_path / "var/log/interpres.jsonl").read_text("utf-8").splitlines()
    assert len(log) > 40
    assert told("\n".join(map(without_names, log)), values) == set()
    assert told("".join(capfd.readouterr()), values) == set()


def names_of_files(found: list[tuple[str, list[Fault], Any]]) -> set[str]:
    return {str(story.message.envelope.get("source_name", "")) for _, _, story in found}


def test_a_value_that_is_told_is_found(tmp_path: Path) -> None:
    """The search has teeth."""
    copy_reference(tmp_path)
    values = canaries(Workspace(tmp_path))
    assert {"សុភា", "+855965517302"} <= values
    assert all(value in told(f'{{"event": "no table has {value}"}}', values) for value in values)
    assert told("M201 visits[0].patient.sex: table sex has no row for this code [PID-8]", values) == set()
