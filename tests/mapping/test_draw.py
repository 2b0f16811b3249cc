"""Draw: blocks, lists, loops, names and parts as the mapping language promises them."""

from __future__ import annotations

from typing import Any

import pytest

from interpres.fault import Faults
from interpres.mapping.compiling import run
from tests.mapping.drafts import draft, faults, made, one

OBJECT: dict[str, Any] = {
    "type": "object",
    "required": ["a", "b", "c", "d", "e"],
    "properties": {
        "a": {"type": ["string", "null"]},
        "b": {"type": "array", "items": {"type": "string"}},
        "c": {"type": ["array", "null"], "items": {}},
        "d": {"type": "string"},
        "e": {"type": ["object", "null"]},
        "f": {"type": ["string", "null"]},
        "g": {"type": "string"},
    },
}


def test_a_mapping_has_the_shape_of_what_it_makes() -> None:
    text = "output:\n  b: =x\n  a: KH\n  list: [one, =y, {z: =x}]\n  n: 1.5\n  t: true\n"
    assert one(text, {"x": "1", "y": "2"}) == {"b": "1", "a": "KH", "list": ["one", "2", {"z": "1"}], "n": 1.5, "t": True}


def test_keys_keep_the_order_of_the_file() -> None:
    assert list(one("output: {z: a, y: =y, x: b, w: =w, v: c}", {"y": "1", "w": "2"})) == ["z", "y", "x", "w", "v"]


def test_constants_are_fresh_for_every_document() -> None:
    mapping = draft("output:\n  $each: rows\n  a: =.a\n  c: {d: [1], e: []}\n")
    first, second = made(mapping, {"rows": [{"a": "1"}, {"a": "2"}]}).documents
    first["c"]["d"].append(2)
    first["c"]["e"].append(2)
    assert second["c"] == {"d": [1], "e": []}
    assert made(mapping, {"rows": [{"a": "1"}]}).documents[0]["c"] == {"d": [1], "e": []}


# when a block lives


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("{v: =x, k: const}", {"v": "1", "k": "const"}),
        ("{v: =no, k: const}", None),
        ("{v: =no, w: =x, k: const}", {"w": "1", "k": "const"}),
        ("{k: const}", {"k": "const"}),
        ("{k: =name}", {"k": "n"}),
        ("{k: =name, v: =no}", None),
        ("{k: =outside.deep}", {}),
        ("{in: {v: =no, k: const}}", None),
        ("{in: {v: =x}, k: const}", {"in": {"v": "1"}, "k": "const"}),
        ("{in: {k: const}, v: =no}", None),
        ("{in: [{v: =no}], k: const}", None),
        ("{in: {$each: rows, v: =.v}, k: const}", {"in": [{"v": "r"}], "k": "const"}),
        ("{in: {$each: rows, v: =.no}, k: const}", None),
        ("{$when: '=true', v: =no, k: const}", {"k": "const"}),
        ("{$when: '=true', v: =no}", {}),
        ("{$when: =no = 'x', v: =x}", None),
        ("{in: {$when: '=true', v: =no, k: const}, v: =no}", {"in": {"k": "const"}}),
        ("{in: {$when: '=no = 1', v: =x}, k: const}", None),
        ("{deep: {in: {$when: '=true', k: =name}}, v: =no}", {"deep": {"in": {"k": "n"}}}),
        ("{$let: {own: =x}, v: =own, w: =no}", {"v": "1"}),
        ("{$let: {own: =no}, v: =own, k: const}", None),
        ("{$let: {own: =no}, in: {v: =own, k: const}, k: const}", None),
        ("{$let: {own: const}, v: =own, w: =no}", None),
        ("{$let: {own: const}, v: =own}", {"v": "const"}),
        ("{v: =no exists, k: const}", {"v": False, "k": "const"}),
        ("{v: [=no], k: const}", None),
        ("{v: [], w: =no}", None),
        ("{v: []}", {"v": []}),
        ("{v: =nothing, k: const}", {"v": None, "k": "const"}),
    ],
)
def test_a_block_lives_by_what_it_reads(block: str, expected: Any) -> None:
    text = f"needs: [outside]\nlet: {{name: n}}\noutput:\n  always: here\n  block: {block}\n  read: =x\n"
    document = {"x": "1", "nothing": None, "rows": [{"v": "r"}]}
    result = made(draft(text), document, {"outside": {}})
    assert not result.faults
    assert result.documents[0].get("block", None) == expected


