"""numbers: exact numbers and money."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException, Inexact, localcontext
from typing import Any, Final

from interpres.document import MISSING, Missing
from interpres.fault import Fault
from interpres.values.numerals import MOST_DIGITS, number_of, plain, whole

MOST_PLACES: Final = 12


def number(x: str | int | Decimal, decimal_sign: str = ".") -> int | Decimal:
    """Text as an exact number; a number stays as it is.

    ASCII digits, a sign and one decimal sign, a dot unless another is named; thousands are not parted. Anything else is fault
    M221: `1e400`, `NaN`, `1_0`, `٣`.

    >>> number('08')
    8
    >>> number('36.50')
    Decimal('36.50')
    >>> number('12,5', ',')
    Decimal('12.5')
    """
    if not isinstance(x, str):
        return x
    if decimal_sign == ".":
        return number_of(x)
    if decimal_sign != ",":
        raise Fault("M221", "a decimal sign is . or ,", "write number(x, ',')")
    if "." in x:
        hint = "it holds dots too: take them out first, as in replace(x, '.', '') | number(',')"
        raise Fault("M221", "this is no number with a decimal comma", hint, value=x)
    return number_of(x.replace(",", "."))


def integer(x: str | int | Decimal) -> int:
    """Text or a number as a whole number; one with a fraction is fault M221 (round it first).

    >>> integer('12')
    12
    >>> integer('12.0')
    12
    """
    found = number(x)
    if isinstance(found, int):
        return found
    if found != found.to_integral_value():
        raise Fault("M221", "this is no whole number", "round it first: number | round", value=str(x))
    return int(found)


def round_(x: int | Decimal, places: int = 0) -> int | Decimal:
    """A number with so many decimal places, halves away from zero, as money is counted; whole without places.

    >>> round(2.345, 2)
    Decimal('2.35')
    >>> round(-0.5)
    -1
    """
    if not 0 <= (places := whole(places)) <= MOST_PLACES:
        raise Fault("M226", f"places are counted from 0 to {MOST_PLACES}", "write round(x, 2)")
    exact = _exact(x)
    with localcontext(Context(prec=MOST_DIGITS + 20, rounding=ROUND_HALF_UP)):
        rounded = exact.quantize(Decimal(1).scaleb(-places))
    return rounded if places else int(rounded)


def fixed(x: int | Decimal, places: int) -> str:
    """A number as text with exactly so many decimal places, halves away from zero, for formats that want `12.50`.

    >>> fixed(12.5, 2)
    '12.50'
    """
    return plain(round_(x, places))


def text(x: str | int | Decimal | bool) -> str:
    """A number, true or false as text; text stays as it is.

    >>> text(12.50)
    '12.50'
    >>> text(true)
    'true'
    """
    if isinstance(x, bool):
        return "true" if x else "false"
    return x if isinstance(x, str) else plain(x)


def boolean(x: str | bool) -> bool:
    """`Y`, `yes`, `true`, `1` and `N`, `no`, `false`, `0` as true and false, in any case; anything else is fault M221.

    >>> boolean('Y')
    True
    >>> boolean('0')
    False
    """
    if isinstance(x, bool):
        return x
    word = x.strip(" ").casefold()
    if word in ("y", "yes", "true", "1"):
        return True
    if word in ("n", "no", "false", "0"):
        return False
    raise Fault("M221", "this is neither yes nor no", "say what it means with a table: table(yes_no)", value=x)


def abs_(x: int | Decimal) -> int | Decimal:
    """A number without its sign.

    >>> abs(-3)
    3
    """
    return x.copy_abs() if isinstance(x, Decimal) else abs(x)


def sum_(items: list[Any]) -> int | Decimal:
    """The exact sum of a list of numbers, 0 where the list is empty. A missing item or a text is fault M221.

    >>> sum([1, 2.50])
    Decimal('3.50')
    """
    total: int | Decimal = 0
    with localcontext(Context(prec=MOST_DIGITS + 20)) as context:
        context.traps[Inexact] = True
        try:
            for item in items:
                total = _item(item, "sum") + total
        except DecimalException:
            says = f"the sum has more than {MOST_DIGITS} digits"
            raise Fault("M221", says, "see where such long numbers come from") from None
    return total


def min_(items: list[Any]) -> Any | Missing:
    """The least of a list of numbers, or of texts (ISO dates), leaving out what is missing; missing where nothing is left.

    >>> min([3, 1.5])
    Decimal('1.5')
    >>> min(['2026-11-04', '2026-10-30'])
    '2026-10-30'
    """
    return min(_alike(items, "min"), default=MISSING)


def max_(items: list[Any]) -> Any | Missing:
    """The greatest of a list of numbers, or of texts (ISO dates), leaving out what is missing; missing where nothing is left.

    >>> max([3, 1.5])
    3
    """
    return max(_alike(items, "max"), default=MISSING)


def _alike(items: list[Any], name: str) -> list[Any]:
    found = [item for item in items if item is not MISSING and item is not None]
    kinds = {"text" if isinstance(i, str) else "number" if _is_number(i) else "other" for i in found}
    if len(kinds) > 1 or "other" in kinds:
        hint = "make numbers of all first: each(list, . | number)"
        raise Fault("M221", f"{name}() compares numbers with numbers, or text with text", hint)
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _item(item: Any, name: str) -> int | Decimal:
    if item is MISSING or item is None:
        hint = "leave the item out with a condition ([* where … exists]), or say what it counts: default(0)"
        raise Fault("M221", f"an item of this {name} is missing", hint)
    if _is_number(item):
        number: int | Decimal = item
        return number
    value = item if isinstance(item, str) else None
    raise Fault("M221", f"an item of this {name} is no number", "make numbers of text first: each(list, . | number)", value=value)


def _exact(x: int | Decimal) -> Decimal:
    plain(x)  # refuses what is too long to be counted with
    return Decimal(x)
