"""Express: what formulas mean, value by value."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.document import MISSING
from interpres.fault import Fault, Faults, Place
from interpres.mapping.compiling.compile import compile_formula
from interpres.transform import Transform, builtins
from tests.mapping.drafts import draft, faults, formats, made, number, one, value

DOCUMENT: dict[str, Any] = {
    "a": "text",
    "n": 7,
    "d": number("1.50"),
    "s": "7",
    "yes": True,
    "no": False,
    "nil": None,
    "empty": "",
    "list": ["x", "y", "z"],
    "block": {"k": "v"},
    "codes": [{"system": "one", "code": "1"}, {"system": "two", "code": "2"}, {"system": "two", "code": "3"}],
    "two words": "tw",
    "ក្រុម": "kh",
}


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        # constants and reading
        ("'it''s'", "it's"),
        ("1.50", number("1.50")),
        ("-3", -3),
        ("true", True),
        ("null", None),
        ("a", "text"),
        ("nope", "missing"),
        ("nil", None),
        ("`two words`", "tw"),
        ("ក្រុម", "kh"),
        ("$.a", "text"),
        ("list", "x"),
        ("list[1]", "y"),
        ("list[9]", "missing"),
        ("list[*]", ["x", "y", "z"]),
        ("codes[1].code", "2"),
        ("codes[system = 'two'].code", "2"),
        ("codes[* where system = 'two'].code", ["2", "3"]),
        ("codes[* where system = 'none'].code", "missing"),
        ("codes[system = 'two' and code = '3'].code", "3"),
        ("codes[not (system = 'one')].code", "2"),
        ("codes[code in ['3', '4']].code", "3"),
        ("codes[code matches '^[23]$'].code", "2"),
        ("codes[display exists].code", "missing"),
        ("codes[code exists].code", "1"),
        ("codes[code > 2].code", "3"),
        ("codes[system | upper = 'TWO'].code", "2"),
        ("codes[system = $.codes[1].system].code", "2"),
        ("['p', nope, a]", ["p", "text"]),
        ("[nope, nope]", "missing"),
        # comparison
        ("a = 'text'", True),
        ("a != 'text'", False),
        ("a = 'no'", False),
        ("nope = 'x'", False),
        ("nope != 'x'", True),
        ("nope = nope", False),
        ("nope < 1", False),
        ("nope >= 1", False),
        ("n = 7", True),
        ("s = 7", True),
        ("s = 7.0", True),
        ("7 = s", True),
        ("s > 6.9", True),
        ("s < 10", True),
        ("n = d", False),
        ("d = 1.5", True),
        ("'10' < '9'", True),
        ("nil = null", True),
        ("nil != null", False),
        ("a = null", False),
        ("nope = null", False),
        ("nil = 'x'", False),
        ("nil < 1", False),
        ("yes = true", True),
        ("yes = false", False),
        ("list[*] = list[*]", True),
        # truth
        ("yes and n = 7", True),
        ("yes and no", False),
        ("no or yes", True),
        ("not yes", False),
        ("nope or yes", True),
        ("not nope", True),
        ("a = 'text' and n = 7 and s = '7'", True),
        # in, matches, exists
        ("a in ['text', 'x']", True),
        ("a in []", False),
        ("n in [1, 7]", True),
        ("s in [7]", True),
        ("nope in ['x']", False),
        ("a in list[*]", False),
        ("'y' in list[*]", True),
        ("'y' in nope", False),
        ("a matches '^t.*t$'", True),
        ("n matches '^7$'", True),
        ("nope matches '.'", False),
        ("nil matches '.'", False),
        ("a exists", True),
        ("nil exists", True),
        ("empty exists", True),
        ("nope exists", False),
        ("codes[*].display exists", False),
        ("codes[*].code exists", True),
        ("not (nope exists)", True),
        # joining
        ("'INV-' & s", "INV-7"),
        ("'INV-' & nope", "missing"),
        ("a & nope", "text"),
        ("nope & 'b' & a", "btext"),
        ("'a' & 'b'", "ab"),
        ("n & '/' & d", "7/1.50"),
        ("nil & 'x'", "missing"),
        ("nope & nope", "missing"),
        # reckoning
        ("n + 1", 8),
        ("n - 1 * 2", 5),
        ("(n - 1) * 2", 12),
        ("d * 2", number("3.00")),
        ("0.1 + 0.2", number("0.3")),
        ("6 / 4", number("1.5")),
        ("1 / 3", number("0.3333333333333333333333333333333333")),
        ("n + nope", "missing"),
        ("n + nil", "missing"),
        ("s | number + 1", 8),
        # choosing
        ("if(n = 7, 'seven', 'other')", "seven"),
        ("if(n = 8, 'eight')", "missing"),
        ("if(nope, 1, 2)", 2),
        ("coalesce(nope, a)", "text"),
        ("coalesce(nil, a)", "text"),
        ("coalesce(nope, nil)", None),
        ("coalesce(nope, nope)", "missing"),
        ("coalesce(nope, list[* where . = 'q'], 'x')", "x"),
        ("case(a, 'text' -> 1, else -> 2)", 1),
        ("case(a, ['b', 'text'] -> 1)", 1),
        ("case(a, 'x' -> 1)", "missing"),
        ("case(a, 'x' -> 1, else -> 2)", 2),
        ("case(n, 7 -> 'seven')", "seven"),
        ("case(nope, 'x' -> 1, else -> 2)", 2),
        ("case(nope, else -> 2)", 2),
        ("try(a | number, 'instead')", "instead"),
        ("try(s | number, 'instead')", 7),
        ("try(a | number)", "missing"),
        ("expect(n, n > 0, 'it is above zero')", 7),
        # lists
        ("each(list, . & '!')", ["x!", "y!", "z!"]),
        ("each(list[*], . & $index)", ["x1", "y2", "z3"]),
        ("each(codes, .code)", ["1", "2", "3"]),
        ("each(codes, each(list, .))", [["x", "y", "z"]] * 3),
        ("each(nope, .)", "missing"),
        ("sum(each(codes, .code | number))", 6),
        ("sum(each(nope, .code | number)) | default(0)", 0),
        ("each(codes[* where system = 'two'], .code)", ["2", "3"]),
        ("codes[*].code | join('+')", "1+2+3"),
        ("count(codes[*])", 3),
        ("first(list[*])", "x"),
        # missing and null go through transforms
        ("nope | upper", "missing"),
        ("nil | upper", None),
        ("nope | default('d')", "d"),
        ("nil | default('d')", "d"),
        ("replace(a, nope, 'x')", "missing"),
        ("replace(a, 'te', 'x')", "xxt"),
        # documents inside documents
        ("block | write('json')", '{"k":"v"}'),
    ],
)
def test_a_formula_gives(formula: str, expected: Any) -> None:
    assert value(formula, DOCUMENT) == expected
    assert type(value(formula, DOCUMENT)) is type(expected)


@pytest.mark.parametrize(
    ("formula", "code"),
    [
        ("a > 5", "M203"),
        ("a = 5", "M203"),
        ("list[*] = 'x'", "M204"),
        ("yes = 'true'", "M204"),
        ("yes < 1", "M204"),
        ("block = 'x'", "M204"),
        ("a in block", "M204"),
        ("a in s", "M204"),
        ("list[*] matches 'x'", "M204"),
        ("a & yes", "M204"),
        ("a & list[*]", "M204"),
        ("a + 1", "M205"),
        ("yes + 1", "M205"),
        ("n / 0", "M206"),
        ("0 / 0", "M206"),
        ("if(a, 1, 2)", "M207"),
        ("a and yes", "M207"),
        ("not a", "M207"),
        ("n | upper", "M210"),
        ("list[*] | upper", "M210"),
        ("block | number", "M210"),
        ("block | parse('json')", "M210"),
        ("a | parse('json')", "J"),
        ("expect(n, n > 9, 'it is above nine')", "M202"),
        ("expect(n, nope > 9, 'it is above nine')", "M202"),
        ("list[*] | item(d)", "M210"),
    ],
)
def test_a_formula_that_cannot_be_worked_out_is_a_fault(formula: str, code: str) -> None:
    quoted = formula.replace("'", "''")
    (line,) = faults(f"output: {{keep: me, v: '={quoted}'}}", DOCUMENT)
    assert line.startswith(f"mappings/draft.yaml:3:23 {code}"), line


def test_expect_says_its_own_sentence() -> None:
    (line,) = faults("output: {v: \"=expect(n, n > 9, 'the number is above nine.')\"}", DOCUMENT)
    assert " M202 v: the number is above nine [n] — " in line


@pytest.mark.parametrize(
    ("formula", "code", "says"),
    [
        ("a | upcase", "M105", "did you mean"),
        ("a | table(sx)", "M105", "did you mean 'sex'?"),
        ("a in table(sx)", "M105", "did you mean 'sex'?"),
        ("a | table('x', 'y')", "M107", "table(sex)"),
        ("a | replace('x')", "M107", "replace takes 3 values"),
        ("if(yes)", "M107", "if(test, then, else)"),
        ("case(a)", "M107", "case("),
        ("case(a, 'x')", "M107", "arrows"),
        ("case(a, else -> 1, 'x' -> 2)", "M107", "else"),
        ("coalesce(a -> 1)", "M107", "->"),
        ("upper(a -> 1)", "M107", "->"),
        ("5 | upper", "M103", "upper takes text here, and this is a number"),
        ("a matches s", "M107", "in quotes"),
        ("a matches '('", "M108", "never closed"),
        ("expect(n, yes, a)", "M107", "sentence"),
        (".", "M104", "no loop around it"),
        ("$index", "M104", "no loop around it"),
        ("order.$index", "M104", "no loop named 'order'"),
        ("raw(a)", "M107", "no escapes"),
        ("raw('a')", "M107", "raw(OBX-5)"),
        ("a | parse('nope')", "C110", ""),
        ("a | parse(s)", "M107", "parse('xml')"),
    ],
)
def test_what_cannot_be_compiled_is_told_with_its_place(formula: str, code: str, says: str) -> None:
    quoted = formula.replace("'", "''")
    with pytest.raises(Faults) as caught:
        draft(f"tables: {{sex: {{M: male}}}}\noutput:\n  fine: =a\n  v: '={quoted}'\n")
    (fault,) = caught.value
    assert str(fault).startswith("mappings/draft.yaml:6:")
    assert fault.code == code
    assert says in str(fault)


def test_everything_that_cannot_be_compiled_is_told_at_once() -> None:
    with pytest.raises(Faults) as caught:
        draft("let: {x: =a | nope}\noutput:\n  v: =a | nope2\n  l: {$each: =nope3(a), $when: =nope4(a), w: =a}\n")
    assert [str(f).split(": ")[0].split(" ")[0] for f in caught.value] == [
        "mappings/draft.yaml:3:15",
        "mappings/draft.yaml:5:11",
        "mappings/draft.yaml:6:15",
        "mappings/draft.yaml:6:33",
    ]


def test_only_the_branch_taken_is_worked_out() -> None:
    text = "a | number"
    for formula in (f"if(yes, 1, {text})", f"coalesce(n, {text})", f"case(n, 7 -> 1, else -> {text})", f"yes or {text} = 1"):
        assert value(formula, DOCUMENT) in (1, 7, True)


def test_try_keeps_the_fault_as_a_warning() -> None:
    result = made(draft("output:\n  l: {$each: list, v: \"=try(. | number, 'none')\"}"), {"list": ["1", "x"]})
    assert result.documents == ({"l": [{"v": 1}, {"v": "none"}]},)
    (warning,) = result.warnings
    assert (warning.level, warning.code, warning.target) == ("warning", "M221", "l[1].v")


# tables


def test_tables() -> None:
    head = "tables:\n  sex: {M: male, F: female}\n  all: {a: 1, '*': 9}\n  nul: {a: null}\n"
    assert value("v | table(sex)", {"v": "M"}, head=head) == "male"
    assert value("v | table(sex)", {}, head=head) == "missing"
    assert value("v | table(sex)", {"v": None}, head=head) is None
    assert value("v | table(all)", {"v": "zz"}, head=head) == 9
    assert value("v | table(nul)", {"v": "a"}, head=head) is None
    assert value("v in table(sex)", {"v": "M"}, head=head) is True
    assert value("v in table(sex)", {"v": "Q"}, head=head) is False
    assert value("v in table(all)", {"v": "Q"}, head=head) is False
    assert value("v in table(sex)", {}, head=head) is False
    assert value("table('M', sex)", {}, head=head) == "male"
    assert value("v | table(n)", {"v": 1}, head="tables: {n: {'1': one}}\n") == "one"


def test_a_code_that_is_not_in_the_table_names_the_table() -> None:
    result = made(draft("tables: {sex: {M: male}}\noutput: {v: =v | table(sex)}"), {"v": "Q"})
    (fault,) = result.faults
    assert (fault.code, fault.value, fault.target, fault.source) == ("M201", "Q", "v", "v")
    assert "table sex has no row" in fault.says


def test_a_list_is_no_code() -> None:
    assert faults("tables: {t: {M: m}}\noutput: {v: '=v[*] | table(t)'}", {"v": ["M"]})[0].count("M204") == 1


# names


def test_names_win_over_the_document_and_dollar_is_the_document() -> None:
    text = "needs: [who]\nlet: {a: named}\noutput: {a: =a, da: =$.a, who: =who, x: =x}"
    assert one(text, {"a": "own", "who": "own", "x": "1"}, {"who": "context"}) == {
        "a": "named",
        "da": "own",
        "who": "context",
        "x": "1",
    }


def test_a_constant_name_counts_as_little_as_a_constant() -> None:
    head = "let: {prefix: INV-, also: =prefix & 'X', real: =s}\n"
    assert value("prefix & nope", DOCUMENT, head=head) == "missing"
    assert value("also & nope", DOCUMENT, head=head) == "missing"
    assert value("prefix & s", DOCUMENT, head=head) == "INV-7"
    assert value("real & nope", DOCUMENT, head=head) == "7"


def test_paths_go_on_in_parsed_documents() -> None:
    head = "let: {inner: =text | parse('json')}\n"
    assert value("inner.a.b[1]", {"text": '{"a": {"b": [1, 2.50]}}'}, head=head) == number("2.50")
    assert value("inner.rows[k = 'x'].v", {"text": '{"rows": [{"k": "x", "v": 3}]}'}, head=head) == 3
    assert value("inner.a", {}, head=head) == "missing"


# a workspace's own transforms


def test_a_transform_that_breaks_off_is_a_fault_that_names_it() -> None:
    def broken(x: str) -> str:
        """Breaks."""
        return str(int(x))

    text = "output: {v: =a | broken}"
    (line,) = faults(text, DOCUMENT, transforms={"broken": Transform.of("broken", broken)})
    assert "M211 v: transform broken broke off with ValueError [a]" in line
    assert "text" not in line.split("M211")[1].split("—")[0].replace("transform broken", "")


# one formula alone


def lone(formula: str, **more: Any) -> Any:
    reader = formats("json", {})
    return compile_formula(formula, Place("channels/x.yaml", 3, 9), format=reader, transforms=builtins(), **more)


def test_a_formula_alone_is_a_function_of_a_tree_and_names() -> None:
    keep = lone("=kind in ['A03', 'A04']")
    assert keep({"kind": "A03"}, {}) is True
    assert keep({}, {}) is False
    assert lone("visit.code & '/' & id", names=["visit"])({"id": "1", "visit": "no"}, {"visit": {"code": "V"}}) == "V/1"
    assert lone("nope")({}, {}) is MISSING
    assert lone("list[*]")({"list": []}, {}) is MISSING
    assert lone("when | datetime", timezone="Asia/Phnom_Penh")({"when": "202611040830"}, {}) == "2026-11-04T08:30:00+07:00"


def test_a_formula_alone_may_stand_in_an_item() -> None:
    expect = lone(".code = visit.code and $index < 3", names=[".", "$index", "visit"])
    assert expect({}, {".": {"code": "V"}, "$index": 2, "visit": {"code": "V"}}) is True
    assert expect({}, {".": {"code": "W"}, "$index": 2, "visit": {"code": "V"}}) is False


def test_a_fault_of_a_formula_alone_has_its_place() -> None:
    with pytest.raises(Fault) as caught:
        lone("=kind | number")({"kind": "x"}, {})
    assert str(caught.value.at) == "channels/x.yaml:3:9"
    with pytest.raises(Fault) as caught:
        lone("kind | nope")
    assert caught.value.code == "M105"


# data is never evaluated


NAUGHTY = [
    "{0.__globals__}",
    "{{7*7}}",
    "__import__('os')",
    "'; raise SystemExit #",
    "\\",
    "\n",
    '"""',
    "%s%n",
    "${x}",
    "\x00",
    "ខ្មែរ",
]


