"""Hindsight: every shipped sample comes out byte for byte by the recipe of its day, whatever was changed since."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from interpres import pipeline
from interpres.channel import Recipe
from interpres.fault import Fault, Faults
from interpres.message import Message
from interpres.replaying.hindsight import Hindsight, looked_back
from interpres.samples import Sample, samples_in
from interpres.station import store_file
from interpres.store.changes import Arrival, NewDelivery, NewMessage, Processed
from interpres.store.fingerprint import lane_number
from interpres.store.sqlite import SqliteStore
from interpres.workspace import Workspace, pinning
from interpres.workspace.reference import copy_reference

T = TypeVar("T")
AT_MS = 1_800_000_000_000
VISIT = "mappings/npca/visit_from_adt.yaml"


class Place:
    """A workspace whose store holds a message for each message of its samples, and what became of each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.channels: dict[str, list[int]] = {}
        self.rows: dict[int, list[dict[str, Any]]] = {}

    @property
    def workspace(self) -> Workspace:
        """As its files are now."""
        return Workspace(self.folder)

    async def fill(self) -> None:
        """Store every sample, processed as today's recipes say."""
        here = self.workspace
        recipes = {name: here.recipe(name) for name in here.names("channels")}
        async with opened(self.folder) as store:
            for sample in samples_in(here):
                recipe = recipes[sample.channel]
                await store.pin(recipe.digest, recipe.files)
                for file in sample.inputs:
                    for body in recipe.format.messages(recipe.format.unpack(file.read_bytes())):
                        await self._store(store, recipe, sample, file.name, body)

    async def _store(self, store: SqliteStore, recipe: Recipe, sample: Sample, name: str, body: bytes) -> None:
        sequence = store.reserve(1)
        envelope, context = {"source_name": name}, sample.context()
        received_at = "2027-01-15T08:00:00.000Z"
        message = Message(store.message_id(AT_MS, sequence), sequence, recipe.name, received_at, body, envelope)
        opened_ = pipeline.open_message(message, recipe)
        result = pipeline.process(opened_, recipe, context)
        owed = tuple(NewDelivery(o.destination, o.part, o.payload, o.media_type, o.names, o.faults) for o in result.owed)
        processed = Processed(result.state, recipe.digest, result.reason, result.faults, result.warnings, owed, context)
        digest = hashlib.sha256(body).digest()
        lane = lane_number(recipe.name, opened_.lane, sequence)
        one = NewMessage(sequence, 0, len(body), digest, lane, opened_.keys, processed=processed)
        await store.accept(Arrival(recipe.name, AT_MS, body, digest, (one,), envelope=envelope))
        self.channels.setdefault(recipe.name, []).append(sequence)
        mapping: Any = recipe.destinations["npca"].mapping
        if opened_.document is not None and opened_.result is None:
            explained = mapping.explain(opened_.document, pipeline.given(opened_, recipe, context))
            self.rows[sequence] = [leaf.as_dict() for leaf in explained.leaves]

    def look(self, channel: str, work: Callable[[SqliteStore, Hindsight], Awaitable[T]]) -> T:
        """What is found out about the channel's first message; the others share its recipe."""

        async def looked() -> T:
            async with opened(self.folder, read_only=True) as store:
                (record,) = await store.records(self.channels[channel][0], 1)
                with looked_back(record, await store.message(record.sequence), await store.recipe(record.recipe)) as then:
                    return await work(store, then)

        return asyncio.run(looked())


class opened:  # noqa: N801  (reads as the function that it is)
    """The store of a workspace, while it is open."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.store = SqliteStore(store_file(Workspace(folder)), **options)

    async def __aenter__(self) -> SqliteStore:
        await self.store.open()
        return self.store

    async def __aexit__(self, *_: object) -> None:
        await self.store.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Made once; whoever changes its files takes a copy."""
    folder = tmp_path_factory.mktemp("hindsight")
    copy_reference(folder)
    place = Place(folder)
    asyncio.run(place.fill())
    return place


