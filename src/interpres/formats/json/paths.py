"""Paths: `name[0].family` in JSON and FHIR documents, indexes from 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal

from interpres.fault import Fault
from interpres.format import Grammar, Paths, Scope, Trace
from interpres.mapping.tree import Code, impossible, runtime, start_of
from interpres.path import Path

_CODE = Code("json")


class TreePaths(Paths):
    """Keys and indexes; an omitted index on a list is its first item, and all of them where a loop goes through."""

    grammar: ClassVar[Grammar] = "tree"

    def value(self, path: Path, scope: Scope) -> str:
        start, rest = start_of(path, scope)
        return _CODE.value(start, rest, scope)

    def items(self, path: Path, scope: Scope) -> str:
        start, rest = start_of(path, scope)
        return _CODE.items(start, rest, scope)

    def runtime(self, trace: Trace | None) -> Mapping[str, Any]:
        return runtime("json", trace)

    def check(self, path: Path, loops: Sequence[Path]) -> Iterator[Fault]:
        return impossible(path)

    def kind(self, path: Path) -> Literal["text", "any"]:
        return "any"
