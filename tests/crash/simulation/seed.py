"""Seed: one world from its beginning to its end, and what of its promises was broken."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import shutil
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import msgspec

from interpres.fault import Fault
from interpres.store.acts import ReplayRecord
from interpres.store.records import RunRecord
from interpres.store.sqlite import SqliteStore
from interpres.store.store import CannotStore
from tests.crash.checker import Effect, Evidence, check
from tests.crash.simulation.disasters import Disasters
from tests.crash.simulation.edges import Edge, walked
from tests.crash.simulation.peers import Arrived
from tests.crash.simulation.people import People
from tests.crash.simulation.senders import Sender
from tests.crash.simulation.stage import staged
from tests.crash.simulation.virtual import Stuck, VirtualLoop
from tests.crash.simulation.world import World
from tests.crash.snapshot import Snapshot, snapshot

LONGEST_SECONDS = 12 * 86_400.0
"""In so long a time, healed, everything has come to an end."""

MOST_TIDIES = 200
"""So often people let things go at the end."""

LOOK_SECONDS = 20.0


Runs = Mapping[int, tuple[RunRecord, ...]]
"""The runs of each message that has more than one, by its sequence."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What one seed came to. `broken` holds a sentence for each promise that did not hold; `lines` the last of its trace."""

    seed: int
    profile: str
    hash: str
    broken: tuple[str, ...]
    acknowledged: int
    crashes: int
    cuts: int
    steps: int
    seconds: float
    edges: Counter[Edge] = field(default_factory=Counter)
    lines: tuple[str, ...] = ()


def run_seed(seed: int, *, every_line: bool = False, honest: bool = True) -> Ran:
    """Run it; the same every time. `honest` off: the disk tells of syncs that it never does, and promises will break."""
    folder = Path(tempfile.mkdtemp(prefix="simulated-"))
    loop = VirtualLoop()
    world = World(seed, folder, loop)
    world.disk.honest = honest
    world.all_lines = [] if every_line else None
    story = _Story(world)
    gc.disable()
    try:
        asyncio.set_event_loop(loop)
        with staged(world), contextlib.closing(loop):
            story.run()
    finally:
        asyncio.set_event_loop(None)
        gc.enable()
        shutil.rmtree(folder)
    lines = world.all_lines if world.all_lines is not None else world.last_lines
    return Ran(
        seed,
        str(world.profile),
        world.hash,
        tuple(dict.fromkeys(world.broken)),
        len(world.acknowledged),
        world.machine.deaths,
        world.machine.cuts,
        loop.steps,
        loop.now - 1000.0,
        story.edges,
        tuple(lines) if world.broken or every_line else (),
    )


