"""Reckon: joining text and reckoning with exact decimals."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, Underflow
from typing import Any, Final

from interpres.document import MISSING
from interpres.fault import Fault
from interpres.mapping.compiling.compare import kind_of, told
from interpres.values.numerals import MOST_DIGITS, plain

_EXACT: Final = Context(
    prec=MOST_DIGITS, rounding=ROUND_HALF_EVEN, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow, Underflow]
)
_ROUNDED: Final = Context(prec=34, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])


def join(*sides: Any) -> Any:
    """`&`: constants come wrapped in one-tuples; where all sides that are none are missing, so is the whole."""
    found = False
    texts: list[str] = []
    for side in sides:
        if side.__class__ is str:
            texts.append(side)
            found = True
        elif side.__class__ is tuple:
            texts.append(side[0])
        elif side is not MISSING and side is not None:
            texts.append(_joinable(side))
            found = True
    return "".join(texts) if found or len(texts) == len(sides) else MISSING


def constant(value: Any) -> tuple[str] | Any:
    """A constant side of `&`."""
    return (_joinable(value),) if value is not MISSING and value is not None else MISSING


def _joinable(side: Any) -> str:
    if isinstance(side, str):
        return side
    if isinstance(side, int | Decimal) and not isinstance(side, bool):
        return plain(side)
    hint = "use join for lists, and if() to turn a yes or no into words"
    raise Fault("M204", f"'&' joins text, and this is {kind_of(side)}", hint, value=told(side))


def add(left: Any, right: Any) -> Any:
    return _reckon(_EXACT.add, "+", left, right)


def subtract(left: Any, right: Any) -> Any:
    return _reckon(_EXACT.subtract, "-", left, right)


def multiply(left: Any, right: Any) -> Any:
    return _reckon(_EXACT.multiply, "*", left, right)


def divide(left: Any, right: Any) -> Any:
    """`/`: exact where it can be, else 34 digits, half to even (the precision of IEEE 754 decimal128)."""
    return _reckon(_ROUNDED.divide, "/", left, right)


def _reckon(work: Callable[[Decimal, Decimal], Decimal], sign: str, left: Any, right: Any) -> Any:
    if left is MISSING or right is MISSING or left is None or right is None:
        return MISSING
    for side in (left, right):
        if not isinstance(side, int | Decimal) or isinstance(side, bool):
            hint = "add '| number'" if isinstance(side, str) else "choose the number in it"
            raise Fault("M205", f"'{sign}' reckons with numbers, and this is {kind_of(side)}", hint, value=told(side))
    try:
        result = work(_decimal(left), _decimal(right))
    except DivisionByZero:
        raise Fault("M206", "this divides by zero", "ask with if() whether the divisor is zero") from None
    except (Inexact, InvalidOperation, Overflow, Underflow) as error:
        if not right and sign == "/":
            raise Fault("M206", "this divides by zero", "ask with if() whether the divisor is zero") from error
        says = f"the result has more than {MOST_DIGITS} digits"
        raise Fault("M206", says, "numbers this long are an accident; see where they come from") from error
    if isinstance(left, int) and isinstance(right, int) and sign != "/":
        return int(result)
    return result


def _decimal(value: int | Decimal) -> Decimal:
    if isinstance(value, int) and value.bit_length() > 4 * MOST_DIGITS:
        raise InvalidOperation
    return Decimal(value)
