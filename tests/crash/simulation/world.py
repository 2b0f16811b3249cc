"""World: one seed's clock, disk, engine, senders and peers, and what of them is kept as evidence."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from interpres.channel import Recipe
from interpres.engine.reading import Reading
from interpres.message import Intake
from interpres.source import Receipt
from tests.crash.checker import Acknowledged
from tests.crash.simulation.channels import recipes
from tests.crash.simulation.disk import Disk
from tests.crash.simulation.machine import Machine
from tests.crash.simulation.peers import Agency, Peer
from tests.crash.simulation.profile import Profile, drawn
from tests.crash.simulation.virtual import VirtualLoop

BEGIN_MS = 1_800_000_000_000
KEPT_LINES = 400


class World:
    """Everything that one seed makes. While it is `faulty` its profile's faults befall it."""

    def __init__(self, seed: int, folder: Path, loop: VirtualLoop) -> None:
        self.seed = seed
        self.folder = folder
        self.loop = loop
        self.profile: Profile = drawn(self.draw("profile"))
        self.faulty = True
        self.jumped_ms = 0
        self.acknowledged: list[Acknowledged] = []
        self.broken: list[str] = []
        self.last_lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.all_lines: list[str] | None = None
        self._hash = hashlib.sha256()
        self._chance = self.draw("latency")
        self.disk_name = f"simulated-{seed}"
        self.disk = Disk(self.disk_name, self.draw("disk"))
        self.listening: dict[str, Callable[[Intake, asyncio.Future[Receipt | None]], None]] = {}
        self.connections: dict[asyncio.Future[Receipt | None], str] = {}
        self.agency = Agency(self)
        self.version = 1
        self.settings = self.profile
        """The profile, with what was edited of the channels since."""
        self.left_out: tuple[str, str] | None = None
        """A channel and its destination that somebody took away."""
        self.recipes = recipes(self)
        self.owes: dict[str, frozenset[str]] = {}
        """What every processed message of a channel owes, by whatever version of its recipe."""
        self._owed_always()
        self.peers = {
            (name, destination): Peer(self, f"{name}/{destination}", recipe.word != "blunt")
            for name, channel in self.recipes.items()
            for destination, recipe in channel.destinations.items()
        }
        self.machine = Machine(self)
        loop.after_each = self.machine.look
        loop.read_delay = lambda: self._chance.random() * self.profile.read

    # chance and time

    def draw(self, what: str) -> random.Random:
        """A stream of chance of its own for each thing, so that more of one leaves the others as they are."""
        return random.Random(f"{self.seed} {what}")

    def wall_ms(self) -> int:
        """What a clock on the wall says."""
        return BEGIN_MS + self.jumped_ms + int(self.loop.now * 1000)

    def latency(self, chance: random.Random) -> float:
        """How long something takes on the network, in seconds."""
        return self.profile.latency * (0.5 + chance.random())

    def commit_delay(self) -> float:
        """How long the disk takes until the writer has its turn."""
        return self.profile.commit * (0.5 + self._chance.random())

    def after(self, seconds: float, do: Callable[..., Any], *what: Any) -> None:
        """The world does this then, whatever machine asked for it and whether or not it still lives."""
        self.loop.call_later(seconds, do, *what, context=self.loop.on(0))

    # what the workspace says

    def change_recipes(self, chance: random.Random) -> None:
        """Somebody edits the workspace; a destination may leave it."""
        self.version += 1
        self.settings = replace(self.settings, stops=chance.random() < 0.3, attempts=chance.choice((0, 0, 1, 3)))
        self.left_out = ("rows", chance.choice(("honest_0", "blunt_1"))) if chance.random() < 0.3 else None
        self.recipes = recipes(self)
        self._owed_always()

    def restore_recipes(self) -> None:
        """Every destination is there again."""
        self.version += 1
        self.left_out = None
        self.recipes = recipes(self)

    def _owed_always(self) -> None:
        for name, recipe in self.recipes.items():
            self.owes[name] = self.owes.get(name, frozenset(recipe.destinations)) & recipe.destinations.keys()

    async def read_anew(self, running: Mapping[str, Recipe]) -> Reading:
        """The workspace as it is now."""
        await asyncio.sleep(self.latency(self._chance))
        return Reading(self.recipes)

    # what is told

    def trace(self, *words: Any) -> None:
        """One line of what happened; the hash over all of them is the run's."""
        line = " ".join([f"{self.loop.now:.6f}", *map(str, words)])
        self._hash.update(line.encode() + b"\n")
        self.last_lines.append(line)
        if self.all_lines is not None:
            self.all_lines.append(line)

    @property
    def hash(self) -> str:
        """What two runs of a seed have in common."""
        return self._hash.hexdigest()

    def expect(self, holds: bool, sentence: str) -> None:
        """A promise that must hold here and now."""
        if not holds:
            self.broken.append(sentence)
            self.trace("BROKEN", sentence)

    # the way in

    def connect(self, intake: Intake) -> asyncio.Future[Receipt | None] | None:
        """Hand an intake over; its receipt comes, or None when the machine dies. None where nobody listens."""
        take = self.listening.get(intake.channel)
        if take is None:
            return None
        reply: asyncio.Future[Receipt | None] = self.loop.create_future()
        self.connections[reply] = intake.channel
        reply.add_done_callback(lambda done: self.connections.pop(done, None))
        self.after(self.latency(self._chance), self._arrives, intake, reply)
        return reply

    def _arrives(self, intake: Intake, reply: asyncio.Future[Receipt | None]) -> None:
        take = self.listening.get(intake.channel)
        if reply.done():
            return
        if take is None:
            reply.set_result(None)
        else:
            self.trace("intake", intake.channel, intake.envelope["identity"])
            take(intake, reply)

    def hang_up(self) -> None:
        """The machine is gone: nobody who waits for it will be answered."""
        self.listening.clear()
        for reply in tuple(self.connections):
            if not reply.done():
                reply.set_result(None)
