"""Schemas: a promise's name to the file that says it, the checker that holds it and the rules that go with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from interpres.catalog import part
from interpres.fault import Fault, did_you_mean
from interpres.promises.rules import with_rules
from interpres.promises.schema_file import read_schema_file
from interpres.schema import Checker, Schema, Written
from interpres.transform import Transform, builtins

NO_PROMISES: Final = frozenset({"system", "rules"})
"""YAML files beside the promises that are none themselves."""


def find_schema(name: str, root: Path, transforms: Mapping[str, Transform] | None = None) -> Schema:
    """The promise of that name; `root` is the workspace's folder `schemas`, `transforms` what its rules may use.

    `npca/visit` is `npca/visit.json`, and `npca/types#/$defs/code` what that pointer leads to; `npca/openapi#Visit` is a part of
    `npca/openapi.yaml`. A YAML file that names its `checker:` is that checker's (`hl7v2/adt` is `hl7v2/adt.yaml`), and
    what goes deeper than the file is left to the checker: `fhir/r4/Bundle` is the `Bundle` of `fhir/r4.yaml`.
    The rules of `rules.yaml` beside the file are checked with it. Raises `Fault` or `Faults` C3xx, R1xx, M1xx, Y1xx.
    """
    written = _written(name, root)
    checker: Checker = part("checkers", _checker_of(written.contents))(written)
    ruled = with_rules(name, checker, written.file, root, transforms or builtins())
    files = {f.relative_to(root).as_posix() for f in (written.file, *ruled.reads())}
    return Schema(name, ruled, tuple(f"{root.name}/{f}" for f in sorted(files)))


def schema_names(root: Path) -> Iterator[str]:
    """The names of all promises that have a file; the members that a checker knows (`fhir/r4/Bundle`) are not listed."""
    for file in sorted(root.rglob("*")):
        if file.suffix == ".json" or (file.suffix == ".yaml" and file.stem not in NO_PROMISES):
            yield file.relative_to(root).with_suffix("").as_posix()


def _checker_of(contents: Any) -> str:
    """A YAML promise's own word; a file without one is JSON Schema or OpenAPI, whose schemas are that."""
    said = contents.get("checker") if isinstance(contents, dict) else None
    return said if isinstance(said, str) else "jsonschema"


def _written(name: str, root: Path) -> Written:
    for stem, member in _splits(name):
        for suffix in (".json", ".yaml"):
            file = root / f"{stem}{suffix}"
            if _inside(file, root) and file.is_file() and file.stem not in NO_PROMISES:
                contents = read_schema_file(file, root)
                if member and "#" not in name and _checker_of(contents) == "jsonschema":
                    continue
                return Written(name, file, root, contents, member)
    raise Fault("C301", f"there is no schema '{name}'", did_you_mean(name, schema_names(root)) or _there_are(root))


def _splits(name: str) -> Iterator[tuple[str, str]]:
    """(file without suffix, member), the longest file first."""
    if "#" in name:
        stem, _, member = name.partition("#")
        yield stem, member
        return
    words = name.split("/")
    for length in range(len(words), 0, -1):
        yield "/".join(words[:length]), "/".join(words[length:])


def _inside(file: Path, root: Path) -> bool:
    return file.resolve().is_relative_to(root.resolve())


def _there_are(root: Path) -> str:
    names = list(schema_names(root))
    return f"there are {', '.join(names[:12])}{', …' if len(names) > 12 else ''}" if names else f"{root.name}/ holds none yet"
