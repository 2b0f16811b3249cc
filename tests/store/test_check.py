"""What a store takes and whether it is whole can be asked of every implementation, and what was damaged is found."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from interpres.store.changes import Cutoff, Pruning
from interpres.store.sqlite import SqliteStore
from interpres.store.sqlite.check import check
from interpres.store.store import Store
from tests.store.words import arrival, owed, processed, run, settled

Make = Callable[[], Store]


def test_a_store_tells_how_much_it_takes(make: Make) -> None:
    async def story(store: Store) -> None:
        before = await store.size()
        noise = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(10_000))
        await store.accept(arrival(store, noise, processed(state="filtered")))
        after = await store.size()
        assert after.total_bytes - before.total_bytes >= len(noise)
        assert 0 <= after.log_bytes < after.total_bytes and 0 <= after.free_bytes < after.total_bytes

    run(make, story)


# what was damaged


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite"


async def fills(store: Store) -> None:
    """A delivered message, one that is refused, one of many pieces, and one whose content was pruned."""
    for n, state in enumerate(("delivered", "refused")):
        (one,) = await store.accept(
            arrival(store, b"message %d" % n, processed(owed(b"payload %d" % n, send_now=True)), lane=state)
        )
        await store.settle(settled(one.delivery, state, answer={"number": 42}))
    await store.accept(arrival(store, bytes(range(256)) * 10_000, processed(state="filtered"), lane=None))
    await store.accept(arrival(store, b"old", processed(state="filtered"), lane=None, at_ms=5))
    async for _ in store.prune(Pruning({"visits": Cutoff(content_ms=6)})):
        pass


def change(file: Path, statement: str) -> None:
    with apsw.Connection(str(file)) as db:
        db.execute(statement)
    db.close()


def test_a_whole_store_is_whole_and_says_what_was_looked_at(file: Path) -> None:
    run(lambda: SqliteStore(file), fills)
    found = check(file)
    assert (found.messages, found.deliveries, found.pruned, found.read, found.faults) == (4, 2, 1, 0, [])
    told: list[tuple[int, int]] = []
    found = check(file, deep=True, progress=lambda done, of: told.append((done, of)))
    assert (found.read, found.read_bytes, found.faults) == (5, 9 * 4 + 2_560_000, []) and told == [(4, 4)]


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("update body set codec = 0, z = zeroblob(9) where id = 1", ["the message cannot be read as it was stored"]),
        ("update body set z = zeroblob(20) where id = 4", ["the payload for npca cannot be read as it was stored"]),
        ("delete from body where id = 6", ["the message cannot be read as it was stored"]),
        ("update delivery set answer = zeroblob(5) where id = 1", ["what became of it cannot be read as it was stored"]),
    ],
)
def test_what_was_damaged_is_named_with_its_message(file: Path, statement: str, says: list[str]) -> None:
    run(lambda: SqliteStore(file), fills)
    change(file, statement)
    assert check(file).faults == [], "that takes --deep"
    found = check(file, deep=True).faults
    assert [f.says for f in found] == says
    assert {f.code for f in found} == {"E151"} and all(f.source.startswith("message 01") and "backup" in f.hint for f in found)


def test_pages_that_were_damaged_are_found(file: Path) -> None:
    run(lambda: SqliteStore(file), fills)
    with file.open("r+b") as opened:
        opened.seek(4096 * 20)
        opened.write(b"\xff" * 4096 * 6)
    for deep in (False, True):
        found = check(file, deep=deep).faults
        assert found and {f.code for f in found} == {"E150"}
        assert all("restore" in f.hint for f in found)


def test_rows_that_are_gone_are_found(file: Path) -> None:
    run(lambda: SqliteStore(file), fills)
    change(file, "delete from message where id = 3")
    assert [f.code for f in check(file).faults] == ["E125", "E127"]


def test_it_works_beside_the_engine_that_writes(file: Path) -> None:
    async def story(store: Store) -> None:
        stop = asyncio.Event()

        async def send() -> None:
            while not stop.is_set():
                (one,) = await store.accept(arrival(store, b"m", processed(owed(b"p", send_now=True)), lane=None))
                await store.settle(settled(one.delivery, "delivered"))

        senders = [asyncio.create_task(send()) for _ in range(4)]
        seen = [0]
        async with asyncio.timeout(20):
            while len(set(seen)) < 5:
                found = await asyncio.to_thread(check, file, deep=True)
                assert found.faults == []
                seen.append(found.messages)
        stop.set()
        await asyncio.gather(*senders)
        assert seen == sorted(seen), "messages went on being stored meanwhile"

    run(lambda: SqliteStore(file), story)
