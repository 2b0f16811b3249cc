"""Scan: a strict reading of JSON text that knows where everything stands: it words what is wrong, and edits are cut by it.

RFC 8259 to the letter, and stricter where it leaves room for damage: a key twice in one object (RFC 8259, 4: "unpredictable"),
half a surrogate pair (8.2), and depth and numbers beyond the limits (9) are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final, NoReturn

import msgspec

from interpres.fault import Fault

MAX_DIGITS: Final = 4300
"""Signs of one number: what Python itself turns between text and integer without a limit being lifted."""
MAX_EXPONENT: Final = 9999
"""Powers of ten: beyond any quantity, and small enough that arithmetic with such a number stays cheap."""

_BLANK = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"')
_STRING_SO_FAR = re.compile(r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+')
_NUMBER = re.compile(r"-?(?P<whole>0|[1-9][0-9]*+)(?P<part>\.[0-9]++)?+(?:[eE](?P<power>[-+]?[0-9]++))?+")
_NUMBERLIKE = re.compile(r"[-+0-9.][-+0-9.a-zA-Z_]*")
_WORD = re.compile(r"-?[A-Za-z]+")
_SURROGATE = re.compile(
    r"\\(?:u(?:(?P<high>[dD][89abAB][0-9a-fA-F]{2})(?P<low>\\u[dD][c-fC-F][0-9a-fA-F]{2})?|(?P<alone>[dD][c-fC-F]..))|.)"
)


@dataclass(slots=True)
class Span:
    """A value's place in the text, from `start` up to `end`; the values in it by key or in order, and where each begins.

    `begins` holds, for every value inside, where its member begins: at its key in an object.
    """

    start: int
    end: int = 0
    keys: dict[str, Span] | None = None
    items: list[Span] | None = None
    begins: list[int] = field(default_factory=list)

    @property
    def inside(self) -> list[Span]:
        """The values of an object or a list, in order."""
        return list(self.keys.values()) if self.keys is not None else self.items or []


def scan(text: str, max_depth: int) -> Span:
    """The spans of a JSON text, or the first `Fault` in it (J004 to J012), its source `line 3, column 14`."""
    return _Scan(text, max_depth).whole()


def position(text: str, at: int) -> str:
    """Where a character stands, as an editor counts: from 1, columns in characters."""
    line = text.count("\n", 0, at) + 1
    return f"line {line}, column {at - text.rfind(chr(10), 0, at)}"


def too_large(number: str) -> bool:
    """Whether a number, as JSON writes it, is beyond what is read."""
    if not any(sign in number for sign in ".eE"):
        return len(number) > MAX_DIGITS
    try:
        decimal_of(number)
    except OverflowError:
        return True
    return False


def decimal_of(number: str) -> Decimal:
    """A number with a point or a power of ten, exactly; `OverflowError` where it is beyond what is read."""
    if len(number) <= MAX_DIGITS and "e" not in number and "E" not in number:
        return Decimal(number)
    try:
        found = Decimal(number)
    except InvalidOperation:
        raise OverflowError from None
    if not -MAX_EXPONENT <= found.adjusted() <= MAX_EXPONENT or len(number) > MAX_DIGITS:
        raise OverflowError
    return found


class _Scan:
    """One reading. `open` are the objects and lists that have begun and not ended, the innermost last."""

    def __init__(self, text: str, max_depth: int) -> None:
        self.text = text
        self.max_depth = max_depth
        self.open: list[Span] = []

    def whole(self) -> Span:
        at = self.blank(0)
        top = self.begin(at)
        at = self.blank(top.end) if top.end else self.members(top)
        if at < len(self.text):
            self.refuse(
                at,
                "J009",
                "more text follows the end of the document",
                "send one JSON document in one message, nothing behind it",
            )
        return top

    def members(self, top: Span) -> int:
        """Everything inside an object or a list that has just begun; the place behind it."""
        at = top.start + 1
        while self.open:
            span = self.open[-1]
            closing = "}" if span.keys is not None else "]"
            at = self.blank(at)
            if self.here(at) == closing:
                at = span.end = at + 1
                self.open.pop()
                continue
            inner = self.member(span, self.comma(at, closing) if span.begins else at)
            at = inner.end or inner.start + 1
        return self.blank(at)

    def comma(self, at: int, closing: str) -> int:
        """The place of the next member, behind the comma that must stand here."""
        if self.here(at) != ",":
            self.unexpected(at, f"',' or '{closing}'")
        after = self.blank(at + 1)
        if self.here(after) == closing:
            self.refuse(
                at, "J004", f"a comma stands before '{closing}'", "take the comma away: JSON has none after the last value"
            )
        return after

    def member(self, span: Span, at: int) -> Span:
        """The next value of an object or a list, with its key; a container is only begun."""
        span.begins.append(at)
        if span.items is not None:
            inner = self.begin(at)
            span.items.append(inner)
            return inner
        assert span.keys is not None
        if self.here(at) != '"':
            self.unexpected(at, "a key in double quotes")
        end = self.string(at)
        key = msgspec.json.decode(self.text[at:end].encode(), type=str)
        if key in span.keys:
            before = position(self.text, span.begins[list(span.keys).index(key)])
            self.refuse(at, "J005", "a key stands twice in one object", f"the first one is at {before}: keep one of the two", key)
        colon = self.blank(end)
        if self.here(colon) != ":":
            self.unexpected(colon, "':' after the key")
        inner = span.keys[key] = self.begin(self.blank(colon + 1))
        return inner

    def begin(self, at: int) -> Span:
        """The value that begins here: whole, or just begun where it holds others (`end` is 0 then)."""
        sign = self.here(at)
        if sign in "{[":
            span = Span(at, keys={}) if sign == "{" else Span(at, items=[])
            self.open.append(span)
            if len(self.open) > self.max_depth:
                self.refuse(
                    at,
                    "J008",
                    f"objects and lists stand more than {self.max_depth} deep in one another",
                    "ask the sender whether this is meant; the format's setting max_depth allows more",
                )
            return span
        return Span(at, self.string(at) if sign == '"' else self.scalar(at))

    def string(self, at: int) -> int:
        found = _STRING.match(self.text, at)
        if not found:
            self.bad_string(at)
        if "\\u" in found[0]:
            for escape in _SURROGATE.finditer(found[0]):
                if escape["alone"] or (escape["high"] and not escape["low"]):
                    self.refuse(
                        at + escape.start(),
                        "J007",
                        "half a character: a surrogate escape stands without its other half",
                        "write the character itself in UTF-8, or both halves, as in \\ud83d\\ude00",
                    )
        return found.end()

    def bad_string(self, at: int) -> NoReturn:
        found = _STRING_SO_FAR.match(self.text, at)
        assert found
        stop = found.end()
        if stop >= len(self.text):
            self.refuse(
                at, "J012", "a text that begins here is never closed", 'close it with "; was the message cut off on its way?'
            )
        if self.text[stop] == "\\":
            self.refuse(
                stop,
                "J004",
                "a backslash begins no escape that JSON has",
                r"write \\ for a backslash; \" \/ \b \f \n \r \t \uXXXX are the escapes",
            )
        self.refuse(
            stop,
            "J011",
            "a line break, tab or other control character stands bare in a text",
            r"write it as an escape, as \n or \t",
        )

    def scalar(self, at: int) -> int:
        for word in ("true", "false", "null"):
            if self.text.startswith(word, at) and not self.here(at + len(word)).isalnum():
                return at + len(word)
        number = _NUMBER.match(self.text, at)
        like = _NUMBERLIKE.match(self.text, at)
        if not number or not like or number.end() != like.end():
            self.no_value(at, like)
        if too_large(number[0]):
            says = f"a number has more than {MAX_DIGITS} digits or a power of ten beyond {MAX_EXPONENT}"
            self.refuse(
                at, "J010", says, "no quantity is so large or so small: send it as a text if it is a code", number[0][:40]
            )
        return number.end()

    def no_value(self, at: int, like: re.Match[str] | None) -> NoReturn:
        word = _WORD.match(self.text, at)
        if word and word[0].lstrip("-").lower() in ("nan", "infinity", "inf"):
            self.refuse(
                at, "J006", "NaN and Infinity are no numbers in JSON", "send null, or leave the key out, where there is no number"
            )
        if like:
            self.refuse(
                at,
                "J004",
                "a number is not written as JSON writes numbers",
                "write digits as in -12.50 or 1e3: no plus sign before it, no zero in front, digits on both sides of the point",
                like[0][:40],
            )
        if word and word[0].lower() in ("true", "false", "null", "none"):
            self.refuse(
                at,
                "J004",
                "true, false and null are written in small letters",
                "ask the sender for JSON, not for what a program prints",
            )
        if self.here(at) == "'":
            self.refuse(at, "J004", "a text stands in single quotes", 'JSON wants double quotes: "…"')
        if self.text.startswith(("//", "/*"), at):
            self.refuse(at, "J004", "JSON has no comments", "take the comment away")
        self.unexpected(at, "a value")

    def unexpected(self, at: int, wanted: str) -> NoReturn:
        if at >= len(self.text):
            self.refuse(at, "J012", f"the text ends where {wanted} should stand", "was the message cut off on its way?")
        self.refuse(
            at,
            "J004",
            f"{wanted} should stand here",
            "this is not JSON: see what the sender wrote just before",
            self.text[at : at + 20],
        )

    def blank(self, at: int) -> int:
        found = _BLANK.match(self.text, at)
        assert found
        return found.end()

    def here(self, at: int) -> str:
        """The sign at a place; NUL, which stands for nothing in JSON, at the end."""
        return self.text[at] if at < len(self.text) else "\0"

    def refuse(self, at: int, code: str, says: str, hint: str, value: str | None = None) -> NoReturn:
        raise Fault(code, says, hint, source=position(self.text, at), value=value)
