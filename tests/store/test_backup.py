"""Backup and restore: a copy made under load holds together, and what is brought back goes on where it was."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Any

import apsw
import pytest

from interpres.clock import Clock
from interpres.fault import Fault
from interpres.store.acts import Rerun
from interpres.store.reads import Search
from interpres.store.sqlite import SqliteStore
from interpres.store.sqlite.backup import backup
from interpres.store.sqlite.restore import restore
from tests.store.words import arrival, claim, opened, owed, processed, run, settled, states


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "var" / "store.sqlite"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy.sqlite"


def fill(file: Path, *bodies: bytes) -> None:
    """A delivered message for each body, one waiting, and one that is being sent."""

    async def story(store: Any) -> None:
        for body in bodies:
            (one,) = await store.accept(arrival(store, body, processed(owed(body + b"!", send_now=True)), lane=body.decode()))
            await store.settle(settled(one.delivery, "delivered"))
        await store.accept(arrival(store, b"waits", processed(owed()), lane="waits"))
        await store.accept(arrival(store, b"under way", processed(owed(send_now=True)), lane="under way"))

    run(lambda: SqliteStore(file), story)


async def bodies_in(file: Path) -> list[bytes]:
    store = SqliteStore(file, read_only=True)
    await store.open()
    try:
        assert await store.verify() == ()
        return [(await store.message(r.sequence)).body for r in await store.find(Search(limit=10_000))][::-1]
    finally:
        await store.close()


def test_what_was_stored_is_in_the_copy(file: Path, copy: Path) -> None:
    fill(file, b"one", b"two")
    told: list[tuple[int, int]] = []
    made = backup(file, copy, progress=lambda done, of: told.append((done, of)))
    assert (made.messages, made.deliveries) == (4, 4)
    assert made.sha256 == hashlib.sha256(copy.read_bytes()).hexdigest() and made.size == copy.stat().st_size
    assert told[-1][0] == told[-1][1] > 0
    assert asyncio.run(bodies_in(copy)) == [b"one", b"two", b"waits", b"under way"]
    assert [f.name for f in copy.parent.iterdir() if f.is_file()] == [copy.name], "one file, and nothing left beside it"
    assert copy.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("without_links", [False, True])
def test_a_copy_has_its_name_only_once_it_is_whole(
    file: Path, copy: Path, monkeypatch: pytest.MonkeyPatch, without_links: bool
) -> None:
    """Whatever ends it between two steps: no file of that name, or a whole one."""
    fill(file, b"one")
    seen: list[int] = []

    def watched(step: str) -> Any:
        real = getattr(os, step)

        def done(*given: Any, **named: Any) -> Any:
            if step == "link" and without_links:
                raise OSError
            result = real(*given, **named)
            seen.append(copy.stat().st_size if copy.exists() else -1)
            return result

        return done

    for step in ("open", "link", "replace", "fsync", "unlink"):
        monkeypatch.setattr(os, step, watched(step))
    made = backup(file, copy)
    assert set(seen) == {-1, made.size}


def test_a_copy_made_under_load_is_one_moment_of_the_store(file: Path, tmp_path: Path) -> None:
    """Whatever was acknowledged before it began is in it; what it holds are the first so many, none left out."""

    async def story() -> None:
        async with opened(lambda: SqliteStore(file)) as store:
            stop = asyncio.Event()
            acknowledged = 0

            async def send(lane: str) -> None:
                nonlocal acknowledged
                while not stop.is_set():
                    arrived = arrival(store, os.urandom(2000), processed(owed(b"p", send_now=True)), lane=lane)
                    for one in await store.accept(arrived):
                        await store.settle(settled(one.delivery, "delivered"), claim())
                    acknowledged += 1

            senders = [asyncio.create_task(send(str(n))) for n in range(8)]
            while acknowledged < 200:
                await asyncio.sleep(0.01)
            for n in range(3):
                before = acknowledged
                made = await asyncio.to_thread(backup, file, tmp_path / f"copy{n}.sqlite")
                assert made.messages >= before, "what was acknowledged before it began is in it"
                assert acknowledged > before, "messages went on being stored meanwhile"
                assert len(await bodies_in(tmp_path / f"copy{n}.sqlite")) == made.messages
            stop.set()
            await asyncio.gather(*senders)

    asyncio.run(story())


def test_a_backup_is_never_written_over(file: Path, copy: Path) -> None:
    fill(file, b"one")
    copy.write_bytes(b"an older one")
    with pytest.raises(Fault, match="E152"):
        backup(file, copy)
    assert copy.read_bytes() == b"an older one"
    with pytest.raises(Fault, match="E152"):
        backup(file, copy.parent / "nowhere" / "copy.sqlite")


def test_a_store_that_is_hurt_gives_no_backup(file: Path, copy: Path) -> None:
    fill(file, b"one")
    with apsw.Connection(str(file)) as db:
        db.execute("delete from message where id = 1")
    db.close()
    with pytest.raises(Fault) as refused:
        backup(file, copy)
    assert refused.value.code == "E153" and "E125" in refused.value.says
    assert not copy.exists() and [f.name for f in copy.parent.iterdir()] == ["var"]


class TheDiskFails:
    """A sync that fails once what was written is as long as it was to be."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_: int) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "fsync", fail)


