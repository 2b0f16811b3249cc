"""Escape: the sequences that stand for delimiters, characters and layout inside a value, read and written."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from interpres.fault import Fault
from interpres.formats.hl7v2.delimiters import NEVER, Delimiters

_KNOWN: Final = r"([FSTREPHN]|X(?:[0-9A-Fa-f]{2})+|\.(?:br|ce|fi|nf|(?:sp|sk|in|ti)[+-]?[0-9]{0,3})|C[^E]{4}|M[^E]{4,6}|Z[^E]*)"
"""Every sequence of HL7 v2.8.2, 2.7. Whatever else stands between escape signs is data, and so is a sign without its other."""

_LAYOUT: Final = {"br": "\n", "ce": "\n", "fi": "", "nf": "", "in": "", "ti": ""}
"""Formatting commands (2.7.6): a new line where a line ends; indents and centring have no text of their own."""

UNWRITABLE: Final = {"\r": "X0D", "\n": ".br", "\v": "X0B", "\x1c": "X1C"}
"""Signs that would end a segment, or a frame around the message, and how they are written."""


def unescape(text: str, signs: Delimiters, codec: str) -> str:
    """The text that a value says. Each sequence is read once, so that what it stands for is never structure or a sequence itself.

    Highlighting (`\\H\\`, `\\N\\`) has no text; `\\C..\\`, `\\M..\\` and `\\Z..\\` stay: only the sender knows.
    """
    return _sequences(signs.escape).sub(lambda found: _said(found.group(0), found.group(1), signs, codec), text)


@lru_cache(maxsize=64)
def _sequences(escape: str) -> re.Pattern[str]:
    sign = re.escape(escape)
    return re.compile(sign + _KNOWN.replace("[^E]", f"[^{sign}]") + sign)


def _said(whole: str, inner: str, signs: Delimiters, codec: str) -> str:
    match inner[0]:
        case "F":
            return signs.field
        case "S":
            return signs.component
        case "T":
            return _or(signs.subcomponent, whole)
        case "R":
            return _or(signs.repetition, whole)
        case "E":
            return signs.escape
        case "P":
            return _or(signs.truncation, "#")
        case "H" | "N":
            return ""
        case "X":
            return _characters(inner[1:], codec, whole)
        case ".":
            return _layout(inner[1:3], inner[3:])
    return whole


def _or(sign: str, instead: str) -> str:
    return instead if sign == NEVER else sign


def _characters(digits: str, codec: str, whole: str) -> str:
    """The characters of hexadecimal bytes (2.7.4); bytes that are no text in the message's charset stay as they were written."""
    try:
        return bytes.fromhex(digits).decode(codec)
    except UnicodeDecodeError:
        return whole


def _layout(command: str, number: str) -> str:
    if command in ("sp", "sk"):
        count = max(int(number or 1), 0)
        return ("\n" if command == "sp" else " ") * count
    return _LAYOUT[command]


def escape(text: str, signs: Delimiters) -> str:
    """A value as a field holds it: no sign of it is structure, whatever it is.

    A line feed becomes `\\.br\\`, a carriage return `\\X0D\\`, and a text `""` is written so that it is not read as null. Raises
    `Fault` H032 where the message declares no escape sign and the value needs one.
    """
    if text == '""':
        quote = f"{signs.escape}X22{signs.escape}"
        return _checked(quote + quote, text, signs)
    return _checked(text.translate(_written(signs)), text, signs)


def _checked(written: str, text: str, signs: Delimiters) -> str:
    if signs.escape == NEVER and written != text:
        says = "a value holds a delimiter, and the message declares no escape sign to write it with"
        raise Fault("H032", says, "let MSH-2 be ^~\\&", value=text)
    return written


@lru_cache(maxsize=64)
def _written(signs: Delimiters) -> dict[int, str]:
    names = {
        signs.field: "F",
        signs.component: "S",
        signs.repetition: "R",
        signs.escape: "E",
        signs.subcomponent: "T",
        signs.truncation: "P",
        **UNWRITABLE,
    }
    return {ord(sign): f"{signs.escape}{name}{signs.escape}" for sign, name in names.items()}