def test_a_name_that_is_a_formula_of_the_file_links_and_does_not_keep_alive() -> None:
    text = "let: {code: =id}\noutput:\n  code: =id\n  lines:\n    - {link: =code, note: =note}\n    - {link: =code, v: =id}\n"
    assert one(text, {"id": "7"}) == {"code": "7", "lines": [{"link": "7", "v": "7"}]}


def test_a_document_that_reads_and_finds_nothing_is_not_made() -> None:
    assert made(draft("output: {v: =no, k: const}"), {"x": 1}).documents == ()


# what an absent value becomes


def test_what_the_schema_wants_decides_how_an_absent_value_is_written() -> None:
    keys = "\n".join(f"  {k}: =no.{k}" for k in "abcdefg")
    assert one(f"output:\n{keys}\n  x: =x", {"x": "1"}, schema=OBJECT) == {"a": None, "b": [], "c": None, "e": None, "x": "1"}


def test_absent_blocks_and_lists_are_written_the_same_way() -> None:
    text = "output:\n  b: {$each: no, v: =.v}\n  c: [{v: =no}]\n  e: {v: =no}\n  a: =x\n  d: =x\n"
    assert one(text, {"x": "1"}, schema=OBJECT) == {"b": [], "c": None, "e": None, "a": "1", "d": "1"}
    text = "output:\n  b: [=no]\n  e: {$when: =x = 'no', v: =x}\n  a: =x\n"
    assert one(text, {"x": "1"}, schema=OBJECT) == {"b": [], "e": None, "a": "1"}


def test_null_is_written_where_the_schema_allows_it_and_else_treated_as_missing() -> None:
    text = "output: {a: =n, d: =n, f: =n, g: =n, x: =x}"
    assert one(text, {"n": None, "x": "1"}, schema=OBJECT) == {"a": None, "f": None, "x": "1"}
    assert one("output: {a: null, g: null, x: =x}", {"x": "1"}, schema=OBJECT) == {"a": None, "x": "1"}
    assert one("output: {a: =n, x: =x}", {"n": None, "x": "1"}) == {"a": None, "x": "1"}


def test_a_null_that_is_not_allowed_does_not_keep_a_block_alive() -> None:
    schema = {"type": "object", "properties": {"p": {"type": "object", "properties": {"v": {"type": "string"}}}}}
    assert one("output: {x: =x, p: {v: =n, k: const}}", {"n": None, "x": "1"}, schema=schema) == {"x": "1"}


# lists and loops


def test_an_item_with_each_is_spliced_in_where_it_stands() -> None:
    text = "output:\n  list:\n    - first\n    - {$each: rows, v: =.v}\n    - =x\n    - {$each: none, v: =.v}\n    - last\n"
    document = {"x": "1", "rows": [{"v": 1}, {}, {"v": 2}]}
    assert one(text, document) == {"list": ["first", {"v": 1}, {"v": 2}, "1", "last"]}


def test_several_names_are_loops_within_one_another_flattened() -> None:
    text = """\
output:
  out:
    $each: {order: orders, line: .lines}
    id: =order.id
    n: =order.$index
    m: =line.$index
    k: =$index
    v: =.v
    w: =line.v
"""
    document = {"orders": [{"id": "a", "lines": [{"v": 1}, {"v": 2}]}, {"id": "b", "lines": [{"v": 3}]}]}
    assert one(text, document)["out"] == [
        {"id": "a", "n": 1, "m": 1, "k": 1, "v": 1, "w": 1},
        {"id": "a", "n": 1, "m": 2, "k": 2, "v": 2, "w": 2},
        {"id": "b", "n": 2, "m": 1, "k": 1, "v": 3, "w": 3},
    ]


def test_loops_stand_inside_loops() -> None:
    inner = "{$each: .lines, v: =.v, of: =o.id, n: =o.$index & '/' & $index}"
    text = f"output:\n  out:\n    $each: {{o: orders}}\n    id: =.id\n    in: {inner}\n"
    document = {"orders": [{"id": "a", "lines": [{"v": 1}]}, {"id": "b", "lines": [{"v": 2}, {"v": 3}]}]}
    assert one(text, document)["out"] == [
        {"id": "a", "in": [{"v": 1, "of": "a", "n": "1/1"}]},
        {"id": "b", "in": [{"v": 2, "of": "b", "n": "2/1"}, {"v": 3, "of": "b", "n": "2/2"}]},
    ]


