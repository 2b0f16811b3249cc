"""drop: gives up, for good and with a reason, what shall not be sent."""

from __future__ import annotations

from typing import Any, Final

from interpres.desk import deciding
from interpres.desk.desk import Desk
from interpres.store.acts import FROM
from interpres.store.records import Affair

REACH: Final = "changes"


class Asked(deciding.Chosen, frozen=True, forbid_unknown_fields=True):
    """What is chosen, and no more."""


async def act(desk: Desk, asked: Asked) -> Any:
    """The plan, or what became of it. Raises `Fault` C156, C166, C167, N332, N333."""
    return await deciding.decided(desk, asked, _way)


def _way(affair: Affair) -> str | None:
    """A rejected message keeps its state: nobody is asked about it any more."""
    states = FROM["drop"] if affair.delivery else ("rejected", "held")
    return "drop" if affair.state in states else None
