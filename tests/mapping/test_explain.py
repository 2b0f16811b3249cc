"""Explain: every leaf says where it came from, and says it of the very output that production makes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.document import Document
from interpres.mapping.compiling.compile import Explained
from interpres.mapping.compiling.explain import leaves_of
from tests.mapping.drafts import assert_accounted, draft, made

RICH = """\
needs: [who]
tables: {t: {a: A, b: B, "*": other}}
let:
  id: =id & '-1'
  pre: P
  inner: {x: =a, list: {$each: rows, v: =.v}}
output:
  id: =id
  const: {k: 1, l: [x, {y: true}], n: null}
  who: =who.name
  named: =pre & id
  code: =code | table(t)
  several: =[a, b, c] | join(' ')
  list: =rows[*].v
  chosen: =rows[k = 'y'].v
  block: =deep
  empty: {v: =nope}
  kept: {$when: =id exists, v: =nope}
  tests: =if(a exists, b, c)
  tried: =try(a | number, 0)
  first: =coalesce(c, b, a)
  from_inner: =inner.list[1].v
  all_of: =inner
  parsed: =json | parse('json')
  rows:
    - {v: first}
    - $each: {row: rows, sub: .subs}
      $let: {own: =row.v & '/' & .s}
      $when: =.s != 'no'
      own: =own
      s: =.s
      n: =$index
      of: =row.$index
      k: [=row.v, c, =.s]
    - last
  sum: =sum(each(numbers, .))
