"""Notice: how somebody is told what is not well, and what they are told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from pydantic import BaseModel

from interpres.clock import iso_time

Change = Literal["opened", "worse", "still", "closed"]

_HEADINGS: Final[Mapping[Change, str]] = {
    "opened": "NOT WELL",
    "worse": "WORSE",
    "still": "STILL NOT WELL",
    "closed": "WELL AGAIN",
}

MOST_LINES: Final = 20
"""So many are written out in a text; the others are counted."""


@dataclass(frozen=True, slots=True)
class Item:
    """One alert and what changed about it: `opened`, got `worse`, is `still` open, or was `closed`.

    `since_ms` is when it began and `ended_ms` when it was well again (wall time). Nothing in it comes from a message.
    """

    change: Change
    rule: str
    about: str
    says: str
    hint: str
    page: str
    since_ms: int
    ended_ms: int = 0

    @property
    def facts(self) -> dict[str, Any]:
        """For machines."""
        facts = {
            "change": self.change,
            "rule": self.rule,
            "about": self.about,
            "says": self.says,
            "hint": self.hint,
            "page": self.page,
            "since": iso_time(self.since_ms),
        }
        return facts | ({"ended": iso_time(self.ended_ms)} if self.ended_ms else {})

    @property
    def text(self) -> str:
        """For people: a short paragraph."""
        began = iso_time(self.since_ms)
        if self.change == "closed":
            return f"{_HEADINGS[self.change]}: {self.about}, {began} to {iso_time(self.ended_ms)}\n  it was: {self.says}"
        head = f"{_HEADINGS[self.change]}: {self.about}, since {began}"
        return "\n".join([head, f"  {self.says}", f"  what to do: {self.hint}", f"  see {self.page}"])


@dataclass(frozen=True, slots=True)
class News:
    """What one notice tells: everything that changed since the last, together. `engine` is which engine speaks."""

    engine: str
    at_ms: int
    items: tuple[Item, ...]
    left_out: int = 0
    """Older changes that nobody could be told of, because there were too many."""

    @property
    def title(self) -> str:
        """One line."""
        wrong = sum(item.change != "closed" for item in self.items)
        well = len(self.items) - wrong
        told = [f"{wrong} not well" if wrong else "", f"{well} well again" if well else ""]
        first = self.items[0].about if len(self.items) == 1 else ""
        return f"interpres at {self.engine}: {', '.join(t for t in told if t)}{f' ({first})' if first else ''}"

    @property
    def text(self) -> str:
        """For people: what is wrong first, then what is well again."""
        ordered = sorted(self.items, key=lambda item: item.change == "closed")
        paragraphs = [item.text for item in ordered[:MOST_LINES]]
        more = len(ordered) - MOST_LINES
        if more > 0:
            paragraphs.append(f"and {more} more: interpres status shows all that is open")
        if self.left_out:
            paragraphs.append(f"{self.left_out} older changes could not be told and are left out")
        return "\n\n".join([self.title, *paragraphs]) + "\n"

    @property
    def facts(self) -> dict[str, Any]:
        """For machines: everything."""
        items = [item.facts for item in self.items]
        return {
            "engine": self.engine,
            "at": iso_time(self.at_ms),
            "title": self.title,
            "alerts": items,
            "left_out": self.left_out,
        }


class Notice(ABC):
    """A way to tell somebody. `Settings` is what stands under its word in `alerts: to:`."""

    Settings: ClassVar[type[BaseModel]]

    def __init__(self, settings: BaseModel, workspace: Path) -> None:
        """Files that the settings name lie below `workspace`."""
        self.settings = settings
        self.workspace = workspace

    @abstractmethod
    async def tell(self, news: News) -> None:
        """Tell it once, within a limit of its own. Raises `Fault` N31x or `TryAgain` where that did not work."""
