"""verify: proof that nothing was lost, added or changed behind the store's back."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from interpres.desk.desk import Desk
from interpres.fault import Faults

REACH: Final = "reads"


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing is chosen: all of the store is looked through."""


async def act(desk: Desk, _: Asked) -> Any:
    """How many messages and deliveries were proved to be there. Raises `Faults` E125 to E127 for what does not hold."""
    if wrong := await desk.store.verify():
        raise Faults(wrong)
    counts = await desk.store.counts()
    return {
        "messages": sum(c.number for c in counts if not c.destination and c.state not in ("duplicate", "refused", "pruned")),
        "deliveries": sum(c.number for c in counts if c.destination and c.state != "pruned"),
        "pruned": sum(c.number for c in counts if not c.destination and c.state == "pruned"),
    }
