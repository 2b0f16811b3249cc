"""edit: processes other bytes in a message's place; the message itself stays as it came."""

from __future__ import annotations

import base64
from typing import Any, Final

import msgspec

from interpres.desk.desk import Desk
from interpres.desk.named import message_named
from interpres.desk.places import reason_given
from interpres.fault import Fault
from interpres.store.acts import Rerun

REACH: Final = "changes"


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`body` is what the message shall say instead; `run` the run that was edited, so that nobody's later work is undone."""

    message: str
    body: bytes
    run: int
    reason: str


async def act(desk: Desk, asked: Asked) -> Any:
    """Begin a new run of these bytes. Raises `Fault` C156, C166, N332; N334 where it has gone on meanwhile, or is at work."""
    reason = reason_given(asked.reason)
    sequence = await message_named(desk.store, asked.message)
    (record,) = await desk.store.records(sequence, 1)
    if record.run != asked.run:
        hint = "look at it again with interpres show, and edit what is there now"
        raise Fault("N334", "somebody has begun another run of it meanwhile", hint)
    rerun = Rerun("edit", desk.who, reason, (sequence,), body=asked.body)
    (touched,) = await (desk.engine.again.rerun(rerun) if desk.engine else desk.store.rerun(rerun))
    if touched.why:
        raise Fault("N334", f"it cannot be edited: {touched.why}", "wait until it is at rest, then edit it")
    return {"message": record.id, "run": record.run + 1, "before": touched.before, "engine": desk.engine is not None}


def packed(body: bytes) -> str:
    """The bytes as they go through the socket."""
    return base64.b64encode(body).decode()
