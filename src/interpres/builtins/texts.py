"""texts: taking text apart and putting it together."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import Any, Final

from interpres.document import MISSING, Missing
from interpres.fault import Fault
from interpres.values.capture import capture
from interpres.values.numerals import plain, whole

LONGEST_PAD: Final = 10_000


def upper(x: str) -> str:
    """Text in capitals.

    >>> upper('sok')
    'SOK'
    """
    return x.upper()


def lower(x: str) -> str:
    """Text in small letters.

    >>> lower('SOK')
    'sok'
    """
    return x.lower()


def trim(x: str) -> str | Missing:
    """Text without the spaces (also line ends and invisible ones) before and behind it; missing where nothing is left.

    >>> trim('  ward 3 ')
    'ward 3'
    """
    return x.strip().strip("\u200b\ufeff\u2060").strip() or MISSING


def squeeze(x: str) -> str | Missing:
    """Text with every run of spaces and line ends made one space, none before or behind; missing where nothing is left.

    >>> squeeze(' a   b ')
    'a b'
    """
    return " ".join(x.split()) or MISSING


def replace(x: str, old: str, new: str) -> str:
    """Text with every `old` replaced by `new`.

    >>> replace('12-0984-5512', '-', '')
    '1209845512'
    """
    if not old:
        raise Fault("M220", "replace() is to replace a text of no length", "write what is to be replaced: replace('-', '')")
    return x.replace(old, new)


def split(x: str, by: str) -> list[str]:
    """The pieces of a text between the separators.

    >>> split('a;b;;c', ';')
    ['a', 'b', '', 'c']
    """
    if not by:
        raise Fault("M220", "split() has no separator", "write the sign between the pieces: split(';')")
    return x.split(by)


def piece(x: str, by: str, number: int) -> str | Missing:
    """One piece of a text between separators, counted from 1; missing where there are fewer, or where it is empty.

    >>> piece('KH-12-0984', '-', 2)
    '12'
    """
    if (number := whole(number)) < 1:
        raise Fault("M226", "pieces are counted from 1", "write piece(x, '-', 1)")
    found = split(x, by)
    return (found[number - 1] or MISSING) if number <= len(found) else MISSING


def left(x: str, count: int) -> str | Missing:
    """The first characters of a text.

    >>> left('08020301', 2)
    '08'
    """
    return x[: _count(count, "left")] or MISSING


def right(x: str, count: int) -> str | Missing:
    """The last characters of a text.

    >>> right('08020301', 2)
    '01'
    """
    return x[max(len(x) - _count(count, "right"), 0) :] or MISSING


def part(x: str, start: int, count: int) -> str | Missing:
    """Characters out of the middle of a text, the first counted 1; missing where it is too short to have any there.

    >>> part('08020301', 3, 2)
    '02'
    """
    if (start := whole(start)) < 1:
        raise Fault("M226", "characters are counted from 1", "write part(x, 1, 2) for the first two")
    return x[start - 1 : start - 1 + _count(count, "part")] or MISSING


def pad(x: str | int, width: int, sign: str = "0") -> str:
    """Text filled up on its left to a width, with zeros unless another sign is given; longer text stays as it is.

    >>> pad('42', 6)
    '000042'
    """
    return _text_of(x).rjust(_width(width), _sign(sign))


def pad_right(x: str | int, width: int, sign: str = " ") -> str:
    """Text filled up on its right to a width, with spaces unless another sign is given; longer text stays as it is.

    >>> pad_right('AB', 4, '.')
    'AB..'
    """
    return _text_of(x).ljust(_width(width), _sign(sign))


def length(x: str) -> int:
    """How many characters a text has.

    >>> length('KH12')
    4
    """
    return len(x)


def digits(x: str) -> str | Missing:
    """The digits 0-9 of a text and nothing else; missing where there are none.

    >>> digits('012 908-811')
    '012908811'
    """
    return "".join(sign for sign in x if sign in "0123456789") or MISSING


def join(items: list[Any], separator: str = "") -> str | Missing:
    """The items of a list as one text. A missing or empty item leaves no separator; missing where nothing is left.

    >>> join(['Keo', 'Visal'], ' ')
    'Keo Visal'
    """
    found = [_text_of(item) for item in items if item is not MISSING and item is not None and item != ""]
    return separator.join(found) if found else MISSING


def match(x: str, pattern: str) -> str | Missing:
    """What a pattern finds in a text: its first group, or the whole match where it has none; missing where it is not found.

    Patterns are written as for `matches`, lazy repeats apart: letters, `.`, `[A-Z0-9]`, `|`, `( )`, `* + ? {2,3}`, `^`, `$`,
    `\\d`, `\\w`, `\\s`.

    >>> match('3.5 - 5.1', '^([0-9.]+) *-')
    '3.5'
    >>> match('Ward 12, bed 3', '[0-9]+')
    '12'
    """
    found = capture(pattern).take(x)
    return MISSING if found is None or found == "" else found


def nfc(x: str) -> str:
    """Text in Unicode's composed form (NFC, Unicode Standard Annex 15), in which equal-looking texts are equal.

    >>> nfc('e\u0301') = '\u00e9'
    True
    """
    return unicodedata.normalize("NFC", x)


def _text_of(item: Any) -> str:
    """An item as text."""
    if isinstance(item, str):
        return item
    if isinstance(item, bool):
        return "true" if item else "false"
    if isinstance(item, int | Decimal):
        return plain(item)
    raise Fault("M220", "a list or a block cannot be part of a text", "choose the value in it that is meant")


def _count(count: int, name: str) -> int:
    if (count := whole(count)) < 1:
        raise Fault("M226", f"{name}() takes at least one character", f"write {name}(x, 2)")
    return count


def _width(width: int) -> int:
    if not 0 <= (width := whole(width)) <= LONGEST_PAD:
        raise Fault("M226", f"a width is a number from 0 to {LONGEST_PAD:,}", "write pad(x, 8)")
    return width


def _sign(sign: str) -> str:
    if len(sign) != 1:
        raise Fault("M226", "a text is filled up with one sign", "write pad(x, 8, '0')")
    return sign
