"""Slips: what was probably meant where a formula cannot be read, and the word for it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any, Final

from lark import Token
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from interpres.fault import Fault, Place
from interpres.mapping.formula import Number
from interpres.yaml.unreadable import unbalanced

RESERVED: Final = frozenset({"or", "and", "not", "in", "matches", "exists", "true", "false", "null", "else"})

_NAMED: Final = r"[^\s()\[\],&|=<>+*'\"`/]*"
_WORD = re.compile(r"[^\W\d]\w*")
_FOREIGN: Final = (
    ("==", "one = compares", "write a single ="),
    ("&&", "'&&' is written 'and'", "a single & joins texts"),
    ("||", "'||' is written 'or'", "a single | hands a value to a transform"),
    ("<>", "'<>' is written '!='", "write !="),
    ("=>", "'=>' is written '>='", "write >= to compare, -> in case()"),
    ("=<", "'=<' is written '<='", "write <="),
    ("=!", "'=!' is written '!='", "write !="),
    ("**", "there are no powers", "write a * a"),
    ("?", "there is no ? : here", "write if(test, then, else)"),
    ("!", "'!' alone says nothing", "write not in front of a test, or != to compare"),
    ("%", "there is no % here", "write * 0.01 for a percentage; a remainder needs a transform"),
    (";", "there is no ; here", "part what stands in brackets with commas; a formula is a single value"),
    ("{", "braces mean nothing in a formula", "a list is written [a, b]; a map is written as a block"),
    ("}", "braces mean nothing in a formula", "a list is written [a, b]; a map is written as a block"),
    ("#", "'#' means nothing in a formula", "put it in quotes if it is part of a text"),
    ("\\", "a backslash means nothing here", "put it in quotes if it is part of a text"),
    ("~", "'~' means nothing in a formula", "a repetition is chosen in brackets: PID-3[2]"),
    ("^", "'^' means nothing in a formula", "a component is written with a dot: PID-5.1"),
    (":", "':' means nothing in a formula", "put it in quotes if it is part of a text, a name that holds it in backticks"),
)
_KEYWORDS: Final = {
    "and": "and", "or": "or", "not": "not", "in": "in", "matches": "matches", "exists": "exists", "where": "where",
    "eq": "=", "ne": "!=", "gt": ">", "lt": "<", "ge": ">=", "le": "<=", "div": "/", "contains": "matches", "like": "matches",
    "is": "=", "equals": "=", "plus": "+", "xor": "!=", "then": "if(test, then, else)",
}  # fmt: skip


def explain(text: str, error: UnexpectedInput, where: Callable[[int], Place]) -> Fault:
    """The fault for what lark could not go on from."""
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return _ends(text, where)
    index = error.pos_in_stream or 0
    if isinstance(error, UnexpectedToken):
        index = error.token.start_pos or 0
    slip = _Slip(text, index, error, where)
    for guess in (slip.quote, slip.foreign, slip.bracket, slip.number, slip.minus, slip.slash, slip.sign, slip.twice, slip.word):
        if fault := guess():
            return fault
    here = text[index : index + 1]
    hint = "look at what stands before it: an operator, a comma or a value may be missing"
    return Fault("M113", f"'{here}' cannot stand here", hint, at=where(index))


def _ends(text: str, where: Callable[[int], Place]) -> Fault:
    at = where(len(text.rstrip()))
    sign = unbalanced(text)
    if sign in ("(", "["):
        return Fault("M111", f"a {sign} is opened and never closed", f"add the {')' if sign == '(' else ']'}", at=at)
    last = text.split()[-1]
    hint = f"write what stands to the right of '{last}', or take it away"
    return Fault("M111", "the formula ends where a value should follow", hint, at=at)


class _Slip:
    """One place that could not be read on from, and what stands around it."""

    def __init__(self, text: str, index: int, error: UnexpectedInput, where: Callable[[int], Place]) -> None:
        self.text = text
        self.index = index
        self.here = text[index : index + 1]
        self.before = text[:index]
        self.error = error
        self.where = where

    def fault(self, code: str, says: str, hint: str, back: int = 0) -> Fault:
        return Fault(code, says, hint, at=self.where(self.index - back))

    def quote(self) -> Fault | None:
        if self.here and self.here in "'\"`" and isinstance(self.error, UnexpectedCharacters):
            if self.text.count(self.here, self.index) == 1:
                inside = "" if self.here == "`" else f"; a {self.here} inside a text is written twice"
                return self.fault("M112", f"the {self.here} that opens here is never closed", f"close it{inside}")
            return None
        if self.text.startswith(".`", self.index):
            return self.fault("M112", "the ` that opens here is never closed", "close it", back=-1)
        return _strange(self.here, self.where(self.index)) if self.here and self.here in "“”„‘’‚«»´" else None

    def foreign(self) -> Fault | None:
        for sign, says, hint in _FOREIGN:
            for back in range(len(sign)):
                if self.text.startswith(sign, self.index - back) and self.index >= back:
                    return self.fault("M115", says, hint, back)
        return None

    def bracket(self) -> Fault | None:
        if self.here not in (")", "]", ","):
            return None
        sign = unbalanced(self.before + self.here) if self.here != "," else ""
        if sign == self.here:
            return self.fault("M113", f"this {self.here} closes nothing", "take it away, or add the bracket that opens it")
        if self.here == "," and not unbalanced(self.before):
            return self.fault(
                "M113", "a comma stands outside of brackets", "a list is written [a, b]; a formula is a single value"
            )
        last = self.before.rstrip()[-1:]
        hint = f"write the value between '{last}' and '{self.here}', or take away what is too much"
        return self.fault("M113", f"a value is missing before '{self.here}'", hint)

    def number(self) -> Fault | None:
        digits = re.search(r"(?<![\w.`])[0-9][0-9.]*$", self.before)
        if digits and self.here.isascii() and (self.here.isalnum() or self.here in "._"):
            return self.fault(
                "M113", "this is no number", "a number has digits 0-9 and at most one dot, with digits on both sides"
            )
        return None

    def minus(self) -> Fault | None:
        if self.here != "-":
            return None
        left = (re.search(_NAMED + "$", self.before) or [""])[0]
        right = (re.match(_NAMED, self.text[self.index + 1 :]) or [""])[0]
        if left and right and not right[0].isdigit():
            *path, last = left.split(".")
            meant = ".".join([*path, f"`{last}-{right}`"])
            hint = f"a name with a hyphen goes in backticks ({meant}); a minus stands between two spaces"
            return self.fault("M114", f"'{left}-{right}' is not a name as it stands", hint)
        return self.fault(
            "M114", "a minus stands between two spaces", "write a - b; -5 without a space is a field (PID-5) or a number"
        )

    def slash(self) -> Fault | None:
        if self.here != "/":
            return None
        if self.text.startswith("//@", self.index):
            return self.fault("M114", "an attribute has one slash in front", "write .//name/@attribute")
        return self.fault("M114", "a division sign stands between two spaces", "write a / b; /name is a step in XML")

    def sign(self) -> Fault | None:
        if self.here == "$":
            hint = "only $ (the document) and $index begin so; names of let: are written without it"
            return self.fault("M113", "there is no such $ name", hint)
        if self.here == "@":
            return self.fault("M113", "an attribute cannot stand here", "it follows a slash: ./id/@root")
        if self.here == ".":
            return self.fault(
                "M113", "a dot cannot stand here", "after a dot comes a name, or a number in HL7: PID-5.1, patient.name"
            )
        if self.here.isascii() or not self.here or self.here.isalpha():
            return None
        return _strange(self.here, self.where(self.index))

    def twice(self) -> Fault | None:
        token = getattr(self.error, "token", None)
        if isinstance(token, Token) and token.type == "COMPARISON" and not _value_wanted(self.error):
            hint = "join two comparisons with and: a < b and b < c"
            return self.fault("M118", "a comparison cannot be compared again", hint)
        return None

    def word(self) -> Fault | None:
        found = _WORD.match(self.text, self.index)
        before = self.before.rstrip()
        if before and (meant := _KEYWORDS.get(before.split()[-1].lower())) and before.split()[-1].isupper():
            return self.fault("M115", f"'{before.split()[-1]}' is written '{meant}'", f"write {meant}")
        if found and (meant := _KEYWORDS.get(found[0].lower())) and meant != found[0]:
            return self.fault("M115", f"'{found[0]}' is written '{meant}'", f"write {meant}")
        if found and found[0] == "not":
            return self.fault("M113", "not stands in front of a whole test", "write not a in b, not (a = b)")
        if _value_wanted(self.error):
            hint = f"write the value behind '{before.split()[-1]}'" if before else "begin with a value"
            return self.fault("M113", f"a value is missing before '{found[0] if found else self.here}'", hint)
        if before and self.here and (found or self.here in "'\"`(["):
            what = f"'{found[0]}'" if found else f"'{self.here}'"
            hint = "texts are joined with &, tests with and / or; a name that holds spaces goes in backticks"
            return self.fault("M113", f"an operator is missing before {what}", hint)
        return None


def _value_wanted(error: UnexpectedInput) -> bool:
    wanted: Any = getattr(error, "accepts", None) or getattr(error, "expected", None) or getattr(error, "allowed", None) or ()
    return "NAME" in wanted and "TEXT" in wanted


def _strange(sign: str, at: Place) -> Fault:
    if sign in "“”„‘’‚«»´":
        return Fault("M116", f"{sign} is a printer's quote", "use the straight ones of the keyboard, ' or \"", at=at)
    code = f"U+{ord(sign):04X}"
    category = unicodedata.category(sign)
    if category == "Nd":
        return Fault("M116", f"'{sign}' is a digit of another script", "numbers are written with 0-9 only", at=at)
    if category in ("Cf", "Zs", "Cc", "Co", "Cn", "Zl", "Zp"):
        hint = "delete it; it came in by copying. If it belongs to a name, put the whole name in backticks"
        return Fault("M116", f"an invisible sign ({code}) stands here", hint, at=at)
    return Fault(
        "M116", f"'{sign}' means nothing in a formula", "put it in quotes, or the name that holds it in backticks", at=at
    )


def name(written: str, at: Place) -> str:
    """A name in NFC, proven to consist of letters, marks and digits. Raises `Fault` M116."""
    if written.isascii():
        return written
    for offset, sign in enumerate(written):
        category = unicodedata.category(sign)
        fits = sign == "_" or category[0] in "LM" or sign in "\u200c\u200d" or (category == "Nd" and offset)
        if not fits:
            place = Place(at.file, at.line, at.column + offset)
            raise _strange(sign, place)
    return unicodedata.normalize("NFC", written)


def reserved(word: str, at: Place, *, called: bool = False) -> Fault:
    """The fault of a keyword that stands where a name should."""
    if called and word == "exists":
        return Fault("M117", "exists is written behind what it asks for", "write PV1-44 exists", at=at)
    if called and word in ("and", "or", "in", "matches"):
        return Fault("M117", f"{word} stands between two values", f"write a {word} b", at=at)
    hint = f"a name that is spelt like it goes in backticks: `{word}`"
    return Fault("M117", f"'{word}' is a word of the formula language, and a value is wanted here", hint, at=at)


def spaced(text: str, end: int, start: int, at: Place) -> Fault:
    """The fault of a path with a space in it, `text[end:start]`."""
    if text[start : start + 1] == "-":
        return Fault(
            "M114", "a minus has a space on both sides", "write a - 1; a field follows its segment at once: PID-5", at=at
        )
    if text[start : start + 1] == "/":
        return Fault("M114", "a division sign has a space on both sides", "write a / b; a step follows at once: ./name", at=at)
    hint = "take the space out; a name that holds spaces goes in backticks"
    return Fault("M114", "a path is written without spaces", hint, at=at)


def field(text: str, path: str, written: str, grammar: str, before: list[Any], at: Place) -> Fault:
    """The fault of `-5` where no field can stand."""
    if grammar == "segments":
        tokens = [p for p in before if isinstance(p, Token)]
        if any(t.type in ("FIELD", "POSITION") for t in tokens):
            done, rest = path.split(written, 1) if path.count(written) == 1 else path.rsplit(written, 1)
            meant = f"{done}.{written[1:]}{rest.replace('-', '.')}"
            return Fault("M114", f"'{path}' has two fields", f"did you mean {meant}?", at=at)
        if len(tokens) == 1 and re.fullmatch(r"[a-z][a-z0-9]{2}", tokens[0]):
            return Fault(
                "M114", f"'{tokens[0]}' is no segment", f"did you mean {path.replace(tokens[0], tokens[0].upper())}?", at=at
            )
    elif re.match(r"[A-Z][A-Z0-9]{2}-[0-9]", path):
        hint = "in JSON write name.first, in tables the column's header; a name with a hyphen goes in backticks"
        return Fault("M114", f"'{path}' is a path of HL7 v2", hint, at=at)
    head = path.split(".")[-1]
    hint = f"a minus has a space on both sides; a name with a hyphen goes in backticks: {path[: len(path) - len(head)]}`{head}`"
    return Fault("M114", f"'{path}' is neither a name nor a subtraction", hint, at=at)


def position(path: str, grammar: str, at: Place) -> Fault:
    """The fault of `.3` where no position can stand."""
    if grammar == "segments":
        if found := re.match(r"([A-Z][A-Z0-9]{2})\.(\d.*)", path):
            return Fault("M114", f"'{path}' names no field", f"did you mean {found[1]}-{found[2]}?", at=at)
        return Fault(
            "M114",
            "a position follows a field, or begins inside one",
            "write PID-5.1, or .1 for a part of the innermost $each",
            at=at,
        )
    counted = "0" if grammar == "tree" else "1"
    meant = re.sub(r"\.(\d+)", r"[\1]", path)
    hint = f"write {meant}; it counts from {counted}" if meant[0] != "[" else "a number below 1 begins with 0: 0.5"
    return Fault("M114", f"'{path}': an index stands in brackets", hint, at=at)


def choice(path: str, twice: bool, at: Place) -> Fault:
    """The fault of brackets where a path of segments cannot have them."""
    if twice:
        return Fault("M114", f"'{path}' chooses twice", "put both conditions in one bracket, joined with and", at=at)
    return Fault("M114", f"'{path}' chooses among components", "repetitions are chosen at the field: PID-3[2].1", at=at)


def index(grammar: str, number: Number) -> Fault:
    """The fault of an index that nothing can stand at."""
    first = "0" if grammar == "tree" else "1"
    hint = "the last of several is: path[*] | last" if number.number < 0 else f"the first is [{first}]"
    return Fault("M114", f"an index is a whole number from {first} upwards", hint, at=number.at)


def xml_only(written: str, at: Place) -> Fault:
    """The fault of an XML path in a document that is none."""
    hint = "in HL7 write PID-5.1, in JSON name.first, in tables the column's header"
    return Fault("M114", f"'{written}' is a path of XML", hint, at=at)
