"""Pruning in the SQLite store: no trace is left, the file gets smaller, the chain holds, and no power cut does harm."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from interpres.clock import Clock
from interpres.fault import Fault
from interpres.store.acts import Act, Rerun
from interpres.store.changes import Arrival, Awaits, NewMessage, Remembered, Worked
from interpres.store.fingerprint import identity_number
from interpres.store.reads import Search
from interpres.store.sqlite import SqliteStore, connection
from tests.store.power_cut import Power
from tests.store.test_prune import ALL, CONTENT, OLD_MS, delivered, prune
from tests.store.words import arrival, claim, owed, processed, run, settled

SECRET = "a patient's"
LONG = random.Random(1).randbytes(5_500_000)
NEW_MS = 1_800_000_000_000
SEARCH = Search(limit=1000)
POINTS = 25

EMPTY = "message intake delivery attempt run act acted cause trouble awaited replay replaying remembered keytail body gone waste"


class Then(Clock):
    """The time of what is old: what the journal has is as old as its messages."""

    def wall_ms(self) -> int:
        return OLD_MS

    def steady_ms(self) -> int:
        return OLD_MS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def make(file: Path) -> Callable[[], SqliteStore]:
    return lambda: SqliteStore(file, clock=Then())


def asked(file: Path, query: str) -> Any:
    with contextlib.closing(connection.reader(file)) as db:
        return db.execute(query).get


def change(file: Path, statement: str) -> None:
    with apsw.Connection(str(file)) as db:
        db.execute(statement)
    db.close()


async def everything(store: Any) -> None:
    """One of each thing that seven messages may leave in a table."""
    fault = Fault("M201", "no such code", "add it", value=SECRET)
    await delivered(store, b"plain", keys={"visit": "V1"}, identity=identity_number("visits", "42"))
    (one,) = await store.accept(arrival(store, b"refused", processed(owed(send_now=True)), lane="R", at_ms=OLD_MS))
    value = Remembered("visits", "V1", {"number": 42})
    await store.settle(settled(one.delivery, "refused", faults=(fault,), remembered=(value,)))
    await store.rerun(Rerun("edit", "night shift", "a typing slip", (one.sequence,), body=b"as it should be"))
    await store.process([Worked(one.sequence, processed(owed(SECRET.encode()), context={"asked": SECRET}))])
    replay = await store.begin_replay("night shift", "once more", (1,), {})
    await store.rerun(Rerun("replay", "night shift", "once more", (1,), as_it_was=True, replay=replay))
    for again in (await store.claim(claim(10))).claimed:
        await store.settle(settled(again.delivery, "delivered", tries=again.tries, answer={"name": SECRET}))
    rejected = arrival(store, b"rejected", processed(state="rejected", faults=(fault,)), lane="H", at_ms=OLD_MS)
    await store.accept(rejected)
    row = b"a row of a table;" * 20_000
    first = store.reserve(2)
    rows = tuple(
        NewMessage(first + n, len(row) * n, len(row), hashlib.sha256(row).digest(), n, processed=processed(state="filtered"))
        for n in range(2)
    )
    await store.accept(Arrival("visits", OLD_MS, row + row, hashlib.sha256(row + row).digest(), rows))
    await store.accept(arrival(store, LONG, processed(state="filtered"), lane=None, at_ms=OLD_MS))
    waits = processed(state="held", awaits=(Awaits("visits", "V2", OLD_MS),))
    waiting = arrival(store, b"waits", waits, lane="W", at_ms=OLD_MS)
    await store.accept(waiting)
    seen_to = tuple(a.messages[0].sequence for a in (rejected, waiting))
    await store.act(Act("drop", "night shift", "known", (), seen_to))


def test_every_trace_is_every_trace(file: Path, make: Callable[[], SqliteStore]) -> None:
    async def story(store: Any) -> None:
        await everything(store)
        assert asked(file, "select count(*) from run") >= 3
        done = await prune(store, ALL)
        assert done.metadata == 7

    run(make, story)
    with contextlib.closing(connection.reader(file)) as db:
        held = {table: db.execute(f"select count(*) from {table}").get for table in EMPTY.split()}
    assert held == dict.fromkeys(EMPTY.split(), 0)
    assert asked(file, "select count(*) from journal") <= 3, "rows that count what was pruned, and the last"
    assert asked(file, "select count(*) from gap") <= 3
    assert SECRET.encode() not in file.read_bytes() or asked(file, "pragma freelist_count") == 0


def test_content_is_all_that_was_somebodys(file: Path, make: Callable[[], SqliteStore]) -> None:
    """Bytes, payloads, answers, contexts, and the values in faults: of run, delivery and attempt too."""

    async def story(store: Any) -> None:
        await everything(store)
        await prune(store, CONTENT)
        told = await store.story(2)
        assert [f.value for d in told.deliveries for a in d.attempts for f in a.faults] == [None]
        assert {f.code for d in told.deliveries for f in d.faults} <= {"M201"}

    run(make, story)
    assert asked(file, "select count(*) from body") == 0
    with contextlib.closing(connection.reader(file)) as db:
        for table in ("message", "delivery", "attempt", "run"):
            assert SECRET not in repr(db.execute(f"select * from {table}").fetchall()), table
        contexts = (
            "select count(*) from (select context from message union all select context from run) where context is not null"
        )
        assert db.execute(contexts).get == 0
        assert db.execute("select count(*) from delivery where answer is not null or names is not null").get == 0


def test_the_file_gets_smaller_and_nothing_in_it_is_free(file: Path, make: Callable[[], SqliteStore]) -> None:
    async def story(store: Any) -> None:
        for _ in range(30):
            await store.accept(arrival(store, os.urandom(400_000), processed(state="filtered"), lane=None, at_ms=OLD_MS))
        kept = await delivered(store, b"new", NEW_MS)
        before = await store.size()
        done = await prune(store, CONTENT)
        assert done.freed_bytes >= 30 * 400_000
        after = await store.size()
        assert (after.free_bytes, after.log_bytes) == (0, 0)
        assert file.stat().st_size < 1_000_000 < 12_000_000 < before.total_bytes
        assert (await store.message(kept)).body == b"new"

    run(make, story)


@pytest.mark.parametrize(
    ("statement", "codes"),
    [
        ("update tally set n = n + 1 where state = 'pruned' and destination = 0", ["E125"]),
        ("update gap set chain = zeroblob(32)", ["E127"]),
        ("delete from gap", ["E127"]),
        ("update message set digest = zeroblob(32) where id = 2", ["E127"]),
        ("update journal set digests = zeroblob(32) where digests is not null", ["E127"]),
        (
            "delete from delivery where message = 2; update tally set n = n - 1 where destination and state = 'delivered'",
            ["E126", "E127"],
        ),
    ],
)
def test_nothing_can_be_removed_and_called_pruned(file: Path, statement: str, codes: list[str]) -> None:
    """One transaction brought what was pruned and what was not; before and after it rows went."""
    clock = Then()

    async def story(store: Any) -> None:
        await delivered(store, b"old")
        old, new = (
            arrival(store, b, processed(state="filtered"), lane=None, at_ms=at) for b, at in ((b"a", OLD_MS), (b"b", NEW_MS))
        )
        await asyncio.gather(store.accept(old), store.accept(new))
        await delivered(store, b"new", NEW_MS)
        await prune(store, ALL)

    run(lambda: SqliteStore(file, clock=clock), story)
    if "message = 2" in statement or "id = 2" in statement:
        statement = statement.replace(" 2", f" {asked(file, 'select max(id) from message')}")
    assert asked(file, "select count(*) from gap") and asked(file, "select count(*) from journal where digests is not null")
    change(file, statement)

    async def proof() -> list[str]:
        store = SqliteStore(file, read_only=True)
        await store.open()
        try:
            return [f.code for f in await store.verify()]
        finally:
            await store.close()

    found = asyncio.run(proof())
    assert found == codes


# the power goes off


def cut_at(file: Path, point: int, chance: random.Random) -> int:
    """Prune until the power goes off at that operation; after how many operations it was done, 0 where the power went before."""
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            power = Power(point, chance)
            asyncio.run(until_cut(file))
            file.with_suffix(".operations").write_text(str(point - power.left))
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9)
    return 0 if status else int(file.with_suffix(".operations").read_text())


async def until_cut(file: Path) -> None:
    store = SqliteStore(file, vfs="power", clock=Then())
    await store.open()
    await prune_quietly(store)
    await store.close()


async def prune_quietly(store: Any) -> None:
    async for _ in store.prune(ALL):
        pass


async def fills(store: Any) -> None:
    await everything(store)
    for n in range(60):
        await delivered(store, b"old %d" % n)
    await delivered(store, b"new", NEW_MS)


async def goes_on(store: Any) -> None:
    """It is whole as the cut left it, and the next round ends what that one began."""
    assert await store.verify() == ()
    (new, *_) = await store.find(SEARCH)
    assert (await store.message(new.sequence)).body == b"new"
    await prune_quietly(store)
    assert [r.sequence for r in await store.find(SEARCH)] == [new.sequence]


@pytest.mark.slow
def test_a_power_cut_at_any_point_leaves_a_store_that_verifies_and_goes_on(tmp_path: Path) -> None:
    chance = random.Random(20261121)
    model = tmp_path / "model.db"
    run(lambda: SqliteStore(model, clock=Then()), fills)
    whole = tmp_path / "whole.db"
    whole.write_bytes(model.read_bytes())
    operations = cut_at(whole, 1 << 30, chance)
    for number, point in enumerate(sorted(chance.sample(range(1, operations), POINTS))):
        file = tmp_path / f"{number}.db"
        file.write_bytes(model.read_bytes())
        assert cut_at(file, point, chance) == 0, f"point {point} of {operations}"
        run(lambda file=file: SqliteStore(file, clock=Then()), goes_on)  # type: ignore[misc]
        assert asked(file, "select count(*) from body") == 2, "bytes that nothing names would stay for ever"
        assert asked(file, "select count(*) from gone") == asked(file, "select count(*) from waste") == 0
        file.unlink()
