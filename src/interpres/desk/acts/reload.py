"""reload: lets a running engine go over to what the workspace's files say now."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from interpres.desk.desk import Desk, no_engine

REACH: Final = "engine"
ONLY: Final = "go over to changed files; the next that starts reads them as they are then"


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing is chosen: the whole workspace is read."""


async def act(desk: Desk, _: Asked) -> Any:
    """What became of each channel. Raises `Fault` E140 where no engine runs: the next one reads the files as they are then."""
    if desk.engine is None:
        raise no_engine(ONLY)
    done = await desk.engine.reload()
    return {
        "kept": done.kept,
        "swapped": done.swapped,
        "opened": done.opened,
        "closed": done.closed,
        "left_out": done.left_out,
        "refused": {name: [{**f.as_dict(), "value": None} for f in faults] for name, faults in sorted(done.refused.items())},
    }
