"""Unreadable: which slip of the pen stopped YAML from reading a file, in an analyst's words instead of a scanner's."""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml.error import MarkedYAMLError

from interpres.fault import Fault, Place

_PAIRS = {"(": ")", "[": "]", "{": "}"}
_KEY_AND_FORMULA = re.compile(r"(?:^|[\s{,\[-])=\S")
_NO_SPACE = re.compile(r"^\s*(?:- )?([^\s:'\"#]+):(\S.*)$")


def unbalanced(formula: str) -> str:
    """The bracket or quote of a formula that has no partner in it; empty where all have."""
    quote = ""
    open_: list[str] = []
    for sign in formula:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"`":
            quote = sign
        elif sign in _PAIRS:
            open_.append(sign)
        elif sign in _PAIRS.values() and (not open_ or _PAIRS[open_.pop()] != sign):
            return sign
    return quote or (open_[-1] if open_ else "")


def cut_short(at: Place, sign: str) -> Fault:
    """The fault of a formula that YAML ended at a comma or bracket inside `{ }` or `[ ]`."""
    return Fault(
        "Y107",
        f"this formula is cut short at its {sign} because YAML ends an unquoted text in braces at , [ ] {{ and }}",
        'put the whole formula in double quotes ("=…"), or write the block on lines of its own',
        at=at,
    )


def explain(error: MarkedYAMLError, text: str, file: str, last: Any) -> Fault:
    """What most likely happened. `last` is the last scalar event that YAML could read, or None."""
    mark = error.problem_mark or error.context_mark
    lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)
    number = min(mark.line, len(lines) - 1) if mark else 0
    slip = _Slip(error, lines, number, mark.column if mark else 0, file, last)
    for guess in (
        slip.open_quote,
        slip.tab,
        slip.after_quote,
        slip.in_braces,
        slip.colon,
        slip.reserved_sign,
        slip.no_colon,
        slip.indentation,
    ):
        if fault := guess():
            return fault
    hint = "look for a missing quote, a wrong indentation or a stray sign in this line or the one before"
    return slip.fault("Y100", "YAML cannot read on from here", hint)


