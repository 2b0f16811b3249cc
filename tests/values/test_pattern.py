"""Pattern: the same answers as Python's own expressions, in time that grows with the text alone."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.fault import Fault
from interpres.values.pattern import pattern

PATTERNS = [
    r"^[-+]?[0-9.]+$",
    r"^([0-9.]+) *-",
    r"- *([0-9.]+)$",
    r"a|b|^c$",
    r"(a|ab)(c|bcd)(d*)",
    r"^(a+)+$",
    r"a{2,3}b{0}c?",
    r"^\d+(\.\d+)*$",
    r"[^a-c]x",
    r"(?:ab){1,2}$",
    r"x*",
    r"^$",
    r"",
    r"(a?){3}b",
    r"a{2,}",
    r"(a|b)*abb",
    r"(?i)aB+",
    r"[]a]b",
    r"[a-]b",
    r"a.b",
    r"\.\-\s\S",
    r"(|a)b",
    r"a{0,2}?b",
    r"(^a|b$)",
    r"[\d.-]+x",
]


SLIPS = [
    "(",
    ")",
    "a)",
    "[a",
    "*a",
    "a**",
    "a{",
    "a{x}",
    "a{2,1}",
    "a{1,99999}",
    "(?=a)",
    "(?P<n>a)",
    r"\1",
    r"\b",
    "\\",
    "[z-a]",
]
SLIPS += ["(a{1000}){1000}", "(" * 60 + ")" * 60, "[a-\\", "?", "{3}"]


@pytest.mark.parametrize("written", PATTERNS)
def test_it_answers_as_python_does(written: str) -> None:
    ours, theirs = pattern(written), re.compile(written.replace("$", r"\Z"))

    @settings(max_examples=150, deadline=None, database=None)
    @given(st.text(alphabet="abcdxAB.-10 ]\n", max_size=9))
    def agrees(text: str) -> None:
        assert ours.fits(text) == bool(theirs.search(text))

    agrees()


def test_no_text_makes_it_run_away() -> None:
    begin = time.perf_counter()
    assert not pattern("^(a+)+$").fits("a" * 50_000 + "b")
    assert not pattern("^(a|a)*(a|a)*(a|a)*$").fits("a" * 50_000 + "b")
    assert not pattern("(x+x+)+y").fits("x" * 50_000)
    assert time.perf_counter() - begin < 5


def test_what_it_remembers_is_bounded() -> None:
    asked = pattern("(a|b)*x")
    text = "".join(chr(c) for c in range(0x100, 0xD000))
    assert not asked.fits(text)
    assert not asked.fits(text)
    assert asked.fits(text + "x")


def test_words_of_every_script() -> None:
    assert pattern(r"^\w+$").fits("សុភា")
    assert pattern(r"^\w+$").fits("Nguyễn")
    assert not pattern(r"^\w+$").fits("a b")
    assert not pattern(r"^\d+$").fits("៣")
    assert pattern(r"^[\w ]+$").fits("ចាន់ សុភា")
    assert pattern(r"^\W$").fits("-")


def test_the_end_is_the_very_end() -> None:
    assert not pattern("^[0-9]+$").fits("12\n")


@pytest.mark.parametrize(
    "written",
    SLIPS,
)
def test_what_it_cannot_say_is_a_fault(written: str) -> None:
    with pytest.raises(Fault) as caught:
        pattern(written)
    assert caught.value.code == "M108"


@settings(max_examples=300, deadline=None, database=None)
@given(st.text(alphabet="ab|()[]{}*+?^$.\\-,0129dwsW", max_size=12), st.text(alphabet="ab01-", max_size=6))
def test_any_text_is_a_pattern_or_a_fault(written: str, text: str) -> None:
    try:
        asked = pattern(written)
    except Fault:
        return
    asked.fits(text)
