"""Fault: what is wrong, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["fault", "warning", "note"]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a recipe: file as the workspace names it, line and column counted from 1 (0: the whole file)."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column or 1}"


class Fault(Exception):
    """Somebody's mistake (never ours), worded for the person who can mend it.

    `code` is a letter and three digits; `says` one sentence without a full stop and without any value of a
    message; `hint` what to do. `at` is the place in the recipe, `target` the output path, `source` the input path
    or position. `value` is the text that was refused: it belongs to a patient, so it is stored with the message and
    shown to the person who asks for it, and is in no `str`, `repr` or log.
    """

    def __init__(
        self,
        code: str,
        says: str,
        hint: str = "",
        *,
        at: Place | None = None,
        target: str = "",
        source: str = "",
        value: str | None = None,
        level: Level = "fault",
    ) -> None:
        super().__init__(code)
        self.code = code
        self.says = says
        self.hint = hint
        self.at = at
        self.target = target
        self.source = source
        self.value = value
        self.level: Level = level

    def but(self, **changes: Any) -> Fault:
        """The same fault with some of its facts replaced."""
        return Fault(**{**self.as_dict(), "at": self.at, **changes})

    def within(self, *, at: Place | None = None, target: str = "", source: str = "") -> Fault:
        """The same fault with the facts that it lacks filled in by the one who called."""
        return self.but(at=self.at or at, target=self.target or target, source=self.source or source)

    def as_dict(self) -> dict[str, Any]:
        """All facts, `at` as text: what the store keeps and `--json` prints."""
        return {
            "code": self.code,
            "says": self.says,
            "hint": self.hint,
            "at": str(self.at) if self.at else None,
            "target": self.target,
            "source": self.source,
            "value": self.value,
            "level": self.level,
        }

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> Fault:
        """The fault that `as_dict` was made of."""
        at = facts.get("at")
        return cls(**{**facts, "at": place_from_text(at) if at else None})

    def line(self, *, values: bool = False) -> str:
        """`file:line:column CODE target: sentence — hint`; the refused value only where `values` asks for it."""
        place = f"{self.at} " if self.at else ""
        level = "" if self.level == "fault" else f"{self.level}: "
        where = f"{self.target}: " if self.target else ""
        source = f" [{self.source}]" if self.source else ""
        value = f" ({self.value!r})" if values and self.value is not None else ""
        hint = f" — {self.hint}" if self.hint else ""
        return f"{place}{self.code} {level}{where}{self.says}{source}{value}{hint}"

    def __str__(self) -> str:
        return self.line()

    def __repr__(self) -> str:
        return f"Fault({self.line()!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Fault) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash((self.code, str(self.at), self.target, self.source))


class Faults(Exception):
    """Several faults at once: all that is wrong with one thing, in the order of their places."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = tuple(faults)
        super().__init__(f"{len(self.faults)} faults")

    def __iter__(self) -> Iterator[Fault]:
        return iter(self.faults)

    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))


class TryAgain(Exception):
    """A sick peer or a passing shortage: nothing is wrong with the message. `after_seconds` is what the peer asked for."""

    def __init__(self, says: str, *, after_seconds: float | None = None, uncertain: bool = False) -> None:
        super().__init__(says)
        self.says = says
        self.after_seconds = after_seconds
        self.uncertain = uncertain


def place_from_text(text: str) -> Place:
    """`file:line:column` as `str(Place)` writes it; a file name may hold colons."""
    parts = text.rsplit(":", 2)
    if len(parts) == 3 and parts[1].isdecimal() and parts[2].isdecimal():
        return Place(parts[0], int(parts[1]), int(parts[2]))
    return Place(text)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant; None where none is near."""
    from difflib import get_close_matches

    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return near[0]
    folded = {n.casefold(): n for n in names}
    return next((folded[m] for m in get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.6)), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?` for the nearest of the known names, else an empty text."""
    near = nearest(name, known)
    return f"did you mean '{near}'?" if near else ""


def a_slip_apart(one: str, other: str) -> bool:
    """Whether one slip of the finger lies between two words: a letter more or less, another one, or two exchanged.

    A plural (`visit`, `visits`) or another number (`dx1`, `dx2`) is no slip.
    """
    if len(one) > len(other):
        one, other = other, one
    if one == other or len(other) - len(one) > 1 or len(one) < 3 or other == one + "s":
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) < len(other):
        return one[start:] == other[start + 1 :]
    if one[start + 1 :] == other[start + 1 :]:
        return not (one[start].isdigit() and other[start].isdigit())
    return one[start : start + 2] == other[start : start + 2][::-1] and one[start + 2 :] == other[start + 2 :]
