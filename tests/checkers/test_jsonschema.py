"""JSON Schema as a checker: what is refused, in which words, and that the fast validator judges as the reference one does."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.checkers.jsonschema import JsonSchema
from interpres.document import Document
from interpres.fault import Fault, Faults
from interpres.schema import Written


def checker(schema: Any, root: Path = Path("schemas"), member: str = "") -> JsonSchema:
    return JsonSchema(Written("x/y", root / "x" / "y.json", root, schema, member))


def lines(schema: Any, tree: Any) -> list[str]:
    return [fault.line() for fault in checker(schema).faults(Document("json", tree))]


@pytest.mark.parametrize(
    ("schema", "tree", "says"),
    [
        ({"required": ["a"]}, {}, "V101 a: is missing"),
        ({"type": "string"}, 1, "V102 is a number where text is wanted"),
        ({"type": "number"}, "1", "V102 is text where a number is wanted"),
        ({"type": ["integer", "null"]}, [], "V102 is a list where a whole number or null is wanted"),
        ({"type": ["integer", "number"]}, True, "V102 is true or false where a number is wanted"),
        ({"enum": ["M", "F"]}, "Q", "V103 is not one of 'M', 'F'"),
        ({"enum": list(range(20))}, 99, "V103 is not one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … (20 in all)"),
        ({"const": "KH"}, "TH", "V103 is not 'KH', the one value allowed"),
        ({"pattern": "^a$"}, "b", "V104 does not have the form that is wanted — its pattern is ^a$"),
        ({"format": "date"}, "2026-02-30", "V105 is not a date — write it as 2026-11-04"),
        (
            {"format": "date-time"},
            "2026-11-04T08:30:00",
            "V105 is not a date and time with its offset — write it as 2026-11-04T08:30:00+07:00",
        ),
        ({"format": "ipv4"}, "1.2.3", "V105 is not what the format 'ipv4' means"),
        ({"minimum": 0}, -1, "V106 is less than 0"),
        ({"maximum": 9}, 10, "V106 is more than 9"),
        ({"exclusiveMinimum": 0}, 0, "V106 is not more than 0"),
        ({"exclusiveMaximum": 0}, 0, "V106 is not less than 0"),
        ({"multipleOf": Decimal("0.01")}, Decimal("1.005"), "V106 is not a multiple of 0.01"),
        ({"minLength": 1}, "", "V107 is empty"),
        ({"minLength": 2}, "a", "V107 is shorter than 2 characters"),
        ({"maxLength": 1}, "ab", "V107 is longer than 1 character"),
        (
            {"properties": {"patient": {}}, "additionalProperties": False},
            {"pateint": 1},
            "V108 pateint: is not in the schema — did you mean 'patient'?",
        ),
        (
            {"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": False},
            {"zzz": 1},
            "V108 zzz: is not in the schema — take it out, or correct its name",
        ),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, "V108 has a key of a form that the schema does not allow"),
        ({"uniqueItems": True}, [1, 1], "V109 holds the same item twice"),
        ({"minItems": 1}, [], "V110 is an empty list"),
        ({"maxItems": 1}, [1, 2], "V110 has more than 1 item"),
        ({"minProperties": 2}, {"a": 1}, "V110 has fewer than 2 keys"),
        ({"maxProperties": 0}, {"a": 1}, "V110 has more than 0 keys"),
        ({"contains": {"type": "string"}}, [1], "V110 does not hold the items that it must, as many as it must"),
        ({"prefixItems": [{}], "unevaluatedItems": False}, [1, 2], "V110 has items that the schema does not know"),
        ({"oneOf": [{"minimum": 1}, {"minimum": 2}]}, 3, "V111 fits several forms that exclude one another"),
        ({"not": {"type": "string"}}, "a", "V112 has a form that the schema rules out"),
        ({"properties": {"a": False}}, {"a": 1}, "V112 a: must not be here"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "V101 b: is missing"),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}, "V101 b: is missing"),
        (
            {"properties": {"two words": {"items": {"type": "null"}}}},
            {"two words": [1]},
            "V102 `two words`[0]: is a number where null is wanted",
        ),
    ],
)
def test_every_keyword_has_its_sentence(schema: Any, tree: Any, says: str) -> None:
    assert lines(schema, tree) == [says]


def test_the_description_is_the_hint() -> None:
    schema = {"properties": {"sex": {"enum": ["M", "F"], "description": "As the card says."}}, "required": ["sex"]}
    assert lines(schema, {}) == ["V101 sex: is missing — As the card says"]
    assert lines(schema, {"sex": 1}) == ["V103 sex: is not one of 'M', 'F' — As the card says"]


def test_of_a_value_of_the_wrong_type_only_that_is_said() -> None:
    assert lines({"type": "string", "enum": ["M"]}, 3) == ["V102 is a number where text is wanted"]


def test_no_value_of_the_document_is_in_the_sentence() -> None:
    (fault,) = checker({"enum": ["M"]}).faults(Document("json", "SECRET"))
    assert "SECRET" not in fault.line() and "SECRET" not in repr(fault)
    assert fault.value == "SECRET"


def test_the_nearest_form_is_spoken_of() -> None:
    patient = {"properties": {"kind": {"const": "patient"}, "sex": {"enum": ["M", "F"]}}, "required": ["kind", "sex"]}
    doctor = {"properties": {"kind": {"const": "doctor"}}, "required": ["kind", "licence", "ward"]}
    for word in ("anyOf", "oneOf"):
        schema = {word: [patient, doctor, {"type": "null"}]}
        assert lines(schema, {"kind": "patient", "sex": "Q"}) == ["V103 sex: is not one of 'M', 'F'"]
        assert lines(schema, {"kind": "doctor", "ward": 1}) == ["V101 licence: is missing"]


def test_forms_of_other_types_are_named_together() -> None:
    schema = {"anyOf": [{"type": "string"}, {"type": "object"}]}
    assert lines(schema, 3) == ["V102 is a number where text or an object is wanted"]


def test_every_fault_at_once() -> None:
    schema = {"properties": {"v": {"items": {"required": ["a", "b"]}}}, "required": ["w"]}
    assert lines(schema, {"v": [{}, {"a": 1}]}) == [
        "V101 w: is missing",
        "V101 v[0].a: is missing",
        "V101 v[0].b: is missing",
        "V101 v[1].b: is missing",
    ]


@pytest.mark.parametrize(
    ("schema", "tree", "kept"),
    [
        ({"type": "integer"}, Decimal("3.0"), True),
        ({"type": "integer"}, 2**80, True),
        ({"maximum": 2**80}, 2**80 + 1, False),
        ({"maximum": Decimal("0.1")}, Decimal("0.10000000000000000000001"), False),
        ({"const": Decimal("1.5")}, Decimal("1.50"), True),
        ({"multipleOf": Decimal("0.1")}, Decimal("0.3"), True),
        ({"uniqueItems": True}, [1, Decimal("1.0")], False),
        ({"uniqueItems": True}, [1, True], True),
        ({"enum": [0]}, False, False),
    ],
)
def test_numbers_are_exact(schema: Any, tree: Any, kept: bool) -> None:
    document = Document("json", tree)
    assert checker(schema).keeps(document) is kept
    assert bool(list(checker(schema).faults(document))) is not kept


def test_a_pattern_cannot_be_made_to_run_for_ever() -> None:
    started = time.monotonic()
    for pattern in ("^(a+)+$", "^(?=a)(a+)+$", "^(([a-z])+.)+[A-Z]([a-z])+$"):
        assert lines({"pattern": pattern}, "a" * 5000 + "!")
    assert time.monotonic() - started < 2


SCHEMAS: list[dict[str, Any]] = [
    {"type": ["string", "integer"], "enum": ["a", 1, None]},
    {"minimum": 1, "exclusiveMaximum": 3, "multipleOf": 2},
    {"minLength": 1, "maxLength": 2, "pattern": "^[a-z]*$"},
    {"properties": {"a": {"type": "integer"}}, "patternProperties": {"^b": {"type": "string"}}, "additionalProperties": False},
    {"required": ["a"], "dependentRequired": {"a": ["b"]}, "dependentSchemas": {"b": {"minProperties": 3}}},
    {"prefixItems": [{"type": "integer"}], "items": {"type": "string"}, "minItems": 1, "maxItems": 2, "uniqueItems": True},
    {"contains": {"type": "integer"}, "minContains": 1, "maxContains": 2},
    {"anyOf": [{"type": "integer"}, {"required": ["a"]}], "not": {"const": 2}},
    {"oneOf": [{"type": "object"}, {"required": ["a"]}, {"const": 1}]},
    {"if": {"type": "object"}, "then": {"required": ["a"]}, "else": {"type": ["integer", "array"]}},
    {"allOf": [{"properties": {"a": True}}], "unevaluatedProperties": False},
    {"prefixItems": [True], "unevaluatedItems": False},
    {"propertyNames": {"enum": ["a", "b"]}, "maxProperties": 1},
    {"$defs": {"tree": {"type": ["object", "null"], "properties": {"a": {"$ref": "#/$defs/tree"}}}}, "$ref": "#/$defs/tree"},
]

TREES = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 2, 3, "", "a", "b", "ab", "A", "abc", "\u1780\u17b6"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "bb", "c"]), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("schema", SCHEMAS, ids=range(len(SCHEMAS)))
@given(tree=TREES)
@settings(max_examples=60, deadline=None, database=None)
def test_the_verdict_is_that_of_the_reference_validator(schema: dict[str, Any], tree: Any) -> None:
    ours = checker(schema)
    document = Document("json", tree)
    kept = jsonschema.Draft202012Validator(schema).is_valid(tree)
    assert ours.keeps(document) is kept
    assert (not list(ours.faults(document))) is kept


@pytest.mark.parametrize(
    ("format_", "texts"),
    [
        ("date", ["2026-11-04", "2026-13-01", "2026-11-4", "20261104", "", "2024-02-29", "2026-02-29"]),
        (
            "date-time",
            [
                "2026-11-04T08:30:00Z",
                "2026-11-04T08:30:00.123+07:00",
                "2026-11-04T08:30:00",
                "2026-11-04",
                "2026-11-04T25:00:00Z",
            ],
        ),
        ("time", ["08:30:00Z", "08:30:00+07:00", "08:30", "24:00:00Z"]),
        ("email", ["a@b.kh", "a"]),
        ("ipv4", ["127.0.0.1", "256.0.0.1", "1.2.3"]),
        ("uuid", ["7d2f0f6e-5c63-5f0e-9a55-6a1d4f3f7c10", "7d2f0f6e5c635f0e9a556a1d4f3f7c10", "x"]),
        ("uri", ["urn:x:y", "https://a.b/c", "a b", "/relative"]),
        ("regex", ["^a$", "["]),
        ("no-such-format", ["anything"]),
    ],
)
def test_formats_are_asserted_as_the_reference_validator_asserts_them(format_: str, texts: list[str]) -> None:
    schema = {"format": format_}
    reference = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    ours = checker(schema)
    assert {t: ours.keeps(Document("json", t)) for t in texts} == {t: reference.is_valid(t) for t in texts}


class TestReferences:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        files = {
            "x/types.json": {"$defs": {"sex": {"enum": ["M", "F"], "description": "As the card says."}}},
            "x/named.json": {"$id": "https://example.org/named", "type": "integer"},
            "x/loop.json": {"$ref": "loop.json"},
            "z/other.json": {"$ref": "../x/types.json#/$defs/sex"},
            "x/broken.json": {"$ref": "types.json#/$defs/sexx"},
            "x/old.json": {"$schema": "http://json-schema.org/draft-07/schema#"},
        }
        for name, contents in files.items():
            file = tmp_path / "schemas" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(contents))
        (tmp_path / "secret.json").write_text("{}")
        return tmp_path / "schemas"

    def faults(self, root: Path, schema: Any) -> list[str]:
        with pytest.raises((Fault, Faults)) as refused:
            checker(schema, root)
        error = refused.value
        return [f.line() for f in (error if isinstance(error, Faults) else [error])]

    def test_files_of_the_workspace_are_found(self, root: Path) -> None:
        for reference in ("types.json#/$defs/sex", "../z/other.json", "https://example.org/named"):
            assert not checker({"$ref": reference}, root).keeps(Document("json", "Q"))

    @pytest.mark.parametrize(
        ("reference", "line"),
        [
            (
                "http://127.0.0.1:9/x.json",
                "schemas/x/y.json C312 'http://127.0.0.1:9/x.json' lies outside the workspace — "
                "put the schema it means into the workspace's schemas/ and refer to that file; nothing is fetched",
            ),
            (
                "file:///etc/passwd",
                "schemas/x/y.json C312 'file:///etc/passwd' lies outside the workspace — "
                "put the schema it means into the workspace's schemas/ and refer to that file; nothing is fetched",
            ),
            ("type.json", "schemas/x/y.json C313 there is no schema file 'x/type.json' — did you mean 'types.json'?"),
            (
                "#/$defs/none",
                "schemas/x/y.json C315 the reference '#/$defs/none' leads nowhere — "
                "a part of a file is named by its keys, such as types.json#/$defs/code",
            ),
        ],
    )
    def test_what_leads_elsewhere_is_refused(self, root: Path, reference: str, line: str) -> None:
        assert self.faults(root, {"properties": {"a": {"$ref": reference}}}) == [line]

    def test_nothing_outside_the_folder_is_read(self, root: Path) -> None:
        (line,) = self.faults(root, {"$ref": "%2e%2e/../secret.json"})
        assert "C31" in line

    def test_a_link_out_of_the_folder_is_not_followed(self, root: Path) -> None:
        (root / "x" / "link.json").symlink_to(root.parent / "secret.json")
        (line,) = self.faults(root, {"$ref": "link.json"})
        assert "C312 'x/link.json' lies outside the folder of schemas" in line

    def test_all_wrong_references_are_told_at_once(self, root: Path) -> None:
        assert len(self.faults(root, {"allOf": [{"$ref": "broken.json"}, {"$ref": "old.json"}, {"$ref": "none.json"}]})) == 3

    def test_another_draft_is_refused(self, root: Path) -> None:
        (line,) = self.faults(root, {"$schema": "http://json-schema.org/draft-07/schema#"})
        assert "C314 the schema is written for 'http://json-schema.org/draft-07/schema'" in line

    def test_a_schema_that_is_none_is_refused(self, root: Path) -> None:
        assert "C316 properties.a.type is no sound JSON Schema" in self.faults(root, {"properties": {"a": {"type": "strin"}}})[0]
        assert "C316 pattern is not a regular expression" in self.faults(root, {"pattern": "("})[0]

    def test_a_schema_may_refer_to_itself(self, root: Path) -> None:
        assert checker({"properties": {"a": {"$ref": "#"}}, "type": "object"}, root).shape().key("a") is not None
        assert checker({"$ref": "loop.json"}, root).shape().kinds == frozenset()


class TestShape:
    def test_references_and_alternatives_are_seen_through(self) -> None:
        schema = {
            "$defs": {"sex": {"type": "string", "enum": ["M", "F"], "description": "As the card says."}},
            "type": "object",
            "properties": {
                "sex": {"anyOf": [{"$ref": "#/$defs/sex"}, {"type": "null"}]},
                "born": {"allOf": [{"type": "string"}, {"format": "date"}]},
                "lines": {
                    "type": "array",
                    "items": {"type": "object", "required": ["price"], "properties": {"price": {"type": "number"}}},
                },
            },
            "required": ["born", "lines"],
            "additionalProperties": False,
        }
        shape = checker(schema).shape()
        assert shape.kinds == {"object"} and not shape.nullable and not shape.open
        assert list(shape.required) == ["born", "lines"] and list(shape.keys) == ["sex", "born", "lines"]
        sex = shape.key("sex")
        assert sex and sex.kinds == {"string"} and sex.nullable and sex.values == ("M", "F") and sex.about == "As the card says."
        assert sex.refuses("Q") == "'Q' is not one of 'M', 'F'" and not sex.refuses("M") and not sex.refuses(None)
        born = shape.key("born")
        assert born and born.format == "date" and born.refuses("today") == "'today' is not a date"
        lines_ = shape.key("lines")
        assert lines_ and lines_.kinds == {"array"}
        item = lines_.item()
        assert item and list(item.required) == ["price"] and item.open
        price = item.key("price")
        assert price and price.refuses("5") == "'5' is text where a number is wanted" and not price.refuses(Decimal("5.5"))
        assert shape.key("sexx") is None and item.key("other") is None

    def test_what_must_be_there_in_every_form_is_required(self) -> None:
        forms = [
            {"required": ["a", "b"], "properties": {"a": {}, "b": {}}},
            {"required": ["a"], "properties": {"a": {}, "c": {}}},
        ]
        shape = checker({"oneOf": forms}).shape()
        assert list(shape.required) == ["a"] and list(shape.keys) == ["a", "b", "c"]

    def test_where_nothing_is_promised_anything_goes(self) -> None:
        shape = checker(True).shape()
        assert shape.kinds == frozenset() and shape.nullable and shape.open and not shape.refuses("x") and shape.values is None

    def test_keys_by_pattern_and_other_keys_have_their_shape(self) -> None:
        shape = checker({"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": {"type": "integer"}}).shape()
        by_pattern, other = shape.key("x-a"), shape.key("b")
        assert by_pattern and by_pattern.kinds == {"string"}
        assert other and other.kinds == {"integer"}
