"""store: checked, copied, brought back and pruned from the command line, as the page for its keeper says."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import pytest

from interpres.cli.main import main
from interpres.station import STORE
from interpres.store.sqlite import SqliteStore
from tests.conftest import ROOT
from tests.store.words import arrival, opened, owed, processed, settled

OLD_MS, NEW_MS = 1_500_000_000_000, 1_800_000_000_000
CHANNEL = """about: Visits become records.
source:
  folder: {path: in}
format: json
retention: {content: 90d, metadata: 400d}
destinations:
  out: {folder: {path: out}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A workspace whose store holds old and new messages of a channel with a retention, and of one that is gone."""
    (tmp_path / "mappings").mkdir()
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "visits.yaml").write_text(CHANNEL)
    (tmp_path / "var").mkdir()
    asyncio.run(fill(tmp_path / "var" / STORE))
    return tmp_path


async def fill(file: Path) -> None:
    async with opened(lambda: SqliteStore(file)) as store:
        for channel in ("visits", "gone"):
            for n in range(60):
                (one,) = await store.accept(of(store, channel, b"old %d" % n, OLD_MS))
                await store.settle(settled(one.delivery, "delivered"))
            (one,) = await store.accept(of(store, channel, b"new", NEW_MS))
            await store.settle(settled(one.delivery, "delivered"))
            await store.accept(of(store, channel, b"under way", OLD_MS))


def of(store: Any, channel: str, body: bytes, at_ms: int) -> Any:
    result = processed(owed(random.Random(body).randbytes(3000), destination="out", send_now=True))
    return arrival(store, body, result, lane=body.decode(), channel=channel, at_ms=at_ms)


class Asked(NamedTuple):
    stdout: bytes
    stderr: bytes


class Desk:
    """The command line, in this process: its verbs and what they say are the same."""

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch, told: pytest.CaptureFixture[bytes]) -> None:
        self.place = place
        self.monkeypatch = monkeypatch
        self.told = told
        monkeypatch.chdir(place)

    def say(self, *words: str, status: int = 0) -> Asked:
        self.monkeypatch.setattr(sys, "argv", ["interpres", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = Asked(*self.told.readouterr())
        assert ended.value.code == status, said.stderr.decode()
        return said

    def __call__(self, *words: str, status: int = 0) -> Asked:
        return self.say("store", *words, status=status)

    def facts(self, *words: str, status: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self(*words, "--json", status=status).stdout)
        return found

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.say("messages", "--json", "--limit", "500").stdout.splitlines()]


@pytest.fixture
def ask(place: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Desk:
    return Desk(place, monkeypatch, capsysbinary)


def test_a_store_is_checked_to_its_last_byte(ask: Desk) -> None:
    told = ask("check", "--deep")
    assert told.stdout.startswith(b"looked at 124 messages, 124 deliveries")
    assert b"compared 248 contents" in told.stdout and b"the store is whole" in told.stderr
    assert ask.facts("check")["faults"] == []


def test_what_is_damaged_is_told_with_its_message_and_what_to_do(place: Path, ask: Desk) -> None:
    with apsw.Connection(str(place / "var" / STORE)) as db:
        db.execute("update body set codec = 0, z = zeroblob(5) where id = 1")
    db.close()
    told = ask("check", "--deep", status=1).stderr.decode()
    assert "E151 the message cannot be read as it was stored [message 01" in told and "all else is served" in told
    assert ask.facts("check", "--deep", status=1)["faults"][0]["code"] == "E151"


def test_a_backup_is_made_and_brought_back(place: Path, ask: Desk) -> None:
    made = ask.facts("backup", "copy.sqlite")
    assert (made["messages"], made["deliveries"]) == (124, 124) and len(made["sha256"]) == 64
    assert b"E152" in ask("backup", "copy.sqlite", status=3).stderr
    assert b"E155" in ask("restore", "copy.sqlite", status=3).stderr
    told = ask("restore", "copy.sqlite", "--replace")
    assert b"124 messages and 124 deliveries are back" in told.stdout and b".before-" in told.stdout
    said = told.stderr.decode()
    assert f"not in it: whatever was accepted after {made['at']}" in said
    assert "2 were being sent then" in said and "honours keys acts on each once" in said
    assert ask("check", "--deep")


def test_pruning_shows_a_plan_and_then_does_it(place: Path, ask: Desk) -> None:
    before = (place / "var" / STORE).stat().st_size
    told = ask("prune")
    assert told.stdout.decode().splitlines() == [
        "gone\teverything\t0\t0\t\t",
        "visits\tcontent 90d, metadata 400d\t0\t60\t180.3 kB\t1 open",
    ]
    assert b"nothing was removed" in told.stderr and len(ask.messages()) == 124
    done = ask.facts("prune", "--apply")
    assert (done["content"], done["metadata"], done["engine"]) == (60, 60, False)
    assert done["after_bytes"] < done["before_bytes"] and (place / "var" / STORE).stat().st_size < before
    assert len(ask.messages()) == 64 and ask("check", "--deep")


def test_an_age_can_be_said_instead_of_the_channels_own(ask: Desk) -> None:
    (plan,) = ask.facts("prune", "--channel", "gone", "--older-than", "30d")["channels"]
    assert (plan["content"], plan["metadata"], plan["open"]) == (60, 0, 1)
    ask("prune", "--channel", "gone", "--older-than", "30d", "--apply")
    (id_, *_) = [m["id"] for m in ask.messages() if m["channel"] == "gone" and m["pruned_at"]]
    shown = ask.say("show", id_)
    assert b"N350 the content of this message was removed" in shown.stdout and b"delivered" in shown.stdout
    raw = ask.say("show", id_, "--raw", status=1)
    assert b"N350" in raw.stderr and not raw.stdout
    assert ask.facts("check", "--deep")["pruned"] == 60
    (plan,) = ask.facts("prune", "--channel", "gone", "--older-than", "30d", "--metadata")["channels"]
    assert plan["metadata"] == 60


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["prune", "--older-than", "soon"], 2),
        (["prune", "--metadata"], 2),
        (["prune", "--channel", "vists"], 1),
        (["restore", "nowhere.sqlite"], 2),
        (["backup", "nowhere/copy.sqlite"], 3),
        (["backup", "copy.sqlite", "--var", "elsewhere"], 3),
        (["check", "--var", "elsewhere"], 3),
        (["mend"], 2),
    ],
)
def test_what_cannot_be_done_is_said(ask: Desk, words: list[str], status: int) -> None:
    assert ask(*words, status=status).stderr


def test_the_page_for_its_keeper_does_what_it_says(place: Path, ask: Desk) -> None:
    """Every command of the page, in its order."""
    page = (ROOT / "docs" / "how-to" / "keep-the-store.md").read_text("utf-8")
    lines = [line for block in page.split("```sh\n")[1:] for line in block.split("```")[0].splitlines()]
    (place / "media").mkdir()
    for line in lines:
        assert line.startswith("interpres store "), line
        words = line.replace("/media/backup", "media").replace('"', "").replace("$(date -u +%Y-%m-%dT%H%M)", "now").split()
        ask(*words[2:])
    assert (place / "media" / "interpres-today.sqlite").is_file() and list((place / "var").glob("*.before-*"))
    assert len(ask.messages()) == 64, "what was old, settled and of the channel that was named is gone"
