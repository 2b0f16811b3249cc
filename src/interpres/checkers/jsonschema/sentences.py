"""Sentences: a broken keyword of JSON Schema in plain words, without any value of the document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from unicodedata import category

from interpres.document import MISSING
from interpres.fault import Fault, did_you_mean

if TYPE_CHECKING:
    from interpres.schema import Shape

MOST_LISTED: Final = 12

KINDS: Final[Mapping[str, str]] = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}

FORMATS: Final[Mapping[str, tuple[str, str]]] = {
    "date": ("a date", "write it as 2026-11-04"),
    "date-time": ("a date and time with its offset", "write it as 2026-11-04T08:30:00+07:00"),
    "time": ("a time of day with its offset", "write it as 08:30:00+07:00"),
    "duration": ("a duration", "write it as ISO 8601 has it, such as P3D or PT4H"),
    "email": ("an e-mail address", ""),
    "uri": ("an absolute URI", "it begins with its scheme, such as https: or urn:"),
    "uuid": ("a UUID", "it has 32 hexadecimal digits in groups of 8-4-4-4-12"),
}


class Sentences:
    """Makes faults of jsonschema-rs's errors, with the descriptions and keys that the schema's shape knows."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def all(self, errors: Iterable[Any], tree: Any) -> Iterator[Fault]:
        """A fault for every error, each once; of a value of the wrong type only that."""
        found = [fault for error in errors for fault in self._of(error, tree)]
        mistyped = {fault.target for fault in found if fault.code == "V102"}
        wanted = (f for f in found if f.code == "V102" or f.target not in mistyped)
        yield from {(f.code, f.target, f.says): f for f in wanted}.values()

    def _of(self, error: Any, tree: Any) -> Iterator[Fault]:
        kind, keys = error.kind, list(error.instance_path)
        match type(kind).__name__:
            case "AnyOf" | "OneOfNotValid":
                yield from self._nearest(error, tree)
            case "Required":
                yield self._fault("V101", "is missing", "", [*keys, kind.property], tree)
            case "AdditionalProperties" | "UnevaluatedProperties":
                shape = self._shape_at(keys)
                for name in kind.unexpected:
                    hint = did_you_mean(name, shape.keys if shape else ()) or "take it out, or correct its name"
                    yield self._fault("V108", "is not in the schema", hint, [*keys, name], tree, about=False)
            case _:
                code, says, hint = sentence(kind, _value_at(tree, keys))
                yield self._fault(code, says, hint, keys, tree)

    def _nearest(self, error: Any, tree: Any) -> Iterator[Fault]:
        """What is wrong with the form that comes nearest; of forms that all are of another type, what types they want."""
        forms = [list(form) for form in error.kind.context]
        keys = list(error.instance_path)
        if all(len(form) == 1 and _wrong_type(form[0], keys) for form in forms):
            types = dict.fromkeys(t for form in forms for t in form[0].kind.types)
            yield self._fault("V102", _type_says(list(types), _value_at(tree, keys)), "", keys, tree)
            return
        for inner in min(forms, key=lambda form: _distance(form, keys)):
            yield from self._of(inner, tree)

    def _fault(self, code: str, says: str, hint: str, keys: list[str | int], tree: Any, *, about: bool = True) -> Fault:
        shape = self._shape_at(keys) if about else None
        description = shape.about.rstrip(". ") if shape else ""
        value = _value_at(tree, keys)
        text = None if value is MISSING or isinstance(value, dict | list | tuple) else _text(value)
        return Fault(code, says, "; ".join(filter(None, (hint, description))), target=path_of(keys), value=text)

    def _shape_at(self, keys: list[str | int]) -> Shape | None:
        shape: Shape | None = self.shape
        for key in keys:
            if shape is None:
                return None
            shape = shape.item() if isinstance(key, int) else shape.key(key)
        return shape


def _wrong_type(error: Any, keys: list[str | int]) -> bool:
    return type(error.kind).__name__ == "Type" and list(error.instance_path) == keys


def _distance(form: list[Any], keys: list[str | int]) -> tuple[int, int, int]:
    """How far a form of `anyOf` is from fitting: another type first, another constant (`resourceType`) next, then the number."""
    types = sum(_wrong_type(e, keys) for e in form)
    constants = sum(type(e.kind).__name__ == "Constant" and len(e.instance_path) == len(keys) + 1 for e in form)
    return types, constants, len(form)


def _value_at(tree: Any, keys: list[str | int]) -> Any:
    for key in keys:
        if isinstance(tree, dict):
            tree = tree.get(key, MISSING)
        elif isinstance(tree, list | tuple) and isinstance(key, int) and key < len(tree):
            tree = tree[key]
        else:
            return MISSING
    return tree


