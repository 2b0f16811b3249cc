"""identifiers: stable identifiers out of parts, and check digits."""

from __future__ import annotations

import hashlib
import uuid
from decimal import Decimal
from typing import Final, NoReturn

from interpres.fault import Fault
from interpres.values.numerals import plain

_NAMESPACE: Final = uuid.UUID("3f0d1c52-8a57-5b0e-9c11-52a5f0f6d7a4")
_CHARACTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"
_PURE: Final = {"mod11-2": (11, 2, "0123456789X"), "mod37-2": (37, 2, _CHARACTERS)}
_HYBRID: Final = {"mod11,10": "0123456789", "mod27,26": _CHARACTERS[10:36], "mod37,36": _CHARACTERS[:36]}


def uuid5(*parts: str | int | Decimal) -> str:
    """An identifier that is always the same for the same parts in the same order (RFC 9562, 5.5, in a namespace of our own).

    >>> uuid5('patient', '120415', 'P26110412')
    '931821d2-6bef-5aad-8198-093547a852d6'
    """
    return str(uuid.uuid5(_NAMESPACE, _joined(parts)))


def hash_(*parts: str | int | Decimal) -> str:
    """The SHA-256 of the parts in order, as 64 hexadecimal digits: to tell records apart without telling what they are.

    >>> hash('P26110412') | left(12)
    '5f95b4b4c407'
    """
    return hashlib.sha256(_joined(parts).encode()).hexdigest()


def luhn(x: str) -> str:
    """The number, proven by its last digit (ISO/IEC 7812-1 annex B, HL7 v2 `M10`); fault M227 where that is wrong.

    >>> luhn('79927398713')
    '79927398713'
    """
    if luhn_digit(_digits(x)[:-1]) != x[-1:]:
        _wrong(x)
    return x


def luhn_digit(x: str) -> str:
    """The check digit that belongs behind a number (ISO/IEC 7812-1 annex B).

    >>> luhn_digit('7992739871')
    '3'
    """
    total = 0
    for place, digit in enumerate(reversed(_digits(x, least=1))):
        doubled = int(digit) * (1 if place % 2 else 2)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def mod11(x: str) -> str:
    """The number, proven by its last digit modulo 11 with weights 2 to 7 from the right (HL7 v2 `M11`); else fault M227.

    >>> mod11('6319')
    '6319'
    """
    if mod11_digit(_digits(x)[:-1]) != x[-1:]:
        _wrong(x)
    return x


def mod11_digit(x: str) -> str:
    """The check digit modulo 11 that belongs behind a number (weights 2 to 7 from the right, HL7 v2 `M11`).

    A number whose check digit would be 10 is never given out, and is fault M227.

    >>> mod11_digit('631')
    '9'
    """
    total = sum(int(digit) * (2 + place % 6) for place, digit in enumerate(reversed(_digits(x, least=1))))
    check = -total % 11
    if check == 10:
        raise Fault("M227", "this number can have no check digit modulo 11", "see where it was given out", value=x)
    return str(check)


def iso7064(x: str, system: str = "mod97-10") -> str:
    """The code, proven by its check characters (ISO/IEC 7064); else fault M227.

    Systems: `mod97-10` (two digits; IBAN, LEI), `mod11-2` (ISNI), `mod37-2`, `mod11,10`, `mod27,26`, `mod37,36`.

    >>> iso7064('07940', 'mod11-2')
    '07940'
    >>> iso7064('79444', 'mod97-10')
    '79444'
    """
    if len(x) < 2 or len(x) > 200:
        _wrong(x)
    if system == "mod97-10":
        good = _mod97(x) == 1
    elif system in _PURE:
        good = _pure(x, *_PURE[system])
    elif system in _HYBRID:
        good = _hybrid(x, _HYBRID[system])
    else:
        raise Fault("M225", f"ISO 7064 has no system '{system}'", f"write mod97-10, {', '.join([*_PURE, *_HYBRID])}")
    if not good:
        _wrong(x)
    return x


def _mod97(x: str) -> int:
    values = [_CHARACTERS[:36].find(sign) for sign in x]
    if -1 in values or max(values[-2:]) > 9:
        _wrong(x)
    return int("".join(map(str, values))) % 97


def _pure(x: str, modulus: int, radix: int, alphabet: str) -> bool:
    total = 0
    for place, sign in enumerate(x):
        value = alphabet.find(sign)
        if value < 0 or (value == modulus - 1 and place < len(x) - 1):
            _wrong(x)
        total = (total + value) * radix if place < len(x) - 1 else total + value
    return total % modulus == 1


def _hybrid(x: str, alphabet: str) -> bool:
    size = len(alphabet)
    carried = size
    for sign in x[:-1]:
        value = alphabet.find(sign)
        if value < 0:
            _wrong(x)
        carried = ((carried + value) % size or size) * 2 % (size + 1)
    return (carried + alphabet.find(x[-1])) % size == 1 and x[-1] in alphabet


def _joined(parts: tuple[str | int | Decimal, ...]) -> str:
    """The parts as one text from which they could be told apart again."""
    return "\x1f".join(part if isinstance(part, str) else plain(part) for part in parts)


def _digits(x: str, least: int = 2) -> str:
    if len(x) < least or len(x) > 200 or not (x.isascii() and x.isdigit()):
        raise Fault("M227", "this is no number with a check digit", "it has digits 0-9 only: digits(x) takes them out", value=x)
    return x


def _wrong(x: str) -> NoReturn:
    hint = "a digit was mistyped or two were exchanged: have the sender look at the card or the record"
    raise Fault("M227", "the check digit does not fit this number", hint, value=x)