@pytest.mark.parametrize("text", NAUGHTY)
def test_what_a_message_holds_stays_a_value(text: str) -> None:
    quoted = text.replace("'", "''")
    result = made(draft("output: {v: =v, w: =v & '!', l: {$each: l, v: =.}}"), {"v": text, "l": [text]})
    assert result.documents == ({"v": text, "w": text + "!", "l": [{"v": text}]},)
    if "\n" not in text and "\x00" not in text and "`" not in text:
        assert lone(f"'{quoted}'")({}, {}) == text


@pytest.mark.parametrize("key", ["'] = 1; import os #", 'a"b', "{x}", "\\", "with space", "__class__", "ខ្មែរ"])
def test_what_a_file_holds_never_becomes_a_name_in_the_code(key: str) -> None:
    mapping = draft(f"output:\n  {json.dumps(key, ensure_ascii=False)}: =v\n  k: {{{json.dumps(key, ensure_ascii=False)}: 1}}\n")
    assert made(mapping, {"v": "1"}).documents == ({key: "1", "k": {key: 1}},)


def test_attributes_are_never_walked() -> None:
    assert value("a.__class__", DOCUMENT) == "missing"
    assert value("block.__class__.__mro__", DOCUMENT) == "missing"


def test_no_formula_from_anywhere_raises_anything_but_a_fault() -> None:
    """Formulas put together at random from the language's own words."""
    words = st.sampled_from(WORDS)
    two = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "in", "&", "+", "- ", "*", "/ ", "and", "or"])
    calls = st.sampled_from(CALLS)

    def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.builds(lambda a, o, b: f"({a} {o} {b})", inner, two, inner) | st.builds(lambda c, a: c % a, calls, inner)

    @settings(max_examples=250, deadline=None, database=None)
    @given(st.recursive(words, grown, max_leaves=6))
    def holds(formula: str) -> None:
        try:
            work = lone(formula, tables=TABLES)
        except Fault:
            return
        with contextlib.suppress(Fault):
            work(DOCUMENT, {})

    holds()


TABLES = draft("tables: {t: {x: y, '1': z}}\noutput: =a").picture.tables

CALLS = (
    """
upper(%s); number(%s); join(%s, ','); sum(%s); date(%s); not (%s); (%s) exists; each(%s, .); %s | table(t); coalesce(%s, a)
case(%s, 'x' -> 1, else -> a); try(%s, 1); if(%s, 1, 2); %s | write('json'); first(%s); count(%s); %s | default(1)
each(list, %s); codes[code = %s].code; (%s) matches 'x'; round(%s); sort(%s)
""".strip()
    .replace("\n", "; ")
    .split("; ")
)
WORDS = [
    "a",
    "n",
    "d",
    "s",
    "yes",
    "nil",
    "nope",
    "list[*]",
    "codes",
    "block",
    ".",
    "$",
    "$index",
    "1",
    "0",
    "'x'",
    "true",
    "null",
    "[a, n]",
    "table(t)",
]