@pytest.fixture
def place(filled: Place, tmp_path: Path) -> Place:
    shutil.copytree(filled.folder, tmp_path / "place")
    copy = Place(tmp_path / "place")
    copy.channels, copy.rows = filled.channels, filled.rows
    return copy


def ruin(folder: Path) -> None:
    """Nothing that a recipe is made of is what it was."""
    for room in ("channels", "mappings", "schemas", "transforms"):
        for file in (folder / room).rglob("*"):
            if file.is_file() and file.suffix in (".yaml", ".json", ".csv", ".py"):
                file.write_text("ruined: [", "utf-8")


@pytest.mark.parametrize("channel", sorted({s.channel for s in samples_in(Workspace(Path(__file__).parents[2]))}))
def test_every_sample_comes_out_as_it_did_and_can_say_why(place: Place, channel: str) -> None:
    ruin(place.folder)
    with pytest.raises((Fault, Faults)):
        place.workspace.recipe(channel)

    async def all_of_them(store: SqliteStore, then: Hindsight) -> None:
        for sequence in place.channels[channel]:
            (record,) = await store.records(sequence, 1)
            assert record.recipe == then.record.recipe
            one = replace(then, record=record, message=await store.message(sequence))
            assert await one.differences(store) == []
            assert one.explain("npca")[0] == place.rows.get(sequence, [])
        assert then.versions == {}
        assert set(then.changed_since(place.workspace)) == then.files.keys() - {pinning.VERSIONS}
        assert then.recipe.files == then.files, "everything that was asked for was pinned"
        assert then.recipe.digest == then.record.recipe

    place.look(channel, all_of_them)


def test_what_is_stored_and_cannot_have_been_made_so_is_told(place: Place) -> None:
    """A payload that the recipe of its day does not make: somebody changed the store, or the engine judges otherwise now."""

    async def told(store: SqliteStore, then: Hindsight) -> list[str]:
        other = place.folder / VISIT
        written = other.read_text("utf-8")
        other.write_text(written.replace("health_facility_code: =MSH-4.1", "health_facility_code: '120499'", 1), "utf-8")
        today = replace(then, recipe=place.workspace.recipe("adt_to_npca"))
        complete = [s for s in place.channels["adt_to_npca"] if (await store.records(s, 1))[0].state == "processed"]
        (record,) = await store.records(complete[0], 1)
        one = replace(today, record=record, message=await store.message(record.sequence))
        return [f"{k.destination} {k.path} {k.change}" for k in await one.differences(store)]

    assert place.look("adt_to_npca", told) == ["npca visits[].health_facility_code changed"]


def test_other_versions_of_what_judges_are_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    now = {**pinning.versions(), "fhir.resources": "9.0.0", "newcomer": "1.0"}
    monkeypatch.setattr("interpres.replaying.hindsight.versions", lambda: now)

    async def told(_: SqliteStore, then: Hindsight) -> dict[str, tuple[str, str]]:
        return dict(then.versions)

    was = pinning.versions()["fhir.resources"]
    assert place.look("adt_to_npca", told) == {"fhir.resources": (was, "9.0.0"), "newcomer": ("", "1.0")}


def test_only_what_changed_is_named(place: Place) -> None:
    (place.folder / VISIT).write_text((place.folder / VISIT).read_text("utf-8") + "# a remark\n", "utf-8")
    (place.folder / "transforms" / "khmer.py").unlink()

    async def told(_: SqliteStore, then: Hindsight) -> list[str]:
        return list(then.changed_since(place.workspace))

    assert place.look("adt_to_npca", told) == [VISIT, "transforms/khmer.py"]


def test_what_a_recipe_cannot_say_is_a_fault(place: Place) -> None:
    async def told(store: SqliteStore, then: Hindsight) -> None:
        with pytest.raises(Fault, match="C157"):
            then.explain("npac")
        with pytest.raises(Fault, match="C173"), looked_back(replace(then.record, recipe=""), then.message, None):
            pass
        with pytest.raises(Fault, match="C173"), looked_back(then.record, then.message, None):
            pass

    place.look("adt_to_npca", told)
