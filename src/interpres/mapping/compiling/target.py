"""Target: where a value goes in the output — the statement that puts it there, and its path for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from interpres.fault import Place

_PLAIN = re.compile(r"[^\s.\[\]`'\"]+\Z")


@dataclass(frozen=True, slots=True)
class Sink:
    """The end of a statement: a key of a dict, the end of a list, or a variable."""

    kind: str
    variable: str
    word: str = ""

    @classmethod
    def key(cls, variable: str, key: str) -> Sink:
        return cls("key", variable, repr(key))

    @classmethod
    def list(cls, variable: str) -> Sink:
        return cls("list", variable)

    @classmethod
    def name(cls, variable: str) -> Sink:
        return cls("name", variable)

    @property
    def many(self) -> bool:
        return self.kind == "list"

    def write(self, value: str) -> str:
        """The statement that puts a value there."""
        if self.kind == "key":
            return f"{self.variable}[{self.word}] = {value}"
        return f"{self.variable}.append({value})" if self.kind == "list" else f"{self.variable} = {value}"


@dataclass(frozen=True)
class Target:
    """A path in the output: texts with the indexes of lists between them (`visits[`, `].patient.sex`); `lists`: the variables of
    their lists: the length that one has is the index of the item that will be appended to it next."""

    texts: tuple[str, ...] = ("",)
    lists: tuple[str, ...] = ()
    is_name: bool = False

    @classmethod
    def of_name(cls, name: str) -> Target:
        """Where the value of a name is: nowhere in the output."""
        return cls((name,), is_name=True)

    def key(self, key: str) -> Target:
        written = f"{'.' if self.texts != ('',) else ''}{key}" if _PLAIN.match(key) else f"[{key!r}]"
        return replace(self, texts=(*self.texts[:-1], self.texts[-1] + written))

    def item(self, variable: str) -> Target:
        """The next item of the list in a variable."""
        return replace(self, texts=(*self.texts[:-1], self.texts[-1] + "[", "]"), lists=(*self.lists, variable))

    def at(self, index: int) -> Target:
        """An item whose index is known."""
        return replace(self, texts=(*self.texts[:-1], f"{self.texts[-1]}[{index}]"))

    @property
    def indexes(self) -> str:
        """The expression for the indexes of the lists, outermost first, as they are where it stands."""
        return f"({''.join(f'len({name}), ' for name in self.lists)})" if self.lists else "()"

    @cached_property
    def template(self) -> str:
        """The path with `[]` for every list: `visits[].patient.sex`."""
        return "".join(self.texts)

    def path(self, indexes: Sequence[int]) -> str:
        """The path with the indexes in it, from 0."""
        text = self.texts[0]
        for index, rest in zip(indexes, self.texts[1:], strict=False):
            text += f"{index}{rest}"
        return text


@dataclass(frozen=True)
class Rule:
    """One place of the mapping that makes a value: where it stands, where the value goes, the formula or constant as written.
    `is_name` is set for what only names hold; `source` are the paths that the formula reads, as written."""

    at: Place
    target: Target
    text: str
    constant: bool = False
    is_name: bool = False
    source: str = ""

    @cached_property
    def told(self) -> tuple[str, str, str, Target]:
        """What explain says of it: `file:line:column`, the path with `[]` for lists, the text as written, the target."""
        return str(self.at), self.target.template, self.text, self.target
