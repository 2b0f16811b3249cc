"""Compare: truth, comparison and the other questions that a formula asks, by the rules for missing, null and numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from interpres.document import MISSING
from interpres.fault import Fault
from interpres.values.numerals import number_of, plain


def kind_of(value: Any) -> str:
    """What a value is, in the words of people."""
    if value is MISSING:
        return "nothing"
    if value is None:
        return "null"
    if value is True or value is False:
        return "true or false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | Decimal):
        return "a number"
    if isinstance(value, list | tuple):
        return "a list"
    return "a block" if isinstance(value, dict) else "a part of a document"


def told(value: Any) -> str | None:
    """A value as a fault carries it: scalars as text, anything larger not at all."""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | Decimal) else None


def number_in(text: str) -> int | Decimal:
    """The number that a text is. Raises `Fault` M203 where it is none: a comparison must not be false for that reason."""
    try:
        return number_of(text)
    except Fault:
        hint = "compare it with text, or keep such values apart with matches first"
        raise Fault("M203", "it is compared with a number, and this text is none", hint, value=text) from None


def truth(value: Any) -> bool:
    """A yes or no where one is wanted; what is missing or null is a no."""
    if value is True:
        return True
    if value is False or value is MISSING or value is None:
        return False
    raise Fault(
        "M207",
        f"a yes or no is wanted here, and this is {kind_of(value)}",
        "compare it with something, or ask whether it exists",
        value=told(value),
    )


def equal(left: Any, right: Any) -> bool:
    """`=`: false where a side is missing; beside a number the other side is read as one."""
    if left is MISSING or right is MISSING:
        return False
    if left is None or right is None:
        return left is right
    if left.__class__ is right.__class__:
        return bool(left == right)
    left, right = _alike(left, right)
    return bool(left == right)


def unequal(left: Any, right: Any) -> bool:
    """`!=`: true where a side is missing."""
    return not equal(left, right)


def less(left: Any, right: Any) -> bool:
    if _unordered(left, right):
        return False
    left, right = _alike(left, right)
    return bool(left < right)


def at_most(left: Any, right: Any) -> bool:
    if _unordered(left, right):
        return False
    left, right = _alike(left, right)
    return bool(left <= right)


def more(left: Any, right: Any) -> bool:
    return less(right, left)


def at_least(left: Any, right: Any) -> bool:
    return at_most(right, left)


def _unordered(left: Any, right: Any) -> bool:
    """Missing and null have no order; truths, lists and blocks cannot be asked for one."""
    if left is MISSING or right is MISSING or left is None or right is None:
        return True
    for side in (left, right):
        if not isinstance(side, str | int | Decimal) or isinstance(side, bool):
            says = f"{kind_of(side)} is neither more nor less than anything"
            raise Fault("M204", says, "compare numbers with numbers and text with text", value=told(side))
    return False


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Both sides as numbers where one is, both as they are where their kinds are the same; else M204."""
    numbers = [isinstance(side, int | Decimal) and not isinstance(side, bool) for side in (left, right)]
    if any(numbers):
        sides = (left, right)
        if all(isinstance(side, str | int | Decimal) and not isinstance(side, bool) for side in sides):
            return tuple(number_in(side) if isinstance(side, str) else side for side in sides)  # type: ignore[return-value]
    elif kind_of(left) == kind_of(right):
        return left, right
    says = f"{kind_of(left)} is compared with {kind_of(right)}"
    raise Fault("M204", says, "compare values of one kind; for a list ask 'in', or choose one item", value=told(left))


def any_fits(test: Callable[[Any, Any], bool], lefts: Iterable[Any], right: Any) -> bool:
    """A condition whose left side finds several: any one that fits will do; none found is as missing."""
    found = False
    for left in lefts:
        found = True
        if test(left, right):
            return True
    return False if found else test(MISSING, right)


def among(value: Any, several: Any) -> bool:
    """`in`: whether one of the list equals the value."""
    if value is MISSING or several is MISSING or several is None:
        return False
    if several.__class__ is not list:
        says = f"'in' wants a list on its right, and this is {kind_of(several)}"
        raise Fault("M204", says, "write a list, table(name), or a path with [*]", value=told(several))
    return any(equal(value, one) for one in several)


def exists(value: Any) -> bool:
    """Whether there is anything: null exists; a list that was gathered exists where anything in it does."""
    if value.__class__ is list:
        return any(item is not MISSING for item in value)
    return value is not MISSING


def matches(value: Any, fits: Callable[[str], bool]) -> bool:
    """`matches`: what is missing or null does not; a number is read as it is written."""
    if value is MISSING or value is None:
        return False
    if isinstance(value, str):
        return fits(value)
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return fits(plain(value))
    raise Fault("M204", f"'matches' asks about text, and this is {kind_of(value)}", "choose the text in it", value=told(value))