def _text(value: Any) -> str:
    return value if isinstance(value, str) else written(value)


def sentence(kind: Any, value: Any) -> tuple[str, str, str]:
    """Code, sentence and hint for one broken keyword; the sentence goes on from a subject (`is not one of 'M', 'F'`)."""
    match type(kind).__name__:
        case "Type":
            return "V102", _type_says(kind.types, value), ""
        case "Enum":
            return "V103", f"is not one of {listed(kind.options)}", ""
        case "Constant":
            return "V103", f"is not {written(kind.expected_value)}, the one value allowed", ""
        case "Pattern":
            return "V104", "does not have the form that is wanted", f"its pattern is {kind.pattern}"
        case "BacktrackLimitExceeded" | "RegexEngineFailure":
            return "V104", "is too long and winding for its pattern", "simplify the pattern in the schema"
        case "Format":
            name, hint = FORMATS.get(kind.format, (f"what the format '{kind.format}' means", ""))
            return "V105", f"is not {name}", hint
        case "FalseSchema":
            return "V112", "must not be here", ""
        case "Not":
            return "V112", "has a form that the schema rules out", ""
        case "OneOfMultipleValid":
            return "V111", "fits several forms that exclude one another", ""
    return _limits(kind)


def _limits(kind: Any) -> tuple[str, str, str]:
    limit = getattr(kind, "limit", 0)
    match type(kind).__name__:
        case "Minimum":
            return "V106", f"is less than {limit}", ""
        case "Maximum":
            return "V106", f"is more than {limit}", ""
        case "ExclusiveMinimum":
            return "V106", f"is not more than {limit}", ""
        case "ExclusiveMaximum":
            return "V106", f"is not less than {limit}", ""
        case "MultipleOf":
            return "V106", f"is not a multiple of {kind.multiple_of}", ""
        case "MinLength":
            return "V107", "is empty" if limit == 1 else f"is shorter than {_count(limit, 'character')}", ""
        case "MaxLength":
            return "V107", f"is longer than {_count(limit, 'character')}", ""
    return _counts(kind)


def _counts(kind: Any) -> tuple[str, str, str]:
    limit = getattr(kind, "limit", 0)
    match type(kind).__name__:
        case "UniqueItems":
            return "V109", "holds the same item twice", ""
        case "MinItems":
            return "V110", "is an empty list" if limit == 1 else f"has fewer than {_count(limit, 'item')}", ""
        case "MaxItems" | "AdditionalItems":
            return "V110", f"has more than {_count(limit, 'item')}", ""
        case "UnevaluatedItems":
            return "V110", "has items that the schema does not know", ""
        case "Contains":
            return "V110", "does not hold the items that it must, as many as it must", ""
        case "MinProperties":
            return "V110", "is an empty object" if limit == 1 else f"has fewer than {_count(limit, 'key')}", ""
        case "MaxProperties":
            return "V110", f"has more than {_count(limit, 'key')}", ""
        case "PropertyNames":
            return "V108", "has a key of a form that the schema does not allow", ""
    return "V199", f"breaks the schema's keyword '{kind.name}'", ""


def _count(limit: int, noun: str) -> str:
    return f"{limit} {noun}" if limit == 1 else f"{limit} {noun}s"


def _type_says(types: Sequence[str], value: Any) -> str:
    if "integer" in types and "number" in types:
        types = [t for t in types if t != "integer"]
    wanted = " or ".join(words for kind, words in KINDS.items() if kind in types)
    return f"is {kind_of(value)} where {wanted} is wanted"


def kind_of(value: Any) -> str:
    """The JSON type of a value, in words."""
    match value:
        case bool():
            return KINDS["boolean"]
        case None:
            return "null"
        case str():
            return "text"
        case int() | Decimal() | float():
            return "a number"
        case list() | tuple():
            return "a list"
    return "an object"


def listed(values: Sequence[Any]) -> str:
    """`M, F` — at most twelve of a schema's own values, and how many there are."""
    shown = ", ".join(written(v) for v in values[:MOST_LISTED])
    return shown if len(values) <= MOST_LISTED else f"{shown}, … ({len(values)} in all)"


def written(value: Any) -> str:
    """A constant of the configuration as its author would write it."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case str():
            return f"'{value}'"
        case dict() | list():
            return KINDS["object"] if isinstance(value, dict) else KINDS["array"]
    return str(value)


def path_of(keys: Sequence[str | int]) -> str:
    """`visits[0].patient.sex`; a name that is no word stands in backticks."""
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += ("." if text else "") + (key if _is_word(key) else f"`{key}`")
    return text


def _is_word(key: str) -> bool:
    return bool(key) and not key[0].isdigit() and all(c in "_-$@" or c.isalnum() or category(c).startswith("M") for c in key)
