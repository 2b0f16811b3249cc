"""Edits: a copy of a JSON text with values set, added and taken out; all else stays as it was written, blanks and numbers too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from interpres.document import MISSING
from interpres.fault import Fault
from interpres.formats.json.scan import Span
from interpres.mapping.tree import meant
from interpres.path import Every, Index, Key, Part, Path, Where

Encode = Callable[[Any], str]

_STEP: Final = re.compile(r"\.?(?:`(?P<tick>[^`]+)`|(?P<name>[^.`\[\]\s]+))|\[(?P<index>[0-9]+)\]|(?P<every>\[\*\])")


@dataclass(frozen=True, slots=True)
class Spot:
    """A value in the text and in the tree, with the containers around it, outermost first."""

    span: Span
    node: Any
    around: tuple[Span, ...] = ()

    def spots(self) -> Iterator[Spot]:
        """What an object or a list holds."""
        inner = self.node.values() if isinstance(self.node, dict) else self.node
        for span, node in zip(self.span.inside, inner, strict=True):
            yield Spot(span, node, (*self.around, self.span))


@dataclass(slots=True)
class Changes:
    """What is to be different, by the identity of spans."""

    text: str
    encode: Encode
    values: dict[int, str] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    more: dict[int, dict[str | int, str]] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)

    def put(self, spot: Spot, parts: Sequence[Part], value: Any, path: Path) -> None:
        """Sets a value where the parts lead from a spot, making what is missing on the way. Fault J030 where it cannot."""
        if not parts:
            self.put_here(spot, value)
            return
        part = parts[0]
        if isinstance(part, Key) and isinstance(spot.node, list):
            parts, part = (Index(0), *parts), Index(0)
        found = list(chosen(spot, part))
        for inner in found:
            self.put(inner, parts[1:], value, path)
        if not found and value is not MISSING and isinstance(part, Key | Index):
            self.add(spot, part, made(parts[1:], value, path), path)

    def put_here(self, spot: Spot, value: Any) -> None:
        if value is MISSING:
            self.drop(spot)
            return
        self.values[id(spot.span)] = self.encode(value)
        self.touched.update(map(id, spot.around))

    def add(self, spot: Spot, part: Key | Index, value: Any, path: Path) -> None:
        """A new member of an object, or one more item of a list."""
        fits = spot.span.keys is not None if isinstance(part, Key) else len(spot.span.items or ()) == part.number
        if not fits or (isinstance(part, Index) and spot.span.items is None):
            says = f"'{path.text}' leads through something that is no object, or beyond the end of a list"
            raise Fault("J030", says, "set the whole value above it, or the next item of the list", at=path.at, target=path.text)
        self.more.setdefault(id(spot.span), {})[part.name if isinstance(part, Key) else part.number] = self.encode(value)
        self.touched.update(map(id, (*spot.around, spot.span)))

    def drop(self, spot: Spot) -> None:
        if not spot.around:
            raise Fault("J030", "the whole document cannot be taken out", "filter the message instead: keep: in the channel")
        self.gone.add(id(spot.span))
        self.touched.update(map(id, spot.around))

    def keep(self, spot: Spot, item: Any) -> None:
        """Drops the siblings of an item, on every level of lists down to it. Fault J030 for a mere text or number: where it
        stood cannot be told from others like it."""
        if not isinstance(item, dict | list):
            says = "a copy for each text or number of a list cannot be made"
            raise Fault("J030", says, "let $each go through the objects that hold them")
        self._keep(spot, item)

    def _keep(self, spot: Spot, item: Any) -> bool:
        if spot.node is item:
            return True
        if not isinstance(spot.node, dict | list):
            return False
        inside = list(spot.spots())
        kept = next((i for i, inner in enumerate(inside) if self._keep(inner, item)), None)
        if kept is not None and isinstance(spot.node, list):
            for inner in (*inside[:kept], *inside[kept + 1 :]):
                self.drop(inner)
        return kept is not None

    def written(self, span: Span) -> str:
        """The text of a value with the changes in it."""
        if id(span) in self.values:
            return self.values[id(span)]
        if id(span) not in self.touched:
            return self.text[span.start : span.end]
        inside, out, before = span.inside, [self.text[span.start]], span.start + 1
        comma = False
        for begins, inner in zip(span.begins, inside, strict=True):
            gap = self.text[before:begins]
            before = inner.end
            if id(inner) in self.gone:
                continue
            out.append(gap if comma else gap.replace(",", "", 1))
            out.append(self.text[begins : inner.start] + self.written(inner))
            comma = True
        for key, value in self.more.get(id(span), {}).items():
            out.append("," if comma else "")
            out.append(f"{self.encode(key)}:{value}" if isinstance(key, str) else value)
            comma = True
        return "".join([*out, self.text[before : span.end]])


def chosen(spot: Spot, part: Part) -> Iterator[Spot]:
    """What a part of a target path means inside a value, all of it."""
    if isinstance(part, Key):
        if isinstance(spot.node, dict) and part.name in spot.node:
            yield next(s for s, key in zip(spot.spots(), spot.node, strict=True) if key == part.name)
        return
    inside = list(spot.spots()) if isinstance(spot.node, list) else [spot]
    if isinstance(part, Index):
        yield from inside[part.number : part.number + 1]
    elif isinstance(part, Every):
        yield from inside
    elif isinstance(part, Where):
        fitting = [inner for inner in inside if meant(part, inner.node)]
        yield from fitting if part.many else fitting[:1]


def made(parts: Sequence[Part], value: Any, path: Path) -> Any:
    """A value with the objects and lists around it that the rest of a target path asks for."""
    for part in reversed(parts):
        if isinstance(part, Key):
            value = {part.name: value}
        elif isinstance(part, Index) and part.number == 0:
            value = [value]
        else:
            hint = "set the list above it, or leave the brackets out"
            raise Fault("J030", f"'{path.text}' chooses in a list that is not there", hint, at=path.at, target=path.text)
    return value


def dropped(spot: Spot, what: str) -> Iterator[Spot]:
    """What a path under `drops:` means: on a list without an index, all of its items. Fault J031 for what is no path."""
    found = [spot]
    at = 1 if what.startswith("$") else 0
    while at < len(what):
        step = _STEP.match(what, at)
        if step is None:
            raise Fault(
                "J031", f"'{what}' is no path into JSON", "write keys, as in patient.phone or name[1].family", target=what
            )
        at = step.end()
        if step["index"]:
            found = [s for several in found for s in chosen(several, Index(int(step["index"])))]
        elif step["every"]:
            found = [s for several in found for s in chosen(several, Every())]
        else:
            key = Key(step["tick"] or step["name"])
            found = [s for several in found for one in _opened(several) for s in chosen(one, key)]
    return iter(found)


def _opened(spot: Spot) -> Iterator[Spot]:
    if isinstance(spot.node, list):
        for inner in spot.spots():
            yield from _opened(inner)
    else:
        yield spot


def parts_of(path: Path) -> tuple[Part, ...]:
    """A target path's parts from the root of the document."""
    return (Key(path.name), *path.parts) if path.name else path.parts
