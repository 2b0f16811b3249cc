"""Splitting: every message of an intake is one slice, and the slices leave no byte out."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.fault import Fault
from tests.formats.hl7v2.messages import HL7, tree, value


def one(control_id: str = "1", end: str = "\r") -> str:
    return f"MSH|^~\\&|A|B|C|D|2026||ADT^A04|{control_id}|P|2.5{end}PID|||{control_id}{end}"


def parts(body: bytes) -> list[bytes]:
    """The slices, after seeing that they are the body."""
    slices = list(HL7.split(body))
    assert [start for start, _ in slices] == [0, *(end for _, end in slices[:-1])]
    assert slices[-1][1] == len(body)
    return [body[start:end] for start, end in slices]


@pytest.mark.parametrize(
    ("body", "cuts"),
    [
        ("", [""]),
        ("no message", ["no message"]),
        (one(), [one()]),
        (one() + one("2"), [one(), one("2")]),
        (one(end="\n") + "\n\n" + one("2", end="\n"), [one(end="\n") + "\n\n", one("2", end="\n")]),
        (one() + "\n" + one("2"), [one() + "\n", one("2")]),
        (f"BHS|^~\\&|X\r{one()}{one('2')}BTS|2\r", [f"BHS|^~\\&|X\r{one()}", f"{one('2')}BTS|2\r"]),
        (
            f"FHS|^~\\&|F\rBHS|^~\\&|X\r{one()}BTS|1\rBHS|^~\\&|Y\r{one('2')}BTS|1\rFTS|2\r",
            [f"FHS|^~\\&|F\rBHS|^~\\&|X\r{one()}BTS|1\r", f"BHS|^~\\&|Y\r{one('2')}BTS|1\rFTS|2\r"],
        ),
        (f"BHS|^~\\&|X\rBTS|0\rBHS|^~\\&|Y\r{one()}BTS|1", [f"BHS|^~\\&|X\rBTS|0\rBHS|^~\\&|Y\r{one()}BTS|1"]),
        ("BHS|^~\\&|X\rBTS|0\r", ["BHS|^~\\&|X\rBTS|0\r"]),
        ("".join(one(str(n)) for n in range(8)), [one(str(n)) for n in range(8)]),
        (one() + "NTE|1||MSH|is a word here\rNTE|2||xMSH|y\r", [one() + "NTE|1||MSH|is a word here\rNTE|2||xMSH|y\r"]),
        (one() + "MSHX|1\rmsh|1\rMSH A\r", [one() + "MSHX|1\rmsh|1\rMSH A\r"]),
        (one() + "MSH$%*/:$A\r", [one(), "MSH$%*/:$A\r"]),
        (one() + "MSH", [one(), "MSH"]),
        ("junk\r" + one(), ["junk\r" + one()]),
        ("\r\n \n" + one() + "trailing junk", ["\r\n \n" + one() + "trailing junk"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_slice_for_every_message(body: str, cuts: list[str], codec: str) -> None:
    if codec == "utf-16-le" and not body.startswith("MSH"):
        return
    whole = body.encode(codec)
    narrow = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(codec, codec)
    mark = whole[: len(whole) - len(body.encode(narrow))]
    assert parts(whole) == [(mark if not n else b"") + cut.encode(narrow) for n, cut in enumerate(cuts)]


def test_the_slices_of_a_batch_are_read_alone() -> None:
    body = f"FHS|^~\\&|F\rBHS|^~\\&|X\r{one('1')}{one('2')}{one('3')}BTS|3\rFTS|1\r".encode()
    found = parts(body)
    assert [value("MSH-10", part) for part in found] == ["1", "2", "3"]
    assert [value("BHS-3", part) for part in found] == ["X", "missing", "missing"]
    assert value("BTS-1", found[2]) == "3"
    assert [HL7.encode(tree(part)) for part in found] == found


def test_characters_beyond_ascii_do_not_shift_wide_slices() -> None:
    text = one("ចាន់") + one("😀") + one("3")
    for codec in ("utf-16", "utf-32"):
        assert [value("PID-3", part) for part in parts(text.encode(codec))] == ["ចាន់", "😀", "3"]


def odd(body: str) -> list[tuple[str, str, str]]:
    found = list(HL7.oddities(body.encode()))
    assert all(isinstance(f, Fault) and f.level == "warning" and f.hint for f in found)
    return [(f.code, f.says, f.source) for f in found]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (one(), []),
        (one() + one("2"), []),
        (f"BHS|^~\\&|X\r{one()}BTS|1\r", []),
        (f"BHS|^~\\&|X\r{one()}BTS||x\r", []),
        (f"BHS|^~\\&|X\r{one()}BTS\r", []),
        (f"BHS|^~\\&|X\r{one()}{one('2')}BTS|3\r", [("H020", "BTS-1 counts 3 messages, and there are 2", "BTS-1")]),
        (f"FHS|^~\\&\rBHS|^~\\&|X\r{one()}BTS|1\rFTS|2\r", [("H020", "FTS-1 counts 2 batches, and there are 1", "FTS-1")]),
        (f"BHS|^~\\&|X\r{one()}", [("H021", "BHS opens a batch that no BTS closes", "BTS")]),
        (f"{one()}BTS|1\r", [("H021", "BTS closes a batch that no BHS opened", "line 3")]),
        (f"BHS|^~\\&\rBHS|^~\\&\r{one()}BTS|1\r", [("H022", "a second BHS stands here before the first was closed", "line 2")]),
        (f"BHS|^~\\&\r{one()}BTS|{'9' * 20}\r", [("H020", "BTS-1 counts 999999999 messages, and there are 1", "BTS-1")]),
        (f"BHS|^~\\&|X\r{one()}BTS|²\r", []),
    ],
)  # fmt: skip
def test_what_is_odd_about_a_batch_is_told_and_hinders_nothing(body: str, expected: list[tuple[str, str, str]]) -> None:
    assert odd(body) == expected
    assert odd(f"\ufeff{body}") == expected


@settings(max_examples=150, deadline=None)
@given(body=st.one_of(st.binary(max_size=80), st.text("MSHBFT|^~\\&\r\n 1\ufeff", max_size=80).map(str.encode)))
def test_slices_always_add_up(body: bytes) -> None:
    assert b"".join(parts(body)) == body
    assert all(fault.level == "warning" for fault in HL7.oddities(body))
