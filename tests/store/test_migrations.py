"""Migrations: a store of the first version with a full queue is brought up to today's, whole, and goes on where it was."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import random
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from interpres.fault import Fault
from interpres.store.changes import Claim, Worked
from interpres.store.reads import Search
from interpres.store.sqlite import SqliteStore, connection
from interpres.store.sqlite.backup import backup
from interpres.store.sqlite.ledger import link
from interpres.store.sqlite.restore import restore
from tests.store.power_cut import Power
from tests.store.words import FAR_MS, RECIPE, processed, run, settled

LANES = 40
"""Of each kind of lane so many: the queue is longer than a transaction's rows."""

AT_MS = 1_700_000_000_000

OWED = {
    "delivered": ["delivered", "delivered"],
    "idle": ["delivered", "dropped"],
    "interrupted": ["delivered", "sending", "behind", "behind"],
    "waiting": ["waiting", "behind", "behind"],
    "held": ["held", "behind"],
    "uncertain": ["uncertain", "behind"],
    "refused": ["refused", "waiting", "behind"],
    "stopped": ["dead!", "behind"],
    "dead": ["dead", "dropped"],
}
"""The states of a lane's deliveries in order; `!` marks one that keeps its lane shut."""

ARRIVED = {"received": ["received", "behind", "behind"], "held": ["held", "behind"], "done": ["filtered", "rejected"]}
"""The states of a lane's messages that owe nothing."""


NOTE = '{"faults":[{"code":"M201","says":"no such code","hint":"","value":"X"}]}'


class VersionOne:
    """Writes a store as the first version of its tables has it; what it holds is chained and counted as that version did."""

    def __init__(self, file: Path, lanes: int = LANES) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self.tally: Counter[tuple[int, int, str]] = Counter()
        self.chain = b"\0" * 32
        self.seq = self.message = self.delivery = 0
        with contextlib.closing(connection.writer(file)) as self.db, self.db:
            self.db.execute(connection._steps()[0])
            self.db.pragma("user_version", 1)
            self.db.execute("insert into about values ('salt', zeroblob(16))")
            self.db.execute("insert into channel values (1, 'visits')")
            self.db.execute("insert into destination values (1, 1, 'npca')")
            self.db.execute("insert into recipe values (1, ?, zeroblob(0))", (RECIPE,))
            self._fill(lanes)

    def _fill(self, lanes: int) -> None:
        lane = 0
        for _ in range(lanes):
            for kind in OWED.values():
                lane += 1
                for state in kind:
                    self._owing(lane, state)
            for kind in ARRIVED.values():
                lane += 1
                for state in kind:
                    self._arrived(lane, state, [])
        self.db.executemany("insert into tally values (?, ?, ?, ?)", [(*key, n) for key, n in self.tally.items()])

    def _owing(self, lane: int, written: str) -> None:
        self._arrived(lane, "processed", [(written.rstrip("!"), written.endswith("!"))])

    def _arrived(self, lane: int, state: str, owed: list[tuple[str, bool]]) -> None:
        self.message += 1
        counted = "received" if state == "behind" else state
        body = b"message %d" % self.message
        events: list[Any] = [("a", self.message, counted)]
        digests = [hashlib.sha256(body).digest()]
        self.tally[1, 0, counted] += 1
        first = self.delivery + 1 if owed else None
        self.db.execute("insert into body values (?, 0, ?)", (2 * self.message, body))
        note = (
            '{"faults":[{"code":"M201","says":"no such code","hint":"","value":"X"}]}' if state in ("held", "rejected") else None
        )
        row = (self.message, AT_MS, state, lane, len(body), 2 * self.message, digests[0], first, len(owed), note)
        self.db.execute(
            """insert into message (id, at, channel, state, lane, start, size, body, digest, d0, nd, recipe, note)
            values (?, ?, 1, ?, ?, 0, ?, ?, ?, ?, ?, 1, ?)""",
            row,
        )
        for owed_state, stops in owed:
            digests.append(self._delivery(lane, owed_state, stops))
            events.append(("o", self.delivery, self.message, 1, 1, "waiting" if owed_state == "behind" else owed_state))
        blob = msgspec.msgpack.encode(events)
        self.seq += 1
        self.chain = link(self.chain, digests, blob)
        self.db.execute("insert into journal values (?, ?, ?, ?)", (self.seq, AT_MS, blob, self.chain))

    def _delivery(self, lane: int, state: str, stops: bool) -> bytes:
        self.delivery += 1
        payload = b"payload %d" % self.message
        digest = hashlib.sha256(payload).digest()
        self.tally[1, 1, "waiting" if state == "behind" else state] += 1
        self.db.execute("insert into body values (?, 0, ?)", (2 * self.message + 1, payload))
        tries = 0 if state in ("waiting", "behind") else 1
        row = (self.delivery, self.message, state, AT_MS, tries, lane, stops, 2 * self.message + 1, len(payload), digest)
        self.db.execute(
            """insert into delivery (id, message, destination, part, state, at, tries, lane, stops, body, size, digest,
            media_type, seq) values (?, ?, 1, 1, ?, ?, ?, ?, ?, ?, ?, ?, 'application/json', 1)""",
            row,
        )
        return digest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "var" / "store.sqlite"
    VersionOne(file)
    return file


def version_of(file: Path) -> int:
    with contextlib.closing(connection.reader(file)) as db:
        found: int = db.pragma("user_version")
        return found


def rows_of(file: Path) -> tuple[Any, ...]:
    """What every version has in common."""
    with contextlib.closing(connection.reader(file)) as db:
        tables = ("message", "delivery", "journal", "body", "tally")
        counts = [db.execute(f"select count(*) from {t}").get for t in tables]
        return (*counts, db.execute("select group_concat(state) from (select state from delivery order by id)").get)