def test_a_copy_that_could_not_be_synced_is_not_called_one(file: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(file, b"one")
    TheDiskFails(monkeypatch)
    with pytest.raises(Fault, match="E152"):
        backup(file, copy)
    assert not copy.exists()


# bringing it back


def test_a_backup_comes_back_with_what_was_owed(file: Path, copy: Path) -> None:
    fill(file, b"one")
    backup(file, copy)
    file.unlink()
    done = restore(copy, file)
    assert (done.messages, done.deliveries, done.aside) == (3, 3, None)
    assert done.open == {"sending": 1, "waiting": 1}

    async def story(store: Any) -> None:
        assert await store.settle_interrupted("visits", "npca", True, 1) == 1
        claims = await store.claim(claim(5))
        assert sorted([(await store.message(c.sequence)).body for c in claims.claimed]) == [b"under way", b"waits"]
        for one in claims.claimed:
            await store.settle(settled(one.delivery, "delivered", tries=one.tries))

    run(lambda: SqliteStore(file), story)
    assert asyncio.run(bodies_in(file)) == [b"one", b"waits", b"under way"]


def test_a_store_with_messages_is_replaced_only_when_that_is_said_and_is_kept(file: Path, copy: Path) -> None:
    fill(file, b"one")
    backup(file, copy)
    fill(file, b"later")
    with pytest.raises(Fault, match="E155"):
        restore(copy, file)
    assert len(asyncio.run(bodies_in(file))) == 6
    done = restore(copy, file, replace=True)
    assert asyncio.run(bodies_in(file)) == [b"one", b"waits", b"under way"]
    assert done.aside is not None and done.aside.name.startswith("store.sqlite.before-")
    assert b"later" in asyncio.run(bodies_in(done.aside)), "with what was still in its log"


def test_what_is_in_the_log_of_a_killed_engine_is_kept_aside_too(file: Path, copy: Path) -> None:
    """And is never read as the log of the store that takes its place."""
    fill(file, b"one")
    backup(file, copy)
    child = os.fork()
    if child == 0:  # pragma: no cover

        async def until_killed() -> None:
            store = SqliteStore(file)
            await store.open()
            await store.accept(arrival(store, b"in the log", None, lane="log"))
            os._exit(9)

        asyncio.run(until_killed())
    os.waitpid(child, 0)
    assert file.with_name(file.name + "-wal").stat().st_size > 0
    done = restore(copy, file, replace=True)
    assert b"in the log" not in asyncio.run(bodies_in(file))
    assert done.aside is not None and b"in the log" in asyncio.run(bodies_in(done.aside))


def test_an_engine_that_holds_the_store_is_not_robbed_of_it(file: Path, copy: Path) -> None:
    fill(file, b"one")
    backup(file, copy)

    async def story(store: Any) -> None:
        with pytest.raises(Fault, match="E120"):
            restore(copy, file, replace=True)
        assert len(await store.find(Search())) == 3

    run(lambda: SqliteStore(file), story)


@pytest.mark.parametrize("damage", ["cut", "changed", "no store", "empty"])
def test_what_is_no_whole_backup_is_refused_and_the_store_stays(file: Path, copy: Path, damage: str) -> None:
    fill(file, *(b"%d" % n for n in range(40)))
    backup(file, copy)
    whole = bytearray(copy.read_bytes())
    if damage == "cut":
        copy.write_bytes(whole[: len(whole) // 2])
    elif damage == "changed":
        whole[len(whole) // 2 : len(whole) // 2 + 5000] = bytes(5000)
        copy.write_bytes(whole)
    elif damage == "no store":
        copy.write_bytes(b"certainly not a database " * 100)
    else:
        copy.write_bytes(b"")
    with pytest.raises(Fault) as refused:
        restore(copy, file, replace=True)
    assert refused.value.code == "E154"
    assert len(asyncio.run(bodies_in(file))) == 42
    assert not list(file.parent.glob("*before*")) and not list(file.parent.glob(".*restoring*"))


def test_a_backup_of_a_newer_version_is_refused(file: Path, copy: Path) -> None:
    fill(file, b"one")
    backup(file, copy)
    with apsw.Connection(str(copy)) as db:
        db.pragma("user_version", 99)
    db.close()
    with pytest.raises(Fault, match="E123"):
        restore(copy, file, replace=True)
    assert len(asyncio.run(bodies_in(file))) == 3


class Standing(Clock):
    """A clock that was set back: the time of each message is the same again."""

    def wall_ms(self) -> int:
        return 1_800_000_000_000


def test_no_id_or_key_comes_again_after_a_restore(file: Path, copy: Path) -> None:
    """Not even where the clock was set back, and not those of runs that began after the backup."""
    given: list[set[str]] = []

    async def story(store: Any) -> None:
        for n in range(3):
            await store.accept(arrival(store, b"after %d" % n, processed(owed()), lane=f"after {n}"))
        rerun = Rerun("resend", "night shift", "was asked for", (1,))
        await store.rerun(rerun)
        await store.rerun(Rerun("replay", "night shift", "once more", (1,), as_it_was=True))
        records = await store.find(Search())
        keys = [d.key for r in records for d in await store.deliveries(r.sequence) if r.sequence > 3 or d.run]
        given.append({r.id for r in records if r.sequence > 3} | set(keys))

    fill(file, b"one")
    backup(file, copy)
    run(lambda: SqliteStore(file, clock=Standing()), story)
    for _ in range(2):
        restore(copy, file, replace=True).aside.unlink()  # type: ignore[union-attr]
        run(lambda: SqliteStore(file, clock=Standing()), story)
    assert all(given) and not given[0] & given[1] | given[1] & given[2] | given[0] & given[2]


def test_the_states_are_as_they_were(file: Path, copy: Path) -> None:
    fill(file, b"one")
    backup(file, copy)
    restore(copy, file, replace=True)

    async def story(store: Any) -> None:
        assert [await states(store, n) for n in (1, 2, 3)] == [["delivered"], ["waiting"], ["sending"]]
        assert (await store.payload(1)) == b"one!"

    run(lambda: SqliteStore(file), story)


def test_a_restore_that_is_cut_off_before_its_end_leaves_the_store_as_it_was(
    file: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(file, b"one")
    backup(file, copy)
    fill(file, b"later")

    def fail(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", fail)
        with pytest.raises(Fault, match="E156"):
            restore(copy, file, replace=True)
    assert b"later" in asyncio.run(bodies_in(file)) and not list(file.parent.glob(".*restoring*"))


def test_a_replay_that_was_under_way_does_not_go_on_after_a_restore(file: Path, copy: Path) -> None:
    async def story(store: Any) -> None:
        await store.begin_replay("night", "a new mapping", [1, 2], {"asks": False})

    async def restored(store: Any) -> None:
        (replay,) = await store.replays()
        assert (replay.state, await store.to_replay(replay.id, 10)) == ("cancelled", ())

    fill(file, b"one", b"two")
    run(lambda: SqliteStore(file), story)
    backup(file, copy)
    restore(copy, file, replace=True)
    run(lambda: SqliteStore(file), restored)
