"""The verbs of whoever looks after the engine: as pasted, in a pipe and on a terminal, with the statuses that scripts rely on."""

from __future__ import annotations

import asyncio
import io
import json
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest

from interpres.cli import edit
from interpres.cli.main import main
from interpres.fault import Fault
from interpres.station import STORE
from interpres.store.cause import problem_name
from interpres.store.sqlite import SqliteStore
from tests.cli.test_verbs import help_of
from tests.conftest import ROOT
from tests.store.words import arrival, opened, owed, processed, settled

CHANNEL = "adt_to_npca"
UNMAPPED = Fault("M201", "table sex has no row for this code", "add the code to sex", value="X9")
REFUSED = Fault("N221", "the answer says: facility unknown", "ask NPCA", target="visits[0].facility_code")
UNCERTAIN = Fault("N302", "nobody can know whether the destination acted on it", "ask the other side")

VERBS = ("drop", "edit", "pause", "problems", "release", "reload", "replay", "resend", "resume", "status", "verify")


@dataclass
class Place:
    """A store of the reference workspace, with what is in it: ids of messages by what became of them, names of problems."""

    var: Path
    ids: dict[str, str]
    problems: dict[str, str]


@dataclass
class Said:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return asyncio.run(fill(tmp_path))


async def fill(var: Path) -> Place:
    async with opened(lambda: SqliteStore(var / STORE)) as store:
        for number in range(3):
            result = processed(state="rejected", faults=(UNMAPPED,))
            await store.accept(arrival(store, b"MSH|rejected %d\rPID|X9\r" % number, result, channel=CHANNEL, lane=f"r{number}"))
        for name, state, fault in (
            ("refused", "refused", REFUSED),
            ("held", "held", UNCERTAIN),
            ("delivered", "delivered", None),
        ):
            result = processed(owed(send_now=True))
            (one,) = await store.accept(arrival(store, name.encode(), result, channel=CHANNEL, lane=name))
            await store.settle(settled(one.delivery, state, faults=(fault,) if fault else ()))
        names = ("rejected", "", "", "refused", "held", "delivered")
        ids = {name: (await store.records(n, 1))[0].id for n, name in enumerate(names, 1) if name}
        problems = {p.fault.code: problem_name(p.cause) for p in await store.problems()}
        return Place(var, ids, problems)


class Terminal(io.StringIO):
    """Somebody who types this."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def say(place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Type a line in the reference workspace, in a pipe or (`typed`) on a terminal."""

    def said(*words: str, typed: str | None = None) -> Said:
        monkeypatch.setattr(sys, "argv", ["interpres", *words, "--workspace", str(ROOT), "--var", str(place.var)])
        monkeypatch.setattr(sys, "stdin", io.StringIO() if typed is None else Terminal(typed))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return Said(int(ended.value.code or 0), told.out, told.err)

    return said


def words_of_example(verb: str, place: Place) -> list[str]:
    line = help_of(verb)[1].removeprefix("Example: interpres ").replace("\n", " ")
    message = place.ids["held" if verb == "release" else "rejected"]
    line = line.replace("01KBM6Y3ZC4T8QW2N5R7V9XDHE", message)
    return shlex.split(line.replace("4XK2M7QR", place.problems["M201"]))


@pytest.mark.parametrize("verb", sorted(set(VERBS) - {"reload"}))
def test_the_example_works_as_pasted(verb: str, place: Place, say: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "corrected.hl7").write_bytes(b"MSH|corrected\r")
    monkeypatch.chdir(tmp_path)
    told = say(*words_of_example(verb, place))
    assert told.status == 0, told.err
    assert told.out


def test_what_only_a_running_engine_can_do_says_so(say: Any) -> None:
    told = say("reload")
    assert told.status == 3
    assert "E140 no engine runs here" in told.err
    assert "interpres run" in told.err


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("pause", CHANNEL), 2),
        (("pause", CHANNEL, "--reason", " "), 2),
        (("pause", "adt_to_npc", "--reason", "r"), 1),
        (("pause", f"{CHANNEL}/npac", "--reason", "r"), 1),
        (("resend", "--reason", "r"), 2),
        (("resend", "01ZZZZ", "--problem", "X", "--reason", "r"), 2),
        (("resend", "01ZZZZ", "--reason", "r"), 1),
        (("drop", "--problem", "ZZZZZZZZ", "--reason", "r"), 1),
        (("problems", "ZZZZZZZZ"), 1),
        (("edit", "01ZZZZ", "--reason", "r", "--file", "no such file"), 1),
    ],
)
def test_exit_statuses_are_as_promised(words: tuple[str, ...], status: int, say: Any) -> None:
    told = say(*words)
    assert told.status == status, told.err
    assert told.err


