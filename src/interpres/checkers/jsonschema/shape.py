"""SchemaShape: one place in a JSON Schema, with `$ref`, `allOf`, `anyOf`, `oneOf` seen through."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import jsonschema_rs
from referencing.jsonschema import DRAFT202012

from interpres.checkers.jsonschema.sentences import sentence, written

if TYPE_CHECKING:
    from interpres.checkers.jsonschema.library import Library, Resolver

MOST_FORMS: Final = 64
"""So many forms of one place are told apart; beyond them nothing is promised about it."""

_OWN: Final = frozenset(
    ("type", "enum", "const", "format", "pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum")
) | {"exclusiveMaximum", "multipleOf"}
"""The keywords that a constant can be held against."""

_Part: TypeAlias = "tuple[dict[str, Any], Resolver]"
_Form: TypeAlias = tuple[_Part, ...]


@dataclass(frozen=True)
class SchemaShape:
    """Implements `interpres.schema.Shape`. A place has forms (`anyOf`), each of parts that all hold (`allOf`)."""

    forms: tuple[_Form, ...]

    @classmethod
    def at(cls, library: Library, uri: str) -> SchemaShape:
        """The shape of what stands at an address of the library."""
        contents, resolver = library.resolver(uri)
        return cls(tuple(_forms(contents, resolver, frozenset())))

    @cached_property
    def kinds(self) -> frozenset[str]:
        found: set[str] = set()
        for form in self.forms:
            kinds = _kinds(form)
            if kinds is None:
                return frozenset()
            found |= kinds
        return frozenset(found - {"null"})

    @cached_property
    def nullable(self) -> bool:
        return any(_takes_null(form) for form in self.forms)

    @cached_property
    def required(self) -> Sequence[str]:
        each = [_unique(k for part, _ in form for k in part.get("required", ())) for form in self._forms_of("object")]
        return tuple(k for k in each[0] if all(k in other for other in each)) if each else ()

    @cached_property
    def keys(self) -> Sequence[str]:
        return _unique(k for form in self._forms_of("object") for part, _ in form for k in _properties(part))

    @cached_property
    def open(self) -> bool:
        return any(not any(_closed(part) for part, _ in form) for form in self._forms_of("object"))

    @cached_property
    def values(self) -> Sequence[Any] | None:
        found: list[Any] = []
        for form in self.forms:
            if _only_null(form):
                continue
            listed = [part for part, _ in form if "enum" in part or "const" in part]
            if not listed:
                return None
            found += listed[0]["enum"] if "enum" in listed[0] else [listed[0]["const"]]
        return tuple(v for v in found if v is not None) if found else None

    @cached_property
    def format(self) -> str:
        formats = {
            next((str(part["format"]) for part, _ in form if "format" in part), "")
            for form in self.forms
            if (kinds := _kinds(form)) is None or "string" in kinds
        }
        return formats.pop() if len(formats) == 1 else ""

    @cached_property
    def about(self) -> str:
        return next((str(part["description"]) for form in self.forms for part, _ in form if "description" in part), "")

    def key(self, name: str) -> SchemaShape | None:
        found: list[_Form] = []
        for form in self._forms_of("object"):
            schemas = [s for part, resolver in form for s in _under(part, resolver, name)]
            closed = any(part.get("additionalProperties") is False and not any(_under(part, r, name)) for part, r in form)
            if schemas and not closed:
                found += _all_of(schemas, frozenset())
        return SchemaShape(tuple(found)) if found else None

    def item(self) -> SchemaShape | None:
        found: list[_Form] = []
        for form in self._forms_of("array"):
            schemas = [(part["items"], resolver) for part, resolver in form if part.get("items") not in (None, False)]
            found += _all_of(schemas, frozenset()) if schemas else []
            for part, resolver in form:
                for schema in part.get("prefixItems", ()):
                    found += _forms(schema, resolver, frozenset())
        return SchemaShape(tuple(found)) if found else None

    @property
    def either(self) -> Sequence[Sequence[str]]:
        """JSON Schema says this with `anyOf`, whose forms are told apart already."""
        return ()

    def form(self, constants: Mapping[str, Any]) -> SchemaShape:
        """The forms that do not refuse any of these constants under its key."""
        if len(self.forms) < 2:
            return self
        left = tuple(f for f in self.forms if _goes_with(SchemaShape((f,)), constants))
        return SchemaShape(left) if left else self

    def refuses(self, value: Any) -> str:
        nearest: list[str] = []
        for form in self.forms:
            reasons = [r for part, _ in form for r in _reasons(part, value)]
            if not reasons:
                return ""
            if not nearest or not _only_null(form):
                nearest = reasons
        return nearest[0] if nearest else ""

    def _forms_of(self, kind: str) -> list[_Form]:
        return [form for form in self.forms if (kinds := _kinds(form)) is None or kind in kinds]


def _forms(schema: Any, resolver: Resolver, inside: frozenset[int]) -> list[_Form]:
    """The forms of a schema. `inside` are the schemas being seen through, so that one that refers to itself ends."""
    if schema is True or not isinstance(schema, dict):
        return [()] if schema is True else []
    if id(schema) in inside:
        return [()]
    inside |= {id(schema)}
    resolver = resolver.in_subresource(DRAFT202012.create_resource(schema)) if "$id" in schema else resolver
    forms: list[_Form] = [((schema, resolver),)]
    for reference in (schema[k] for k in ("$ref", "$dynamicRef") if k in schema):
        found = resolver.lookup(reference)
        forms = _both(forms, _forms(found.contents, found.resolver, inside))
    for inner in schema.get("allOf", ()):
        forms = _both(forms, _forms(inner, resolver, inside))
    for word in ("anyOf", "oneOf"):
        if word in schema:
            forms = _both(forms, [f for inner in schema[word] for f in _forms(inner, resolver, inside)])
    return forms if len(forms) <= MOST_FORMS else [()]


def _all_of(schemas: Iterable[tuple[Any, Resolver]], inside: frozenset[int]) -> list[_Form]:
    forms: list[_Form] = [()]
    for schema, resolver in schemas:
        forms = _both(forms, _forms(schema, resolver, inside))
    return forms


def _both(left: list[_Form], right: list[_Form]) -> list[_Form]:
    """Every form of one side with every form of the other that it can go with."""
    if len(left) * len(right) > MOST_FORMS:
        return [()]
    return [joined for a, b in product(left, right) if (kinds := _kinds(joined := a + b)) is None or kinds]


def _kinds(form: _Form) -> frozenset[str] | None:
    """The types that a form allows; None where it does not say."""
    kinds: frozenset[str] | None = None
    for part, _ in form:
        said = _said_kinds(part)
        if said is not None:
            kinds = said if kinds is None else _common(kinds, said)
    return kinds


def _said_kinds(part: dict[str, Any]) -> frozenset[str] | None:
    if "type" in part:
        said = part["type"]
        return frozenset([said] if isinstance(said, str) else said)
    if "const" in part:
        return frozenset([_kind_of(part["const"])])
    if "enum" in part:
        return frozenset(_kind_of(v) for v in part["enum"])
    return None


def _common(a: frozenset[str], b: frozenset[str]) -> frozenset[str]:
    whole = frozenset({"integer"}) if ("number" in a and "integer" in b) or ("number" in b and "integer" in a) else frozenset()
    return (a & b) | whole


def _kind_of(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "integer"
        case str():
            return "string"
        case dict():
            return "object"
        case list() | tuple():
            return "array"
    return "number"


def _goes_with(shape: SchemaShape, constants: Mapping[str, Any]) -> bool:
    return all((under := shape.key(name)) is None or not under.refuses(value) for name, value in constants.items())


def _takes_null(form: _Form) -> bool:
    kinds = _kinds(form)
    return (kinds is None or "null" in kinds) and not any(_reasons(part, None) for part, _ in form)


def _only_null(form: _Form) -> bool:
    return _kinds(form) == frozenset({"null"})


def _properties(part: dict[str, Any]) -> Iterator[str]:
    yield from part.get("properties", ())
    for word in ("then", "else"):
        if isinstance(inner := part.get(word), dict):
            yield from _properties(inner)
    for inner in part.get("dependentSchemas", {}).values():
        if isinstance(inner, dict):
            yield from _properties(inner)


def _closed(part: dict[str, Any]) -> bool:
    return part.get("additionalProperties") is False or part.get("unevaluatedProperties") is False


def _under(part: dict[str, Any], resolver: Resolver, name: str) -> Iterator[tuple[Any, Resolver]]:
    """What one part says of the value under a key."""
    named = False
    if name in part.get("properties", ()):
        named = True
        yield part["properties"][name], resolver
    for pattern, schema in part.get("patternProperties", {}).items():
        if _matches(pattern, name):
            named = True
            yield schema, resolver
    if not named and isinstance(more := part.get("additionalProperties"), dict):
        named = True
        yield more, resolver
    if not named:
        for word in ("then", "else"):
            if isinstance(inner := part.get(word), dict):
                yield from _under(inner, resolver, name)
        for inner in part.get("dependentSchemas", {}).values():
            if isinstance(inner, dict):
                yield from _under(inner, resolver, name)


def _matches(pattern: str, name: str) -> bool:
    try:
        return bool(jsonschema_rs.is_valid({"pattern": pattern}, name))
    except ValueError:
        return re.search(re.escape(pattern), name) is not None


def _reasons(part: dict[str, Any], value: Any) -> list[str]:
    """Why a part's own keywords refuse a constant, in words."""
    own = {k: v for k, v in part.items() if k in _OWN}
    if not own:
        return []
    found = jsonschema_rs.iter_errors(own, value, validate_formats=True)
    return [f"{written(value)} {sentence(error.kind, value)[1]}" for error in found]


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
