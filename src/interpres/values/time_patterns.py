"""Time patterns: `dd/MM/yyyy HH:mm`, read and written, letters as Unicode names them (UTS 35, date field symbols)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NoReturn

from interpres.fault import Fault
from interpres.values.instants import Instant, checked, refuse

SERIALS: Final = ("epoch", "epoch_ms", "excel")
"""What may stand where a pattern does, for times that are counted and not written."""
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_TOKENS = re.compile(r"'(?P<quoted>(?:[^']|'')*)'|(?P<letters>(?P<letter>[A-Za-z])(?P=letter)*)|(?P<sign>.)", re.DOTALL)
_READ: Final = {
    "yyyy": r"(?P<year>[0-9]{4})",
    "MM": r"(?P<month>[0-9]{2})",
    "M": r"(?P<month>[0-9]{1,2})",
    "MMM": r"(?P<month>[A-Za-z]{3})",
    "dd": r"(?P<day>[0-9]{2})",
    "d": r"(?P<day>[0-9]{1,2})",
    "HH": r"(?P<hour>[0-9]{2})",
    "H": r"(?P<hour>[0-9]{1,2})",
    "hh": r"(?P<half>[0-9]{2})",
    "h": r"(?P<half>[0-9]{1,2})",
    "a": r"(?P<noon>[AaPp]\.?[Mm]\.?)",
    "mm": r"(?P<minute>[0-9]{2})",
    "ss": r"(?P<second>[0-9]{2})",
    "XXX": r"(?P<offset>Z|[+-][0-9]{2}:[0-9]{2})",
    "Z": r"(?P<offset>[+-][0-9]{4})",
}
_WRITE: Final[dict[str, Callable[[Instant], str]]] = {
    "yyyy": lambda i: f"{i.year:04}",
    "yy": lambda i: f"{i.year % 100:02}",
    "MM": lambda i: f"{i.month:02}",
    "M": lambda i: f"{i.month}",
    "MMM": lambda i: _MONTHS[(i.month or 1) - 1],
    "dd": lambda i: f"{i.day:02}",
    "d": lambda i: f"{i.day}",
    "HH": lambda i: f"{i.hour:02}",
    "H": lambda i: f"{i.hour}",
    "hh": lambda i: f"{((i.hour or 0) + 11) % 12 + 1:02}",
    "h": lambda i: f"{((i.hour or 0) + 11) % 12 + 1}",
    "a": lambda i: "AM" if (i.hour or 0) < 12 else "PM",
    "mm": lambda i: f"{i.minute:02}",
    "ss": lambda i: f"{i.second:02}",
    "XXX": lambda i: _offset(i, ":"),
    "Z": lambda i: _offset(i, ""),
}
_NEEDS: Final = {
    "M": "month",
    "d": "day",
    "H": "hour",
    "h": "hour",
    "a": "hour",
    "m": "hour",
    "s": "hour",
    "S": "hour",
    "X": "hour",
    "Z": "hour",
}
_LETTERS: Final = "yyyy MM dd HH mm ss SSS, MMM for Jan, hh and a for 12 hours, Z for +0700, XXX for +07:00"


@dataclass(frozen=True, slots=True)
class TimePattern:
    """A pattern made ready to read and to write."""

    text: str
    tokens: tuple[tuple[str, str], ...]
    regex: re.Pattern[str] | None

    def read(self, text: str) -> Instant:
        """The instant that a text of this pattern says. Raises `Fault` M222, or M225 where the pattern is for writing only."""
        if self.regex is None:
            _wrong("this pattern says too little to be read", "write the year as yyyy, months as MM: two digits say no century")
        found = self.regex.match(text.strip(" "))
        if not found:
            refuse(
                f"this is not written as {self.text}",
                "compare it with the pattern, sign by sign; [ ] holds what may be absent",
                text,
            )
        return _instant(found.groupdict(), text)

    def write(self, instant: Instant, value: str) -> str:
        """The instant in this pattern, parts in `[ ]` left out where it lacks them. Raises `Fault` M222 for others."""
        text, kept, whole = "", "", True
        for kind, token in self.tokens:
            if kind == "[":
                kept, text, whole = text, "", True
            elif kind == "]":
                text, kept = kept + (text if whole else ""), ""
                whole = True
            elif kind == "text":
                text += token
            elif _has(instant, token):
                text += _written(instant, token)
            elif any(k == "]" for k, _ in self.tokens) and self._optional(token):
                whole = False
            else:
                refuse(
                    f"this date is too short for {self.text}", "put what may be absent into [ ], or choose another field", value
                )
        return text

    def _optional(self, token: str) -> bool:
        inside = False
        for kind, text in self.tokens:
            inside = kind == "[" or (inside and kind != "]")
            if inside and text == token:
                return True
        return False


@lru_cache(maxsize=512)
def time_pattern(text: str) -> TimePattern:
    """The pattern that a text writes. Raises `Fault` M225 where it is none."""
    tokens: list[tuple[str, str]] = []
    depth = 0
    for found in _TOKENS.finditer(text):
        if found["quoted"] is not None:
            tokens.append(("text", found["quoted"].replace("''", "'") or "'"))
        elif found["letters"]:
            tokens.append(("part", _known(found["letters"], text)))
        elif found["sign"] in "[]":
            depth += 1 if found["sign"] == "[" else -1
            tokens.append((found["sign"], ""))
            if depth not in (0, 1):
                _wrong(f"the brackets of the pattern '{text}' do not pair", "write what may be absent in one pair: [ HH:mm]")
        else:
            tokens.append(("text", found["sign"]))
    if depth or not any(kind == "part" for kind, _ in tokens):
        _wrong(f"'{text}' is no pattern of a date or time", f"it is made of {_LETTERS}")
    return TimePattern(text, tuple(tokens), _regex(text, tokens))


def _known(letters: str, text: str) -> str:
    if letters in _READ or letters in _WRITE or re.fullmatch("S{1,9}", letters):
        return letters
    hints = {"YYYY": "yyyy", "DD": "dd", "D": "d", "nn": "mm", "SS": "ss", "AM": "a", "PM": "a", "A": "a", "tt": "a", "T": "'T'"}
    hint = f"write {hints[letters]}" if letters in hints else f"it is made of {_LETTERS}; other letters go in quotes: 'T'"
    raise Fault("M225", f"'{letters}' means nothing in the pattern '{text}'", hint)


def _wrong(says: str, hint: str) -> NoReturn:
    raise Fault("M225", says, hint)


def _regex(text: str, tokens: list[tuple[str, str]]) -> re.Pattern[str] | None:
    """What reads the pattern; None for one that can only be written. Raises `Fault` M225 for one that says a thing twice."""
    parts = [token for kind, token in tokens if kind == "part"]
    if "yy" in parts:
        return None
    names = re.findall(r"\?P<(\w+)>", "".join(_fragment(p) for p in parts))
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice or ("hour" in names and "half" in names):
        _wrong(f"the pattern '{text}' says the {twice or 'hour'} twice", "say each part once")
    if "minute" in names and {"year", "day"} & set(names) and not {"hour", "half"} & set(names):
        _wrong(f"mm in the pattern '{text}' are minutes, and it says no hour", "write MM for the month")
    if "half" in names and "noon" not in names:
        _wrong(
            f"the pattern '{text}' has 12 hours and does not say which half of the day",
            "add a for AM and PM, or write HH for 24 hours",
        )
    fragments = {"[": "(?:", "]": ")?"}
    written = "".join(fragments.get(kind) or (re.escape(t) if kind == "text" else _fragment(t)) for kind, t in tokens)
    return re.compile(written + r"\Z")


def _fragment(token: str) -> str:
    return f"(?P<fraction>[0-9]{{{len(token)}}})" if token[0] == "S" else _READ.get(token, "")


def _instant(parts: dict[str, str | None], text: str) -> Instant:
    month, noon, half = parts.pop("month", None), parts.pop("noon", None), parts.pop("half", None)
    if month and month.isalpha():
        if month.title() not in _MONTHS:
            refuse("there is no such month", f"months are {', '.join(_MONTHS)} in MMM", text)
        month = str(_MONTHS.index(month.title()) + 1)
    if half and noon:
        if not 1 <= int(half) <= 12:
            refuse("there is no such hour", "with AM and PM hours run from 1 to 12", text)
        parts["hour"] = str(int(half) % 12 + (12 if noon[0] in "Pp" else 0))
    parts["month"] = month
    parts.setdefault("year", None)
    if parts["year"] is None:
        return checked(text, **{**parts, "year": "2000"})
    return checked(text, **parts)


def _has(instant: Instant, token: str) -> bool:
    need = _NEEDS.get(token[0])
    return need is None or getattr(instant, need) is not None


def _written(instant: Instant, token: str) -> str:
    if token[0] == "S":
        return f"{instant.fraction:0<{len(token)}.{len(token)}}"
    return _WRITE[token](instant)


def _offset(instant: Instant, colon: str) -> str:
    minutes = instant.offset or 0
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{colon}{abs(minutes) % 60:02}"


def has_year(pattern: TimePattern) -> bool:
    """Whether the pattern says a date, not only a time of day."""
    return any(kind == "part" and token[0] == "y" for kind, token in pattern.tokens)
