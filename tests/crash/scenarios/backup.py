"""Backup: the store is copied beside the engine; a copy that bears its name is whole, with what was answered yes before it."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from interpres.channel import Recipe
from interpres.engine import Engine
from interpres.store.sqlite import SqliteStore
from interpres.store.sqlite.backup import backup
from interpres.store.sqlite.restore import restore
from tests.crash.checker import Evidence, check
from tests.crash.scenario import Scenario, channel
from tests.crash.snapshot import Snapshot, snapshot
from tests.crash.world import Life, Seen


class Backup(Scenario):
    steps = ("M4",)

    def recipes(self, life: Life) -> tuple[Recipe, ...]:
        return (channel(to=("npca",)),)

    async def load(self, life: Life, engine: Engine) -> None:
        """Copies beside the senders."""
        sending = asyncio.create_task(self.send_all(life))
        for _ in range(2):
            await engine.shift.clock.sleep(1)
            name = f"copy-{secrets.token_hex(4)}"
            life.tell("copied", name, *(f"{lane}={order}" for (_, lane), order in life.seen.answered.items()))
            await asyncio.to_thread(backup, life.place / "var" / "store.db", life.place / name)
            life.ending.reached("M4-copied")
        await sending
        await self.rest(engine)

    def judged(self, life: Life, held: Snapshot) -> list[str]:
        told = super().judged(life, held)
        for note in life.seen.notes:
            word, *rest = note.split("\t")
            if word == "copied" and (life.place / rest[0]).exists():
                told += _restored(life, rest[0], rest[1:])
        return told


def _restored(life: Life, name: str, before: list[str]) -> Iterator[str]:
    """What is wrong with the copy once it stands where a store would."""
    place = life.place / f"restored-{secrets.token_hex(4)}" / "store.db"
    restore(life.place / name, place)
    held = _opened(place)
    yield from (f"{told} (in a copy)" for told in check(held, Evidence(), settled=False))
    there = {hashlib.sha256(body).digest() for body in held.bodies.values()}
    answered = {("visits", lane): int(order) for lane, _, order in (word.partition("=") for word in before)}
    for yes in Seen(answered).acknowledged(life.seed):
        if hashlib.sha256(yes.body).digest() not in there:
            yield f"I1: a copy lacks order {yes.order} of lane {yes.lane}, which was acknowledged before it was begun"


def _opened(place: Path) -> Snapshot:
    async def look() -> Snapshot:
        store = SqliteStore(place)
        await store.open()
        try:
            return await snapshot(store)
        finally:
            await store.close()

    return asyncio.run(look())
