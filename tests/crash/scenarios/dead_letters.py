"""Dead letters: destinations that are away too long or refuse; nothing is given up in silence, and lanes go on as declared."""

from __future__ import annotations

from interpres.channel import DestinationCommon, Recipe
from tests.crash.scenario import Scenario, channel
from tests.crash.snapshot import Snapshot
from tests.crash.world import Life, Mood


class DeadLetters(Scenario):
    steps = ("Q1",)
    moods = {"npca": Mood(away=0.6, refuses=0.2), "lab": Mood(away=0.3, refuses=0.3)}  # noqa: RUF012

    def recipes(self, life: Life) -> tuple[Recipe, ...]:
        return (channel(common=DestinationCommon(attempts=2)),)

    def judged(self, life: Life, held: Snapshot) -> list[str]:
        silent = [d.id for d in held.deliveries if d.state in ("refused", "dead") and d.id not in held.troubled]
        told = [f"I2: delivery {id_} was given up, and no problem names it" for id_ in silent]
        return super().judged(life, held) + told
