"""capture.py: what a pattern takes is what Python's `re` takes, in time that grows with the text alone."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.fault import Fault
from interpres.values.capture import capture

PATTERNS = [
    "^([0-9.]+) *-", "- *([0-9.]+)$", "a(b*)c", "(a|ab)(c|bcd)", "a*(b)?", "x([^;]*);", "(a+)+b", "[0-9]+", "(?:ab)*(c{2,3})",
    "^$", "(a|b)*c", "a?(a?)a", "(ab|a)b?", "(?i)A(b)", "a{2}(b{0,2})", "(a(b))",
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PATTERNS), st.text(alphabet="abcx;12.- ", max_size=10))
def test_it_takes_what_re_takes(pattern: str, text: str) -> None:
    found = re.search(pattern, text)
    expected = None if found is None else found[1 if found.re.groups else 0]
    assert capture(pattern).take(text) == expected


def test_no_text_makes_it_run_away() -> None:
    begin = time.perf_counter()
    assert capture("(a+)+b").take("a" * 40_000) is None
    assert capture("(a+)+b").take("a" * 5_000 + "b") == "a" * 5_000
    assert time.perf_counter() - begin < 5


@pytest.mark.parametrize("pattern", ["(", "a**", "(a*?)", r"\1", "(?=a)", "(?P<n>a)", "[z-a]", "a{3,1}"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(Fault) as caught:
        capture(pattern)
    assert caught.value.code == "M108"
