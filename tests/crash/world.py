"""World: what stands outside the engine and outlives it: senders that insist, destinations that remember, and what both saw.

What they saw is told in lines, `yes` for an answer and `got` for an arrival, which a life writes into a pipe as it happens.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final

from interpres.delivery import Outcome, Parcel
from interpres.destination import Destination
from interpres.fault import Fault, TryAgain
from interpres.message import Intake
from interpres.source import Accept, Receipt
from tests.crash.checker import Acknowledged, Effect
from tests.crash.ending import Ending
from tests.engine.fakes import FakeSource, Nothing

AGAIN_SECONDS: Final = 0.002


def body_of(seed: int, lane: str, order: int) -> bytes:
    """What a sender sends: the same for the same seed; some are long, some are not."""
    filling = "ស្រី" * random.Random(f"{seed}-{lane}-{order}").choice((0, 1, 20, 400))
    return f'{{"patient": "{lane}-{order}", "lane": "{lane}", "order": {order}, "name": "{filling}"}}'.encode()


@dataclass(slots=True)
class Seen:
    """What the world saw in all lives so far."""

    answered: dict[tuple[str, str], int] = field(default_factory=dict)
    """The order of the last yes in each (channel, lane)."""
    arrivals: list[Effect] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def hear(self, lines: Iterable[str]) -> None:
        """Take in what a life told. A line that was cut off is none."""
        for line in lines:
            if not line.endswith("\n"):
                continue
            word, *rest = line.rstrip("\n").split("\t")
            if word == "yes":
                channel, lane, order = rest
                self.answered[channel, lane] = int(order)
            elif word == "got":
                key, what, lane, order, destination, digest = rest
                self.arrivals.append(Effect(key, what, lane, int(order), destination, bytes.fromhex(digest)))
            else:
                self.notes.append(line.rstrip("\n"))

    def acknowledged(self, seed: int) -> list[Acknowledged]:
        """Every yes, each with what was sent: in a lane they come in order."""
        return [
            Acknowledged(channel, body_of(seed, lane, order), lane, order)
            for (channel, lane), last in self.answered.items()
            for order in range(last + 1)
        ]


@dataclass(slots=True)
class Life:
    """One life of an engine: where it lives, what it was born knowing of the world, and how it may end."""

    place: Path
    seed: int
    seen: Seen
    ending: Ending = field(default_factory=Ending)
    pipe: int = -1
    """Where it tells what happens, so that it is known also when it ended; the last life needs none."""
    number: int = 0

    def tell(self, *words: object) -> None:
        """One line, and where it is an answer the life may end in the middle of it."""
        line = "\t".join(map(str, words)) + "\n"
        self.seen.hear([line])
        if self.pipe < 0:
            return
        half = len(line) // 2
        self.ending.told(os.write, self.pipe, line[:half].encode())
        if words[0] == "yes":
            self.ending.reached("R4-answer-half-out")
        self.ending.told(os.write, self.pipe, line[half:].encode())


@dataclass(frozen=True, slots=True)
class Mood:
    """How often a destination is away, how often its answer is lost after it acted, how often it refuses (0 to 1)."""

    away: float = 0.1
    answer_lost: float = 0.05
    refuses: float = 0.0


class Feed(FakeSource):
    """Takes what senders hand in, and as a good source does, ends with nothing in hand: what came too late is answered no."""

    async def open(self) -> str:
        self.in_hand = 0
        self.closed = False
        return await super().open()

    async def run(self, accept: Accept) -> None:
        async def counted(intake: Intake) -> Receipt:
            if self.closed:
                return Receipt(stored=False, cannot_store=True)
            self.in_hand += 1
            try:
                return await accept(intake)
            finally:
                self.in_hand -= 1

        await super().run(counted)

    async def close(self) -> None:
        self.closed = True
        while self.in_hand:
            await asyncio.sleep(AGAIN_SECONDS)


class Sink(Destination):
    """A destination that honours keys, in the mood that its story gives it."""

    Settings = Nothing
    life: ClassVar[Life]
    honours_keys = True
    moods: ClassVar[Mapping[str, Mood]] = {}

    async def send(self, parcel: Parcel) -> Outcome:
        ending, name = self.life.ending, self.target.destination
        ending.reached("D1-connected")
        draw = random.Random(f"{self.life.seed}-{parcel.key}-{parcel.attempt}").random()
        mood = self.moods.get(name, Mood())
        if draw < mood.away:
            raise TryAgain("it is away")
        if draw > 1 - mood.refuses:
            return Outcome("refused", "422", faults=(Fault("N300", "it will not have it", "see why"),))
        await asyncio.sleep(0)
        ending.reached("D2-half-sent")
        lane, order = parcel.names["patient"].rsplit("-", 1)
        what = f"{parcel.names['channel']} {lane}-{order} {parcel.names['part']}"
        digest = hashlib.sha256(parcel.payload).hexdigest()
        self.life.tell("got", parcel.key, what, lane, order, f"{parcel.names['channel']}/{name}", digest)
        ending.reached("D3-reply-pending")
        await asyncio.sleep(0)
        if draw < mood.away + mood.answer_lost:
            raise TryAgain("its answer was lost", uncertain=True)
        ending.reached("D4-reply-not-recorded")
        return Outcome("delivered", "200")


class UnkeyedSink(Sink):
    """One that would act twice."""

    honours_keys = False


async def insist(life: Life, accept: Accept, channel: str, lane: str, count: int) -> None:
    """A sender: each message until it is answered yes, and only then the next; what it was not told of it sends again."""
    for order in range(life.seen.answered.get((channel, lane), -1) + 1, count):
        intake = Intake(channel, body_of(life.seed, lane, order), {"identity": f"{lane}-{order}"})
        life.ending.reached("R1-bytes-in")
        while not (await accept(intake)).accepted:
            await asyncio.sleep(AGAIN_SECONDS)
        life.ending.reached("R3-synced-not-answered")
        life.tell("yes", channel, lane, order)
        life.ending.reached("R5-answered")


async def insist_all(life: Life, accept: Accept, channel: str, lanes: Sequence[str], count: int) -> None:
    """Several senders side by side, each with a lane of its own."""
    await asyncio.gather(*(insist(life, accept, channel, lane, count) for lane in lanes))


def names_of(tree: Any) -> dict[str, Any]:
    """What a payload says of its message: who it is of, and where it stands in its lane."""
    return {"patient": tree["patient"], "order": tree["order"]}