def test_a_full_queue_is_delivered_in_order_after_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = rows_of(file)

    async def story(store: Any) -> None:
        assert await store.verify() == () and rows_of(file) == before
        assert await store.settle_interrupted("visits", "npca", True, 0) == LANES
        sent: dict[int, list[int]] = defaultdict(list)
        hands = Claim("visits", "npca", FAR_MS, 500)
        while claimed := (await store.claim(hands)).claimed:
            for one in claimed:
                assert await store.payload(one.delivery) == b"payload %d" % one.sequence
                sent[one.lane].append(one.sequence)
            await asyncio.gather(*(store.settle(settled(c.delivery, "delivered", tries=c.tries)) for c in claimed))
        assert all(order == sorted(order) for order in sent.values())
        assert Counter(map(len, sent.values())) == {3: 2 * LANES, 2: LANES}, "lanes: interrupted, waiting, after a refusal"
        await received(store)

    run(lambda: SqliteStore(file), story)
    assert version_of(file) == connection.version()
    told = capsys.readouterr().out
    assert "brought up to date" in told and f"messages={LANES * 29}" in told and "are up to date" in told


async def received(store: Any) -> None:
    """What was received before is processed lane by lane; what stands behind a held one stays."""
    order: dict[int, list[int]] = defaultdict(list)
    while heads := (await store.heads("visits", FAR_MS, 500))[0]:
        for head in heads:
            order[head.lane].append(head.sequence)
        await store.process([Worked(h.sequence, processed(state="filtered")) for h in heads])
    assert len(order) == LANES and all(len(o) == 3 and o == sorted(o) for o in order.values())
    states = Counter(r.state for r in await store.find(Search(limit=10_000)))
    assert states["held"] == LANES and states["received"] == LANES


def test_what_was_in_trouble_is_among_the_problems(file: Path) -> None:
    async def story(store: Any) -> None:
        told = {(p.messages, p.deliveries) for p in await store.problems()}
        assert (2 * LANES, 0) in told, "held and rejected messages"

    run(lambda: SqliteStore(file), story)


POINTS = 15
FEW = 5


def cut_while_opened(file: Path, point: int, chance: random.Random) -> bool:
    """The power goes at that operation of a migration; whether it went before the end."""
    child = os.fork()
    if child == 0:  # pragma: no cover
        power = Power(point, chance)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            asyncio.run(SqliteStore(file, vfs="power").open())
            power.left = 0
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, 9)
    return status == 9


def last_point(tmp_path: Path) -> int:
    """How many operations on the disk a migration takes."""
    file = tmp_path / "counted" / "store.sqlite"
    VersionOne(file, FEW)
    low, high = 1, 1 << 16
    while low < high:
        middle = (low + high) // 2
        place = tmp_path / f"try{middle}"
        place.mkdir()
        copied = place / file.name
        copied.write_bytes(file.read_bytes())
        low, high = (middle + 1, high) if cut_while_opened(copied, middle, random.Random(1)) else (low, middle)
    return low


@pytest.mark.slow
def test_a_power_cut_in_the_midst_leaves_one_version_or_another_whole(tmp_path: Path) -> None:
    chance = random.Random(20261121)
    last = last_point(tmp_path)
    versions = Counter[int]()
    for number, point in enumerate(sorted(chance.sample(range(1, last), POINTS))):
        file = tmp_path / str(number) / "store.sqlite"
        VersionOne(file, FEW)
        before = rows_of(file)
        assert cut_while_opened(file, point, chance), f"point {point} of {last}"
        versions[version_of(file)] += 1
        assert rows_of(file) == before
        run(lambda file=file: SqliteStore(file), nothing)  # type: ignore[misc]
        assert version_of(file) == connection.version() and rows_of(file) == before
    assert set(versions) <= set(range(1, connection.version() + 1)) and versions[1], versions


async def nothing(_: Any) -> None:
    """Opened, proved, closed."""


@pytest.mark.parametrize("read_only", [True, False])
def test_a_newer_store_is_refused_untouched(file: Path, read_only: bool) -> None:
    with apsw.Connection(str(file)) as db:
        db.pragma("user_version", connection.version() + 1)
    db.close()
    before = file.read_bytes()
    with pytest.raises(Fault, match="E123"):
        asyncio.run(SqliteStore(file, read_only=read_only).open())
    assert file.read_bytes() == before


def test_whoever_only_looks_at_an_older_store_is_told_what_brings_it_up_to_date(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(Fault) as refused:
        asyncio.run(SqliteStore(file, read_only=True).open())
    assert refused.value.code == "E129" and "interpres run" in refused.value.hint and "store backup" in refused.value.hint
    assert file.read_bytes() == before


def test_a_backup_of_an_older_store_is_that_version_and_comes_back_as_todays(file: Path, tmp_path: Path) -> None:
    before = rows_of(file)
    made = backup(file, tmp_path / "copy.sqlite")
    assert made.version == 1 and version_of(file) == 1 and version_of(tmp_path / "copy.sqlite") == 1
    restore(tmp_path / "copy.sqlite", file, replace=True)
    assert version_of(file) == connection.version() and rows_of(file) == before
    run(lambda: SqliteStore(file), nothing)


def test_each_migration_has_the_number_of_its_version() -> None:
    folder = Path(connection.__file__).parent / "migrations"
    numbers = sorted(int(f.name[:4]) for f in folder.glob("*.sql"))
    assert numbers == list(range(1, connection.version() + 1))
