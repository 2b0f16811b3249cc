"""Settings: pydantic models out of recipe files, and everything wrong with one said at its line and column."""

from __future__ import annotations

import typing
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from interpres.fault import Fault, Faults, Place, did_you_mean
from interpres.yaml import Branch, Leaf, Node, Row, key_place, place, plain

M = TypeVar("M", bound=BaseModel)


class Settings(BaseModel):
    """What every part's settings build on: unknown keys refused, never changed, no value in any error; `8080` may be text.

    A validator that refuses a value raises `ValueError("sentence — hint")`.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, coerce_numbers_to_str=True, populate_by_name=True
    )


_WANTED = {
    "string": "text is wanted here",
    "int": "a whole number is wanted here",
    "float": "a number is wanted here",
    "decimal": "a number is wanted here",
    "bool": "true or false is wanted here",
    "list": "a list is wanted here",
    "tuple": "a list is wanted here",
    "dict": "keys and values are wanted here",
    "model": "keys and values are wanted here",
    "is": "another kind of value is wanted here",
}
_LIMITS = {
    "greater_than": ("gt", "the number must be more than {}"),
    "greater_than_equal": ("ge", "the number must be at least {}"),
    "less_than": ("lt", "the number must be less than {}"),
    "less_than_equal": ("le", "the number must be at most {}"),
    "too_short": ("min_length", "at least {} wanted here"),
    "too_long": ("max_length", "at most {} wanted here"),
    "string_too_short": ("min_length", "a text of at least {} characters is wanted here"),
    "string_too_long": ("max_length", "a text of at most {} characters is wanted here"),
}


def model_from_yaml(node: Node, model: type[M], *, also: Collection[str] = ()) -> M:
    """The model that this part of a file describes; an empty value counts as no keys.

    `also` are keys that stand beside the model's own and were taken out before: they are suggested too.
    Raises `Faults`: C101 unknown key, C102 key missing, C103 wrong kind of value, C104 value refused, C105 not one of a list.
    """
    values = plain(node)
    try:
        return model.model_validate({} if values is None else values)
    except ValidationError as error:
        raise Faults(settings_faults(error, node, model, also=also)) from None


def model_from_values(values: Mapping[str, Any], model: type[M], at: Place | None = None) -> M:
    """As `model_from_yaml`, of values that stand in no file of their own: a mapping's `from:`, the command line's options.

    Every fault is at the place given, if one is.
    """
    return model_from_yaml(_node_of(values, at or Place("")), model)


def _node_of(value: Any, at: Place) -> Node:
    if isinstance(value, Mapping):
        return Branch(tuple((Leaf(str(k), str(k), True, at), _node_of(v, at)) for k, v in value.items()), at)
    if isinstance(value, list | tuple):
        return Row(tuple(_node_of(v, at) for v in value), at)
    return Leaf(value, str(value), True, at)


def settings_faults(error: ValidationError, node: Node, model: type[BaseModel], *, also: Collection[str] = ()) -> list[Fault]:
    """What pydantic found, in our words and in the order of the file; one fault for each place."""
    found: dict[tuple[Place | None, str], Fault] = {}
    for wrong in error.errors(include_url=False, include_input=False):
        fault = _fault(dict(wrong), node, model, also)
        found.setdefault((fault.at, "" if fault.code == "C103" else fault.says), fault)
    return sorted(found.values(), key=lambda f: (f.at or Place(""), f.code))


def split_keys(node: Node, keys: Collection[str]) -> tuple[Node, Node]:
    """A map's entries under these keys, and the others: for what stands together in a file but belongs to two models."""
    if not isinstance(node, Branch):
        return Branch((), node.at), node
    chosen = tuple(e for e in node.entries if e[0].text in keys)
    return Branch(chosen, node.at), Branch(tuple(e for e in node.entries if e[0].text not in keys), node.at)


def model_keys(model: type[BaseModel]) -> list[str]:
    """The keys as files write them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _fault(wrong: Mapping[str, Any], node: Node, model: type[BaseModel], also: Collection[str]) -> Fault:
    kind, keys = str(wrong["type"]), tuple(wrong["loc"])
    facts: Mapping[str, Any] = wrong.get("ctx") or {}
    if kind == "extra_forbidden":
        known = [*_keys_beside(model, keys), *(also if len(keys) == 1 else ())]
        hint = did_you_mean(str(keys[-1]), known) or f"the keys here are {', '.join(known)}"
        return Fault("C101", f"there is no key '{keys[-1]}' here", hint, at=key_place(node, keys))
    if kind == "missing":
        about = _about(model, keys)
        return Fault("C102", f"the key '{keys[-1]}' is missing", about or "add it", at=key_place(node, keys[:-1]))
    at = place(node, keys)
    if kind in ("literal_error", "enum"):
        return Fault("C105", f"the value must be {facts['expected']}", _suggestion(node, keys, facts), at=at)
    if kind in _LIMITS:
        name, says = _LIMITS[kind]
        return Fault("C104", says.format(facts.get(name)), _about(model, keys) or "write another value", at=at)
    if kind in ("value_error", "assertion_error"):
        says, _, hint = str(facts["error"]).partition(" — ")
        return Fault("C104", says, hint or _about(model, keys), at=at)
    says = _WANTED.get(kind.split("_")[0], _lower(str(wrong["msg"])))
    return Fault("C103", says, _about(model, keys) or "write another value", at=at)


def _suggestion(node: Node, keys: Sequence[Any], facts: Mapping[str, Any]) -> str:
    value = plain(node)
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else value[key] if isinstance(value, list) else value
    known = [w.strip("'") for w in str(facts["expected"]).replace(" or ", ", ").split(", ")]
    return (did_you_mean(value, known) if isinstance(value, str) else "") or "write one of these"


def _keys_beside(model: type[BaseModel], keys: Sequence[Any]) -> list[str]:
    """The keys that could have stood where the last of these does not belong."""
    return list(dict.fromkeys(k for m in _models_at(model, keys[:-1]) for k in model_keys(m)))


def _about(model: type[BaseModel], keys: Sequence[Any]) -> str:
    """The description of the setting that the keys lead to, as a hint."""
    if not keys:
        return ""
    for owner in _models_at(model, keys[:-1]):
        for name, field in owner.model_fields.items():
            if keys[-1] in (name, field.alias) and field.description:
                return _lower(field.description.strip().rstrip("."))
    return ""


def _models_at(model: type[BaseModel], keys: Sequence[Any]) -> list[type[BaseModel]]:
    found: list[type[BaseModel]] = [model]
    for key in keys:
        inner = [
            m
            for owner in found
            for name, field in owner.model_fields.items()
            if key in (name, field.alias)
            for m in _models_in(field.annotation)
        ]
        # Keys of plain maps and pydantic's names for the sides of a union are no fields: they change nothing.
        found = inner or found
    return found


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and not typing.get_args(annotation):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text
