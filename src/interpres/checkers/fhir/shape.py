"""ElementShape: one place in a FHIR tree, as mappings into it are checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from pydantic import ValidationError

from interpres.checkers.fhir.elements import Element, Models

EXAMPLES: Final[Mapping[str, str]] = {
    "Date": "2026, 2026-11 or 2026-11-04",
    "DateTime": "2026-11-04 or 2026-11-04T08:30:00+07:00",
    "Instant": "2026-11-04T08:30:00.000+07:00",
    "Time": "08:30:00",
    "Id": "letters, digits, - and . only",
}
WORDS: Final[Mapping[str, str]] = {"object": "an object", "array": "a list", "string": "text", "boolean": "true or false"} | {
    "number": "a number",
    "integer": "a whole number",
}


@dataclass(frozen=True)
class ElementShape:
    """Implements `interpres.schema.Shape`: a value of a FHIR type, a list of such, or any resource."""

    models: Models
    element: Element
    many: bool

    @classmethod
    def of_model(cls, models: Models, name: str) -> ElementShape:
        """The shape of a whole resource."""
        element = Element(name, name, False, True, "", False, (), None, True, "object")
        return cls(models, element, False)

    @property
    def any_resource(self) -> bool:
        """Whether any resource may stand here, told by its `resourceType`."""
        return self.element.type_name == "Resource"

    @cached_property
    def elements(self) -> Mapping[str, Element]:
        """The elements of what stands here; none where it is a primitive, a list, or not yet known which resource."""
        return {} if self.many or not self.element.complex or self.any_resource else self.models.elements(self.element.type_name)

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset({"array" if self.many else self.element.kind})

    @property
    def nullable(self) -> bool:
        return False

    @cached_property
    def is_resource(self) -> bool:
        """Whether a `resourceType` stands here."""
        return self.any_resource or (self.element.complex and self.models.is_resource(self.element.type_name))

    @cached_property
    def required(self) -> Sequence[str]:
        first = ["resourceType"] if self.is_resource and not self.many else []
        return (*first, *(e.name for e in self.elements.values() if e.required))

    @cached_property
    def keys(self) -> Sequence[str]:
        return (*(["resourceType"] if self.is_resource else []), *self.elements)

    @property
    def open(self) -> bool:
        return self.any_resource and not self.many

    @property
    def values(self) -> Sequence[Any] | None:
        return self.element.codes or None

    @property
    def format(self) -> str:
        return "" if self.many else self.element.format

    @property
    def about(self) -> str:
        """What FHIR calls the type; the models carry the standard's own texts in fragments only."""
        return "" if self.element.complex else EXAMPLES.get(self.element.type_name, "")

    @cached_property
    def either(self) -> Sequence[Sequence[str]]:
        groups: dict[str, list[str]] = {}
        for element in self.elements.values():
            if element.choice and element.choice_required:
                groups.setdefault(element.choice, []).append(element.name)
        return tuple(map(tuple, groups.values()))

    def key(self, name: str) -> ElementShape | None:
        if name == "resourceType" and self.is_resource and not self.many:
            codes = () if self.any_resource else (self.element.type_name,)
            return ElementShape(self.models, Element(name, "Code", False, True, "", False, codes, str, False, "string"), False)
        element = self.elements.get(name.removeprefix("_"))
        if element is None:
            return None
        if name.startswith("_"):
            return None if element.complex else self._extension(element)
        return ElementShape(self.models, element, element.many)

    def item(self) -> ElementShape | None:
        return replace(self, many=False) if self.many else None

    def form(self, constants: Mapping[str, Any]) -> ElementShape:
        """Of any resource, the one whose `resourceType` is given."""
        name = constants.get("resourceType")
        if self.any_resource and isinstance(name, str) and self.models.is_resource(name):
            return replace(self, element=replace(self.element, type_name=name))
        return self

    def refuses(self, value: Any) -> str:
        reason = self.wrong(value)
        shown = f"'{value}'" if isinstance(value, str) else text_of(value) or WORDS[_kind(value)]
        return f"{shown} {reason[1]}" if reason else ""

    def wrong(self, value: Any) -> tuple[str, str, str] | None:
        """Code, sentence and hint for a value that cannot stand here; children of objects and lists are not looked at."""
        kind = _kind(value)
        wanted = "array" if self.many else self.element.kind
        if kind != wanted and not (wanted == "number" and kind == "integer"):
            return "V102", f"is {WORDS.get(kind, kind)} where {WORDS[wanted]} is wanted", ""
        if wanted in ("array", "object"):
            return None
        if value == "":
            return "V107", "is empty", "leave it out instead"
        if self.element.codes and value not in self.element.codes:
            return "V103", f"is not one of {_listed(self.element.codes)}", ""
        return self._unreadable(value)

    def _unreadable(self, value: Any) -> tuple[str, str, str] | None:
        if self.element.name == "resourceType":
            return None if self.models.is_resource(value) else ("V103", "is no resource type of this release", "")
        try:
            self.element.adapter.validate_python(value)
        except (ValidationError, ValueError, OverflowError):
            name = self.element.type_name
            example = EXAMPLES.get(name, "")
            return "V105", f"is not a FHIR {name[:1].lower()}{name[1:]}", f"write {example}" if example else ""
        return None

    def _extension(self, element: Element) -> ElementShape:
        inner = Element(f"_{element.name}", "FHIRPrimitiveExtension", element.many, False, "", False, (), None, True, "object")
        return ElementShape(self.models, inner, element.many)


def text_of(value: Any) -> str | None:
    """A scalar as JSON would show it; None for objects and lists."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict() | list() | tuple():
            return None
    return str(value)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case int():
            return "integer"
        case dict():
            return "object"
        case list() | tuple():
            return "array"
    return "number"


def _listed(codes: Sequence[str]) -> str:
    shown = ", ".join(f"'{c}'" for c in codes[:12])
    return shown if len(codes) <= 12 else f"{shown}, … ({len(codes)} in all)"