class _Story:
    """What happens in a world: senders, people and disasters side by side; then it is healed, and has to come to rest."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.over = False
        self.edges: Counter[Edge] = Counter()
        self.chance = world.draw("story")

    def run(self) -> None:
        """To the end, or to where nothing moves any more."""
        world = self.world
        try:
            world.loop.run_until_complete(self._told())
        except Stuck as stuck:
            world.expect(False, f"I2: {stuck}")
        except Exception as error:
            where = " ".join(f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)[-6:])
            world.expect(False, f"I12: the simulation itself ended with {type(error).__name__} at {where}")
        finally:
            world.loop.kill(world.machine.number)
            world.loop.kill(0)
            world.machine.let_go_of_files()

    async def _told(self) -> None:
        world = self.world
        supervisor = asyncio.create_task(self._supervise())
        senders = [Sender(world, number).run() for number in range(world.profile.senders)]
        checks = asyncio.create_task(self._checkpoints())
        people = People(world)
        looking_after = asyncio.create_task(people.run())
        await asyncio.gather(Disasters(world).run(), *senders, looking_after)
        checks.cancel()
        self._heal()
        await self._settle()
        for _ in range(MOST_TIDIES):
            if not await people.tidy_up():
                break
            await self._settle()
        else:
            world.expect(False, "I2: what people let go comes back again and again")
        await self._stop()
        await supervisor
        await self._check()

    async def _supervise(self) -> None:
        """Start the engine again whenever it ended."""
        while not self.over:
            await self.world.machine.start()
            await asyncio.sleep(self.chance.choice((0.1, 1.0, 30.0)))

    def _heal(self) -> None:
        world = self.world
        world.faulty = False
        world.machine.spare()
        world.disk.full, world.disk.failing_syncs = 0.0, 0
        world.trace("healed")

    async def _settle(self) -> None:
        """Until nothing is due."""
        end = self.world.loop.now + LONGEST_SECONDS
        while not await self._is_settled():
            if self.world.loop.now > end:
                self.world.expect(False, "I2: it never comes to rest")
                return
            await asyncio.sleep(LOOK_SECONDS)
        self.world.trace("settled")

    async def _is_settled(self) -> bool:
        engine = self.world.machine.engine
        if engine is None or not engine.listening or self.world.connections:
            return False
        try:
            if not await engine.is_idle():
                return False
            return all([not await engine.store.next_due_ms(name) for name in self.world.recipes])
        except (CannotStore, Fault, apsw.ConnectionClosedError):
            return False

    async def _stop(self) -> None:
        """A stop with peers that answer leaves nothing under way."""
        world, machine = self.world, self.world.machine
        self.over = True
        assert machine.engine is not None and machine.life is not None
        machine.engine.stop()
        left = await machine.life
        world.trace("left", left)
        clean = left is not None and not left.deliveries.keys() & {"sending", "uncertain", "unknown"}
        world.expect(clean, "I15: a stop with healthy peers left something under way")
        alive = [t for t in world.loop.tasks if t.machine == machine.number and not t.done()]
        world.expect(not alive, f"I15: {len(alive)} tasks of the engine live on after its end")

    # what must hold

    async def _checkpoints(self) -> None:
        """Now and then, in the midst of it all, the books agree."""
        while True:
            await asyncio.sleep(self.chance.expovariate(1 / 20.0))
            engine = self.world.machine.engine
            if engine is None or not engine.listening:
                continue
            try:
                faults = await engine.store.verify()
            except (CannotStore, Fault, apsw.ConnectionClosedError):
                continue
            self.world.trace("checkpoint", len(faults))
            for fault in faults:
                self.world.expect(False, f"I11: in the midst of it: {fault.code} {fault.says}")

    async def _check(self) -> None:
        store = SqliteStore(self.world.folder / "store.db", read_only=True)
        await store.open()
        try:
            held = await snapshot(store)
            replays = await store.replays()
            runs = {m.sequence: story.runs for m in held.messages if m.run and (story := await store.story(m.sequence))}
        finally:
            await store.close()
        self.edges = walked(held)
        evidence = Evidence(self.world.acknowledged, list(self._effects(held, runs)), self._places(), self.world.owes)
        sentences = [*check(held, evidence, settled=True), *_replayed(replays, runs), *_joined(held)]
        sentences += [f"I12: {trouble}" for trouble in self.world.loop.troubles]
        for sentence in sentences:
            self.world.expect(False, sentence)

    def _places(self) -> frozenset[str]:
        return frozenset(peer.place for peer in self.world.peers.values())

    def _effects(self, held: Snapshot, runs: Runs) -> Iterator[Effect]:
        """What arrived at the peers. Order is promised within the first run, and within each replay."""
        sequences = {m.id: m.sequence for m in held.messages}
        for peer in self.world.peers.values():
            for a in peer.arrived:
                sequence = sequences.get(a.message_id, 0)
                lane = a.lane if not a.run else _lane_of_run(a, runs.get(sequence, ()))
                yield Effect(a.key, a.what, lane, sequence * 1000 + a.part, a.place, a.digest)


def _lane_of_run(a: Arrived, runs: tuple[RunRecord, ...]) -> str:
    reasons = [r.reason for r in runs if r.number == a.run and r.kind == "replay"]
    return f"{a.lane} {reasons[0]}" if a.lane and reasons else ""


def _replayed(replays: Sequence[ReplayRecord], runs: Runs) -> Iterator[str]:
    """Every replay came to its end, and made one run of each message."""
    for replay in replays:
        if replay.state == "going":
            yield f"I2: {replay.reason} is still going"
    for sequence, of_message in runs.items():
        for reason, times in Counter(r.reason for r in of_message if r.kind == "replay").items():
            if times > 1:
                yield f"I3: message {sequence} was run {times} times by {reason}"


def _joined(held: Snapshot) -> Iterator[str]:
    """What was joined with something remembered was joined with its own."""
    for message in held.messages:
        if message.channel == "joining" and message.state == "processed" and not message.run:
            wanted = msgspec.json.decode(held.bodies[message.channel, message.intake])["joins"]
            if message.context.get("booking") != wanted:
                yield f"I7: message {message.sequence} was joined with something else than it asked for"
