"""Affairs: what somebody may act on, as it stands; and messages named by the beginning of their ids."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interpres.fault import Fault
from interpres.store.records import Affair
from interpres.store.sqlite import affair
from interpres.store.store import Store
from tests.store.words import arrival, claim, owed, processed, run, settled

Make = Callable[[], Store]

WRONG = (Fault("M201", "table sex has no row for this code", value="X9"),)


def test_affairs_tell_the_state_now_and_whether_the_lane_went_on(make: Make) -> None:
    async def story(store: Store) -> None:
        await store.accept(arrival(store, b"1", processed(owed(faults=WRONG, media_type=""))))
        await store.accept(arrival(store, b"2", processed(state="rejected", faults=WRONG)))
        await store.accept(arrival(store, b"3", processed(owed(b"{}"))))
        await store.accept(arrival(store, b"4", processed(owed(b"{}"))))
        await store.accept(arrival(store, b"5", processed(state="rejected", faults=WRONG), lane="another"))
        ids = {s: (await store.records(s, 1))[0].id for s in range(1, 6)}
        before = await store.affairs((2,), (1,))
        assert before == (
            Affair(2, 0, ids[2], "visits", "", "rejected", True, False),
            Affair(1, 1, ids[1], "visits", "npca", "refused", False, False),
        ), "what only waits behind it has not overtaken it"
        (third,) = (await store.claim(claim(1))).claimed
        await store.settle(settled(third.delivery, "delivered"))
        after = await store.affairs((2, 5), (1, 2, 3, 99))
        assert [(a.message, a.delivery, a.state, a.overtaken) for a in after] == [
            (2, 0, "rejected", True),
            (5, 0, "rejected", False),
            (1, 1, "refused", True),
            (3, 2, "delivered", False),
            (4, 3, "waiting", False),
        ]

    run(make, story)


def test_a_message_is_found_by_the_beginning_of_its_id(make: Make) -> None:
    async def story(store: Store) -> None:
        for n in range(3):
            await store.accept(arrival(store, b"x", processed(state="filtered"), at_ms=1_800_000_000_000 + n * 40))
        ids = [(await store.records(s, 1))[0].id for s in (1, 2, 3)]
        assert await store.beginning_with(ids[1], 2) == (2,)
        assert await store.beginning_with(ids[1][:12].lower(), 2) == (2,)
        assert await store.beginning_with(ids[1][:8], 9) == (1, 2, 3)
        assert await store.beginning_with(ids[1][:8], 2) == (1, 2)
        assert await store.beginning_with(ids[1][:9], 9) == tuple(s for s in (1, 2, 3) if ids[s - 1][:9] == ids[1][:9])
        for wrong in ("", "I", ids[1] + "0", "7ZZZ", "é", "%"):
            assert await store.beginning_with(wrong, 2) == ()

    run(make, story)


def test_too_many_to_be_looked_through_is_told(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(affair, "MOST_LOOKED_AT", 2)

    async def story(store: Store) -> None:
        for _ in range(2):
            await store.accept(arrival(store, b"x", processed(state="filtered")))
        first = (await store.records(1, 1))[0].id
        assert await store.beginning_with(first, 2) is None

    run(make, story)
