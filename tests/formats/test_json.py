"""JSON: exact values in and out, every kind of damage named with its line, and copies that differ where they are told to."""

from __future__ import annotations

import json
import string
from decimal import Decimal
from pathlib import Path as File
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres import catalog
from interpres.document import MISSING
from interpres.fault import Fault, Place
from interpres.formats.json import Json, JsonSettings
from interpres.path import Every, Index, Key, Path, Where

SUITE = "S02-json-parsing/nst+JSONTestSuite/test_parsing"
NAUGHTY = "S07-naughty/minimaxir+big-list-of-naughty-strings/blns.json"
SAMPLES = File(__file__).parents[2] / "samples/formats/json"

JSON = Json(JsonSettings())

STRICTER = {"y_object_duplicated_key.json": "J005", "y_object_duplicated_key_and_value.json": "J005"}
"""What the suite accepts and we refuse, on purpose: a key twice in one object."""

UNDECIDED = {
    "i_number_double_huge_neg_exp.json": "",
    "i_number_huge_exp.json": "J010",
    "i_number_neg_int_huge_exp.json": "",
    "i_number_pos_double_huge_exp.json": "",
    "i_number_real_neg_overflow.json": "J010",
    "i_number_real_pos_overflow.json": "J010",
    "i_number_real_underflow.json": "J010",
    "i_number_too_big_neg_int.json": "",
    "i_number_too_big_pos_int.json": "",
    "i_number_very_big_negative_int.json": "",
    "i_object_key_lone_2nd_surrogate.json": "J007",
    "i_string_1st_surrogate_but_2nd_missing.json": "J007",
    "i_string_1st_valid_surrogate_2nd_invalid.json": "J007",
    "i_string_UTF-16LE_with_BOM.json": "J003",
    "i_string_UTF-8_invalid_sequence.json": "J002",
    "i_string_UTF8_surrogate_U+D800.json": "J002",
    "i_string_incomplete_surrogate_and_escape_valid.json": "J007",
    "i_string_incomplete_surrogate_pair.json": "J007",
    "i_string_incomplete_surrogates_escape_valid.json": "J007",
    "i_string_invalid_lonely_surrogate.json": "J007",
    "i_string_invalid_surrogate.json": "J007",
    "i_string_invalid_utf-8.json": "J002",
    "i_string_inverted_surrogates_U+1D11E.json": "J007",
    "i_string_iso_latin_1.json": "J002",
    "i_string_lone_second_surrogate.json": "J007",
    "i_string_lone_utf8_continuation_byte.json": "J002",
    "i_string_not_in_unicode_range.json": "J002",
    "i_string_overlong_sequence_2_bytes.json": "J002",
    "i_string_overlong_sequence_6_bytes.json": "J002",
    "i_string_overlong_sequence_6_bytes_null.json": "J002",
    "i_string_truncated-utf-8.json": "J002",
    "i_string_utf16BE_no_BOM.json": "J004",
    "i_string_utf16LE_no_BOM.json": "J004",
    "i_structure_500_nested_arrays.json": "J008",
    "i_structure_UTF-8_BOM_empty_object.json": "J003",
}
"""What the suite leaves to the reader, and what we decided."""


def code_of(body: bytes, reader: Json = JSON) -> str:
    """The code of the fault, or nothing where the bytes are read."""
    try:
        reader.decode(body)
    except Fault as fault:
        return fault.code
    return ""


def suite(corpora: File) -> list[File]:
    files = sorted((corpora / SUITE).glob("*.json"))
    assert len(files) > 150
    return files


def test_the_parsing_suite_is_decided_case_by_case(corpora: File) -> None:
    for file in suite(corpora):
        code = code_of(file.read_bytes())
        if file.name.startswith("n_"):
            assert code, file.name
        elif file.name.startswith("y_"):
            assert code == STRICTER.get(file.name, ""), file.name
        else:
            assert code == UNDECIDED[file.name], file.name


