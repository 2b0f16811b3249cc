"""Filling: puts many messages, each with what it owes, into a store in little time, the way an engine would have."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from interpres import catalog
from interpres.store.changes import Arrival, NewDelivery, NewMessage, Processed, Settled
from interpres.store.fingerprint import identity_number, lane_number
from interpres.store.sqlite import SqliteStore

JSON: Final = catalog.part("formats", "json")(catalog.part("formats", "json").Settings())
AT_ONCE: Final = 1000
CHANNEL: Final = "from_mllp"
DESTINATION: Final = "sink"
RECIPE: Final = hashlib.sha256(b"the recipe of a backlog").hexdigest()


def message(number: int, lane: str) -> bytes:
    """About 1.5 kB of HL7: a discharge with a diagnosis, a procedure and fourteen observations."""
    observations = "".join(
        f"OBX|{n}|NM|{8480 + n}-{n}^Observation {n}^LN||{(number * 7 + n * 13) % 200}.{n}|mmHg|90-140|N|||F|||"
        f"20261104083{n % 10}12+0700\r"
        for n in range(1, 15)
    )
    return (
        f"MSH|^~\\&|HIS|120415|NPCA|PMRS|20261104083012+0700||ADT^A03^ADT_A03|B{number:09}|P|2.5|||||KHM|UNICODE UTF-8\r"
        "EVN|A03|20261104083012+0700\r"
        f"PID|1||{lane}^^^120415^PI||ចាន់^សុភា^{number % 97}||19{number % 90 + 10}0322|F|||21^118^^^^^^^08020301||"
        f"0{number:09}|||M\r"
        f"PV1|1|I|WARD{number % 40}^{number % 30}^{number % 4}^120415||||||||||||||||V{number:09}|||||||||||||||||||||||||"
        "2026110408\r"
        f"DG1|1||J{number % 90 + 10}.{number % 10}^Pneumonia, organism {number % 1000}^I10|||A\r"
        f"PR1|1||{number % 9000 + 1000}^Procedure {number % 500}^LOCAL||20261104\r"
        f"{observations}"
    ).encode()


def payload(number: int, lane: str) -> bytes:
    """What the mapping of `tests.big.ground` makes of it, byte for byte."""
    visit = {
        "lane": lane,
        "control": f"B{number:09}",
        "diagnosis": f"J{number % 90 + 10}.{number % 10}",
        "ward": f"WARD{number % 40}",
        "observations": [
            {"code": f"{8480 + n}-{n}", "value": f"{(number * 7 + n * 13) % 200}.{n}", "unit": "mmHg"} for n in range(1, 15)
        ],
    }
    made: bytes = JSON.encode(visit)
    return made


def arrival(number: int, lane: str, at_ms: int, sequence: int, *, send_now: bool) -> Arrival:
    """One message that was processed and owes one delivery."""
    body = message(number, lane)
    digest = hashlib.sha256(body).digest()
    owed = NewDelivery(DESTINATION, 1, payload(number, lane), "application/json", {"patient": lane}, send_now=send_now)
    processed = Processed("processed", RECIPE, owed=(owed,))
    new = NewMessage(sequence, 0, len(body), digest, lane_number(CHANNEL, lane, sequence), {"patient": lane}, (), processed)
    identity = identity_number(CHANNEL, f"HIS|120415|B{number:09}")
    return Arrival(CHANNEL, at_ms, body, digest, (new,), b"", {"peer": "127.0.0.1"}, identity)


def order(messages: int, lanes: int) -> Iterator[tuple[int, str]]:
    """Number and lane of each message: every lane gets its turn, none its neighbour's place twice in a row."""
    for number in range(messages):
        yield number, f"P{number * 7919 % lanes:06}"


async def fill(file: Path, messages: int, lanes: int, *, delivered: bool = False) -> float:
    """So many messages in so many lanes, all waiting for one destination, or all delivered; seconds that it took."""
    began = time.monotonic()
    file.parent.mkdir(parents=True, exist_ok=True)
    store = SqliteStore(file)
    await store.open()
    try:
        await store.pin(RECIPE, {f"channels/{CHANNEL}.yaml": "about: …"})
        await store.known(0, b"", 0)  # as a door asks first: what is taken from now on is seen in memory
        numbers = order(messages, lanes)
        while batch := list(islice(numbers, min(AT_ONCE, lanes))):
            await _together(store, batch, delivered=delivered)
    finally:
        await store.close()
    return time.monotonic() - began


async def _together(store: SqliteStore, batch: list[tuple[int, str]], *, delivered: bool) -> None:
    """One transaction of messages, each of another lane, and one of what became of them."""
    at_ms = int(time.time() * 1000)
    made = (arrival(number, lane, at_ms, store.reserve(1), send_now=delivered) for number, lane in batch)
    claimed = [one for future in [store.accept(each) for each in made] for one in await future]
    outcomes = [Settled(one.delivery, one.tries, ("delivered",), at_ms, 1, status="200") for one in claimed]
    for settled in [store.settle(each) for each in outcomes]:
        await settled
