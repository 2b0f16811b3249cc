"""The formula grammar: what stands where in the tree, how tightly things bind, and that hostile text gives Faults alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.fault import Fault, Place
from interpres.format import Grammar
from interpres.mapping.formula import Binary, Call, Exists, Formula, Listing, Not, Number, Read, Text, Truth
from interpres.mapping.reading.grammar import parse, parse_path, worked
from interpres.path import Every, Field, Index, Key, Position, Step, Where
from interpres.yaml import Branch, Leaf, read

AT = Place("f.yaml", 3, 10)


def shown(formula: Any) -> str:
    """A formula with every bracket written out."""
    match formula:
        case Binary(operator, left, right):
            return f"({shown(left)} {operator} {shown(right)})"
        case Not(operand):
            return f"(not {shown(operand)})"
        case Exists(operand):
            return f"({shown(operand)} exists)"
        case Call(name, arguments):
            return f"{name}({', '.join(map(shown, arguments))})"
        case Listing(items):
            return f"[{', '.join(map(shown, items))}]"
        case Text(text):
            return f"'{text}'"
        case Number(written=written):
            return written
        case Truth(value):
            return str(value)
        case Read(path):
            return path.text
    return f"{shown(formula.match) if formula.match else 'else'} -> {shown(formula.result)}"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a or b and not c = d", "(a or (b and (not (c = d))))"),
        ("a | number * b | number", "(number(a) * number(b))"),
        ("a - b - c + d", "(((a - b) - c) + d)"),
        ("a / b * c", "((a / b) * c)"),
        ("a & b + c * d", "(a & (b + (c * d)))"),
        ("a & b = c & d", "((a & b) = (c & d))"),
        ("(a or b) and c", "((a or b) and c)"),
        ("a | left(2) | upper", "upper(left(a, 2))"),
        ("not a exists", "(not (a exists))"),
        ("a in ['x', 2] or a in table(t)", "((a in ['x', 2]) or (a in table(t)))"),
        ("case(a, 'A' -> 1, ['B'] -> b | f, else -> null)", "case(a, 'A' -> 1, ['B'] -> f(b), else -> None)"),
        ("order in inner", "(order in inner)"),
        ("'it''s' & \"a\"\"b\"", "('it's' & 'a\"b')"),
        ("-3 - -2.50", "(-3 - -2.50)"),
        ("[]", "[]"),
        ("nullable = null", "(nullable = None)"),
    ],
)
def test_how_tightly_things_bind(text: str, meant: str) -> None:
    assert shown(parse(text, AT, "tree")) == meant


@pytest.mark.parametrize(
    ("text", "grammar", "root", "name", "parts"),
    [
        ("PID-5.1.2", "segments", "name", "PID", (Field(5), Position(1), Position(2))),
        ("OBX[2]-5[*].1", "segments", "name", "OBX", (Index(2), Field(5), Every(), Position(1))),
        ("$.PID-5", "segments", "document", "", (Key("PID"), Field(5))),
        (".4.2", "segments", "item", "", (Position(4), Position(2))),
        ("N1-2", "segments", "name", "N1", (Field(2),)),
        ("order.$index", "segments", "name", "order", (Key("$index"),)),
        ("name[0].family", "tree", "name", "name", (Index(0), Key("family"))),
        ("$.name", "tree", "document", "", (Key("name"),)),
        (".", "tree", "item", "", ()),
        ("$index", "tree", "index", "", ()),
        ("xml1/TONG_HOP/MA_BN", "tree", "name", "xml1", (Step("/", "TONG_HOP"), Step("/", "MA_BN"))),
        ("`Visit No`", "columns", "tick", "Visit No", ()),
        (".`Unit price`", "columns", "item", "", (Key("Unit price"),)),
        ("ឈ្មោះ", "columns", "name", "ឈ្មោះ", ()),
        ("/Doc//h:id/@root", "xml", "document", "", (Step("/", "Doc"), Step("//", "h:id"), Step("/@", "root"))),
        ("./MA_THUOC", "xml", "item", "", (Step("/", "MA_THUOC"),)),
        ("@xsi:type", "xml", "here", "", (Step("/@", "xsi:type"),)),
    ],
)  # fmt: skip
def test_what_a_path_is_made_of(text: str, grammar: Grammar, root: str, name: str, parts: tuple[object, ...]) -> None:
    path = parse_path(text, AT, grammar)
    assert (path.root, path.name, path.parts, path.text, path.at) == (root, name, parts, text, AT)


def test_conditions_are_formulas_inside_the_path() -> None:
    path = parse_path("PID-3[* where 5 = 'PI'].1", AT, "segments")
    where = path.parts[1]
    assert isinstance(where, Where) and where.many and path.many
    assert where.condition == Binary(
        "=", Number(5, "5", Place("f.yaml", 3, 24)), Text("PI", Place("f.yaml", 3, 28)), Place("f.yaml", 3, 24)
    )


def test_names_are_compared_in_nfc() -> None:
    assert parse_path("e\u0301tat", AT, "tree").name == "\u00e9tat"
    assert parse_path("`e\u0301 a`.e\u0301", AT, "tree").parts == (Key("\u00e9"),)


def test_numbers_are_exact() -> None:
    found = parse("12345678901234567890.10", AT, "tree")
    assert isinstance(found, Number) and found.number == Decimal("12345678901234567890.10")


@pytest.mark.parametrize("written", ["=a & bad", "'=a & bad'", '"=a & bad"', "'=''it'' & bad'", r'"=\"\u0069t\" & bad"'])
def test_places_are_those_of_the_file_whatever_the_quotes(written: str) -> None:
    tree = read(f"key: {written}\n", "f.yaml")
    leaf = tree.entries[0][1] if isinstance(tree, Branch) else None
    assert isinstance(leaf, Leaf)
    formula: Formula = worked(leaf, "tree").formula
    assert isinstance(formula, Binary)
    assert formula.right.at == Place("f.yaml", 1, f"key: {written}".index("bad") + 1)


@pytest.mark.parametrize(
    "text", ["(" * 3000 + "1" + ")" * 3000, "&".join("a" * 3000), "f(" * 3000, "[" * 3000, "a" * 20_000, "9" * 5000]
)
def test_hostile_formulas_are_refused(text: str) -> None:
    try:
        found = parse(text, AT, "tree")
    except Fault as fault:
        assert_worded(fault)
    else:
        assert isinstance(found, Number), "brackets alone make nothing deep"


def assert_worded(fault: Fault) -> None:
    assert fault.code.startswith("M11") and fault.says and fault.hint and fault.at and fault.at.line == 3


_SIGNS = [*"abPID159.-|&=<>!()[]{}*/+$@,'\"`#?:;~^\\% _កខ្មោះ٣“\u200b\t"]
_WORDS = [" = ", " and ", " or ", "not ", " in ", " exists", "else ->", "PID-5", "[* where ", "$index", "table(", " -> ", "null"]
_PIECES = st.lists(st.sampled_from([*_SIGNS, *_WORDS]), max_size=25)


@settings(max_examples=400, deadline=None)
@given(_PIECES, st.sampled_from(["segments", "tree", "xml", "columns"]))
def test_nothing_but_faults_comes_out(pieces: list[str], grammar: Grammar) -> None:
    try:
        parse("".join(pieces), AT, grammar)
    except Fault as fault:
        problem: Fault | None = fault
    else:
        problem = None
    if problem:
        assert_worded(problem)
