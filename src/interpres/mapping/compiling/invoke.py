"""Invoke: transforms as Python expressions — called directly where the kind of the value is known, checked where it is not."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable, Collection, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from interpres.document import Missing
from interpres.fault import Fault
from interpres.mapping.compiling.express import Code, Coder
from interpres.mapping.compiling.run import guarded, wrong_kind
from interpres.mapping.compiling.scope import Kind, Sight
from interpres.mapping.formula import Call, Formula, Number, Text, Truth
from interpres.transform import Transform
from interpres.values.numerals import MOST_DIGITS

KINDS: Final[Map[type, str]] = {
    str: "text",
    int: "number",
    Decimal: "number",
    bool: "truth",
    list: "list",
    tuple: "list",
    dict: "block",
    type(None): "null",
    Missing: "missing",
}
WORDS: Final = {
    "text": "text",
    "number": "a number",
    "truth": "true or false",
    "list": "a list",
    "block": "a block",
    "bytes": "bytes",
}


def takes(hint: Any) -> frozenset[str] | None:
    """The kinds of value that a parameter's type allows; None where it allows any."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        parts = [takes(part) for part in typing.get_args(hint)]
        return None if None in parts else frozenset().union(*(p for p in parts if p is not None))
    if origin is typing.Literal:
        return frozenset(KINDS.get(type(value), "any") for value in typing.get_args(hint))
    plain = origin or hint
    if plain in KINDS:
        return frozenset({KINDS[plain]})
    if inspect.isclass(plain) and issubclass(list, plain) and plain is not object:
        return frozenset({"list"})
    if inspect.isclass(plain) and issubclass(dict, plain) and plain is not object:
        return frozenset({"block"})
    return None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a parameter takes: kinds of value (None: any), and whether a number must be whole."""

    kinds: frozenset[str] | None
    whole: bool = False

    @classmethod
    def of(cls, hint: Any) -> Wanted:
        return cls(takes(hint), hint is int)


def gives(hint: Any) -> Kind:
    """What is known of a transform's result, beside missing or null."""
    kinds = takes(hint)
    known = (kinds or frozenset()) - {"null", "missing"}
    if kinds is None or len(known) != 1:
        return "any"
    return typing.cast(Kind, next(iter(known)))


def invoke(coder: Coder, transform: Transform, formula: Call, sight: Sight) -> Code:
    """A transform's call. Raises `Fault` M107 for arguments it does not take, M103 for a constant of the wrong kind."""
    arguments: list[Formula] = [a for a in formula.arguments if not hasattr(a, "match")]
    _counted(transform, formula)
    codes = [coder.code(a, sight) for a in arguments]
    wanted = tuple(Wanted.of(_type_of(transform, i)) for i in range(len(codes)))
    checked = _unsure(transform, arguments, codes, wanted)
    function = coder.room.keep(_function(coder, transform, wanted if checked else ()), "f")
    kind = gives(transform.gives)
    given = [c.text for c in codes]
    if transform.meets_missing:
        return Code(f"{function}({', '.join(given)})", kind)
    constant = all(c.constant for c in codes)
    open_ones = [i for i, argument in enumerate(arguments) if not _is_there(argument)]
    if not open_ones:
        return Code(f"{function}({', '.join(given)})", kind, constant)
    if len(open_ones) > 1 or codes[open_ones[0]].constant:
        return Code(f"_call({', '.join([function, *given])})", kind, constant)
    return Code(
        coder.let(given[open_ones[0]], sight, lambda first, again: _once(function, given, open_ones[0], first, again)), kind
    )


def _is_there(argument: Formula) -> bool:
    """Whether an argument can be neither missing nor null."""
    return isinstance(argument, Text | Number) or (isinstance(argument, Truth) and argument.value is not None)


def _once(function: str, given: list[str], at: int, first: str, again: str) -> str:
    arguments = ", ".join(again if i == at else text for i, text in enumerate(given))
    return f"({again} if {first} is MISSING or {again} is None else {function}({arguments}))"


def invoke_by_name(function: str, first: str, value: Code, sight: Sight, coder: Coder) -> Code:
    """A function of the run time with an object and one value, passed over for missing and null."""
    return Code(
        coder.let(
            value.text,
            sight,
            lambda f, again: f"({again} if {f} is MISSING or {again} is None else {function}({first}, {again}))",
        )
    )


def _counted(transform: Transform, formula: Call) -> None:
    number = len(formula.arguments)
    if number < transform.least or (transform.most is not None and number > transform.most):
        wanted = str(transform.least) if transform.least == transform.most else f"{transform.least} to {transform.most or 'many'}"
        says = f"{transform.name} takes {wanted} values, the one before '|' counted, and is given {number}"
        raise Fault("M107", says, f"see interpres transforms {transform.name}", at=formula.at)


def _type_of(transform: Transform, index: int) -> Any:
    return transform.takes[min(index, len(transform.takes) - 1)] if transform.takes else Any


def _unsure(transform: Transform, arguments: Sequence[Formula], codes: Sequence[Code], wanted: Sequence[Wanted]) -> bool:
    """Whether a value's kind must be looked at when a message flows."""
    unsure = False
    for code, want, argument in zip(codes, wanted, arguments, strict=True):
        kinds = want.kinds
        if kinds is None:
            continue
        if want.whole and not (isinstance(argument, Number) and isinstance(argument.number, int)):
            unsure = True
        kind = "list" if code.kind == "gathered" else code.kind
        if kind == "any":
            unsure = True
        elif kind not in kinds and kind != "null":
            if code.constant:
                says = f"{transform.name} takes {words(kinds)} here, and this is {WORDS.get(kind, kind)}"
                raise Fault("M103", says, f"see interpres transforms {transform.name}", at=argument.at)
            unsure = True
    return unsure


def words(kinds: Collection[str]) -> str:
    """Kinds of values in the words of people."""
    return " or ".join(WORDS[k] for k in WORDS if k in kinds)


def _function(coder: Coder, transform: Transform, wanted: tuple[Wanted, ...]) -> Callable[..., Any]:
    """The function to call: with the mapping's time zone where it asks for one, guarded where it is a workspace's own."""
    key = (transform.name, wanted)
    if key not in coder.functions:
        function: Callable[..., Any] = transform.function
        if "times" in transform.wants:
            function = functools.partial(function, times=coder.times)
        if not transform.module.startswith("interpres.builtins"):
            function = guarded(transform.name, transform.module.rsplit(".", 1)[-1], function)
        coder.functions[key] = checking(transform.name, function, wanted) if wanted else function
    return coder.functions[key]


def checking(name: str, function: Callable[..., Any], wanted: Sequence[Wanted]) -> Callable[..., Any]:
    """The function behind a look at the kind of each value: M210 for one that it does not take."""

    def work(*values: Any) -> Any:
        return function(*(_taken(name, want, value) for want, value in zip(wanted, values, strict=True)))

    return work


def _taken(name: str, want: Wanted, value: Any) -> Any:
    """The value, if the parameter takes it; a whole number written with decimals (2.0) as a whole one."""
    kind = KINDS.get(value.__class__)
    if want.kinds is None or kind in ("missing", "null"):
        return value
    if kind not in want.kinds:
        wrong_kind(name, words(want.kinds), value)
    if want.whole and isinstance(value, Decimal):
        if value != value.to_integral_value() or value.adjusted() > MOST_DIGITS:
            wrong_kind(name, "a whole number", value)
        return int(value)
    return value
