"""Names of files made of what messages say: never a path, never hidden, never too long."""

from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.fault import Fault
from interpres.naming import file_name, file_path, filled, names_in, suffix_of, template_problem, within_limits


def test_templates_that_can_be_names() -> None:
    for good in ("{message_id}.hl7", "{received_on}/{message_id}-{part}{suffix}", "plain", "a b/c.d"):
        assert template_problem(good) == ""
    assert names_in("{a}/{b}-{a}.json") == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("", "a name is wanted here"),
        ("  ", "a name is wanted here"),
        ("{a", "a brace is not closed"),
        ("a}", "a brace is not closed"),
        ("{a{b}}", "a brace is not closed"),
        ("{a b}", "'a b' is no name"),
        ("{a.__class__}", "'a.__class__' is no name"),
        ("{}", "'' is no name"),
        ("/etc/{a}", "the name leads out"),
        ("C:/{a}", "the name leads out"),
        ("~/{a}", "the name leads out"),
        ("a/../{b}", "a part of the name"),
        ("a//b", "a part of the name"),
        (".hidden", "a part of the name"),
        ("a/", "a part of the name"),
    ],
)
def test_templates_that_cannot(template: str, says: str) -> None:
    assert template_problem(template).startswith(says)
    assert " — " in template_problem(template)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("../../etc/passwd", "_._.._etc_passwd"),
        ("..", "_"),
        (".hidden", "_hidden"),
        ("-rf", "_rf"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("a\x00b\nc", "a_b_c"),
        ("\u202etxt.exe", "_txt.exe"),
        ("C:\\x", "C__x"),
        ("លេខ ១២", "លេខ ១២"),
        ("Nguyễn", "Nguyễn"),
        ("a.", "a"),
        ("V26-0412", "V26-0412"),
        ("", ""),
        ("...", "_"),
    ],
)
def test_values_as_names(value: str, name: str) -> None:
    assert file_name(value) == name


def test_values_never_make_folders_but_templates_do() -> None:
    names = {"day": "2026-11-04", "id": "../../x"}
    assert file_path("{day}/{id}.json", names) == "2026-11-04/_._.._x.json"


def test_names_without_a_value_and_names_that_are_not_known() -> None:
    with pytest.raises(Fault) as caught:
        filled("{visit}.json", {"visit": ""})
    assert (caught.value.code, caught.value.says) == ("N251", "this message has no value for {visit}")
    with pytest.raises(Fault) as caught:
        filled("{vist}.json", {"visit": "1"})
    assert str(caught.value) == "N252 there is no name 'vist' here — did you mean 'visit'?"


def test_long_names_are_cut_and_kept_apart() -> None:
    one, two = within_limits("ក" * 300 + "a.json"), within_limits("ក" * 300 + "b.json")
    assert one != two and one.endswith(".json") and len(one.encode()) <= 200


def test_suffixes() -> None:
    assert [suffix_of(t) for t in ("application/json; charset=utf-8", "TEXT/CSV", "image/png")] == [".json", ".csv", ".dat"]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_any_value_is_one_safe_part_of_a_path(value: str) -> None:
    name = file_name(value)
    assert "/" not in name and "\\" not in name and not name.startswith(".") and os.path.basename(name) == name
    assert len(name.encode("utf-8", "surrogateescape")) <= 255
    assert bool(name) == bool(value)
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in name)
