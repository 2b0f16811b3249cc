"""Channels: the recipes of the simulated world, and the two parts by which the engine meets it: a source and a destination."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
from pydantic import BaseModel, ConfigDict

from interpres.channel import DestinationCommon, DestinationRecipe, Enrichment, Recipe, SourceCommon
from interpres.delivery import Outcome, Parcel
from interpres.destination import Destination
from interpres.document import MISSING
from interpres.fault import Fault, Place, TryAgain
from interpres.mapping.compiling.compiled import Made
from interpres.memory import Memory
from interpres.message import Intake
from interpres.source import Accept, Receipt, Source
from tests.engine.fakes import recipe

if TYPE_CHECKING:
    from tests.crash.simulation.world import World

PATIENCE_SECONDS = 30.0
"""How long a destination waits for its peer."""


class Poison(Exception):
    """A bug of ours that is meant."""


class Wires(BaseModel):
    """What leads from a part into the world."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    world: Any


class SimSource(Source):
    """Takes what senders of the world hand over, each in a task of the engine's machine."""

    Settings = Wires

    async def open(self) -> str:
        self.in_hand: set[asyncio.Task[None]] = set()
        return "listens to the world"

    async def run(self, accept: Accept) -> None:
        world: World = self.settings.world  # type: ignore[attr-defined]
        machine = world.machine.number

        def take(intake: Intake, reply: asyncio.Future[Receipt | None]) -> None:
            task = world.loop.create_task(self._one(accept, intake, reply), context=world.loop.on(machine))
            self.in_hand.add(task)
            task.add_done_callback(self.in_hand.discard)

        world.listening[self.setting.channel] = take
        try:
            await asyncio.Event().wait()
        finally:
            world.listening.pop(self.setting.channel, None)

    async def _one(self, accept: Accept, intake: Intake, reply: asyncio.Future[Receipt | None]) -> None:
        world: World = self.settings.world  # type: ignore[attr-defined]
        machine = world.machine.number
        try:
            receipt = await accept(intake)
        except Exception as error:
            world.expect(machine in world.loop.dead, f"I12: taking an intake ended with {type(error).__name__}")
            return
        if not reply.done():
            reply.set_result(receipt)

    async def close(self) -> None:
        if self.in_hand:
            await asyncio.wait(self.in_hand)

    def idle(self) -> bool:
        return not self.in_hand


class SimDestination(Destination):
    """Sends to a peer of the world and waits for it, but not for ever."""

    Settings = Wires
    patience: float | None = PATIENCE_SECONDS

    async def send(self, parcel: Parcel) -> Outcome:
        if b'"poison":"bug_send"' in parcel.payload:
            raise Poison
        world: World = self.settings.world  # type: ignore[attr-defined]
        reply = world.peers[self.target.channel, self.target.destination].request(parcel)
        try:
            async with asyncio.timeout(self.patience):
                outcome = await reply
        except TimeoutError:
            if self.patience is None:
                raise
            raise TryAgain("gave no answer in time", uncertain=True) from None
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


class Honest(SimDestination):
    """One whose peer honours keys."""

    @property
    def honours_keys(self) -> bool:
        return True


class Forgetful(Honest):
    """One that sets no limit of its own."""

    patience = None


PARTS: dict[tuple[str, str], Any] = {
    ("sources", "fake"): SimSource,
    ("sources", "http"): SimSource,
    ("destinations", "blunt"): SimDestination,
    ("destinations", "honest"): Honest,
    ("destinations", "forgetful"): Forgetful,
}

WORDS = {"quick": ("honest",), "asking": ("forgetful",), "rows": ("honest", "blunt"), "plain": ("blunt",), "joining": ("honest",)}
"""The destinations of each channel. What `quick` is answered is remembered, and `joining` waits for it."""

AT = Place("channels/quick.yaml", 20)
BOOKINGS = "quick.bookings"
LONGEST_JOIN_SECONDS = 300.0


def recipes(world: World) -> dict[str, Recipe]:
    """The channels of this world, by name."""
    return {name: _recipe(world, name) for name in world.profile.channels}


def _recipe(world: World, name: str) -> Recipe:
    profile = world.settings
    common = DestinationCommon(
        after_refused="stop" if profile.stops else "continue", attempts=profile.attempts, for_at_most=profile.for_at_most
    )
    made = recipe(
        name,
        source_word="http" if profile.conflicts == "refuse" else "fake",
        source_settings=Wires(world=world),
        source_common=SourceCommon(answer=profile.answer, answer_within_seconds=profile.answer_within),
        keep=lambda tree, names: tree.get("poison") != "filter",
        enrich=QUESTIONS.get(name, ()),
    )
    words = {f"{word}_{n}": word for n, word in enumerate(WORDS[name])}
    destinations = {d: _destination(world, d, word, common, made) for d, word in words.items() if (name, d) != world.left_out}
    digest = hashlib.sha256(f"{name} {world.version}".encode()).hexdigest()
    return replace(made, destinations=destinations, digest=digest)


def _destination(world: World, name: str, word: str, common: DestinationCommon, made: Recipe) -> DestinationRecipe:
    first = name.endswith("_0")

    def mapping(document: Any, context: Any) -> Made:
        tree = document.tree
        poison = tree.get("poison")
        if poison == "bug_map":
            raise Poison
        if poison == "fault" or (poison == "half" and first):
            return Made((), (Fault("M201", "this value is in no table", "add it to the table"),))
        asked = context.get("beneficiary", context.get("booking", MISSING))
        made = {**tree, "asked": None if asked is MISSING else asked}
        return Made(tuple({**made, "part": part} for part in range(1, tree.get("parts", 1) + 1)))

    memory = None
    if made.name == "quick":
        memory = Memory(BOOKINGS, lambda _, names: names["patient"], lambda _, names: names["answer"]["took"], AT)
    return DestinationRecipe(name, word, Wires(world=world), common, made.format, mapping, memory=memory)


def _card(tree: Any, names: Any) -> Any:
    return tree.get("card", "none")


def _joins(tree: Any, names: Any) -> Any:
    return tree.get("joins", MISSING)


QUESTIONS = {
    "asking": (Enrichment("beneficiary", "npca/searchBeneficiary", {"card": _card}, None, 60.0, "hold", "reject"),),
    "joining": (
        Enrichment(
            "booking", "", {"key": _joins}, None, 0.0, "hold", "hold", recall=BOOKINGS, for_at_most_seconds=LONGEST_JOIN_SECONDS
        ),
    ),
}
"""What messages of a channel ask before they are mapped."""


def body_of(*trees: dict[str, Any]) -> bytes:
    """An intake of these messages, one a line."""
    return b"\n".join(msgspec.json.encode(tree) for tree in trees)
