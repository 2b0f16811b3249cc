"""yaml.py: what is read, where it stands, and that nothing but Faults comes out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.fault import Fault, Faults, Place
from interpres.yaml import Branch, Leaf, Row, key_place, place, plain, read


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("08", "08"),
        ("1.10", "1.10"),
        ("1.0", "1.0"),
        ("+855", "+855"),
        ("2026-11-04", "2026-11-04"),
        ("NO", "NO"),
        ("on", "on"),
        ("1:30", "1:30"),
        ("0x1f", "0x1f"),
        ("1e3", "1e3"),
        ("-0", "-0"),
        ("~", "~"),
        ("True", "True"),
        ("٣", "٣"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("12", 12),
        ("-3", -3),
        ("36.5", Decimal("36.5")),
        ("99999999999999999999", 99999999999999999999),
        ("true", True),
        ("false", False),
        ("null", None),
        ("", None),
    ],
)
def test_a_constant_is_text_unless_it_would_be_written_back_the_same(written: str, value: object) -> None:
    found = plain(read(f"key: {written}\n", "f.yaml"))["key"]
    assert found == value
    assert type(found) is type(value)


def test_decimals_of_schemas_are_exact_as_written() -> None:
    found = plain(read("[1.0, 1.10, 1e3, .5, 0.1]", "openapi.yaml", strict=False))
    assert found == [Decimal("1.0"), Decimal("1.10"), Decimal("1e3"), Decimal("0.5"), Decimal("0.1")]
    assert all(isinstance(number, Decimal) for number in found)


def test_keys_are_always_text() -> None:
    assert plain(read("1: a\ntrue: b\n08: c\n", "f.yaml")) == {"1": "a", "true": "b", "08": "c"}


def test_every_word_has_its_place() -> None:
    tree = read("a:\n  - b: =x\n    ឈ្មោះ: 'it''s'\n", "f.yaml")
    assert isinstance(tree, Branch)
    row = tree.get("a")
    assert isinstance(row, Row)
    assert place(tree, ["a", 0, "b"]) == Place("f.yaml", 2, 8)
    assert key_place(tree, ["a", 0, "b"]) == Place("f.yaml", 2, 5)
    leaf = row.items[0].get("ឈ្មោះ") if isinstance(row.items[0], Branch) else None
    assert leaf == Leaf("it's", "it's", False, Place("f.yaml", 3, 12), "'it''s'")


def test_the_place_of_what_is_not_there_is_the_deepest_place_found() -> None:
    tree = read("a:\n  b: 1\n", "f.yaml")
    assert place(tree, ["a", "c"]) == Place("f.yaml", 2, 3)
    assert key_place(tree, ["a", "c"]) == Place("f.yaml", 1, 1)
    assert place(tree, ["a", "TagOfAUnion", "b"]) == Place("f.yaml", 2, 6)


def test_blocks_of_text_are_for_schemas_only() -> None:
    assert plain(read("a: |\n  x\n  y\n", "f.yaml", strict=False)) == {"a": "x\ny\n"}
    with pytest.raises(Faults) as caught:
        read("a: |\n  x\n", "f.yaml")
    assert [fault.code for fault in caught.value] == ["Y114"]


def test_byte_order_mark_and_line_ends_do_not_shift_places() -> None:
    tree = read(b"\xef\xbb\xbfa: b\r\nc: d\r\n", "f.yaml")
    assert place(tree, ["a"]) == Place("f.yaml", 1, 4)
    assert place(tree, ["c"]) == Place("f.yaml", 2, 4)


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"a: 1\nb: \xff\n", "Y101", 2),
        (b"a: \x00", "Y101", 1),
        (b"a: " + b"x" * (10 * 1024 * 1024), "Y102", 0),
        (b"[" * 100_000, "Y102", 1),
        (b"- " * 100_000, "Y102", 1),
        (b"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n", "Y111", 1),
        (b"!!python/object/apply:os.system [ls]\n", "Y112", 1),
    ],
    ids=["latin", "nul", "10 MB", "deep flow", "deep block", "billion laughs", "python object"],
)
def test_hostile_files_are_refused_at_their_line(content: bytes, code: str, line: int) -> None:
    with pytest.raises(Faults) as caught:
        read(content, "f.yaml")
    first = caught.value.faults[0]
    assert (first.code, first.at.line if first.at else None) == (code, line)


def _faults_of(content: str | bytes, *, strict: bool = True) -> tuple[Fault, ...]:
    try:
        plain(read(content, "f.yaml", strict=strict))
    except Faults as faults:
        return faults.faults or (Fault("none", ""),)
    return ()


_SIGNS = st.lists(st.sampled_from([*"ab=:-?#&*!|>'\"%@`,[]{}()\n\t \\.0189ក<~", "\r\n", ": ", "- ", "\n  "]), max_size=60)


@settings(max_examples=300, deadline=None)
@given(_SIGNS, st.booleans())
def test_nothing_but_faults_comes_out(signs: list[str], strict: bool) -> None:
    assert all(f.says and f.hint and f.at for f in _faults_of("".join(signs), strict=strict))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60))
def test_nothing_but_faults_comes_out_of_bytes(content: bytes) -> None:
    assert all(f.says and f.hint and f.at for f in _faults_of(content))
