"""Migrate: a store that the first version wrote, with a full queue and something half sent, is brought up to date and goes on.

`stores/version_1.db.zz` (zlib) was made by that version's own code: two channels, a destination that was away, a question that
nobody answered, and an end in the middle of a delivery. `stores/version_1.told` is what the world had seen by then.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Final

from interpres.channel import Recipe, SourceCommon
from interpres.engine import Engine
from tests.crash.scenario import Scenario, channel
from tests.crash.scenarios.asking import Agency
from tests.crash.world import Life
from tests.engine.fakes import asking

STORES: Final = Path(__file__).parents[1] / "stores"


class Migrate(Scenario):
    steps = ("M1",)
    begins_empty = True
    seed = 1

    def prepare(self, place: Path, seed: int) -> None:
        """The old store stands there."""
        (place / "var").mkdir()
        (place / "var" / "store.db").write_bytes(zlib.decompress((STORES / "version_1.db.zz").read_bytes()))

    def told_before(self) -> list[str]:
        return (STORES / "version_1.told").read_text("utf-8").splitlines(keepends=True)

    def recipes(self, life: Life) -> tuple[Recipe, ...]:
        questions = channel("asking", to=("npca",), enrich=(asking(),), source_common=SourceCommon(answer="accepted"))
        return (channel(), questions)

    def calls(self, life: Life) -> Agency:
        return Agency(life)

    async def load(self, life: Life, engine: Engine) -> None:
        """The senders go on where they were, in both channels."""
        for name in ("visits", "asking"):
            await self.send_all(life, name)
        await self.rest(engine)
