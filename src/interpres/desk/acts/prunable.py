"""prunable: what a round of pruning would remove, and what it would leave, by channel."""

from __future__ import annotations

from typing import Any, Final

from interpres.desk import keeping
from interpres.desk.desk import Desk
from interpres.duration import words

Asked = keeping.Asked

REACH: Final = "asks"


async def act(desk: Desk, asked: keeping.Asked) -> Any:
    """A row for each channel, those that keep everything too. Raises `Fault` C159."""
    pruning, said = await keeping.wanted(desk, asked)
    found = {p.channel: p for p in await desk.store.prunable(pruning)}
    size = await desk.store.size()
    rows = []
    for name, kept in said.items():
        row: dict[str, Any] = {"channel": name, "keeps": {"content": _words(kept.content), "metadata": _words(kept.metadata)}}
        if name in found:
            plan = found[name]
            row |= {"content": plan.content, "metadata": plan.metadata, "frees_bytes": plan.frees_bytes}
            row |= {"open": plan.open, "problems": plan.problems}
        rows.append(row)
    return {"channels": rows, "store_bytes": size.total_bytes, "free_bytes": size.free_bytes}


def _words(seconds: float) -> str | None:
    return words(seconds) if seconds else None
