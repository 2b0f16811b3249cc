"""Peers: the systems that the engine sends to and asks: they act, answer, lose, refuse, are slow or away."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from interpres.answer import Answer
from interpres.delivery import Outcome, Parcel
from interpres.fault import Fault, TryAgain
from tests.crash.simulation.channels import Poison

if TYPE_CHECKING:
    from tests.crash.simulation.world import World

AWAY_SECONDS = (5.0, 400.0)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A parcel that a peer acted on, or would have, had it not had its key before."""

    message_id: str
    key: str
    what: str
    lane: str
    run: int
    part: int
    place: str
    digest: bytes


class Peer:
    """What stands behind one destination; `honours` says that a key has one effect. Its time of being away comes and goes."""

    def __init__(self, world: World, place: str, honours: bool) -> None:
        self.world = world
        self.place = place
        self.honours = honours
        self.chance = world.draw(f"peer {place}")
        self.arrived: list[Arrived] = []
        self.had: set[str] = set()
        self.away_until = 0.0
        self.partition = False

    def request(self, parcel: Parcel) -> asyncio.Future[Any]:
        """Send a parcel; the future has an outcome or an exception for the destination to raise, or stays without an answer."""
        world, profile, chance = self.world, self.world.profile, self.chance
        reply: asyncio.Future[Any] = world.loop.create_future()
        if self._is_away():
            if self.partition:
                return reply  # nobody hears it
            world.after(world.latency(chance), self._answer, reply, TryAgain("cannot be reached"))
        elif not world.faulty or chance.random() >= profile.lost_requests:
            world.after(world.latency(chance), self._arrives, parcel, reply)
        return reply

    def _is_away(self) -> bool:
        world, chance = self.world, self.chance
        if world.faulty and world.loop.now > self.away_until and chance.random() < world.profile.away * 0.05:
            self.away_until = world.loop.now + chance.uniform(*AWAY_SECONDS)
            self.partition = chance.random() < 0.3
            world.trace("away", self.place, self.partition)
        return world.faulty and world.loop.now <= self.away_until

    def _arrives(self, parcel: Parcel, reply: asyncio.Future[Any]) -> None:
        """The request is here."""
        world, profile, chance = self.world, self.world.profile, self.chance
        tree = msgspec.json.decode(parcel.payload)
        wait = world.latency(chance)
        if world.faulty and chance.random() < profile.sick:
            after = chance.uniform(1.0, 900.0) if chance.random() < profile.retry_after else None
            return world.after(wait, self._answer, reply, TryAgain("answers 503", after_seconds=after))
        if tree.get("poison") in ("refuse", "hold"):
            state: Any = "refused" if tree["poison"] == "refuse" else "held"
            faults = (Fault("P400", "the agency does not take it", "see what it says"),)
            return world.after(wait, self._answer, reply, Outcome(state, "422", faults=faults))
        self._acts(parcel, tree)
        if world.faulty and chance.random() < profile.slow:
            wait += chance.uniform(1.0, 2000.0)
        if not world.faulty or chance.random() >= profile.lost_replies:
            world.after(wait, self._answer, reply, Outcome("delivered", "200", answer={"took": tree["n"]}))
        elif chance.random() < 0.5:
            world.after(wait, self._answer, reply, TryAgain("broke off its answer", uncertain=True))
        return None

    def _acts(self, parcel: Parcel, tree: Any) -> None:
        names = parcel.names
        again = parcel.key in self.had
        self.had.add(parcel.key)
        self.world.trace("effect", self.place, parcel.key, parcel.attempt, again)
        what = names["message_id"] if self.world.profile.answer == "delivered" else tree["n"]
        lane = tree.get("lane", "")
        digest = hashlib.sha256(parcel.payload).digest()
        run, part = int(names["run"]), int(names["part"])
        self.arrived.append(Arrived(names["message_id"], parcel.key, f"{what}/{part}", lane, run, part, self.place, digest))

    def _answer(self, reply: asyncio.Future[Any], outcome: Any) -> None:
        if not reply.done():
            reply.set_result(outcome)


class Agency:
    """Answers what messages ask, by their `card`; it runs in the engine's own tasks, for asking changes nothing."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.chance = world.draw("agency")
        self.away_until = 0.0

    async def call(self, call: str, parameters: Any = None) -> Answer:
        """One question."""
        world, chance = self.world, self.chance
        await asyncio.sleep(world.latency(chance))
        if world.faulty and world.loop.now > self.away_until and chance.random() < world.profile.away * 0.05:
            self.away_until = world.loop.now + chance.uniform(*AWAY_SECONDS)
        if world.faulty and (world.loop.now <= self.away_until or chance.random() < world.profile.sick):
            raise TryAgain("is away")
        card = parameters["card"]
        if card == "bug":
            raise Poison
        if card == "unknown":
            return Answer("missing", 404)
        if card == "wrong":
            return Answer("refused", 400, faults=(Fault("P400", "the card is not valid", "see the card"),))
        return Answer("delivered", 200, tree={"card": card})
