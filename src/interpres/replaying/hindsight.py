"""Hindsight: a stored message and the recipe that it was processed by, laid out as they were: what it became, and why."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from interpres import pipeline
from interpres.channel import Recipe
from interpres.fault import Fault, Place, did_you_mean
from interpres.message import Message
from interpres.replaying.compare import compare
from interpres.replaying.difference import Kind
from interpres.store.reads import Reads
from interpres.store.records import MessageRecord
from interpres.workspace import Workspace
from interpres.workspace.pinning import VERSIONS, bytes_of, versions


@dataclass(frozen=True, slots=True)
class Hindsight:
    """A message, its bytes, and the files and the recipe of the day on which it was processed."""

    record: MessageRecord
    message: Message
    files: Mapping[str, str]
    recipe: Recipe

    @property
    def versions(self) -> Mapping[str, tuple[str, str]]:
        """What judged then and judges otherwise now: the versions of both days; an empty one where it was, or is, not there."""
        then: dict[str, str] = json.loads(self.files.get(VERSIONS, "{}"))
        now = versions()
        names = sorted({*then, *now}) if then else []
        return {n: (then.get(n, ""), now.get(n, "")) for n in names if then.get(n) != now.get(n)}

    def changed_since(self, today: Workspace) -> Sequence[str]:
        """The files of the recipe that are others today, or gone."""
        return [name for name, text in self.files.items() if name != VERSIONS and _today(today, name) != bytes_of(text)]

    def explain(self, destination: str) -> tuple[list[dict[str, Any]], tuple[Fault, ...]]:
        """Where every value for a destination came from, as of then: the rows of `interpres explain`, and what was found wrong.

        Raises `Fault` C157 where there was no such destination, C174 where it had no mapping.
        """
        if destination not in self.recipe.destinations:
            hint = did_you_mean(destination, self.recipe.destinations) or f"there were {', '.join(self.recipe.destinations)}"
            raise Fault("C157", f"the channel had no destination '{destination}' then", hint)
        mapping: Any = self.recipe.destinations[destination].mapping
        if mapping is None:
            raise Fault("C174", f"{destination} had no mapping: it was sent the bytes as they came", "see interpres show --raw")
        opened = pipeline.open_message(self.message, self.recipe)
        if opened.result is not None or opened.document is None:
            return [], opened.result.faults if opened.result else ()
        explained = mapping.explain(opened.document, pipeline.given(opened, self.recipe, self.record.context))
        return [leaf.as_dict() for leaf in explained.leaves], (*explained.made.faults, *explained.made.warnings)

    async def differences(self, store: Reads) -> Sequence[Kind]:
        """How what is made of it again differs from what is stored: nothing where both are the same byte for byte.

        Raises `Fault` C175 where an answer decided about it, and not the recipe; `Fault` E129 where its content was pruned.
        """
        recipes = {self.record.channel: await self._as_far_as_run(store)}
        (found,) = [f async for f in compare(store, [self.record.sequence], recipes)]
        if found.left_out:
            raise Fault("E129", "its content is no longer in the store", "what was kept long enough is pruned: see retention:")
        kinds = [kind for kind, _ in found.grouped()]
        if kinds and self._was_decided_by_an_answer():
            says = f"it was {self.record.state} for what an enrich: was answered, or for want of an answer"
            raise Fault("C175", says, "no recipe alone can say what that was; its faults say which one")
        return kinds

    async def _as_far_as_run(self, store: Reads) -> Recipe:
        """The recipe with those destinations only that the message's latest run was for."""
        owed = {d.destination for d in await store.deliveries(self.record.sequence) if d.run == self.record.run}
        if not self.record.run or not owed:
            return self.recipe
        return replace(self.recipe, destinations={n: d for n, d in self.recipe.destinations.items() if n in owed})

    def _was_decided_by_an_answer(self) -> bool:
        opened = pipeline.open_message(self.message, self.recipe)
        return bool(opened.questions) and self.record.state in ("held", "rejected") and not self.record.context


@contextmanager
def looked_back(record: MessageRecord, message: Message, files: Mapping[str, str] | None) -> Iterator[Hindsight]:
    """The message beside its recipe, whose files lie in a folder of their own for as long as this lasts.

    Raises `Fault` C173 where it was not processed yet or its recipe is not in the store, `Faults` where this version of the
    engine cannot read what an earlier one could.
    """
    if not files:
        says = "it was not processed yet" if not record.recipe else "the recipe that it was processed by is not in the store"
        raise Fault("C173", f"{says}, so nobody can say what was made of it then", "see interpres show without --then")
    with tempfile.TemporaryDirectory(prefix="interpres-then-") as folder:
        _lay_out(Path(folder), files)
        yield Hindsight(record, message, files, _Pinned(Path(folder)).recipe(record.channel))


class _Pinned(Workspace):
    """A workspace of which only what one recipe was made of is there: systems are today's, and not asked about."""

    def call_faults(self, call: str, parameters: Collection[str], at: Place) -> Iterator[Fault]:
        return iter(())


def _lay_out(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = PurePosixPath(name)
        assert not path.is_absolute() and ".." not in path.parts, "a recipe is made of files of its workspace"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(bytes_of(text))


def _today(workspace: Workspace, name: str) -> bytes | None:
    try:
        return workspace.read(name)
    except Fault:
        return None
