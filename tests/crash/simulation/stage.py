"""Stage: what is put in the place of threads, chance and parts while a world runs, and taken away after."""

from __future__ import annotations

import random
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import structlog

from interpres import catalog
from interpres.store.sqlite import opening, readers, seen, writer
from tests.crash.simulation.channels import PARTS, Poison
from tests.crash.simulation.threads import stand_ins
from tests.crash.simulation.virtual import MACHINE
from tests.crash.simulation.world import World

SEEN_BITS = 1 << 12
"""So small that intakes are now and then taken for others that were seen."""


class _Secrets:
    """Secrets that are none."""

    def __init__(self, chance: random.Random) -> None:
        self.token_bytes = chance.randbytes


@contextmanager
def staged(world: World) -> Iterator[None]:
    """The engine meets this world, and nothing else."""
    real = catalog.part
    stands = stand_ins(world.commit_delay)
    with ExitStack() as stack:
        stack.enter_context(patch.object(catalog, "part", lambda room, name: PARTS.get((room, name)) or real(room, name)))
        stack.enter_context(patch.object(writer, "threading", stands["threading"]))
        stack.enter_context(patch.object(writer, "queue", stands["queue"]))
        stack.enter_context(patch.object(readers, "ThreadPoolExecutor", stands["pool"]))
        stack.enter_context(patch.object(writer, "CHECKPOINT_PAGES", world.profile.checkpoint_pages))
        stack.enter_context(patch.object(opening, "secrets", _Secrets(world.draw("salt"))))
        stack.enter_context(patch.object(seen, "BITS", SEEN_BITS))
        stack.enter_context(patch.object(seen, "MASK", SEEN_BITS - 1))
        stack.enter_context(_listening_to_logs(world))
        try:
            yield
        finally:
            world.disk.unregister()


@contextmanager
def _listening_to_logs(world: World) -> Iterator[None]:
    """What the engine logs goes into the trace; a bug of ours that is not meant breaks the run."""

    def listen(logger: Any, method: str, told: MutableMapping[str, Any]) -> Any:
        if MACHINE.get() in world.loop.dead:
            raise structlog.DropEvent  # last words
        words = (f"{name}={value}" for name, value in sorted(told.items()) if name != "where")
        world.trace("log", *words)
        if told.get("event") == "own bug" and told.get("kind") != Poison.__name__:
            world.expect(False, f"I12: {told.get('kind')} while {told.get('while_')} ({' '.join(told.get('where', ()))})")
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(
        processors=[listen], wrapper_class=structlog.make_filtering_bound_logger(0), cache_logger_on_first_use=False
    )
    try:
        yield
    finally:
        structlog.configure(**before)