def test_each_goes_through_formulas_and_names() -> None:
    assert one("output: {l: {$each: \"=['a', 'b']\", v: =.}}", {})["l"] == [{"v": "a"}, {"v": "b"}]
    text = "needs: [cards]\noutput: {l: {$each: cards, v: =.no}}"
    assert one(text, {}, {"cards": [{"no": "1"}, {"no": "2"}]})["l"] == [{"v": "1"}, {"v": "2"}]
    text = "needs: [who]\noutput: {l: {$each: who.cards, v: =.no}}"
    assert one(text, {}, {"who": {"cards": {"no": "1"}}})["l"] == [{"v": "1"}]


def test_when_beside_each_is_asked_for_every_item() -> None:
    text = "output: {l: {$each: rows, $when: '=.k = ''y''', v: =.v, n: =$index}}"
    document = {"rows": [{"k": "y", "v": 1}, {"k": "n", "v": 2}, {"k": "y", "v": 3}]}
    assert one(text, document)["l"] == [{"v": 1, "n": 1}, {"v": 3, "n": 3}]


def test_names_of_a_block_are_worked_out_in_order_and_only_where_it_is_wanted() -> None:
    text = """\
output:
  x: =x
  l:
    $each: rows
    $let: {a: =.v, b: =a & '!', bad: =.v | number}
    $when: =b = '1!'
    v: =b
    n: =bad
"""
    assert one(text, {"x": 1, "rows": [{"v": "1"}, {"v": "no number"}]})["l"] == [{"v": "1!", "n": 1}]


def test_a_name_may_hold_a_block_that_paths_go_on_in() -> None:
    text = """\
let:
  inner:
    who: {name: =name, kind: PERSON}
    list: {$each: rows, v: =.v}
output:
  name: =inner.who.name
  second: =inner.list[1].v
  all: =inner
"""
    made_of = {"who": {"name": "S", "kind": "PERSON"}, "list": [{"v": 1}, {"v": 2}]}
    assert one(text, {"name": "S", "rows": [{"v": 1}, {"v": 2}]}) == {"name": "S", "second": 2, "all": made_of}


def test_a_root_each_makes_one_document_a_match() -> None:
    result = made(draft("output: {$each: rows, v: =.v, n: =$index}"), {"rows": [{"v": "a"}, {}, {"v": "b"}]})
    assert result.documents == ({"v": "a", "n": 1}, {"v": "b", "n": 3})


def test_the_root_may_be_a_list_or_one_value() -> None:
    assert one("output:\n  - {a: =x}\n  - {$each: rows, b: =.}\n", {"x": "1", "rows": ["p", "q"]}) == [
        {"a": "1"},
        {"b": "p"},
        {"b": "q"},
    ]
    assert one("output: =x", {"x": "1"}) == "1"


# parts

PART = {
    "mappings/parts/address.yaml": """\
about: an address
needs: [code, phone?]
let: {province: "=code | left(2)"}
tables: {p: {"12": Phnom Penh, "*": other}}
output:
  province: =province | table(p)
  code: =code
  phone: =phone
  country: KH
""",
    "mappings/parts/lines.yaml": "about: lines\nneeds: [of]\noutput:\n  $each: rows\n  of: =of\n  v: =.v\n",
    "mappings/parts/word.yaml": "about: a word\nneeds: [x]\noutput: =x & '!'\n",
    "mappings/parts/sly.yaml": "about: sees what it may\nneeds: [x]\noutput: {x: =x, y: =y, who: =who.name, row: =$.z}\n",
}


def test_a_part_is_put_in_and_sees_what_stands_beside_it() -> None:
    text = "output:\n  id: =id\n  address:\n    $use: address\n    $let: {code: =c}\n"
    assert one(text, {"id": "1", "c": "120101"}, others=PART)["address"] == {
        "province": "Phnom Penh",
        "code": "120101",
        "country": "KH",
    }
    assert one(text, {"id": "1"}, others=PART) == {"id": "1"}