def test_a_slip_in_a_channels_name_is_met_with_the_right_one(say: Any) -> None:
    assert "did you mean 'adt_to_npca'?" in say("pause", "adt_to_npc", "--reason", "r").err
    assert "did you mean 'npca'?" in say("pause", f"{CHANNEL}/npac", "--reason", "r").err


def test_status_tells_each_road_and_each_destination(say: Any) -> None:
    say("pause", f"{CHANNEL}/npca", "--reason", "an update")
    told = say("status")
    assert told.out.startswith("no engine runs here")
    (line,) = [x for x in told.out.splitlines() if x.startswith(CHANNEL)]
    assert "6 taken, 3 rejected" in line
    (below,) = [x for x in told.out.splitlines() if x.startswith("    → npca  paused since ")]
    assert below.endswith("an update  ·  nothing waits, 1 held, 1 refused, 1 delivered") or "1 delivered, last at" in below
    facts = next(c for c in say("status", "--json").json["channels"] if c["channel"] == CHANNEL)
    assert facts["messages"] == {"processed": 3, "rejected": 3}
    assert facts["destinations"][0]["paused"]["reason"] == "an update"


def test_verify_proves_and_disproves(say: Any, place: Place) -> None:
    assert "6 messages and 3 deliveries are all there" in say("verify").out
    db = apsw.Connection(str(place.var / STORE))
    db.execute("update message set state = 'filtered' where id = 1")
    db.close()
    told = say("verify")
    assert told.status == 1
    assert "E125" in told.err


def test_problems_tell_what_is_wrong_and_what_can_be_done(say: Any, place: Place) -> None:
    told = say("problems")
    assert told.err.strip() == "3 problems"
    first = told.out.split("\n\n")[0].splitlines()
    assert first[0] == f"{place.problems['M201']}  table sex has no row for this code (X9)"
    assert first[1].startswith(f"    {CHANNEL}: 3 messages, ")
    assert f'    → interpres release --problem {place.problems["N302"]} --delivered --reason "…"' in told.out
    full = say("problems", place.problems["N221"].lower())
    assert place.ids["refused"] in full.out
    assert "visits[].facility_code: the answer says" in full.out
    rows = [json.loads(line) for line in say("problems", "--json").out.splitlines()]
    assert {row["problem"] for row in rows} == set(place.problems.values())
    assert say("problems", "--channel", "csv_to_npca").err.strip() == "nothing needs a person"


def test_more_than_one_is_shown_and_asked_about(say: Any, place: Place) -> None:
    resend = ("resend", "--problem", place.problems["M201"], "--reason", "it is mapped now")
    piped = say(*resend)
    assert piped.status == 2
    assert "3 messages of adt_to_npca would be processed again" in piped.err
    assert "--yes" in piped.err
    no = say(*resend, typed="n\n")
    assert (no.status, no.out.strip()) == (1, "")
    assert "nothing was done" in no.err
    yes = say(*resend, typed="y\n")
    assert yes.status == 0, yes.err
    assert "3 messages of adt_to_npca" in yes.out
    assert "no engine runs here; the next one goes on with it" in yes.err
    assert len(say("problems").out.split("→ interpres drop")) == 3, "two are left"


def test_one_is_not_asked_about_and_its_reason_is_shown_with_it(say: Any, place: Place) -> None:
    told = say("release", place.ids["held"][:20], "--delivered", "--reason", "NPCA has it")
    assert told.status == 0, told.err
    assert "1 delivery of adt_to_npca to npca: marked as delivered" in told.out
    shown = say("show", place.ids["held"])
    assert re.search(r"\S+ marked it as delivered to npca: NPCA has it", shown.out)
    assert say("release", place.ids["held"], "--reason", "r").status == 1


