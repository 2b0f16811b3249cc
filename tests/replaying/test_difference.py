"""What differs between two results, as kinds that name paths and never values."""

from __future__ import annotations

from typing import Any

import pytest

from interpres.fault import Fault
from interpres.replaying.difference import Kind, Made, differences

SEX = Fault("M201", "table sex has no row for this code", "add it", target="visits[3].sex", value="X9")


def made(*documents: Any, refused: tuple[Fault, ...] = ()) -> Made:
    return Made("processed", (), {"npca": documents} if documents else {}, {"npca": refused} if refused else {})


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ({"a": 1}, {"a": 1}, set()),
        ({"a": 1}, {"a": 2}, {("a", "changed")}),
        ({"a": 1}, {"a": "1"}, {("a", "changed")}),
        ({"a": 1}, {"a": True}, {("a", "changed")}),
        ({"a": 1}, {}, {("a", "removed")}),
        ({}, {"a": {"b": 1}}, {("a", "added")}),
        ({"a": {"b": [{"c": 1}, {"c": 2}]}}, {"a": {"b": [{"c": 3}, {"c": 4}]}}, {("a.b[].c", "changed")}),
        ({"a": [1, 2]}, {"a": [1]}, {("a[]", "fewer items")}),
        ({"a": []}, {"a": [1]}, {("a[]", "more items")}),
    ],
)
def test_trees_differ_by_path_and_change(before: Any, after: Any, kinds: set[tuple[str, str]]) -> None:
    found = {(k.path, k.change) for k in differences(made(before), made(after))}
    assert found == kinds


def test_what_is_made_or_refused_now_and_was_not_before() -> None:
    def changes(before: Made, after: Made) -> list[Kind]:
        return list(differences(before, after))

    says = "table sex has no row for this code"
    assert changes(made({}), made(refused=(SEX,))) == [Kind("npca", "visits[].sex", f"refused now: M201 {says}")]
    assert changes(made(refused=(SEX,)), made({"a": 1})) == [Kind("npca", "", "made now, refused before: M201")]
    assert changes(made(refused=(SEX,)), made(refused=(SEX.but(target="visits[0].sex"),))) == []
    other = SEX.but(code="V102")
    assert changes(made(refused=(SEX,)), made(refused=(other,))) == [
        Kind("npca", "visits[].sex", f"refused for another reason: V102 {says}")
    ]
    assert changes(made({"a": 1}), made()) == [Kind("npca", "", "no longer made")]
    assert changes(made(), made({"a": 1})) == [Kind("npca", "", "made now")]
    assert changes(made({}), made({}, {})) == [Kind("npca", "", "more documents")]
    assert changes(made({}), Made("filtered")) == [Kind("", "", "processed before, filtered now")]
    assert changes(made({}), Made("rejected", (SEX,))) == [Kind("", "", "processed before, rejected now: M201")]


def test_no_kind_holds_a_value() -> None:
    found = list(differences(made({"name": "SOKHA", "n": [1]}), made({"name": "DARA", "n": []}, refused=())))
    assert "SOKHA" not in repr(found) and "DARA" not in repr(found) and found
