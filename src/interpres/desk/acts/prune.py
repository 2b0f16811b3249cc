"""prune: removes what was kept long enough, step by step, while messages go on."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from interpres.desk import keeping
from interpres.desk.desk import Desk

Asked = keeping.Asked

REACH: Final = "changes"

TOLD_EVERY: Final = 20
"""Steps between two words of progress."""

REST_SECONDS: Final = 0.005
"""After each step: who stores messages comes first."""


async def act(desk: Desk, asked: keeping.Asked) -> Any:
    """How much was removed, and how large the store is before and after. Raises `Fault` C159."""
    pruning, _ = await keeping.wanted(desk, asked)
    before = await desk.store.size()
    of = sum(p.content + p.metadata for p in await desk.store.prunable(pruning))
    done = content = metadata = freed = steps = 0
    async for step in desk.store.prune(pruning):
        content, metadata, freed, steps = content + step.content, metadata + step.metadata, freed + step.freed_bytes, steps + 1
        done += max(step.content, step.metadata)
        if steps % TOLD_EVERY == 0:
            await desk.tell({"done": done, "of": of})
        await asyncio.sleep(REST_SECONDS)
    after = await desk.store.size()
    return {
        "content": content,
        "metadata": metadata,
        "freed_bytes": freed,
        "before_bytes": before.total_bytes,
        "after_bytes": after.total_bytes,
        "engine": desk.engine is not None,
    }
