"""The SQLite store by itself: whom it lets in, what it notices, and what it does to its file."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from interpres.fault import Fault
from interpres.store.changes import Arrival, NewMessage
from interpres.store.sqlite import SqliteStore, bodies, connection, seen
from interpres.store.sqlite.writer import CHECKPOINT_PAGES
from tests.conftest import ROOT
from tests.store.words import arrival, claim, opened, owed, processed, run, settled


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "var" / "store.db"


def filled(file: Path) -> None:
    """A store with a delivered message, a waiting one and a filtered one."""

    async def story(store: Any) -> None:
        (one,) = await store.accept(arrival(store, b"first message", processed(owed(b"payload one", send_now=True))))
        await store.settle(settled(one.delivery, "delivered"))
        await store.accept(arrival(store, b"second message", processed(owed(b"payload two"))))
        await store.accept(arrival(store, b"third message", processed(state="filtered")))

    run(lambda: SqliteStore(file), story)


def change(file: Path, statement: str) -> None:
    with apsw.Connection(str(file)) as db:
        db.execute(statement)
    db.close()


def proof(file: Path) -> list[str]:
    async def codes() -> list[str]:
        store = SqliteStore(file, read_only=True)
        await store.open()
        try:
            return [f.code for f in await store.verify()]
        finally:
            await store.close()

    return asyncio.run(codes())


@pytest.mark.parametrize(
    ("statement", "codes"),
    [
        ("update message set state = 'filtered' where id = 1", ["E125", "E125"]),
        ("delete from delivery where id = 2", ["E125", "E127"]),
        ("delete from message where id = 3", ["E125", "E127"]),
        ("update message set digest = zeroblob(32) where id = 2", ["E127"]),
        ("update journal set events = zeroblob(4) where seq = 2", ["E127"]),
        ("delete from journal where seq = 2", ["E127"]),
        ("delete from destination", ["E125", "E125", "E126", "E126"]),
    ],
)
def test_verify_finds_what_was_changed_behind_its_back(file: Path, statement: str, codes: list[str]) -> None:
    filled(file)
    assert proof(file) == []
    change(file, statement)
    assert proof(file) == codes


def test_bytes_that_were_damaged_are_not_given_out(file: Path) -> None:
    filled(file)
    change(file, "update body set codec = 0, z = zeroblob(11)")

    async def story(store: Any) -> None:
        for read, number in ((store.message, 1), (store.payload, 1)):
            with pytest.raises(Fault) as damaged:
                await read(number)
            assert damaged.value.code == "E124"
        assert (await store.records(1, 1))[0].state == "processed", "all else is served"

    run(lambda: SqliteStore(file), story)


def test_a_store_that_another_process_holds_is_refused(file: Path) -> None:
    filled(file)
    holding = "import asyncio, sys, pathlib\nfrom interpres.store.sqlite import SqliteStore\n" + (
        "async def hold():\n await SqliteStore(pathlib.Path(sys.argv[1])).open()\n print('held', flush=True)\n"
        " sys.stdin.read()\nasyncio.run(hold())"
    )
    holder = subprocess.Popen([sys.executable, "-c", holding, str(file)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdin is not None and holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(Fault) as refused:
        asyncio.run(SqliteStore(file).open())
    assert refused.value.code == "E120" and f"process {holder.pid}" in refused.value.says
    assert proof(file) == [], "reading works beside it"
    holder.kill()
    holder.communicate()
    filled_again: Callable[[], SqliteStore] = lambda: SqliteStore(file)  # noqa: E731
    run(filled_again)


def test_a_newer_store_is_not_touched(file: Path) -> None:
    filled(file)
    change(file, "pragma user_version = 99")
    with pytest.raises(Fault) as refused:
        asyncio.run(SqliteStore(file).open())
    assert refused.value.code == "E123" and "at 99" in refused.value.says


@pytest.mark.parametrize(("version", "good"), [("3.40.1", False), ("3.51.2", False), ("3.51.3", True), ("3.54.1", True)])
def test_an_old_library_is_refused(version: str, good: bool) -> None:
    if good:
        connection.check_library(version)
    else:
        with pytest.raises(Fault, match="E121"):
            connection.check_library(version)


def test_what_is_no_store_is_refused(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"certainly not a database " * 100)
    with pytest.raises(Fault) as refused:
        asyncio.run(SqliteStore(file).open())
    assert refused.value.code == "E122" and file.read_bytes().startswith(b"certainly")
    in_the_way = file.parent / "folder"
    in_the_way.mkdir()
    with pytest.raises(Fault, match="E122"):
        asyncio.run(SqliteStore(in_the_way).open())


def test_a_store_that_is_not_there_cannot_be_read(file: Path) -> None:
    with pytest.raises(Fault, match="E122"):
        asyncio.run(SqliteStore(file, read_only=True).open())


def test_the_file_is_set_up_as_it_must_be(file: Path) -> None:
    filled(file)
    db = connection.writer(file)
    found = [db.pragma(name) for name in ("journal_mode", "synchronous", "auto_vacuum", "wal_autocheckpoint", "page_size")]
    db.close()
    assert found == ["wal", 2, 2, 0, 4096]


def test_what_a_store_holds_is_not_for_everybody_on_the_machine(file: Path) -> None:
    filled(file)
    assert [f.name for f in file.parent.glob(f"{file.name}*") if f.stat().st_mode & 0o007] == []


def test_a_passed_on_message_is_stored_once(file: Path) -> None:
    body = b"PV1|" * 500

    async def story(store: Any) -> None:
        await store.accept(arrival(store, body, processed(owed(body), owed(body, destination="archive"))))
        deliveries = await store.deliveries(1)
        assert [await store.payload(d.id) for d in deliveries] == [body, body]

    run(lambda: SqliteStore(file), story)
    with apsw.Connection(str(file)) as db:
        assert db.execute("select count(*) from body").get == 1
    db.close()


def test_a_body_takes_pieces_of_a_mebibyte(file: Path) -> None:
    body = hashlib.sha256(b"").digest() * (3 * bodies.PIECE // 32) + b"end"

    async def story(store: Any) -> None:
        sequence = store.reserve(2)
        digest = hashlib.sha256(body).digest()
        cuts = [(0, bodies.PIECE - 7), (bodies.PIECE - 7, len(body))]
        messages = tuple(
            NewMessage(sequence + n, a, b - a, hashlib.sha256(body[a:b]).digest(), n, processed=processed(state="filtered"))
            for n, (a, b) in enumerate(cuts)
        )
        await store.accept(Arrival("visits", 5, body, digest, messages))
        assert [(await store.message(sequence + n)).body for n in range(2)] == [body[a:b] for a, b in cuts]
        await store.accept(arrival(store, b"", processed(state="filtered")))
        assert (await store.message(sequence + 2)).body == b""

    run(lambda: SqliteStore(file), story)
    with apsw.Connection(str(file)) as db:
        assert db.execute("select count(*) from body").get == 5
    db.close()


def test_the_log_is_copied_into_the_file_while_it_runs(file: Path) -> None:
    async def story() -> None:
        async with opened(lambda: SqliteStore(file)) as store:
            noise = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(20_000))
            for n in range(4 * CHECKPOINT_PAGES * 4096 // len(noise)):
                await store.accept(arrival(store, noise, processed(state="filtered"), lane=str(n)))
            log = file.with_name(file.name + "-wal").stat().st_size
            assert log < 2 * CHECKPOINT_PAGES * 4096, "the log is used again from its beginning"

    asyncio.run(story())


def test_each_commit_takes_what_came_while_the_last_was_synced(file: Path) -> None:
    async def story() -> None:
        async with opened(lambda: SqliteStore(file)) as store:
            await asyncio.gather(*(store.accept(arrival(store, b"%d" % n, None, lane=str(n))) for n in range(300)))
            await store.claim(claim(0))

    asyncio.run(story())
    with apsw.Connection(str(file)) as db:
        commits = db.execute("select count(*) from journal").get
    db.close()
    assert commits <= 10, "300 messages were not 300 syncs"


def test_what_was_seen_is_never_denied() -> None:
    store = seen.Seen()
    many = [hash((n, "identity")) | 1 for n in range(5000)]
    for n, identity in enumerate(many):
        store.add(identity, n)
    assert all(store.may_know(identity) for identity in many)
    wrong = sum(store.may_know(hash((n, "stranger")) | 1) for n in range(5000))
    assert wrong < 5
