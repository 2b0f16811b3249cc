"""rules.yaml: what a rule says of a document, and what is wrong with a rule itself."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.document import Document
from interpres.fault import Fault, Faults
from interpres.promises.rules import Ruled, with_rules
from interpres.promises.schemas import find_schema
from interpres.schema import Checker
from interpres.transform import Transform, builtins
from tests.conftest import ROOT

SCHEMA = {
    "type": "object",
    "properties": {
        "visits": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "code": {"type": "string"},
                    "total": {"type": ["number", "null"]},
                    "lines": {
                        "type": "array",
                        "items": {"type": "object", "properties": {"visit": {}, "price": {"type": "number"}}},
                    },
                    "two words": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "number"}}}},
                },
                "additionalProperties": False,
            },
        }
    },
}
SCHEMA["properties"]["visits"]["items"]["properties"]["lines"]["items"]["additionalProperties"] = False  # type: ignore[index]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "schemas" / "x"
    folder.mkdir(parents=True)
    (folder / "visit.json").write_text(json.dumps(SCHEMA))
    return tmp_path / "schemas"


def ruled(root: Path, rules: str) -> Checker:
    (root / "x" / "rules.yaml").write_text(rules, encoding="utf-8")
    return find_schema("x/visit", root).checker


def lines(root: Path, rules: str, tree: Any) -> list[str]:
    return [f.line() for f in ruled(root, rules).faults(Document("json", tree))]


def refused(root: Path, rules: str) -> list[str]:
    with pytest.raises((Fault, Faults)) as error:
        ruled(root, rules)
    wrong = error.value
    return [f.line() for f in (wrong if isinstance(wrong, Faults) else [wrong])]


RESOLVES = """\
visit:
  - on: {visit: visits, line: .lines}
    at: .visit
    expect: =.visit = visit.code
    says: the line names another visit.
    hint: give it the code of its own
"""


def test_a_broken_rule_names_its_line_and_the_place_in_the_document(root: Path) -> None:
    tree = {"visits": [{"code": "A", "lines": [{"visit": "A"}]}, {"code": "B", "lines": [{"visit": "B"}, {"visit": "A"}]}]}
    assert lines(root, RESOLVES, tree) == [
        "schemas/x/rules.yaml:2:5 R201 visits[1].lines[1].visit: the line names another visit — give it the code of its own"
    ]


def test_the_value_is_carried_and_not_told(root: Path) -> None:
    tree = {"visits": [{"code": "A", "lines": [{"visit": "SECRET"}]}]}
    (fault,) = ruled(root, RESOLVES).faults(Document("json", tree))
    assert fault.value == "SECRET" and "SECRET" not in fault.line()


def test_where_the_value_is_missing_or_null_the_rule_is_not_asked(root: Path) -> None:
    assert lines(root, RESOLVES, {"visits": [{"code": "A", "lines": [{}, {"visit": None}]}, {}]}) == []


def test_the_same_item_twice_is_told_at_each_place(root: Path) -> None:
    line = {"visit": "Z"}
    said = lines(root, RESOLVES, {"visits": [{"code": "A", "lines": [line]}, {"code": "B", "lines": [line]}]})
    assert ["visits[0].lines[0].visit" in said[0], "visits[1].lines[0].visit" in said[1]] == [True, True]


def test_a_sum_counts_a_missing_list_as_nothing(root: Path) -> None:
    rules = """\
visit:
  - on: visits
    at: .total
    expect: "=.total = (sum(each(.lines, .price)) | default(0))"
    says: the total is not the sum of the lines
"""
    assert (
        lines(root, rules, {"visits": [{"total": 0}, {"total": Decimal("0.3"), "lines": [{"price": Decimal("0.1")}] * 3}]}) == []
    )
    (line,) = lines(root, rules, {"visits": [{"total": 1}]})
    assert line.endswith("R201 visits[0].total: the total is not the sum of the lines")


def test_when_and_level(root: Path) -> None:
    rules = """\
visit:
  - on: visits
    when: =.code = 'A'
    expect: =.lines[0] exists
    says: a visit of this kind has no line
    level: warning
"""
    checker = ruled(root, rules)
    document = Document("json", {"visits": [{"code": "B"}, {"code": "A"}]})
    (fault,) = checker.faults(document)
    assert fault.line() == "schemas/x/rules.yaml:2:5 R201 warning: visits[1]: a visit of this kind has no line"
    assert checker.keeps(document), "a warning lets a document pass"


def test_conditions_and_names_that_need_backticks(root: Path) -> None:
    rules = """\
visit:
  - on: {v: visits, w: ".`two words`[* where a > 1]"}
    at: .a
    expect: =.a < 3
    says: too much
