"""Machine: the computer that the engine runs on: started, stopped, killed, and started again until the end."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from interpres.engine import Engine, Event, Left
from interpres.fault import Fault
from interpres.store.sqlite import SqliteStore
from interpres.store.store import CannotStore
from tests.crash.simulation.clock import SimClock
from tests.crash.simulation.virtual import Stuck

if TYPE_CHECKING:
    from tests.crash.simulation.world import World

MOST_REFUSALS = 200
"""So often in a row an engine in trouble may fail to start."""


class Machine:
    """`number` counts its lives from 1. A supervisor in the world starts the engine again whenever it has ended."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.number = 0
        self.engine: Engine | None = None
        self.store: SqliteStore | None = None
        self.life: asyncio.Future[Left | None] | None = None
        self.refusals = 0
        self.is_up = False
        self.asking: dict[asyncio.Future[Any], int] = {}
        self.dies_at_step = 0
        self.doomed = False
        self.how = "crash"
        self.deaths = 0
        self.cuts = 0

    # alive

    def start(self) -> asyncio.Future[Left | None]:
        """A new life; its future has what the engine left when it was stopped, None where it died or could not start."""
        world = self.world
        self.number += 1
        world.disk.alive = True
        clock = SimClock(world)
        self.store = SqliteStore(world.folder / "store.db", clock=clock, vfs=world.disk_name)
        chance = world.draw(f"jitter {self.number}")
        self.engine = Engine(
            world.recipes,
            self.store,
            world.agency,
            world.folder,
            world.folder,
            clock=clock,
            observer=self._seen,
            chance=chance.random,
            anew=world.read_anew,
        )
        self.life = world.loop.create_future()
        world.trace("start", self.number)
        world.loop.create_task(self._live(self.engine, self.life), context=world.loop.on(self.number))
        return self.life

    async def _live(self, engine: Engine, life: asyncio.Future[Left | None]) -> None:
        left = None
        try:
            await engine.start()
            self.refusals, self.is_up = 0, True
            self.world.trace("started", self.number)
            left = await engine.run()
        except Fault as refused:
            self.refusals += 1
            self.world.trace("cannot start", refused.code)
        except Exception as error:
            self._bug(error, "running")
        self.is_up = False
        if not life.done():
            life.set_result(left)

    def _bug(self, error: Exception, while_: str) -> None:
        """An exception that nobody should have let go; of a dead machine these are its last words."""
        if self.number not in self.world.loop.dead:
            frames = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)][-6:]
            self.world.expect(False, f"I12: {while_} ended with {type(error).__name__} at {' '.join(frames)}")

    def _seen(self, event: Event) -> None:
        self.world.trace(event.kind, event.message_id, event.state, event.destination, event.part, event.tries, *event.codes)

    # asked

    async def asked(self, work: Callable[[Engine], Coroutine[Any, Any, Any]]) -> Any:
        """Have the engine do this, in a task of its own; what came of it. None where it is not there, or dies meanwhile."""
        engine = self.engine
        if engine is None or not self.is_up:
            return None
        reply: asyncio.Future[Any] = self.world.loop.create_future()
        self.asking[reply] = self.number
        reply.add_done_callback(lambda done: self.asking.pop(done, None))
        self.world.loop.create_task(self._do(work, engine, reply), context=self.world.loop.on(self.number))
        return await reply

    async def _do(self, work: Callable[[Engine], Coroutine[Any, Any, Any]], engine: Engine, reply: asyncio.Future[Any]) -> None:
        try:
            done = await work(engine)
        except (CannotStore, Fault) as refused:
            done = str(refused)
        except Exception as error:
            self._bug(error, work.__name__)
            done = None
        if not reply.done():
            reply.set_result(done)

    # dying

    def look(self) -> None:
        """Between two callbacks: is this the moment?"""
        if self.dies_at_step and self.world.loop.steps >= self.dies_at_step:
            self.doomed = True
        if self.doomed:
            self.die()
        if self.refusals > MOST_REFUSALS:
            raise Stuck("the engine cannot be started any more")

    def spare(self) -> None:
        """Whatever was to come: it lives on."""
        self.doomed, self.dies_at_step, self.world.disk.dies_at = False, 0, 0

    def die_at_step(self, steps: int, how: str) -> None:
        """Die between two callbacks, so many from now."""
        self.how = how
        self.dies_at_step = self.world.loop.steps + steps

    def die_at_operation(self, operations: int, how: str) -> None:
        """Die in the midst of something that is written to disk, so many operations from now."""
        self.how = how
        self.world.disk.dies_at = self.world.disk.operations + operations
        self.world.disk.died = self._doom

    def _doom(self) -> None:
        self.doomed = True

    def die(self) -> None:
        """Everything that ran is gone at once; with the power, some of what was not synced as well."""
        world = self.world
        self.spare()
        if self.life is None or self.life.done():
            return
        cut = self.how == "cut"
        world.trace("cut" if cut else "crash", self.number)
        self.deaths += not cut
        self.cuts += cut
        world.disk.alive = False
        world.loop.kill(self.number)
        self.let_go_of_files()
        if cut:
            world.disk.cut()
        world.hang_up()
        self.is_up = False
        for reply in tuple(self.asking):
            if not reply.done():
                reply.set_result(None)
        if not self.life.done():
            self.life.set_result(None)

    def let_go_of_files(self) -> None:
        """Every connection and the lock, as the end of a process does."""
        folder = str(self.world.folder)
        for db in apsw.connections():
            if db.filename.startswith(folder):
                with contextlib.suppress(apsw.Error):  # what a dead disk says at the end
                    db.close(True)
        assert self.store is not None
        self.store._lock.release()