def test_what_the_suite_accepts_comes_back_with_the_same_meaning(corpora: File) -> None:
    for file in suite(corpora):
        if file.name.startswith("y_") and file.name not in STRICTER:
            tree = JSON.decode(file.read_bytes()).tree
            assert JSON.decode(JSON.encode(tree)).tree == tree, file.name


def test_naughty_strings_come_back_as_they_were(corpora: File) -> None:
    tree = JSON.decode((corpora / NAUGHTY).read_bytes()).tree
    assert len(tree) > 400
    assert JSON.decode(JSON.encode(tree)).tree == tree == json.loads((corpora / NAUGHTY).read_bytes())


@pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.json")), ids=lambda file: file.name)
def test_samples(file: File) -> None:
    """Beside each sample stands its tree, as JSON with every number as text, or its fault."""
    expected = file.with_suffix(".tree").read_text("utf-8")
    try:
        found = json.dumps(spelt(JSON.decode(file.read_bytes()).tree), ensure_ascii=False, indent=1) + "\n"
    except Fault as fault:
        found = f"{fault.line()}\n"
    assert found == expected


def spelt(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: spelt(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [spelt(value) for value in tree]
    return f"number {tree}" if isinstance(tree, int | Decimal) and not isinstance(tree, bool) else tree


@pytest.mark.parametrize(
    "number", ["1.00", "0.10", "-0.0", "12345678901234567890", "0.12345678901234567890", "9" * 100, "1E+400", "-5"]
)
def test_numbers_are_exact_there_and_back(number: str) -> None:
    assert JSON.encode(JSON.decode(f'{{"n":{number}}}'.encode()).tree) == f'{{"n":{number}}}'.encode()


def test_1e400_is_a_number_like_any_other() -> None:
    assert JSON.decode(b"1e400").tree == Decimal("1e400")


@pytest.mark.parametrize(
    ("body", "code", "source"),
    [
        (b"", "J001", "line 1, column 1"),
        (b" \n ", "J001", "line 1, column 1"),
        (b'{"a":\n "caf\xe9"}', "J002", "line 2, column 6"),
        (b"\xef\xbb\xbf{}", "J003", "line 1, column 1"),
        ('{"a": 1}'.encode("utf-16"), "J003", "line 1, column 1"),
        (b'{"a": 1,\n "b": 2,}', "J004", "line 2, column 8"),
        (b"{'a': 1}", "J004", "line 1, column 2"),
        (b'{"a": 01}', "J004", "line 1, column 7"),
        (b'{"a": True}', "J004", "line 1, column 7"),
        (b'{"a": "\\x41"}', "J004", "line 1, column 8"),
        (b'{"a": 1 /* one */}', "J004", "line 1, column 9"),
        (b'{"a": 1,\n "b": {"c": 2, "c": 3}}', "J005", "line 2, column 16"),
        (b'{"a": 1, "\\u0061": 2}', "J005", "line 1, column 10"),
        (b'{"a": NaN}', "J006", "line 1, column 7"),
        (b"[-Infinity]", "J006", "line 1, column 2"),
        (b'["\\ud83d"]', "J007", "line 1, column 3"),
        (b'["\\ude00\\ud83d"]', "J007", "line 1, column 3"),
        (b"[" * 129 + b"]" * 129, "J008", "line 1, column 129"),
        (b"[" * 100_000, "J008", "line 1, column 129"),
        (b'{"a":' * 100_000, "J008", "line 1, column 641"),
        (b'{"a": 1}\n{"a": 2}', "J009", "line 2, column 1"),
        (b"9" * 5000, "J010", "line 1, column 1"),
        (b"1e10000", "J010", "line 1, column 1"),
        (b"0.4e00669999999999999999999999999999", "J010", "line 1, column 1"),
        (b'["a\tb"]', "J011", "line 1, column 4"),
        (b'{"a": "b', "J012", "line 1, column 7"),
        (b'{"a": [1,', "J012", "line 1, column 10"),
    ],
)
def test_damage_is_named_where_it_is(body: bytes, code: str, source: str) -> None:
    with pytest.raises(Fault) as raised:
        JSON.decode(body)
    assert (raised.value.code, raised.value.source) == (code, source)
    assert raised.value.hint


def test_a_duplicate_key_is_found_beside_colons_in_texts() -> None:
    assert code_of(b'{"a": "x:y", "a": "x"}') == "J005"
    assert code_of(b'{"a": "::::", "b": "\\u003a", "c": 1}') == ""
    assert code_of(b'{"a": 1, "a": "\\u003a:"}') == "J005"


def test_depth_and_the_mark_are_settings() -> None:
    reader = Json(JsonSettings(max_depth=2, byte_order_mark="skip"))
    assert reader.decode(b'\xef\xbb\xbf{"a": [1]}').tree == {"a": [1]}
    assert code_of(b"[[[1]]]", reader) == "J008"
    assert code_of(b"[" * 400 + b"1" + b"]" * 400, Json(JsonSettings(max_depth=400))) == ""


@given(
    st.recursive(
        st.text('[]{}"\\:x', max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("[{x", max_size=2), inner, max_size=2),
        max_leaves=30,
    ),
    st.integers(1, 6),
)
@settings(max_examples=200, deadline=None)
def test_depth_is_judged_rightly_whatever_stands_in_texts(tree: Any, depth: int) -> None:
    def deep(value: Any) -> int:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        return 0 if inner is None else 1 + max(map(deep, inner), default=0)

    assert (code_of(JSON.encode(tree), Json(JsonSettings(max_depth=depth))) == "J008") == (deep(tree) > depth)


def test_no_value_of_a_message_is_in_what_a_fault_says() -> None:
    with pytest.raises(Fault) as raised:
        JSON.decode(b'{"Sokha": 1, "Sokha": 2}')
    assert "Sokha" not in str(raised.value) and raised.value.value == "Sokha"


@pytest.mark.parametrize(
    "tree",
    [{"a": Decimal("NaN")}, [Decimal("Infinity")], {"a": "\ud800"}, {"a": object()}, [10**5000]],
    ids=["NaN", "Infinity", "half a character", "an object", "too many digits"],
)
def test_what_json_cannot_say_is_refused(tree: Any) -> None:
    with pytest.raises(Fault) as raised:
        JSON.encode(tree)
    assert raised.value.code in ("J020", "J021")


def test_the_word_nan_is_a_text_like_any_other() -> None:
    assert JSON.encode({"NaN": "Infinity"}) == b'{"NaN":"Infinity"}'


def test_readable_text_is_indented_and_damage_left_alone() -> None:
    assert JSON.readable(b'{"a":[1.00]}') == b'{\n  "a": [\n    1.00\n  ]\n}'
    assert JSON.readable(b'{"a":') == b'{"a":'


# edits


def path(text: str, *parts: Any, name: str = "") -> Path:
    return Path("name" if name else "document", name, parts, text, Place("m.yaml", 1, 1))


BODY = b'{ "id" : 1.00,\n  "name": [ {"family":"A", "given":["x", "y"]} , {"family" : "B"} ],\n  "note":null }'


def edited(sets: list[tuple[Path, Any]], drops: list[str] | None = None, body: bytes = BODY, keep: Any = None) -> bytes:
    return JSON.encode(JSON.edit(JSON.decode(body), sets, drops or [], keep))


def test_an_edit_changes_what_it_names_and_nothing_else() -> None:
    assert edited([]) == BODY
    family = path("name[1].family", Index(1), Key("family"), name="name")
    assert edited([(family, "C")]) == BODY.replace(b'"B"', b'"C"')
    assert edited([(path("name.family", Key("family"), name="name"), Decimal("0.10"))]) == BODY.replace(b'"A"', b"0.10")
    assert edited([(path("note", name="note"), MISSING)]) == BODY.replace(b',\n  "note":null', b"")
    assert edited([(path("id", name="id"), None)]) == BODY.replace(b"1.00", b"null")


def test_an_edit_adds_what_is_not_there() -> None:
    assert edited([(path("a.b", Key("b"), name="a"), 1)], body=b"{}") == b'{"a":{"b":1}}'
    assert edited([(path("a[0].b", Index(0), Key("b"), name="a"), 1)], body=b'{"z": 0}') == b'{"z": 0,"a":[{"b":1}]}'
    assert edited([(path("a[1]", Index(1), name="a"), 2)], body=b'{"a": [1]}') == b'{"a": [1,2]}'
    assert edited([(path("a", name="a"), 1)], ["z"], body=b'{"z": 0}') == b'{"a":1}'
    assert edited([(path("a", name="a"), MISSING)], body=b"{}") == b"{}"


def test_an_edit_sets_every_item_that_it_chooses() -> None:
    every = path("name[*].family", Every(), Key("family"), name="name")
    assert edited([(every, "C")]) == BODY.replace(b'"A"', b'"C"').replace(b'"B"', b'"C"')
    where = path("name[family = 'B'].use", Where(lambda item: item["family"] == "B"), Key("use"), name="name")
    assert edited([(where, "old")]) == BODY.replace(b'"B"', b'"B","use":"old"')


def test_drops_take_values_out_with_their_commas() -> None:
    assert edited([], ["name.given"]) == BODY.replace(b', "given":["x", "y"]', b"")
    assert edited([], ["id"]) == BODY.replace(b' "id" : 1.00,', b"").replace(b'{\n  "name"', b'{\n  "name"')
    assert edited([], ["name[0]", "$.note"]) == b'{ "id" : 1.00,\n  "name": [  {"family" : "B"} ] }'
    assert edited([], ["id", "name", "note"]) == b"{ }"
    assert edited([], ["nowhere.to.be.seen"]) == BODY


def test_a_copy_for_one_item_leaves_its_siblings_out() -> None:
    document = JSON.decode(BODY)
    keep = document.tree["name"][1]
    assert JSON.encode(JSON.edit(document, [], [], keep)) == b'{ "id" : 1.00,\n  "name": [  {"family" : "B"} ],\n  "note":null }'


@pytest.mark.parametrize(
    "target",
    [
        path("id.x", Key("x"), name="id"),
        path("name[9]", Index(9), name="name"),
        path("new[2]", Index(2), name="new"),
    ],
)
def test_a_target_that_cannot_be_set_is_a_fault(target: Path) -> None:
    with pytest.raises(Fault) as raised:
        edited([(target, 1)])
    assert raised.value.code == "J030" and raised.value.at == Place("m.yaml", 1, 1)


# fuzz

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.decimals(allow_nan=False, allow_infinity=False, places=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(TREES)
@settings(max_examples=80, deadline=None)
def test_every_tree_comes_back(tree: Any) -> None:
    body = JSON.encode(tree)
    assert JSON.decode(body).tree == tree
    assert JSON.encode(JSON.edit(JSON.decode(body), [], [])) == body


@given(
    st.binary(max_size=60) | st.text(string.printable + "ខ\ud800é", max_size=60).map(lambda t: t.encode("utf-8", "surrogatepass"))
)
@settings(max_examples=200, deadline=None)
def test_bytes_are_read_or_refused_with_a_fault(body: bytes) -> None:
    code_of(body)


@given(TREES, st.data())
@settings(max_examples=200, deadline=None)
def test_damaged_json_is_read_as_the_standard_library_reads_it_or_refused(tree: Any, data: st.DataObject) -> None:
    text = JSON.encode(tree).decode()
    at = data.draw(st.integers(0, len(text)))
    text = (
        text[:at]
        + data.draw(st.sampled_from([*'{}[]",:\\u0123d8.e-+ \n\t', "NaN", '"a":1,', '"a":1']))
        + text[at + data.draw(st.integers(0, 2)) :]
    )
    if not code_of(text.encode()):
        assert JSON.decode(text.encode()).tree == json.loads(text, parse_float=Decimal)


def test_the_catalog_finds_it() -> None:
    assert catalog.part("formats", "json") is Json and JSON.name == "json"
