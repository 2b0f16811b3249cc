"""Numerals: exact numbers out of text, and text out of numbers, in ASCII digits and without exponents."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from interpres.fault import Fault

MOST_DIGITS: Final = 100
"""A number with more is an accident; no field of any standard asks for one."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)\Z")
_WHOLE = re.compile(r"[+-]?[0-9]+\Z")


def number_of(text: str) -> int | Decimal:
    """The number that a text writes (HL7 v2 NM: a sign, digits, a decimal point; spaces around it do not count).

    Whole ones are `int`, others `Decimal` with the digits as written. Raises `Fault` M221.
    """
    if len(text) <= 18 and text.isascii() and text.isdigit():
        return int(text)
    digits = text.strip(" ")
    if not _NUMBER.match(digits):
        raise Fault("M221", "this is no number", _hint(digits), value=text)
    if len(digits) > MOST_DIGITS:
        hint = "a number this long is an accident; see where it comes from"
        raise Fault("M221", f"this number has more than {MOST_DIGITS} digits", hint, value=text)
    return int(digits) if _WHOLE.match(digits) else Decimal(digits)


def _hint(text: str) -> str:
    if not text:
        return "it is blank; ask whether it is there, or choose another field"
    if not text.isascii() and any(sign.isdigit() for sign in text):
        return "its digits are of another script: numbers have 0-9 only"
    if "," in text:
        return "it holds a comma: write number(x, ',') where the comma is the decimal sign, else replace(x, ',', '') first"
    if re.search(r"[0-9][eE][+-]?[0-9]", text):
        return "it has an exponent, which may stand for any precision: have it sent as digits"
    if text[:1] in "<>=~" or "-" in text[1:]:
        return "it is a comparison or a range: take its parts with match() first, or send it as text"
    return "ask with matches first, or choose with if() what is sent as a number"


def plain(number: int | Decimal) -> str:
    """A number's digits without an exponent, as JSON, XML and HL7 take them. Raises `Fault` M221 where they are too many."""
    if isinstance(number, Decimal):
        if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
            raise Fault("M221", f"this number has more than {MOST_DIGITS} digits", "see where it comes from")
        return format(number, "f")
    if number.bit_length() > 4 * MOST_DIGITS:
        raise Fault("M221", f"this number has more than {MOST_DIGITS} digits", "see where it comes from")
    return str(number)


def whole(number: int | Decimal) -> int:
    """A number that counts something: `2` and `2.0`. Raises `Fault` M226 where it has a fraction."""
    if isinstance(number, int):
        return number
    if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS or number != number.to_integral_value():
        raise Fault("M226", "a whole number is wanted here", "round it first: number | round")
    return int(number)
