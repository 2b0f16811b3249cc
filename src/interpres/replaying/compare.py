"""Compare: stored messages processed once more, and what would come of them held against what came. Nothing is sent or stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from interpres import pipeline
from interpres.channel import Recipe
from interpres.fault import Fault, Faults
from interpres.message import Message
from interpres.replaying.difference import Kind, Made, differences
from interpres.store.reads import Reads
from interpres.store.records import DeliveryRecord, MessageRecord

SAMPLES = 3

UNREADABLE = frozenset({"E124", "N350"})
"""What the store says of bytes that were damaged, or pruned."""


@dataclass(slots=True)
class Group:
    """One kind of difference: in how many messages, and the ids of the first few."""

    messages: int = 0
    samples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Comparison:
    """What was found so far. `left_out`: messages whose bytes are not there any more, or whose channel has no recipe today."""

    compared: int = 0
    differing: int = 0
    left_out: int = 0
    kinds: dict[Kind, Group] = field(default_factory=dict)

    def add(self, message_id: str, kinds: set[Kind]) -> None:
        """One more message."""
        self.compared += 1
        self.differing += bool(kinds)
        for kind in kinds:
            group = self.kinds.setdefault(kind, Group())
            group.messages += 1
            if len(group.samples) < SAMPLES:
                group.samples.append(message_id)

    def grouped(self) -> list[tuple[Kind, Group]]:
        """The kinds, those of most messages first."""
        return sorted(self.kinds.items(), key=lambda entry: (-entry[1].messages, entry[0]))


async def compare(store: Reads, sequences: Sequence[int], recipes: Mapping[str, Recipe]) -> AsyncIterator[Comparison]:
    """The comparison as it grows, after each message; the last is the whole. Each recipe names the destinations that count."""
    found = Comparison()
    for sequence in sequences:
        (record,) = await store.records(sequence, 1)
        recipe = recipes.get(record.channel)
        if recipe is None:
            found.left_out += 1
        else:
            await _one(store, record, recipe, found)
        yield found


async def _one(store: Reads, record: MessageRecord, recipe: Recipe, found: Comparison) -> None:
    try:
        body = await store.run_body(record.sequence, record.run)
        deliveries = [d for d in await store.deliveries(record.sequence) if d.destination in recipe.destinations]
        latest = _latest(deliveries)
        payloads = {d.id: await store.payload(d.id) for d in latest if d.media_type}
    except Fault as gone:
        if gone.code not in UNREADABLE:
            raise
        found.left_out += 1
        return
    opened = pipeline.open_message(
        Message(record.id, record.sequence, record.channel, record.received_at, body, record.envelope), recipe
    )
    if opened.result is not None:
        before, after = Made(record.state, record.faults), Made(opened.result.state, opened.result.faults)
    else:
        before, after = _before(record, recipe, latest, payloads), _after(opened, record, recipe)
    # Most messages come out byte for byte as they did, and bytes are compared sooner than trees.
    same = before == after
    found.add(record.id, set() if same else set(differences(_read(before, recipe), _read(after, recipe))))


def _latest(deliveries: Sequence[DeliveryRecord]) -> list[DeliveryRecord]:
    """What the latest run to each destination made: a run may have been for some of them only."""
    runs: dict[str, int] = {}
    for d in deliveries:
        runs[d.destination] = max(d.run, runs.get(d.destination, 0))
    return [d for d in deliveries if d.run == runs[d.destination]]


def _before(record: MessageRecord, recipe: Recipe, deliveries: Sequence[DeliveryRecord], payloads: Mapping[int, bytes]) -> Made:
    """What the latest run that owed anything to these destinations came to; of a message that was rejected nothing was made."""
    if record.state in ("rejected", "held") and not deliveries:
        return Made("processed", refused=dict.fromkeys(recipe.destinations, record.faults))
    documents: dict[str, list[Any]] = {}
    for d in deliveries:
        if d.id in payloads:
            documents.setdefault(d.destination, []).append(payloads[d.id])
    return Made("processed", (), documents, {d.destination: d.faults for d in deliveries if d.id not in payloads})


def _after(opened: pipeline.Opened, record: MessageRecord, recipe: Recipe) -> Made:
    result = pipeline.process(opened, recipe, record.context)
    if result.state == "rejected":
        return Made("processed", refused=dict.fromkeys(recipe.destinations, result.faults))
    documents: dict[str, list[Any]] = {}
    for owed in result.owed:
        if not owed.faults:
            documents.setdefault(owed.destination, []).append(owed.payload)
    return Made("processed", (), documents, {o.destination: o.faults for o in result.owed if o.faults})


def _read(made: Made, recipe: Recipe) -> Made:
    """The same with documents for payloads."""
    documents = {name: [_tree(recipe, name, payload) for payload in found] for name, found in made.documents.items()}
    return replace(made, documents=documents)


def _tree(recipe: Recipe, destination: str, payload: bytes) -> Any:
    """The payload as a tree where its format can read it, else as it is."""
    try:
        return recipe.destinations[destination].format.decode(payload).tree
    except (Fault, Faults):
        return payload
