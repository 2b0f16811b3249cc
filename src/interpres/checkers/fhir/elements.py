"""Elements: what the models of fhir.resources say of every element — its type, how often, which codes."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property
from importlib import import_module
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

PRIMITIVES: Final[Mapping[type, str]] = {bool: "boolean", int: "integer", Decimal: "number", float: "number"}

FORMATS: Final[Mapping[str, str]] = {"Date": "date", "DateTime": "date-time", "Instant": "date-time", "Time": "time"}


@dataclass(frozen=True)
class Element:
    """One element of a type. `type_name` is a FHIR type (`HumanName`, `code`), `Resource` where any resource may stand."""

    name: str
    type_name: str
    many: bool
    required: bool
    choice: str
    choice_required: bool
    codes: tuple[str, ...]
    annotation: Any
    complex: bool
    kind: str

    @cached_property
    def format(self) -> str:
        """JSON Schema's word for a date or time; FHIR's own partial dates are such too."""
        return FORMATS.get(self.type_name, "")

    @cached_property
    def adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.annotation)


class Models:
    """The models of one release, looked at once. `bindings` are the codes of elements (`Observation.status`) by configuration."""

    def __init__(self, release: str, bindings: Mapping[str, Sequence[str]]) -> None:
        self._types = import_module(f"fhir.resources.{release}.fhirtypes")
        self.bindings = bindings
        self.elements = cache(self._elements)

    def model(self, name: str) -> Any:
        """The pydantic model of a type."""
        return getattr(self._types, f"{name}Type").get_model_klass()

    def is_resource(self, name: str) -> bool:
        """Whether there is a resource type of that name."""
        marker = getattr(self._types, f"{name}Type", None) if name[:1].isupper() else None
        model = _model_or_none(marker)
        return model is not None and (name in _ROOTS or (name != _DOMAIN and issubclass(model, self.model(_DOMAIN))))

    def names(self) -> list[str]:
        """All types of the release by name, for suggestions; no model is loaded for it."""
        return sorted(a.removesuffix("Type") for a in vars(self._types) if a.endswith("Type") and a[:1].isupper())

    def _elements(self, type_name: str) -> Mapping[str, Element]:
        """The elements of a complex type by the name that JSON has for them, `_name` of primitives left out."""
        model = self.model(type_name)
        found: dict[str, Element] = {}
        for field_name, field in model.model_fields.items():
            name = field.alias or field_name
            if field_name != "fhir_comments" and not name.startswith("_"):
                found[name] = self._element(type_name, name, field)
        return found

    def _element(self, type_name: str, name: str, field: FieldInfo) -> Element:
        extra: Any = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        inner, many = _inner(field.annotation)
        model = _model_or_none(inner)
        bare = _bare(inner)
        listed = tuple(extra.get("enum_values", ()))
        given = self.bindings.get(f"{type_name}.{name}")
        codes = tuple(given) if given else (() if "+" in listed or _type_name(inner) != "Code" else listed)
        return Element(
            name=name,
            type_name="Resource" if _is_any_resource(inner) else model.get_resource_type() if model else _type_name(inner),
            many=many,
            required=field.is_required() or bool(extra.get("element_required")),
            choice=extra.get("one_of_many", ""),
            choice_required=bool(extra.get("one_of_many_required")),
            codes=codes,
            annotation=inner,
            complex=bool(model) or _is_any_resource(inner),
            kind="object" if model or _is_any_resource(inner) else PRIMITIVES.get(bare, "string"),
        )


_ROOTS: Final = frozenset({"Bundle", "Binary", "Parameters"})
"""The resources that are no DomainResource (FHIR R4, 2.1.28)."""

_DOMAIN: Final = "DomainResource"


def _model_or_none(marker: Any) -> Any:
    if not hasattr(marker, "get_model_klass") or _is_any_resource(marker):
        return None
    try:
        return marker.get_model_klass()
    except (ImportError, AttributeError, KeyError, LookupError):
        return None


def _is_any_resource(marker: Any) -> bool:
    return getattr(marker, "__name__", "") == "ResourceType"


def _inner(annotation: Any) -> tuple[Any, bool]:
    """What is inside `Optional` and `List`, and whether there was a list."""
    many = False
    while True:
        origin, arguments = typing.get_origin(annotation), [a for a in typing.get_args(annotation) if a is not type(None)]
        if origin in (list, typing.List):  # noqa: UP006 - the models write typing.List
            annotation, many = arguments[0], True
        elif origin is not None and origin is not typing.Annotated and arguments:
            annotation = arguments[0]
        else:
            return annotation, many


def _bare(annotation: Any) -> Any:
    return typing.get_args(annotation)[0] if typing.get_origin(annotation) is typing.Annotated else annotation


def _type_name(annotation: Any) -> str:
    """The name of a primitive's constraint (`Code`, `Date`), else of the Python type."""
    if typing.get_origin(annotation) is typing.Annotated:
        return type(typing.get_args(annotation)[1]).__name__
    return getattr(annotation, "__name__", "")
