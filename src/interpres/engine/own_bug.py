"""Own bug: how an exception that is no fault is told without telling what was in the message."""

from __future__ import annotations

import traceback
from pathlib import Path

from interpres.engine.shift import log
from interpres.fault import Fault


def own_bug(error: BaseException, while_: str, message_id: str = "") -> Fault:
    """`X001`. The error's own words may hold a patient's data: only its kind and the lines of code go anywhere."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{Path(f.filename).name}:{f.lineno}" for f in frames][-8:]
    log.error("own bug", kind=type(error).__name__, while_=while_, where=where, message_id=message_id)
    at = where[-1] if where else "an unknown line"
    hint = "this is our mistake, not yours: report it with the message's id; release it once a new version is in place"
    return Fault("X001", f"a bug in interpres stopped it while {while_}: {type(error).__name__} at {at}", hint)
