"""Walk: a tree held against the shape of its resource, every fault at once, and the model's own reading of a copy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from interpres.checkers.fhir.elements import Element
from interpres.checkers.fhir.shape import ElementShape, text_of
from interpres.fault import Fault, did_you_mean


def faults_in(value: Any, shape: ElementShape, path: str) -> Iterator[Fault]:
    """V1xx for what stands at `path` and everything inside it."""
    if wrong := shape.wrong(value):
        code, says, hint = wrong
        yield Fault(code, says, hint, target=path, value=text_of(value))
    elif shape.many:
        yield from _in_list(value, shape, path)
    elif isinstance(value, dict):
        yield from _in_object(value, shape, path)


def refused_by_model(tree: Any, shape: ElementShape, path: str) -> Iterator[Fault]:
    """V120 for what only the model itself knows, such as the rules between elements that it carries."""
    try:
        shape.models.model(shape.element.type_name).model_validate(_copy(tree))
    except ValidationError as error:
        for wrong in error.errors(include_url=False, include_input=False, include_context=False):
            target = path + "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in wrong["loc"])
            yield Fault(
                "V120", "the FHIR model refuses this", "compare it with the element's page in the standard", target=target
            )


def _in_list(values: Any, shape: ElementShape, path: str) -> Iterator[Fault]:
    item = shape.item()
    assert item is not None
    if not values:
        yield Fault("V110", "is an empty list", "leave it out instead", target=path)
    for index, value in enumerate(values):
        # null keeps the place of a primitive whose id or extensions stand in `_name` (FHIR R4, 2.6.2.3)
        if value is not None or (item.element.complex and not item.element.name.startswith("_")):
            yield from faults_in(value, item, f"{path}[{index}]")


def _in_object(value: dict[str, Any], shape: ElementShape, path: str) -> Iterator[Fault]:
    if shape.any_resource:
        shape = shape.form(value)
        if shape.any_resource:
            yield from _which_resource(value, shape, path)
            return
    if not value:
        yield Fault("V110", "is an empty object", "leave it out instead", target=path)
    for name in shape.required:
        if name not in value and f"_{name}" not in value:
            yield Fault("V101", "is missing", "", target=f"{path}.{name}")
    yield from _choices(value, shape, path)
    for name, inner in value.items():
        under = shape.key(name)
        if name == "fhir_comments":
            continue
        if under is None:
            hint = did_you_mean(name, shape.keys) or "take it out, or correct its name"
            yield Fault("V108", f"is no element of {shape.element.type_name}", hint, target=f"{path}.{name}")
        else:
            yield from faults_in(inner, under, f"{path}.{name}")


def _which_resource(value: dict[str, Any], shape: ElementShape, path: str) -> Iterator[Fault]:
    if "resourceType" not in value:
        yield Fault("V101", "is missing", "it says which resource this is", target=f"{path}.resourceType")
        return
    said = value["resourceType"]
    hint = did_you_mean(said, shape.models.names()) if isinstance(said, str) else ""
    yield Fault("V103", "is no resource type of this release", hint, target=f"{path}.resourceType", value=text_of(said))


def _choices(value: dict[str, Any], shape: ElementShape, path: str) -> Iterator[Fault]:
    groups: dict[str, list[Element]] = {}
    for element in shape.elements.values():
        if element.choice:
            groups.setdefault(element.choice, []).append(element)
    for choice, elements in groups.items():
        there = [e.name for e in elements if e.name in value or f"_{e.name}" in value]
        if len(there) > 1:
            says = f"is there more than once: {', '.join(there)}"
            yield Fault("V111", says, "keep the one that says it best", target=f"{path}.{choice}[x]")
        elif not there and elements[0].choice_required:
            yield Fault("V101", "is missing", f"one of {', '.join(e.name for e in elements)}", target=f"{path}.{choice}[x]")


def _copy(value: Any) -> Any:
    """The model may change what it reads, and it must never read the tree that is sent."""
    if isinstance(value, dict):
        return {k: _copy(v) for k, v in value.items()}
    return [_copy(v) for v in value] if isinstance(value, list | tuple) else value