def test_entries_beside_a_use_lie_over_the_parts_own() -> None:
    text = (
        "let: {k: =id}\noutput:\n  a:\n    $use: address\n    $let: {code: =c}\n    country: LA\n    phone: =k\n    more: =id\n"
    )
    assert one(text, {"id": "1", "c": "99"}, others=PART) == {
        "a": {"province": "other", "code": "99", "phone": "1", "country": "LA", "more": "1"}
    }


def test_a_part_makes_lists_and_values_too() -> None:
    text = """\
output:
  l: {$use: lines, $let: {of: =id}}
  m: [{$use: lines, $let: {of: m}}, last]
  w: {$use: word, $let: {x: =id}}
"""
    assert one(text, {"id": "1", "rows": [{"v": "a"}, {"v": "b"}]}, others=PART) == {
        "l": [{"of": "1", "v": "a"}, {"of": "1", "v": "b"}],
        "m": [{"of": "m", "v": "a"}, {"of": "m", "v": "b"}, "last"],
        "w": "1!",
    }


def test_a_part_sees_the_document_and_the_files_needs_and_nothing_else_of_the_caller() -> None:
    text = "needs: [who]\nlet: {y: from let}\noutput: {p: {$use: sly, $let: {x: =id}}}"
    document = {"id": "1", "y": "from document", "z": "z"}
    assert one(text, document, {"who": {"name": "N"}}, others=PART)["p"] == {
        "x": "1",
        "y": "from document",
        "who": "N",
        "row": "z",
    }


def test_a_part_inside_a_loop_reads_the_loops_item() -> None:
    part = {"mappings/parts/item.yaml": "about: an item\noutput: {v: =.v, n: =$index}\n"}
    assert one("output: {l: {$each: rows, $use: item}}", {"rows": [{"v": 1}, {"v": 2}]}, others=part)["l"] == [
        {"v": 1, "n": 1},
        {"v": 2, "n": 2},
    ]


# faults


def test_all_faults_are_collected_each_with_its_place() -> None:
    text = """\
tables: {sex: {M: male}}
let:
  bad: =id | number
output:
  list:
    - {$each: rows, sex: =.sex | table(sex), n: =.n | number}
  again: =bad
  also: =bad + 1
"""
    document = {"id": "x", "rows": [{"sex": "M", "n": "1"}, {"sex": "Q", "n": "2"}, {"n": "y"}]}
    assert [line.split(" — ")[0] for line in faults(text, document)] == [
        "mappings/draft.yaml:5:8 M221 bad: this is no number [id]",
        "mappings/draft.yaml:8:26 M201 list[1].sex: table sex has no row for this code [rows .sex]",
        "mappings/draft.yaml:8:49 M221 list[2].n: this is no number [rows .n]",
    ]


def test_faults_never_say_a_value() -> None:
    secret = "ABC-SECRET-123"
    text = "tables: {t: {a: b}}\noutput:\n  a: =x | table(t)\n  b: =x > 5\n  c: =x + 1\n  d: =x | date\n  e: =x | number\n"
    result = made(draft(text), {"x": secret})
    assert len(result.faults) == 5
    assert secret not in "\n".join(map(str, result.faults)) + repr(result)
    assert {f.value for f in result.faults} == {secret}


def test_a_loop_over_loops_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "MOST_ITEMS", 1_000)
    text = "output: {l: {$each: {a: rows, b: $.rows, c: $.rows}, v: x}}"
    result = made(draft(text), {"rows": list(range(30))})
    assert [f.code for f in result.faults] == ["M208"]
    assert result.documents == ()


def test_a_flood_of_faults_is_stopped() -> None:
    result = made(draft("output: {l: {$each: rows, v: =. | number}}"), {"rows": ["x"] * 5000})
    assert len(result.faults) == 1000


def test_loops_that_python_cannot_nest_are_refused_when_compiled() -> None:
    loops = ", ".join(f"a{n}: rows" for n in range(16))
    with pytest.raises(Faults) as caught:
        draft(f"output: {{l: {{$each: {{{loops}}}, v: =.}}}}")
    assert [f.code for f in caught.value] == ["M119"]


def test_a_name_that_the_channel_does_not_supply_is_missing_with_a_warning() -> None:
    result = made(draft("needs: [who]\noutput: {x: =x, w: =who.name}"), {"x": "1"})
    assert result.documents == ({"x": "1"},)
    assert [f.code for f in result.warnings] == ["M212"]
