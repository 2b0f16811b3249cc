"""Channels: channel files made ready to run, each word of them checked, with the place of what is wrong."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from interpres import catalog, yaml
from interpres.channel import (
    CONTEXT_NAMES,
    ChannelFile,
    DestinationCommon,
    DestinationRecipe,
    EnrichFile,
    Enrichment,
    Formula,
    Recipe,
    Retention,
    SourceCommon,
)
from interpres.duration import words
from interpres.fault import Fault, Faults, Place, did_you_mean
from interpres.format import Format
from interpres.mapping.picture import Block, Node
from interpres.memory import Memory
from interpres.settings import model_from_yaml, split_keys
from interpres.workspace.batches import batch_faults
from interpres.workspace.memories import read_memory

if TYPE_CHECKING:
    from interpres.workspace import Loaded, Workspace


def read_channel(workspace: Workspace, name: str) -> Recipe:
    """The channel `channels/<name>.yaml`, ready to run. Raises `Faults`: all that is wrong with the file and what it names."""
    return _Reader(workspace, name).recipe()


class _Reader:
    """One channel file on its way to a recipe: goes on after each fault, so that all of them are told at once."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = name
        self.file = f"channels/{name}.yaml"
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []
        self.node = yaml.read(workspace.read(self.file), self.file)
        self.written = model_from_yaml(self.node, ChannelFile)
        self.places: dict[str, Place] = {}
        self.timezone = "UTC"

    def recipe(self) -> Recipe:
        format_ = self.format_of("format", self.written.format)
        self.timezone = self.timezone_named()
        word, settings, common = self.source()
        keep, lane = self.formula("keep", format_), self.formula("lane", format_)
        keys = {k: f for k in self.written.keys if (f := self.formula(("keys", k), format_))}
        recipe = Recipe(
            name=self.name,
            file=self.file,
            about=self.written.about,
            source_word=word,
            source_settings=settings,
            source_common=common,
            format=format_,
            timezone=self.written.timezone,
            duplicates_within_seconds=self.written.duplicates_within,
            on_conflict=self.written.on_conflict,
            retention=self.retention(),
            accepts=self.attempt(lambda: self.workspace.schema(self.written.accepts or ""), "accepts")
            if self.written.accepts
            else None,
            keep=keep,
            keys=keys,
            lane=lane,
            enrich=tuple(self.enrichment(n, e, format_) for n, e in self.written.enrich.items()),
            destinations={n: d for n in self.written.destinations if (d := self.destination(n, format_))},
            places={**self.places, **{f"enrich.{n}": self.at("enrich", n) for n in self.written.enrich}},
        )
        if any(f.level == "fault" for f in self.faults):
            raise Faults(dict.fromkeys(self.faults))
        return self.workspace.pinned(recipe)

    # what stands where

    def at(self, *keys: str | int) -> Place:
        return yaml.key_place(self.node, keys)

    def branch(self, *keys: str) -> yaml.Node:
        node: yaml.Node = self.node
        for key in keys:
            assert isinstance(node, yaml.Branch)
            node = node.get(key) or node
        return node

    def attempt(self, work: Any, *keys: str | int) -> Any:
        """What the work gives, or None with its faults noted at the place of the keys."""
        try:
            return work()
        except Faults as wrong:
            self.faults += [f.within(at=self.at(*keys)) for f in wrong]
        except Fault as wrong:
            self.faults.append(wrong.within(at=self.at(*keys)))
        return None

    # one piece each

    def format_of(self, key: str, written: str | Mapping[str, Any]) -> Format:
        found = self.attempt(lambda: self.workspace.format(written), key)
        if found is None:
            raise Faults(dict.fromkeys(self.faults))
        assert isinstance(found, Format)
        return found

    def timezone_named(self) -> str:
        """The channel's time zone; UTC, and a fault, where there is none of that name."""
        known = zoneinfo.available_timezones()
        if self.written.timezone in known:
            return self.written.timezone
        says = f"there is no time zone '{self.written.timezone}'"
        hint = did_you_mean(self.written.timezone, known) or "write it as in Asia/Phnom_Penh"
        self.faults.append(Fault("C120", says, hint, at=self.at("timezone")))
        return "UTC"

    def retention(self) -> Retention:
        """How long messages are kept; a fault where their trace goes before a duplicate of them may come."""
        kept = self.written.retention
        if kept.metadata and kept.metadata < self.written.duplicates_within:
            hint = "keep metadata at least as long as duplicates_within:, or recognise duplicates for a shorter time"
            says = f"a duplicate is recognised for {words(self.written.duplicates_within)}, and metadata goes before that"
            self.faults.append(Fault("C122", says, hint, at=self.at("retention", "metadata")))
        return kept

    def source(self) -> tuple[str, BaseModel, SourceCommon]:
        common, own = _apart(self.branch("source"), SourceCommon)
        common_settings = self.attempt(lambda: model_from_yaml(common, SourceCommon), "source")
        word, settings = self.part("sources", own, "source")
        return word, settings, common_settings or SourceCommon()

    def part(self, room: catalog.Room, node: yaml.Branch, *keys: str) -> tuple[str, BaseModel]:
        """The one part that stands here, and its settings; faults where there is none, or more than one."""
        words = [key for key, _ in node.entries]
        if len(words) != 1:
            known = ", ".join(catalog.names(room))
            says = "names no part" if not words else "names more than one part: " + ", ".join(w.text for w in words)
            self.faults.append(Fault("C111", f"{'.'.join(keys)} {says}", f"name one of {known}", at=self.at(*keys)))
            raise Faults(self.faults)
        word = words[0]
        part = self.attempt(lambda: catalog.part(room, word.text), *keys, word.text)
        settings = part and self.attempt(lambda: model_from_yaml(node.entries[0][1], part.Settings), *keys, word.text)
        if settings is None:
            raise Faults(self.faults)
        return word.text, settings

    def formula(self, keys: str | tuple[str, ...], format_: Format) -> Formula | None:
        path = (keys,) if isinstance(keys, str) else keys
        leaf = self.branch(*path)
        if not isinstance(leaf, yaml.Leaf):
            return None
        self.places[".".join(path)] = leaf.at
        if not leaf.text.startswith("="):
            says = f"{path[-1]} is not a formula"
            self.faults.append(Fault("C121", says, f"begin it with '=', as in ={leaf.text}", at=leaf.at))
            return None
        names = {*CONTEXT_NAMES, *(self.written.keys if path[0] != "keys" else ())}
        compiled: Formula | None = self.attempt(
            lambda: self.workspace.formula(leaf, format_, names, self.timezone, is_test=path[0] == "keep"), *path
        )
        return compiled

    def enrichment(self, name: str, written: EnrichFile, format_: Format) -> Enrichment:
        take = self.formula(("enrich", name, "take"), self.workspace.format("json")) if written.take else None
        if written.recall:
            sought = self.formula(("enrich", name, "key"), format_)
            ways = (written.when_missing, written.when_failed, written.recall, written.for_at_most)
            return Enrichment(name, "", {"key": sought}, take, 0.0, *ways)
        assert written.call is not None, "it is one of the two"
        parameters: dict[str, Any] = {}
        for key, value in written.with_.items():
            is_formula = isinstance(value, str) and value.startswith("=")
            parameters[key] = self.formula(("enrich", name, "with", key), format_) if is_formula else value
        self.faults += self.workspace.call_faults(written.call, written.with_, self.at("enrich", name, "call"))
        return Enrichment(name, written.call, parameters, take, written.keep_for, written.when_missing, written.when_failed)

    def destination(self, name: str, arrived: Format) -> DestinationRecipe | None:
        try:
            common_node, own = _apart(self.branch("destinations", name), DestinationCommon)
            common = model_from_yaml(common_node, DestinationCommon)
            word, settings = self.part("destinations", own, "destinations", name)
        except Faults as wrong:
            self.faults += [f for f in wrong if f not in self.faults]
            return None
        at = self.at("destinations", name)
        self.faults += self.workspace.destination_faults(word, settings, self.at("destinations", name, word))
        memory = self.memory(name, common)
        if common.mapping is None:
            self.faults += self.batch_faults(name, word, settings, common, arrived)
            return DestinationRecipe(name, word, settings, common, arrived, at=at, memory=memory)
        mapping_name = common.mapping
        loaded = self.attempt(lambda: self.workspace.mapping(mapping_name), "destinations", name, "mapping")
        if loaded is None:
            return None
        self.faults += self.mapping_fits(loaded, arrived, self.at("destinations", name, "mapping"))
        always = loaded.promise is not None and _is_one_block(loaded.picture.output)
        self.faults += self.batch_faults(name, word, settings, common, loaded.to_format)
        made = (loaded.to_format, loaded.compiled, loaded.promise)
        return DestinationRecipe(name, word, settings, common, *made, at, always, memory)

    def batch_faults(
        self, name: str, word: str, settings: BaseModel, common: DestinationCommon, format_: Format
    ) -> Iterator[Fault]:
        """Why deliveries cannot be gathered here."""
        if common.batch is not None:
            at = self.at("destinations", name, "batch")
            yield from batch_faults(word, settings, format_.name, has_lane=self.written.lane is not None, at=at)

    def memory(self, destination: str, common: DestinationCommon) -> Memory | None:
        """What it keeps of its answers."""
        written = common.remember
        if written is None:
            return None
        node = self.branch("destinations", destination, "remember")
        names = {*CONTEXT_NAMES, *self.written.keys}
        found: Memory | None = self.attempt(lambda: read_memory(self.workspace, node, written, names, self.timezone))
        return found

    def mapping_fits(self, loaded: Loaded, arrived: Format, at: Place) -> Iterator[Fault]:
        """The mapping reads what the channel brings, and is given every name that it needs."""
        mapping = loaded.picture
        if mapping.from_format != arrived.name:
            says = f"this channel brings {arrived.name}, and {mapping.name} reads {mapping.from_format}"
            yield Fault("C130", says, "make format: here and from: in the mapping the same", at=at)
        elif loaded.from_format.settings != arrived.settings:
            says = f"{mapping.name} reads {arrived.name} with other settings than this channel's format:"
            yield Fault("C130", says, "make format: here and from: in the mapping the same", at=at)
        given = {*CONTEXT_NAMES, *self.written.enrich, *self.written.keys}
        for need in mapping.needs:
            if need not in given:
                hint = did_you_mean(need, given) or f"add an enrich: named {need}, or take it out of the mapping's needs:"
                yield Fault("C131", f"{mapping.name} needs '{need}', which this channel does not supply", hint, at=at)


def _apart(node: yaml.Node, common: type[BaseModel]) -> tuple[yaml.Branch, yaml.Branch]:
    """The entries that the common model knows, and the others."""
    if not isinstance(node, yaml.Branch):
        says = "a part and its settings are wanted here"
        raise Faults([Fault("C111", says, "write it as in 'folder: {path: var/out}'", at=node.at)])
    ours, theirs = split_keys(node, common.model_fields)
    assert isinstance(ours, yaml.Branch)
    assert isinstance(theirs, yaml.Branch)
    return ours, theirs


def _is_one_block(output: Node | None) -> bool:
    """Whether an output is one block that nothing makes optional or several."""
    return isinstance(output, Block) and output.when is None and not output.each