class _Slip:
    """One refusal of YAML's with the lines around it."""

    def __init__(self, error: MarkedYAMLError, lines: list[str], number: int, column: int, file: str, last: Any) -> None:
        self.problem = error.problem or ""
        self.context = error.context or ""
        self.context_mark = error.context_mark
        self.lines = lines
        self.line = lines[number]
        self.number = number
        self.column = column
        self.file = file
        self.last = last

    def fault(self, code: str, says: str, hint: str, at: Place | None = None) -> Fault:
        return Fault(code, says, hint, at=at or Place(self.file, self.number + 1, self.column + 1))

    def open_quote(self) -> Fault | None:
        if "quoted scalar" in self.context and (fault := self._cut_formula()):
            return fault
        if "quoted scalar" in self.context and ("end of stream" in self.problem or "document separator" in self.problem):
            at = Place(self.file, self.context_mark.line + 1, self.context_mark.column + 1)
            sign = self.lines[self.context_mark.line][self.context_mark.column]
            hint = f"close it with {sign} at the end of the text; a {sign} inside is written " + ("''" if sign == "'" else '\\"')
            return self.fault("Y104", f"the quote {sign} that opens here is never closed", hint, at)
        if "double-quoted scalar" in self.context:
            hint = "inside double quotes \\ begins an escape; use single quotes, or write \\\\"
            return self.fault("Y104", "a backslash in double quotes is followed by a sign that means nothing", hint)
        return None

    def tab(self) -> Fault | None:
        indent = self.line[: len(self.line) - len(self.line.lstrip())]
        if "\t" not in indent and "'\\t'" not in self.problem:
            return None
        at = Place(self.file, self.number + 1, self.line.index("\t") + 1)
        return self.fault("Y103", "a tab stands where YAML wants spaces", "replace it with spaces, two for each level", at)

    def after_quote(self) -> Fault | None:
        last = self.last
        if last is None or last.style not in ("'", '"') or last.end_mark.line != self.number:
            return None
        rest = self.line[last.end_mark.column : self.column + 1].strip()
        if not rest or rest[0] in ":,]}#":
            return None
        at = Place(self.file, self.number + 1, last.start_mark.column + 1)
        hint = (
            "quotes are meant for the whole of it: a formula begins with = before its first quote (='INV-' & PV1-19.1); "
            "inside double quotes write its texts with single ones"
        )
        return self.fault("Y105", "something goes on after the closing quote", hint, at)

    def in_braces(self) -> Fault | None:
        if "flow" not in self.context:
            return None
        if fault := self._cut_formula():
            return fault
        at = Place(self.file, self.context_mark.line + 1, self.context_mark.column + 1)
        sign = self.lines[self.context_mark.line][self.context_mark.column : self.context_mark.column + 1]
        close = _PAIRS.get(sign, "}")
        hint = f"close it with {close}, part its items with commas, and put texts that hold , [ ] {{ }} or ': ' in quotes"
        return self.fault("Y118", f"what {sign or '{'} opens here YAML cannot read to its end", hint, at)

    def _cut_formula(self) -> Fault | None:
        last = self.last
        number = self.context_mark.line if self.context_mark and "quoted" in self.context else self.number
        if last is None or last.style is not None or not last.value.startswith("=") or last.end_mark.line != number:
            return None
        at = Place(self.file, number + 1, last.start_mark.column + 1)
        return cut_short(at, unbalanced(last.value) or self.lines[number][last.end_mark.column :].lstrip()[:1] or "end")

    def colon(self) -> Fault | None:
        if "mapping values are not allowed" not in self.problem:
            return None
        before = self.line[: self.column]
        if _KEY_AND_FORMULA.search(before):
            hint = 'put the whole formula in double quotes ("=…")'
            return self.fault("Y106", "': ' inside a formula ends it for YAML", hint)
        if ": " in before:
            return self.fault("Y106", "': ' stands twice in this line", "put the text that holds it in quotes")
        hint = "this line stands deeper than the one above, which has its value already: set both to the same column"
        above = self.lines[self.number - 1] if self.number else ""
        if found := _NO_SPACE.match(above):
            at = Place(self.file, self.number, above.index(":") + 1)
            return self.fault("Y119", f"there is no space after '{found[1]}:'", f"write '{found[1]}: {found[2]}'", at)
        if above.strip() and ":" not in above:
            at = Place(self.file, self.number, len(above) - len(above.lstrip()) + 1)
            return self.fault("Y119", "this line is neither 'key: value' nor '- item'", "add the key and ': '", at)
        return self.fault("Y117", "a key stands where none can begin", hint)

    def reserved_sign(self) -> Fault | None:
        sign = self.line[self.column : self.column + 1]
        start = "cannot start" in self.problem or "while scanning an a" in self.context or "tag" in self.context
        if self.line.startswith("%") or "directive" in self.context:
            self.column = 0
            sign, start = "%", True
        elif "while scanning an a" in self.context or "tag" in self.context:
            sign = self.lines[self.context_mark.line][self.context_mark.column]
            self.column = self.context_mark.column
        if not start or not sign:
            return None
        if sign == "`":
            hint = "a name in backticks is part of a formula: write = in front of it"
            return self.fault("Y109", "a text cannot begin with a backtick", hint)
        return self.fault("Y109", f"a text that begins with {sign} needs quotes", f"write it as '{sign}…'")

    def no_colon(self) -> Fault | None:
        if "could not find expected ':'" not in self.problem:
            return None
        number = self.context_mark.line if self.context_mark else self.number
        line = self.lines[number]
        at = Place(self.file, number + 1, len(line) - len(line.lstrip()) + 1)
        if line.lstrip()[:1] in ("*", "&", "!"):
            sign = line.lstrip()[0]
            return self.fault("Y109", f"a text that begins with {sign} needs quotes", f"write it as '{sign}…'", at)
        if found := _NO_SPACE.match(line):
            return self.fault("Y119", f"there is no space after '{found[1]}:'", f"write '{found[1]}: {found[2]}'", at)
        return self.fault("Y119", "this line is neither 'key: value' nor '- item'", "add the key and ': ', or the '- '", at)

    def indentation(self) -> Fault | None:
        if "expected the node content" in self.problem:
            sign = self.line[self.column : self.column + 1]
            hint = "write a value, or put quotes around a text that begins with this sign"
            return self.fault("Y109", f"a {sign} stands where a value should begin", hint)
        if "expected <block end>" in self.problem or "indentation" in self.problem:
            hint = "keys of one block stand in one column, and so do the '-' of one list"
            return self.fault("Y117", "this line fits none of the blocks above it", hint)
        return None
