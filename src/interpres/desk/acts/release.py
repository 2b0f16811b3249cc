"""release: lets go on what is held, or marks it as delivered where the other side has it."""

from __future__ import annotations

from typing import Any, Final

from interpres.desk import deciding
from interpres.desk.desk import Desk
from interpres.store.records import Affair

REACH: Final = "changes"


class Asked(deciding.Chosen, frozen=True, forbid_unknown_fields=True):
    """`delivered`: somebody asked there, and it came."""

    delivered: bool = False


async def act(desk: Desk, asked: Asked) -> Any:
    """The plan, or what became of it. Raises `Fault` C156, C166, C167, N332, N333."""

    def way(affair: Affair) -> str | None:
        if affair.state != "held":
            return None
        if asked.delivered:
            return "deliver" if affair.delivery else None
        return "release"

    return await deciding.decided(desk, asked, way)