"""
    (line,) = lines(root, rules, {"visits": [{"two words": [{"a": 0}, {"a": 5}]}]})
    assert " visits[0].`two words`[1].a: too much" in line


def test_the_whole_document_is_asked_once(root: Path) -> None:
    rules = "visit:\n  - on: $\n    expect: =count($.visits[*]) < 2\n    says: one visit at a time\n"
    assert lines(root, rules, {"visits": [{}]}) == []
    assert lines(root, rules, {"visits": [{}, {}]}) == ["schemas/x/rules.yaml:2:5 R201 one visit at a time"]


def test_what_cannot_be_worked_out_is_told_unless_the_schema_refuses_it_anyway(root: Path) -> None:
    rules = "visit:\n  - on: visits\n    at: .code\n    expect: =.code > 5\n    says: too small\n"
    (line,) = lines(root, rules, {"visits": [{"code": "x"}]})
    assert line.startswith("schemas/x/rules.yaml:2:5 R202 visits[0].code: a rule could not be worked out: ")
    said = lines(root, rules, {"visits": [{"code": "x", "total": "y"}]})
    assert [line.split()[0] for line in said] == ["V102"]


def test_a_workspace_may_bring_its_own_transforms(root: Path) -> None:
    def shorter_than(text: str, length: int) -> bool:
        """Whether the text is shorter than that."""
        return len(text) < length

    own = {**builtins(), "shorter_than": Transform.of("shorter_than", shorter_than)}
    (root / "x" / "rules.yaml").write_text(
        "visit:\n  - on: visits\n    at: .code\n    expect: =.code | shorter_than(2)\n    says: too long\n"
    )
    checker = find_schema("x/visit", root, own).checker
    assert [f.says for f in checker.faults(Document("json", {"visits": [{"code": "A"}, {"code": "AB"}]}))] == ["too long"]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (
            "visit:\n  - on: visits\n    expct: =true\n    says: x\n",
            [
                "schemas/x/rules.yaml:2:5 R102 the rule has no expect: — every rule has on, expect and says",
                "schemas/x/rules.yaml:3:5 R102 there is no key 'expct' in a rule — did you mean 'expect'?",
            ],
        ),
        (
            "visits:\n  - {on: visits, expect: =true, says: x}\n",
            ["schemas/x/rules.yaml:1:1 R101 there is no schema 'visits' beside this file — did you mean 'visit'?"],
        ),
        ("visit: {on: x}\n", ["schemas/x/rules.yaml:1:8 R101 a list of rules is wanted here — begin each rule with '- on:'"]),
        (
            "visit: [x]\n",
            ["schemas/x/rules.yaml:1:9 R102 a rule has the keys on, expect and says — write - on: …, expect: =…, says: …"],
        ),
        (
            "visit:\n  - on: visits\n    expect: .code = 'A'\n    says: x\n",
            ["schemas/x/rules.yaml:3:13 R102 a formula is wanted here — begin it with ="],
        ),
        (
            "visit:\n  - on: visits\n    expect: =true\n    says: x\n    level: error\n",
            ["schemas/x/rules.yaml:5:12 R102 level is fault or warning — a fault refuses the document, a warning lets it pass"],
        ),
        (
            "visit:\n  - on: visits\n    at: .cod\n    expect: =.code | uper = 'A'\n    says: x\n",
            [
                "schemas/x/rules.yaml:3:9 R103 x/visit has no 'cod' where '.cod' looks for it — did you mean 'code'?",
                "schemas/x/rules.yaml:4:22 M105 there is no transform 'uper' — did you mean 'upper'?",
            ],
        ),
        (
            "visit:\n  - on: {visit: visits, line: .lins}\n"
            "    expect: =visit.cod = 'A' or $.visits[* where cde = 'A'] exists\n    says: x\n",
            [
                "schemas/x/rules.yaml:2:31 R103 x/visit has no 'lins' where '.lins' looks for it — did you mean 'lines'?",
                "schemas/x/rules.yaml:3:14 R103 x/visit has no 'cod' where 'visit.cod' looks for it — did you mean 'code'?",
                "schemas/x/rules.yaml:3:50 R103 x/visit has no 'cde' where 'cde' looks for it — did you mean 'code'?",
            ],
        ),
        (
            "visit:\n  - on: visits\n    expect: =.code\n    says: x\n",
            [],
        ),
    ],
)
def test_what_is_wrong_with_a_rule_is_told_all_at_once(root: Path, rules: str, said: list[str]) -> None:
    if said:
        assert refused(root, rules) == said
    else:
        ruled(root, rules)


def test_a_schema_without_rules_is_left_as_it_is(root: Path) -> None:
    assert not isinstance(find_schema("x/visit", root).checker, Ruled)
    (root / "x" / "rules.yaml").write_text("visit: []\n")
    assert not isinstance(find_schema("x/visit", root).checker, Ruled)
    with_rules("x/visit", find_schema("x/visit", root).checker, root / "x" / "visit.json", root, {})


TREES = st.recursive(
    st.sampled_from([None, True, 0, 5, Decimal("1.5"), "", "A", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["visits", "lines", "code", "total", "visit"]), inner)
    ),
    max_leaves=10,
)


@cache
def npca_visit() -> Checker:
    return find_schema("npca/visit", ROOT / "schemas").checker


@given(tree=TREES)
@settings(max_examples=150, deadline=None, database=None)
def test_nothing_but_faults_whatever_the_tree(tree: Any) -> None:
    checker = npca_visit()
    for wrapped in (tree, {"visits": tree}, {"visits": [tree]}):
        for fault in checker.faults(Document("json", wrapped)):
            assert isinstance(fault, Fault)
