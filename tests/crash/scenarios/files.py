"""Files: a watched folder and a folder to deliver to, on a disk that forgets what was not synced, names as well as content."""

from __future__ import annotations

import hashlib
import json
import os
import random
from dataclasses import replace
from pathlib import Path

from interpres.channel import Recipe
from interpres.delivery import idempotency_key
from interpres.destinations.folder import FolderSettings as OutSettings
from interpres.engine import Engine
from interpres.sources.folder.settings import FolderSettings as InSettings
from tests.crash.checker import Acknowledged, Effect, Evidence, check
from tests.crash.scenario import Scenario, channel
from tests.crash.snapshot import Snapshot
from tests.crash.world import Life, body_of

FILES = 6


class Files(Scenario):
    steps = ("F1", "F2", "F3", "O1", "O2", "O3")

    def recipes(self, life: Life) -> tuple[Recipe, ...]:
        made = channel(
            source_word="folder",
            source_settings=InSettings.model_validate({"path": "in", "complete": {"renamed": True}, "scan_seconds": 0.01}),
            word="folder",
            to=("out",),
        )
        out = OutSettings.model_validate({"path": "out", "name": "{message_id}-{part}{suffix}"})
        return (replace(made, destinations={"out": replace(made.destinations["out"], settings=out)}),)

    def prepare(self, place: Path, seed: int) -> None:
        """Some files of one line, some of several."""
        (place / "in").mkdir()
        for name, content in dropped(seed).items():
            (place / "in" / name).write_bytes(content)

    async def load(self, life: Life, engine: Engine) -> None:
        await self.rest(engine)

    def evidence(self, life: Life) -> Evidence:
        """A file that lies in done/ is its yes."""
        done = life.place / "in" / "done"
        content = dropped(life.seed)
        yes = [Acknowledged("visits", content[name]) for name in sorted(content) if (done / name).is_file()]
        return Evidence(yes, (), frozenset({"visits/out"}), {"visits": frozenset({"out"})})

    def judged(self, life: Life, held: Snapshot) -> list[str]:
        evidence = replace(self.evidence(life), arrivals=_arrived(life.place / "out", held))
        return [*check(held, evidence, settled=True), *_unfiled(life, held), *_strange(life.place / "out", held)]


def dropped(seed: int) -> dict[str, bytes]:
    """The files by name."""
    chance = random.Random(seed)
    files = {}
    for number in range(FILES):
        lines = [body_of(seed, f"{number}", order) for order in range(chance.choice((1, 1, 3)))]
        files[f"{number}.json"] = b"\n".join(lines) + b"\n"
    return files


def _arrived(out: Path, held: Snapshot) -> list[Effect]:
    """Each file that lies there whole, by the key of what it should be."""
    effects = []
    ids = {m.sequence: m.id for m in held.messages}
    for one in held.deliveries:
        file = out / f"{ids[one.sequence]}-{one.part}.json"
        if file.is_file():
            key = idempotency_key(ids[one.sequence], one.run, one.destination, one.part)
            content = file.read_bytes()
            what = json.loads(content)["patient"] if content else f"{file.name}, which is empty"
            effects.append(Effect(key, what, "", 0, "visits/out", hashlib.sha256(content).digest()))
    return effects


def _unfiled(life: Life, held: Snapshot) -> list[str]:
    """Every file that was dropped is filed once, with its receipt, and stored once."""
    told = []
    stored = [body for (_, _), body in held.bodies.items()]
    for name, content in dropped(life.seed).items():
        done = life.place / "in" / "done" / name
        if not done.is_file() or done.read_bytes() != content:
            told.append(f"I1: the file {name} that was dropped does not lie in done/ as it was")
        if not done.with_name(f"{name}.receipt.json").is_file():
            told.append(f"I2: the file {name} has no receipt")
        if stored.count(content) != 1:
            told.append(f"I3: the file {name} is stored {stored.count(content)} times")
    return told


def _strange(out: Path, held: Snapshot) -> list[str]:
    """Nobody may see a file that is not whole, or that nobody owes."""
    owed = set(held.digests.values())
    names = [name for name in os.listdir(out) if not name.startswith(".")]
    return [f"I14: {n} is no payload" for n in names if hashlib.sha256((out / n).read_bytes()).digest() not in owed]
