"""Library: the schema files of a workspace by address, so that `$ref` finds them there and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import unquote, urldefrag

import jsonschema_rs
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource, Unresolvable
from referencing.jsonschema import DRAFT202012

from interpres.checkers.jsonschema.sentences import path_of
from interpres.fault import Fault, Faults, Place, did_you_mean
from interpres.promises.schema_file import read_schema_file
from interpres.schema import Written

Resolver: TypeAlias = Any
"""The `Resolver` of the library referencing, which does not export its name."""

HERE: Final = "https://workspace.invalid/"
"""The made-up address of the folder `schemas` (RFC 6761, 6.4): nothing of it is ever asked for on a network."""

DIALECTS: Final = ("https://json-schema.org/draft/2020-12/schema", "https://spec.openapis.org/oas/3.1/dialect/base")

BACKTRACKS: Final = 100_000
"""How often a pattern with look-around may step back; patterns without it take linear time and need no limit."""


class Library:
    """The files that a schema may refer to: those of the workspace's `schemas`, read when first wanted."""

    def __init__(self, written: Written) -> None:
        self.root = written.root
        self.place = written.place
        self.first = HERE + written.file.relative_to(written.root).as_posix()
        beside = list(_ids(written.file.parent, written.root))
        self.loaded: dict[str, Any] = {**{id_: contents for id_, contents, _ in beside}, self.first: written.contents}
        self._files = {id_: file for id_, _, file in beside} | {self.first: written.file}
        self._asked = {self.first}
        self.registry: Registry[Any] = Registry(retrieve=self._resource)  # type: ignore[call-arg]

    def uri_of(self, written: Written) -> str:
        """The address of the promise itself: its file, or a component of an OpenAPI file (`#Visit`, or a JSON Pointer)."""
        uri = self.first
        if not written.member:
            return uri
        if written.member.startswith("/"):
            return f"{uri}#{written.member}"
        schemas = written.contents.get("components", {}).get("schemas", {}) if isinstance(written.contents, dict) else {}
        if written.member not in schemas:
            says = f"{self.place.file} has no component '{written.member}'"
            raise Fault("C311", says, did_you_mean(written.member, schemas), at=self.place)
        return f"{uri}#/components/schemas/{written.member}"

    def validator(self, uri: str) -> jsonschema_rs.Draft202012Validator:
        """The validator of what stands at an address. Raises `Fault` or `Faults` C31x where it or a reference is unusable."""
        faults = list(self._wrong_references(uri))
        if faults:
            raise Faults(faults) if len(faults) > 1 else faults[0]
        try:
            return jsonschema_rs.Draft202012Validator(
                {"$ref": uri},
                retriever=self.contents,
                validate_formats=True,
                pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACKS),
            )
        except (ValueError, jsonschema_rs.ReferencingError) as wrong:
            raise Faults([*self._reasons()] or [self._unsound(wrong)]) from None

    def resolver(self, uri: str) -> tuple[Any, Resolver]:
        """What stands at an address, and the resolver of the references in it."""
        found = self.registry.resolver().lookup(uri)
        return found.contents, found.resolver

    def contents(self, uri: str) -> Any:
        """The file at an address, read once. Raises `Fault` C310, C312, C313 or `Faults` Y1xx."""
        address, _ = urldefrag(uri)
        self._asked.add(address)
        if address not in self.loaded:
            if not address.startswith(HERE):
                hint = "put the schema it means into the workspace's schemas/ and refer to that file; nothing is fetched"
                raise Fault("C312", f"'{uri}' lies outside the workspace", hint)
            self._files[address] = self._file(unquote(address.removeprefix(HERE)))
            self.loaded[address] = read_schema_file(self._files[address], self.root)
        return self.loaded[address]

    def read(self) -> Iterator[Path]:
        """The files that anything led to."""
        return (self._files[address] for address in self._asked if address in self._files)

    def _file(self, name: str) -> Path:
        file = self.root / name
        if not file.resolve().is_relative_to(self.root.resolve()):
            raise Fault("C312", f"'{name}' lies outside the folder of schemas", "refer to a file in it")
        if not file.is_file():
            near = did_you_mean(file.name, (f.name for f in file.parent.glob("*.*")))
            raise Fault("C313", f"there is no schema file '{name}'", near)
        return file

    def _resource(self, uri: str) -> Resource[Any]:
        try:
            return DRAFT202012.create_resource(self.contents(uri))
        except (Fault, Faults) as wrong:
            raise NoSuchResource(uri) from wrong

    def _wrong_references(self, uri: str) -> Iterator[Fault]:
        """C312-C315 for every reference and dialect that can be reached from an address."""
        seen: set[int] = set()
        waiting = [(uri, self.registry.resolver())]
        while waiting:
            reference, resolver = waiting.pop()
            try:
                found = resolver.lookup(reference)
            except Unresolvable as wrong:
                yield self._unresolved(reference, wrong)
                continue
            for node, inside in _nodes(found.contents, found.resolver, seen):
                dialect = str(node.get("$schema", DIALECTS[0])).removesuffix("#")
                if dialect not in DIALECTS:
                    hint = f"write it for {DIALECTS[0]}; other drafts read some words differently"
                    yield Fault("C314", f"the schema is written for '{dialect}'", hint, at=self._named(node))
                waiting += [(str(node[k]), inside) for k in ("$ref", "$dynamicRef") if isinstance(node.get(k), str)]

    def _unresolved(self, reference: str, wrong: Exception) -> Fault:
        cause: BaseException | None = wrong
        while cause is not None:
            if isinstance(cause, Fault):
                return cause.within(at=self.place)
            if isinstance(cause, Faults):
                return cause.faults[0].within(at=self.place)
            cause = cause.__cause__ or cause.__context__
        hint = "a part of a file is named by its keys, such as types.json#/$defs/code"
        return Fault("C315", f"the reference '{reference.removeprefix(HERE)}' leads nowhere", hint, at=self.place)

    def _named(self, contents: Any) -> Place:
        """The file that holds these contents."""
        uri = next((uri for uri, loaded in self.loaded.items() if loaded is contents), "")
        return Place(f"{self.root.name}/{unquote(uri.removeprefix(HERE))}") if uri.startswith(HERE) else self.place

    def _reasons(self) -> Iterator[Fault]:
        """Every place where a schema file is no JSON Schema, in the words of the reference validator."""
        from jsonschema import Draft202012Validator
        from jsonschema.exceptions import best_match

        reader = Draft202012Validator(Draft202012Validator.META_SCHEMA)
        for uri, contents in self.loaded.items():
            if isinstance(contents, dict) and "openapi" not in contents:
                for error in reader.iter_errors(contents):
                    worst = best_match([error]) or error
                    says = f"{path_of(list(worst.absolute_path)) or 'it'} is no sound JSON Schema: {worst.message}"
                    at = Place(f"{self.root.name}/{unquote(uri.removeprefix(HERE))}")
                    yield Fault("C316", says, "see JSON Schema 2020-12 for what may stand there", at=at)

    def _unsound(self, wrong: Exception) -> Fault:
        where = path_of(getattr(wrong, "instance_path", []))
        kind = getattr(getattr(wrong, "kind", None), "name", "")
        pattern = kind == "format" and getattr(wrong, "instance", None) is not None
        says = f"{where or 'the schema'} is not a regular expression" if pattern else f"{where or 'it'} is no sound JSON Schema"
        return Fault("C316", says, "see JSON Schema 2020-12 for what may stand there", at=self.place)


def _ids(folder: Path, root: Path) -> Iterator[tuple[str, Any, Path]]:
    """The files beside a schema that give themselves an address of their own (`$id`)."""
    for file in sorted(folder.glob("*.json")):
        if b'"$id"' in file.read_bytes():
            contents = read_schema_file(file, root)
            if isinstance(contents, dict) and isinstance(contents.get("$id"), str):
                yield contents["$id"], contents, file


def _nodes(schema: Any, resolver: Resolver, seen: set[int]) -> Iterator[tuple[dict[str, Any], Resolver]]:
    """Every schema object inside a schema, references not followed, each once."""
    if not isinstance(schema, dict) or id(schema) in seen:
        return
    seen.add(id(schema))
    yield schema, resolver
    for inner in DRAFT202012.subresources_of(schema):
        yield from _nodes(inner, resolver.in_subresource(DRAFT202012.create_resource(inner)), seen)