def test_what_is_left_alone_is_told_with_its_reason(say: Any, place: Place) -> None:
    told = say("resend", place.ids["delivered"], place.ids["refused"], "--reason", "r")
    assert told.status == 0
    assert "left alone: 1 (what is owed to npca is delivered)" in told.err
    for word, instead in (("drop", "it stays delivered"), ("resend", "interpres replay"), ("release", "interpres resend")):
        alone = say(word, place.ids["delivered"], "--reason", "r")
        assert (alone.status, "nothing was done" in alone.err, instead in alone.err) == (1, True, True), alone.err


def test_json_is_one_object_a_line(say: Any, place: Place) -> None:
    told = say("drop", "--problem", place.problems["M201"], "--reason", "test patients", "--yes", "--json")
    assert told.json["done"] == 3
    assert say("pause", CHANNEL, "--reason", "r", "--json").json["paused"]["reason"] == "r"
    assert say("resume", CHANNEL, "--reason", "r", "--json").json["was"]["reason"] == "r"
    assert say("verify", "--json").json["faults"] == []


def test_an_edit_shows_the_difference_and_is_a_run_beside_what_came(say: Any, place: Place, tmp_path: Path) -> None:
    (tmp_path / "new.hl7").write_bytes(b"MSH|rejected 0\rPID|M\r")
    words = ("edit", place.ids["rejected"], "--reason", "misspelt", "--file", str(tmp_path / "new.hl7"))
    no = say(*words, typed="n\n")
    assert no.status == 1
    assert "-PID|X9" in no.err
    assert "+PID|M" in no.err
    assert say(*words).status == 2
    assert say(*words, "--yes").status == 0
    shown = json.loads(say("show", place.ids["rejected"], "--json").out)
    assert [(r["kind"], r["edited"], r["reason"]) for r in shown["runs"]] == [("", False, ""), ("edit", True, "misspelt")]
    assert say("show", place.ids["rejected"], "--raw").out == "MSH|rejected 0\rPID|X9\r"
    text = say("show", place.ids["rejected"]).out
    assert "run 1 (edit, with other bytes)" in text
    assert "edited it: misspelt" in text
    (tmp_path / "new.hl7").write_bytes(b"MSH|rejected 0\rPID|M\r")
    same = say(*words, "--yes")
    assert (same.status, "nothing was changed" in same.err) == (1, True)


EDITOR = """
import pathlib, stat, sys
file = pathlib.Path(sys.argv[1])
assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
body = file.read_bytes()
assert b"\\r" not in body, body
file.write_bytes(body.replace(b"X9", "ប្រុស".encode()) + b"\\n" * body.endswith(b"Z"))
pathlib.Path(sys.argv[0]).with_name("seen").write_text(str(file))
"""


@pytest.mark.parametrize("end", [b"\r", b"\rZ"], ids=["with its end", "without"])
def test_an_editor_sees_segments_as_lines_and_nothing_remains(
    end: bytes, say: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "editor.py").write_text(EDITOR)
    monkeypatch.setenv("VISUAL", f"{sys.executable} {tmp_path / 'editor.py'}")
    monkeypatch.setattr(sys, "stdin", Terminal())
    after = edit._edited(b"MSH|a\rPID|X9" + end)
    assert after == "MSH|a\rPID|ប្រុស".encode() + end
    assert not Path((tmp_path / "seen").read_text()).exists()


@pytest.mark.parametrize("editor", ["no-such-editor-here", f"{sys.executable} -c 'raise SystemExit(3)'"])
def test_an_editor_that_fails_does_nothing(editor: str, say: Any, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", editor)
    told = say("edit", place.ids["rejected"], "--reason", "r", typed="y\n")
    assert told.status == 3
    assert "E148" in told.err
    assert say("edit", place.ids["rejected"], "--reason", "r").status == 2, "no terminal, no editor"


def test_bodies_that_are_lines_are_edited_as_they_stand() -> None:
    assert list(edit.difference(b"a\nb\n", b"a\nc\x1b[2J\n"))[-2:] == ["-b", "+c\\x1b[2J"]
