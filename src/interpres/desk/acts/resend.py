"""resend: sends once more what was refused or given up; what has no payload is processed again by today's recipe."""

from __future__ import annotations

from typing import Any, Final

from interpres.desk import deciding
from interpres.desk.desk import Desk
from interpres.store.records import Affair

REACH: Final = "changes"


class Asked(deciding.Chosen, frozen=True, forbid_unknown_fields=True):
    """`older` takes also what is older than something that was already sent in its lane."""

    older: bool = False


async def act(desk: Desk, asked: Asked) -> Any:
    """The plan, or what became of it. Raises `Fault` C156, C166, C167, N332, N333."""
    return await deciding.decided(desk, asked, _way, older=asked.older)


def _way(affair: Affair) -> str | None:
    if affair.delivery:
        if affair.state not in ("refused", "dead", "held"):
            return None
        return "resend" if affair.has_payload else deciding.ANEW
    return {"rejected": deciding.ANEW, "held": "release"}.get(affair.state)
