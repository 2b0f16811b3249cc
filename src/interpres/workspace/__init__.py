"""Workspace: the folder that holds channels, mappings, transforms, schemas and samples, and what is read from it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from interpres import catalog, yaml
from interpres.channel import Formula, Mapped, Recipe
from interpres.environment import read_environment
from interpres.fault import Fault, Faults, Place, did_you_mean
from interpres.format import Format, Grammar
from interpres.installation import installation_faults
from interpres.mapping.checking.check import check_mapping
from interpres.mapping.checking.check_formula import check_formula
from interpres.mapping.compiling.compile import compile_formula, compile_mapping
from interpres.mapping.picture import Mapping as Picture
from interpres.mapping.reading import file as mapping_file
from interpres.openapi import Operation, read_operations
from interpres.promises.schemas import find_schema, schema_names
from interpres.schema import Schema
from interpres.settings import model_from_values
from interpres.system import System, read_system
from interpres.transform import Transform, builtins, workspace_transforms
from interpres.workspace.channels import read_channel
from interpres.workspace.neighbours import between
from interpres.workspace.pinning import pinned


@dataclass(frozen=True, slots=True)
class Loaded:
    """A mapping ready to run: its picture, its function, the formats on both sides and what its output promises."""

    picture: Picture
    compiled: Mapped
    from_format: Format
    to_format: Format
    promise: Schema | None


class Workspace:
    """One workspace; everything is read when first asked for, and once."""

    def __init__(self, folder: Path, var: Path | None = None) -> None:
        self.folder = folder.resolve()
        self.var = (var or self.folder / "var").resolve()
        self._formats: dict[str, Format] = {}
        self._format_files: dict[Format, Sequence[str]] = {}
        self._mappings: dict[str, Loaded] = {}
        self._schemas: dict[str, Schema] = {}
        self._systems: dict[str, System] = {}

    @classmethod
    def find(cls, start: Path, var: Path | None = None) -> Workspace:
        """The nearest folder upwards that holds both `channels/` and `mappings/`. Raises `Fault` E110 where there is none."""
        for folder in (start.resolve(), *start.resolve().parents):
            if (folder / "channels").is_dir() and (folder / "mappings").is_dir():
                return cls(folder, var)
        says = "there is no workspace here: no folder upwards holds both channels/ and mappings/"
        raise Fault("E110", says, "go into one, name it with --workspace DIR, or make one with interpres init DIR")

    # what is there

    def names(self, kind: str) -> list[str]:
        """The names of all `channels` or `mappings` (parts apart), or of all `systems`."""
        if kind == "systems":
            return sorted(f.parent.name for f in self.folder.glob("schemas/*/system.yaml"))
        found = (f.relative_to(self.folder / kind) for f in (self.folder / kind).rglob("*.yaml"))
        return sorted(str(f.with_suffix("")) for f in found if "parts" not in f.parts and not f.name.startswith("."))

    def read(self, file: str) -> bytes:
        """The bytes of one of its files, named as places name it. Raises `Fault` C150."""
        try:
            return (self.folder / file).read_bytes()
        except OSError as error:
            folder, _, name = file.rpartition("/")
            known = [p.name for p in (self.folder / folder).glob("*")] if (self.folder / folder).is_dir() else []
            hint = "see its rights, and whether it is a file" if name in known else did_you_mean(name, known)
            raise Fault("C150", f"{file} cannot be read: {error.strerror}", hint) from None

    @cached_property
    def transforms(self) -> Mapping[str, Transform]:
        """The built-in transforms and the workspace's own, which may not take a built-in's name."""
        return {**workspace_transforms(self.folder / "transforms"), **builtins()}

    def format(self, written: str | Mapping[str, Any], settings: Mapping[str, Any] | None = None) -> Format:
        """The format of `hl7v2` or `{csv: {…}}`; the same words give the same object. Raises `Fault` or `Faults`."""
        if isinstance(written, Mapping):
            if len(written) != 1:
                raise Fault(
                    "C111", "a format is one word, or one word with its settings", "write it as in {csv: {group_by: [Visit]}}"
                )
            ((word, settings),) = written.items()
        else:
            word = written
        key = json.dumps([word, settings or {}], sort_keys=True, default=str)
        if key not in self._formats:
            part = catalog.part("formats", word)
            made: Format = part(model_from_values(settings or {}, part.Settings))
            self._format_files[made] = made.load(self.read)
            self._formats[key] = made
        return self._formats[key]

    def schema(self, name: str) -> Schema:
        """The promise of that name. Raises `Fault` where there is none."""
        if name not in self._schemas:
            self._schemas[name] = find_schema(name, self.folder / "schemas", self.transforms)
        return self._schemas[name]

    def system(self, name: str) -> System:
        """The system of that name. Raises `Fault` C152, or `Faults` for what is wrong with its files."""
        if name not in self._systems:
            known = self.names("systems")
            if name not in known:
                hint = did_you_mean(name, known) or f"there are {', '.join(known) or 'none yet'}"
                raise Fault("C152", f"there is no system '{name}'", hint)
            self._systems[name] = read_system(name, self.folder / "schemas")
        return self._systems[name]

    def picture(self, name: str) -> Picture:
        """The mapping file as read. Raises `Fault` C151 where there is none, or `Faults` for what is wrong with it."""
        if name not in (known := self.names("mappings")):
            raise Fault("C151", f"there is no mapping '{name}'", did_you_mean(name, known) or "mappings lie in mappings/")
        return mapping_file.load(name, self.folder / "mappings", self.grammar)

    def grammar(self, word: str) -> Grammar:
        """The variant of the formula grammar in which a format's paths are written."""
        return self.format(word).paths.grammar

    def mapping(self, name: str) -> Loaded:
        """The mapping, compiled. Raises `Faults` for what is wrong with the file."""
        if name not in self._mappings:
            self._mappings[name] = self._loaded(self.picture(name))
        return self._mappings[name]

    def _loaded(self, read: Picture) -> Loaded:
        promise = self.schema(read.to) if read.to else None
        from_format = self.format(read.from_format, read.from_settings)
        shape = promise.shape() if promise else None
        compiled = compile_mapping(read, self.format, self.transforms, shape)
        return Loaded(read, compiled, from_format, self.to_format(read, from_format), promise)

    def to_format(self, mapping: Picture, from_format: Format) -> Format:
        """What writes the output: the mapping's own word, the same as came where it edits, else json."""
        if mapping.to_format:
            return self.format(mapping.to_format, mapping.to_settings)
        return from_format if mapping.edits or mapping.output is None else self.format("json")

    def formula(
        self, leaf: yaml.Leaf, format_: Format, names: Collection[str], timezone: str, *, is_test: bool = False
    ) -> Formula:
        """The formula of a channel file, checked and compiled; `leaf` is the text with its `=`. Raises `Faults`."""
        wrong = check_formula(leaf, format_, names, self.transforms, is_test=is_test)
        if any(f.level == "fault" for f in wrong):
            raise Faults(wrong)
        return compile_formula(leaf, format=format_, names=names, transforms=self.transforms, timezone=timezone)

    def recipe(self, name: str) -> Recipe:
        """The channel, ready to run. Raises `Fault` C153 where there is none, or `Faults`."""
        if name not in (known := self.names("channels")):
            raise Fault("C153", f"there is no channel '{name}'", did_you_mean(name, known) or f"there are {', '.join(known)}")
        return read_channel(self, name)

    def pinned(self, recipe: Recipe) -> Recipe:
        """The recipe with the content of every file that it was made of, and the hash over them and the versions."""
        return pinned(recipe, self._made_of(recipe), self.read)

    def _made_of(self, recipe: Recipe) -> Iterator[str]:
        yield from (recipe.file, *self._format_files[recipe.format], *(recipe.accepts.files if recipe.accepts else ()))
        used = [m for m in self._mappings.values() if any(d.mapping is m.compiled for d in recipe.destinations.values())]
        for m in used:
            yield from (*m.picture.files, *self._format_files[m.from_format], *self._format_files[m.to_format])
            yield from m.promise.files if m.promise else ()
        yield from (f"transforms/{file.name}" for file in (self.folder / "transforms").glob("*.py"))

    # what is asked of systems

    def call_faults(self, call: str, parameters: Collection[str], at: Place) -> Iterator[Fault]:
        """What is wrong with `system/operation` and the names of its parameters."""
        name, _, operation = call.partition("/")
        try:
            operations = self._operations(name)
        except Fault as wrong:
            yield wrong.within(at=at)
            return
        if operations is not None and operation not in operations:
            hint = did_you_mean(operation, operations) or f"it has {', '.join(operations)}"
            yield Fault("C132", f"{name} has no operation '{operation}'", hint, at=at)
        elif operations is not None:
            known = [p.name for p in operations[operation].parameters]
            for parameter in parameters:
                if parameter not in known:
                    hint = did_you_mean(parameter, known) or f"it takes {', '.join(known) or 'none'}"
                    yield Fault("C133", f"{call} has no parameter '{parameter}'", hint, at=at)

    def _operations(self, name: str) -> Mapping[str, Operation] | None:
        """A system's operations; where its system.yaml is wrong, which is told elsewhere, those that its contract names."""
        try:
            return self.system(name).operations
        except Faults:
            file = f"schemas/{name}/openapi.yaml"
            try:
                return read_operations(yaml.read(self.read(file), file, strict=False), name)
            except (Fault, Faults):
                return None

    def destination_faults(self, word: str, settings: Any, at: Place) -> Iterator[Fault]:
        """What is wrong with a destination's settings as this workspace sees them."""
        if word == "call":
            yield from self.call_faults(settings.operation, settings.parameters, at)

    # everything at once

    def check(self) -> list[Fault]:
        """Every fault, warning and note of the workspace, by place."""
        found: list[Fault] = []
        for name in self.names("systems"):
            found += _faults_of(lambda name=name: self.system(name))
        found += self._installed()
        for name in schema_names(self.folder / "schemas"):
            # A file that holds a family of promises (fhir/r4) is checked where one of them is named.
            found += [f for f in _faults_of(lambda name=name: self.schema(name)) if f.code != "C321"]
        for name in self.names("mappings"):
            found += self.check_mapping(name)
        for name in self.names("channels"):
            found += _faults_of(lambda name=name: self.recipe(name))
        found += [*self.between(self.names("channels")), *self._unused()]
        return sorted(set(found), key=lambda f: (f.at or Place(""), f.code, f.says))

    def check_mapping(self, name: str) -> list[Fault]:
        """What the compiler finds in one mapping without running a message; a slip in one line hides nothing of the others."""

        def work() -> None:
            read, wrong = mapping_file.look_through(name, self.folder / "mappings", self.grammar)
            if read is not None:
                shape = self.schema(read.to).shape() if read.to else None
                slips = {(f.at.file, f.at.line) for f in wrong if f.at}
                found = check_mapping(read, self.format(read.from_format, read.from_settings), self.transforms, shape)
                wrong += [f for f in found if not f.at or (f.at.file, f.at.line) not in slips]
            if read is not None and name not in self._mappings and not any(f.level == "fault" for f in wrong):
                self._mappings[name] = self._loaded(read)
            raise Faults(wrong)

        return _faults_of(work)

    def between(self, names: Iterable[str]) -> list[Fault]:
        """What is wrong between these channels, as far as their files can be read: see `neighbours.between`."""
        files: dict[str, yaml.Node] = {}
        for name in names:
            file = f"channels/{name}.yaml"
            with suppress(Fault, Faults):
                files[name] = yaml.read(self.read(file), file, faults=[])
        return list(between(files, self.folder))

    def _installed(self) -> list[Fault]:
        """What is wrong with `.env` and `interpres.yaml`; a note for each secret or address that is not set here."""
        try:
            environment = read_environment(self.folder)
        except Faults as wrong:
            return list(wrong)
        notes = [f.but(level="note") for system in self._systems.values() for f in system.not_set(environment)]
        return notes + installation_faults(self.folder, self.names("channels"), environment)

    def _unused(self) -> Iterator[Fault]:
        """Mappings that no channel names and no other extends."""
        destinations = [d for name in self.names("channels") for d in self._written(name).get("destinations", {}).values()]
        used = {d.get("mapping") for d in destinations if isinstance(d, dict)}
        used |= {self._written(name, "mappings").get("extends") for name in self.names("mappings")}
        for name in self.names("mappings"):
            if name not in used:
                at = Place(f"mappings/{name}.yaml")
                yield Fault("M190", "no channel uses this mapping", "name it in a channel's destination", at=at, level="warning")

    def _written(self, name: str, kind: str = "channels") -> dict[str, Any]:
        """What a file says, as far as it can be read: what is wrong with it is told elsewhere."""
        file = f"{kind}/{name}.yaml"
        try:
            written = yaml.plain(yaml.read(self.read(file), file, faults=[]))
        except (Fault, Faults):
            return {}
        return {k: v for k, v in written.items() if isinstance(v, dict | str)} if isinstance(written, dict) else {}


def _faults_of(work: Any) -> list[Fault]:
    try:
        work()
    except Faults as wrong:
        return list(wrong)
    except Fault as wrong:
        return [wrong]
    return []
