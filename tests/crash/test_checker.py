"""The checker sees each kind of harm: a store is hurt on purpose, and the sentence names the promise."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from interpres.store.sqlite import SqliteStore
from tests.crash.checker import Acknowledged, Effect, Evidence, broken, states
from tests.crash.snapshot import snapshot
from tests.crash.sums import Failure, Sum
from tests.store.words import RECIPE, arrival, owed, processed, settled

DEBT = "message, run, destination, part, state, at, due, tries, lane, body, size, digest, media_type, names, seq"
CHANNEL, NPCA = "visits", "npca"


async def three(store: SqliteStore) -> Evidence:
    """Three messages of one lane, delivered in order; what the world saw of it."""
    await store.open()
    await store.pin(RECIPE, {})
    yes, arrivals = [], []
    for number in range(3):
        body = b"message %d" % number
        (born,) = await store.accept(arrival(store, body, processed(owed(b"payload %d" % number, send_now=True)), lane="A"))
        yes.append(Acknowledged(CHANNEL, body, "A", number))
        (record,) = await store.deliveries(born.sequence)
        digest = hashlib.sha256(b"payload %d" % number).digest()
        arrivals.append(Effect(record.key, f"message {number}", "A", number, NPCA, digest))
        await store.settle(settled(born.delivery, "delivered"))
    return Evidence(yes, arrivals, frozenset({f"{CHANNEL}/{NPCA}"}), {CHANNEL: frozenset({NPCA})})


def told(place: Path, hurt: str = "", change: Callable[[Evidence], Evidence] = lambda e: e) -> set[str]:
    """Which promises the checker calls broken after this was done to the store's file, or to what was seen."""

    async def look() -> set[str]:
        store = SqliteStore(place / "store.db")
        evidence = change(await three(store))
        await store.close()
        with apsw.Connection(str(place / "store.db")) as db:
            db.execute(hurt)
        db.close()
        await store.open()
        try:
            return {sentence.partition(":")[0] for sentence in await broken(store, evidence, settled=True)}
        finally:
            await store.close()

    return asyncio.run(look())


def test_a_store_that_kept_its_promises_has_none_broken(tmp_path: Path) -> None:
    assert told(tmp_path) == set()


@pytest.mark.parametrize(
    ("hurt", "promise"),
    [
        ("update body set z = x'00', codec = 0 where id = 2", "I14"),
        ("delete from delivery where id = 3", "I2"),
        ("update delivery set state = 'waiting' where id = 3", "I2"),
        ("update delivery set state = 'behind' where id = 3", "I2"),
        ("update delivery set state = 'dead' where id = 3", "I8"),
        ("update message set state = 'behind' where id = 3", "I2"),
        ("update message set state = 'filtered' where id = 3", "I2"),
        ("update tally set n = n + 1", "I11"),
        ("update journal set events = x'90' where seq = 2", "I11"),
        (f"insert into delivery (id, {DEBT}) select 9, {DEBT} from delivery where id = 1", "I3"),
    ],
)
def test_harm_in_the_store_is_named(tmp_path: Path, hurt: str, promise: str) -> None:
    assert promise in told(tmp_path, hurt)


def _effects(change: Callable[[list[Effect]], object]) -> Callable[[Evidence], Evidence]:
    def changed(evidence: Evidence) -> Evidence:
        arrivals = list(evidence.arrivals)
        change(arrivals)
        return replace(evidence, arrivals=arrivals)

    return changed


@pytest.mark.parametrize(
    ("change", "promise"),
    [
        (lambda e: replace(e, acknowledged=[*e.acknowledged, Acknowledged(CHANNEL, b"never stored")]), "I1"),
        (_effects(lambda a: a.pop()), "I1"),
        (_effects(lambda a: a.append(replace(a[0], key="unheard of"))), "I2"),
        (_effects(lambda a: a.append(a[0])), "I4"),
        (_effects(lambda a: a.reverse()), "I5"),
        (_effects(lambda a: a.__setitem__(1, replace(a[1], what=a[0].what))), "I3"),
        (_effects(lambda a: a.__setitem__(1, replace(a[1], digest=b"other"))), "I14"),
        (lambda e: replace(e, acknowledged=[replace(y, order=-y.order) for y in e.acknowledged]), "I5"),
        (lambda e: replace(e, owes={CHANNEL: frozenset({NPCA, "lab"})}), "I2"),
    ],
)
def test_harm_that_only_the_world_saw_is_named(tmp_path: Path, change: Callable[[Evidence], Evidence], promise: str) -> None:
    assert promise in told(tmp_path, change=change)


def test_what_is_open_is_no_harm_until_it_must_be_settled(tmp_path: Path) -> None:
    async def look() -> None:
        store = SqliteStore(tmp_path / "store.db")
        await store.open()
        await store.pin(RECIPE, {})
        await store.accept(arrival(store, b"one", processed(owed(b"one")), lane="A"))
        await store.accept(arrival(store, b"two", processed(owed(b"two")), lane="A"))
        assert await broken(store, Evidence(), settled=False) == []
        assert len(await broken(store, Evidence(), settled=True)) == 2
        assert states(await snapshot(store))["delivery 2"] == "waiting"
        await store.close()

    asyncio.run(look())


def test_sums_add_up_and_tell_kinds_of_harm_apart() -> None:
    one = Sum(points=2, acknowledged=5).found("points:1:7", ["I1: …", "I5: …", "I11: …"])
    both = one + Sum(cuts=1, acknowledged=1)
    assert (
        both.line == "2 points, 1 cuts, 0 kills, 0 seeds, 6 acknowledged, 1 lost, 1 corrupt, 0 orphans, 1 out of order, 0 doubled"
    )
    assert both.failures == (Failure("points:1:7", ("I1: …", "I5: …", "I11: …")),)
    assert not both.clean
    assert Sum(points=1).found("points:1:1", []).clean
    assert not Sum(torn_teeth=1).clean