"""

DOCUMENT: dict[str, Any] = {
    "id": "7",
    "a": "A1",
    "b": "B1",
    "code": "b",
    "json": '{"p": [1, {"q": null}]}',
    "deep": {"x": {"y": [1, "two"]}, "e": []},
    "numbers": [1, Decimal("2.5")],
    "rows": [
        {"v": "v1", "k": "x", "subs": [{"s": "s1"}, {"s": "no"}, {"s": "s2"}]},
        {"v": "v2", "k": "y", "subs": [{"s": "s3"}]},
    ],
}


def rows(text: str, tree: Any, context: Any = None) -> dict[str, tuple[str, str]]:
    """For each target, what was read and the text of it."""
    mapping = draft(text)
    made(mapping, tree, context)
    explained = mapping.explain(Document("json", tree), context or {})
    return {leaf.target: (leaf.source, leaf.text) for leaf in explained.leaves}


def test_every_leaf_names_source_text_formula_table_row_and_place() -> None:
    mapping = draft(RICH)
    made(mapping, DOCUMENT, {"who": {"name": "W"}})
    leaves = {leaf.target: leaf for leaf in mapping.explain(Document("json", DOCUMENT), {"who": {"name": "W"}}).leaves}
    code = leaves["code"].as_dict()
    assert list(code) == ["document", "target", "value", "source", "text", "formula", "table", "row", "at"]
    assert code == {
        "document": 1,
        "target": "code",
        "value": "B",
        "source": "$.code",
        "text": "b",
        "formula": "code | table(t)",
        "table": "t",
        "row": "b",
        "at": "mappings/draft.yaml:14:9",
    }
    constant = leaves["const.l[1].y"]
    assert (constant.value, constant.source, constant.text, constant.formula) == (True, "", "", "true")
    assert (leaves["who"].source, leaves["who"].text) == ("who.name", "W")
    assert (leaves["named"].source, leaves["named"].text) == ("$.id", "7")
    assert (leaves["several"].source, leaves["several"].text) == ("$.a, $.b", "A1, B1")
    assert (leaves["chosen"].source, leaves["chosen"].text) == ("$.rows[1].v", "v2")
    assert leaves["block.x.y[1]"].value == "two"
    assert leaves["block.e"].value == []
    assert (leaves["rows[1].own"].source, leaves["rows[1].own"].text) == ("$.rows[0].v, $.rows[0].subs[0].s", "v1, s1")
    assert leaves["rows[2].s"].source == "$.rows[0].subs[2].s"
    assert leaves["rows[3].k[2]"].text == "s3"
    assert leaves["rows[4]"].formula == "last"
    assert leaves["sum"].text == "1, 2.5"
    assert "kept" in leaves
    assert "empty.v" not in leaves


def test_items_are_numbered_when_they_are_appended() -> None:
    text = "output:\n  l:\n    - {$each: rows, v: =.v, c: x}\n    - {$when: '=no = 1', v: =x}\n    - {v: =x}\n"
    told = rows(text, {"x": "1", "rows": [{}, {"v": "a"}, {}, {"v": "b"}]})
    assert list(told) == ["l[0].v", "l[0].c", "l[1].v", "l[1].c", "l[2].v"]


def test_what_when_and_each_read_is_not_credited_to_the_next_leaf() -> None:
    text = "output:\n  k: {$when: =a = '1', c: const, d: =b}\n  l: {$each: \"=[a, b]\", c: const, i: =$index}\n"
    assert rows(text, {"a": "1", "b": "2"})["k.c"] == ("", "")
    assert rows(text, {"a": "1", "b": "2"})["k.d"] == ("$.b", "2")
    assert rows(text, {"a": "1", "b": "2"})["l[1].i"] == ("", "")


def test_what_was_looked_for_in_vain_is_told_where_nothing_was_found() -> None:
    assert rows("output: {v: \"=coalesce(a, b, 'x')\", w: '=coalesce(a, c)'}", {"c": "1"}) == {
        "v": ("$.a, $.b", ""),
        "w": ("$.c", "1"),
    }


def test_documents_are_counted_from_one() -> None:
    mapping = draft("output: {$each: rows, v: =.}")
    explained = mapping.explain(Document("json", {"rows": ["a", None, "b"]}), {})
    assert [(leaf.document, leaf.target, leaf.source) for leaf in explained.leaves] == [
        (1, "v", "$.rows[0]"),
        (2, "v", "$.rows[1]"),
        (3, "v", "$.rows[2]"),
    ]


def test_odd_keys_stay_readable_paths() -> None:
    assert list(rows("output: {'a.b': {'two words': =x, '@id': 1}}", {"x": {"p q": [1]}})) == [
        "['a.b']['two words']['p q'][0]",
        "['a.b'].@id",
    ]


def test_rows_are_kept_beside_faults() -> None:
    mapping = draft("output: {a: =a, b: =a | number}")
    explained = mapping.explain(Document("json", {"a": "x"}), {})
    assert [leaf.target for leaf in explained.leaves] == ["a"]
    assert explained.made.documents == ()
    assert [f.code for f in explained.made.faults] == ["M221"]


scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "b", "7", "x y", "1.5"])
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["v", "k", "subs", "s", "x", "y", "a"]), inner),
    max_leaves=8,
)
documents = st.dictionaries(st.sampled_from([*DOCUMENT, "c", "nope"]), trees)

MAPPING = draft(RICH)


@settings(max_examples=200, deadline=None, database=None)
@given(documents, st.dictionaries(st.just("who"), trees))
def test_explain_never_disagrees_with_production_whatever_the_document(document: dict[str, Any], context: dict[str, Any]) -> None:
    assert_agrees(MAPPING.explain(Document("json", document), context), MAPPING(Document("json", document), context))


@settings(max_examples=100, deadline=None, database=None)
@given(trees)
def test_whatever_stands_at_the_root_is_survived(document: Any) -> None:
    assert_agrees(MAPPING.explain(Document("json", document), {}), MAPPING(Document("json", document), {}))


def assert_agrees(explained: Explained, plain: Any) -> None:
    assert repr(explained.made) == repr(plain)
    assert explained.made == plain
    if not plain.faults:
        assert_accounted(explained)


def test_leaves_of_a_tree_as_deep_as_can_be() -> None:
    tree: Any = "x"
    for _ in range(5_000):
        tree = [tree]
    ((path, leaf),) = leaves_of(tree)
    assert (len(path), leaf) == (15_000, "x")
