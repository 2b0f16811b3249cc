"""Plans: what an engine asks at its start, and for every claim, must not look at everything that was ever stored."""

from __future__ import annotations

import asyncio
import re

import apsw
import pytest

from interpres.store.sqlite import SqliteStore
from interpres.store.sqlite.sql import delivery, gather, message

QUESTIONS = {
    "what was being sent": delivery.INTERRUPTED,
    "what was being sent when the disk failed": delivery.SENDING,
    "which lanes are busy": delivery.BUSY_LANES,
    "what is open for a destination that is gone": delivery.OPEN_OF_DESTINATION,
    "what is due": delivery.DUE,
    "when the next is due": delivery.NEXT_DUE,
    "who is next in a lane": delivery.NEXT_IN_LANE,
    "what stops a lane": delivery.FIRST_STOP,
    "what of a lane is not at work": delivery.BEHIND_OR_STOPPED,
    "what waits too long": delivery.CAP_DUE,
    "which messages wait too long": message.CAP_DUE,
    "which lanes have messages open": message.OPEN_LANES,
    "which messages are due": message.HEADS,
    "which messages sleep": message.WAKE,
    "what may go out together": gather.FRESH,
    "what went out together": gather.WHOLE,
    "which batch is due": gather.FIRST_BATCH,
    "which is the first that is new": gather.FIRST_FRESH,
    "what else was in a batch": gather.OTHERS,
    "what was ever gathered and still waits": gather.OF_DESTINATION,
}


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> apsw.Connection:
    file = tmp_path_factory.mktemp("plans") / "store.db"

    async def made() -> None:
        store = SqliteStore(file)
        await store.open()
        await store.close()

    asyncio.run(made())
    return apsw.Connection(str(file))


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_index_answers(db: apsw.Connection, question: str) -> None:
    asked = QUESTIONS[question]
    values = (0,) * (len(set(re.findall(r"\?\d", asked))) or asked.count("?"))
    plan = [row[3] for row in db.execute(f"explain query plan {asked}", values)]
    assert plan
    assert not [step for step in plan if step in ("SCAN d", "SCAN delivery", "SCAN message", "SCAN m")], plan
