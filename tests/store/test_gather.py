"""Gather: what is claimed together stays together for as long as nobody knows what came of it, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interpres.store.acts import Act
from interpres.store.changes import Claim, Settled
from interpres.store.records import Claims
from interpres.store.store import Store
from tests.store.words import FAR_MS, arrival, claim, owed, processed, run, settled, states

Make = Callable[[], Store]


def gathering(limit: int = 3, now_ms: int = FAR_MS, patience_ms: int = 1000) -> Claim:
    return Claim("visits", "npca", now_ms, limit, batch=True, patience_ms=patience_ms)


async def arrive(store: Store, *numbers: int) -> None:
    """A message in a lane of its own for each number."""
    for n in numbers:
        await store.accept(arrival(store, b"%d" % n, processed(owed()), lane=str(n)))


def outcomes(claims: Claims, *through: str, **changes: object) -> list[Settled]:
    return [settled(c.delivery, *through, tries=c.tries, **changes) for c in claims.claimed]


def test_fewer_wait_until_the_first_has_waited_enough(make: Make) -> None:
    async def story(store: Store) -> None:
        await arrive(store, 1, 2)
        born_ms = (await store.next_due_ms("visits"))["npca"]
        early = await store.claim(gathering(now_ms=born_ms + 500))
        assert early.claimed == () and early.next_due_ms == born_ms + 1000
        assert [c.sequence for c in (await store.claim(gathering(now_ms=born_ms + 5000))).claimed] == [1, 2]

    run(make, story)


def test_so_many_do_not_wait(make: Make) -> None:
    async def story(store: Store) -> None:
        await arrive(store, *range(5))
        born_ms = max([(await store.deliveries(n))[0].born_ms for n in range(1, 6)])
        claims = await store.claim(gathering(now_ms=born_ms, patience_ms=10**9))
        sequences = [c.sequence for c in claims.claimed]
        assert len(sequences) == 3 and sequences == sorted(sequences) and len({c.batch for c in claims.claimed}) == 1
        assert (await store.claim(gathering(now_ms=born_ms, patience_ms=10**9))).claimed == ()

    run(make, story)


def test_what_waits_for_others_does_not_keep_a_batch_that_is_due(make: Make) -> None:
    async def story(store: Store) -> None:
        await arrive(store, 1, 2, 3)
        first = await store.claim(gathering(patience_ms=10**12))
        await arrive(store, 4, 5)
        born_ms = (await store.next_due_ms("visits"))["npca"]
        await store.settle_together(outcomes(first, "waiting", due_ms=born_ms + 50))
        claims = await store.claim(gathering(now_ms=born_ms + 40, patience_ms=10**12))
        assert claims.claimed == () and claims.next_due_ms == born_ms + 50
        assert [c.sequence for c in (await store.claim(gathering(now_ms=born_ms + 60, patience_ms=10**12))).claimed] == [1, 2, 3]

    run(make, story)


@pytest.mark.parametrize("through", [("waiting",), ("uncertain", "waiting")])
def test_what_went_together_goes_together_again(make: Make, through: tuple[str, ...]) -> None:
    async def story(store: Store) -> None:
        await arrive(store, 1, 2, 3)
        first = await store.claim(gathering())
        await store.settle_together(outcomes(first, *through, due_ms=10))
        await arrive(store, 4)

    async def later(store: Store) -> None:
        again = await store.claim(gathering(limit=50))
        assert [c.sequence for c in again.claimed] == [1, 2, 3]
        assert [c.sequence for c in (await store.claim(gathering(limit=50))).claimed] == [4]

    run(make, story, later)


def test_what_was_cut_off_goes_together_again(make: Make) -> None:
    async def story(store: Store) -> None:
        await arrive(store, 1, 2, 3)
        assert len((await store.claim(gathering())).claimed) == 3

    async def later(store: Store) -> None:
        await store.settle_interrupted("visits", "npca", True, 5)
        assert [c.sequence for c in (await store.claim(gathering(limit=2))).claimed] == [1, 2, 3], "whatever the limit is now"

    run(make, story, later)


def test_what_was_refused_together_is_sent_alone(make: Make) -> None:
    async def story(store: Store) -> None:
        await arrive(store, 1, 2)
        first = await store.claim(gathering())
        await store.settle_together(outcomes(first, "waiting", due_ms=10, batch="alone"))

    async def later(store: Store) -> None:
        alone = [await store.claim(gathering()) for _ in range(3)]
        assert sorted([c.sequence for c in claims.claimed] for claims in alone) == [[], [1], [2]]

    run(make, story, later)


def test_what_was_sent_alone_and_may_have_arrived_joins_no_batch(make: Make) -> None:
    async def story(store: Store) -> None:
        await arrive(store, 1, 2, 3)
        (one,) = (await store.claim(claim())).claimed
        await store.settle(settled(one.delivery, "uncertain", "waiting", due_ms=FAR_MS - 10))
        (two,) = (await store.claim(claim())).claimed
        await store.settle(settled(two.delivery, "waiting", due_ms=FAR_MS - 20))
        found = [{c.sequence for c in (await store.claim(gathering())).claimed} for _ in range(2)]
        # Which of them is claimed first is as their times fall: what arrives within one millisecond has no order between lanes.
        assert found == [{1, 2, 3} - {one.sequence}, {one.sequence}]

    run(make, story)


@pytest.mark.parametrize("kind", ["drop", "hold"])
@pytest.mark.parametrize(("through", "state"), [(("waiting",), "waiting"), (("uncertain", "waiting"), "held")])
def test_one_that_is_taken_out_parts_the_others(make: Make, kind: str, through: tuple[str, ...], state: str) -> None:
    async def story(store: Store) -> None:
        await arrive(store, 1, 2, 3)
        first = await store.claim(gathering())
        await store.settle_together(outcomes(first, *through, due_ms=10))
        await store.act(Act(kind, "night", "their affair", (first.claimed[0].delivery,)))  # type: ignore[arg-type]
        assert [await states(store, n) for n in (2, 3)] == [[state], [state]]
        await arrive(store, 4)
        expected = [2, 3, 4] if state == "waiting" else [4]
        assert [c.sequence for c in (await store.claim(gathering())).claimed] == expected
        codes = {f.code for n in (2, 3) for d in await store.deliveries(n) for f in d.faults}
        assert codes == (set() if state == "waiting" else {"N323"})

    run(make, story)


@pytest.mark.parametrize(("through", "state"), [(("waiting",), "sending"), (("uncertain", "waiting"), "held")])
def test_a_claim_for_no_batch_parts_what_was_one(make: Make, through: tuple[str, ...], state: str) -> None:
    async def story(store: Store) -> None:
        await arrive(store, 1, 2)
        first = await store.claim(gathering(limit=2))
        await store.settle_together(outcomes(first, *through, due_ms=10))
        await store.claim(claim(5))
        assert [await states(store, n) for n in (1, 2)] == [[state], [state]]

    run(make, story)
