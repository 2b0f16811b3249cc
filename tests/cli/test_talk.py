"""Talk: nothing that a message holds moves a terminal's cursor, turns its writing or begins a line of its own."""

from __future__ import annotations

import io
import json
import re
from types import SimpleNamespace

import pytest

from interpres.cli import talk
from interpres.fault import Fault

NAUGHTY = "\x1b[31m\x9b2J\u202eend\u2028\r\n\t\x7f"
KHMER = "ចាន់\u200bសុភា"


class Screen(io.TextIOWrapper):
    """Standard output as a terminal or a pipe."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__(io.BytesIO(), "utf-8")
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    @property
    def shown(self) -> bytes:
        self.flush()
        found = self.buffer
        assert isinstance(found, io.BytesIO)
        return found.getvalue()


@pytest.fixture(params=[True, False], ids=["terminal", "pipe"])
def screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Screen:
    made = Screen(terminal=request.param)
    monkeypatch.setattr(talk, "sys", SimpleNamespace(stdout=made, stderr=made))
    talk.manner()
    return made


def obeyed(shown: bytes) -> list[str]:
    """The signs that a terminal would act on, beside the line ends that are ours."""
    return [c for c in shown.decode() if not c.isprintable() and c not in "\n\u200b"]


def test_faults_stay_on_their_line_whatever_their_source_was_called(screen: Screen) -> None:
    talk.faults([Fault("J004", "a key is there twice", source=NAUGHTY, value=NAUGHTY)], values=True, prefix=f"{NAUGHTY}: ")
    assert not obeyed(screen.shown) and screen.shown.count(b"\n") == 1


def test_a_long_line_is_broken_between_words_at_a_terminal_only(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    told = f"    {'seven   ' * 20}mappings/npca/tables/{'long-' * 20}name.csv"
    talk.line(told)
    lines = screen.shown.decode().splitlines()
    assert " ".join(" ".join(lines).split()) == " ".join(told.split())
    if screen.terminal:
        assert len(lines) > 2 and all(len(line) <= 80 for line in lines if "/" not in line)
        assert lines[0].startswith("    seven") and lines[1].startswith("        seven")
    else:
        assert lines == [told], "whatever reads a pipe breaks its own lines"


def test_a_table_without_rows_has_no_headings_either(screen: Screen) -> None:
    talk.table(("received", "why"), [])
    assert screen.shown == b""


def test_json_is_the_same_json_and_obeyed_by_no_terminal(screen: Screen) -> None:
    talk.row({"name": NAUGHTY + KHMER})
    assert json.loads(screen.shown) == {"name": NAUGHTY + KHMER}
    assert KHMER.encode() in screen.shown
    assert bool(obeyed(screen.shown)) is not screen.terminal


def test_tables_have_a_line_for_each_row(screen: Screen) -> None:
    talk.table(("a", "b"), [[NAUGHTY, KHMER], ["x", "y"]])
    shown = re.sub(r"\x1b\[[0-3]?m", "", screen.shown.decode()) if screen.terminal else screen.shown.decode()
    assert not [c for c in obeyed(shown.encode()) if c != "\t"]
    assert screen.terminal or shown.count("\n") == 2


def test_content_is_exact_in_a_pipe_and_shown_line_by_line_at_a_terminal(screen: Screen) -> None:
    body = f"MSH|{NAUGHTY}\rPID|{KHMER}\r".encode() + b"\xff"
    talk.content(body)
    if screen.terminal:
        assert not obeyed(screen.shown) and b"\nPID|" in screen.shown
    else:
        assert screen.shown == body


@pytest.mark.parametrize("wide", [80, 120, 200])
def test_ids_and_places_are_whole_on_every_terminal(wide: int, screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(wide))
    ids = [c * 26 for c in "ABC"]
    talk.table(("first", "second", "third", "why"), [[*ids, "a sentence that is long " * 9]], head=2)
    shown = screen.shown.decode()
    assert all(i in shown for i in ids)
    assert not screen.terminal or max(map(len, re.sub(r"\x1b\[\d*m", "", shown).splitlines())) <= wide
