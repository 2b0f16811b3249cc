"""Places to watch: an engine with a watch over it, and what its three addresses answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

from interpres.channel import Recipe
from interpres.engine import Engine
from interpres.installation import Installation, Recipient, _rules
from interpres.installation_file import AlertsFile, HealthSettings, InstallationFile
from interpres.watch import Watch
from tests.engine.fakes import House


def installation(*recipients: Recipient, rules: dict[str, Any] | None = None, **alerts: Any) -> Installation:
    """One that listens on a free port and looks often."""
    written = AlertsFile.model_validate({"every": "20ms", "gather": "1ms", **alerts})
    file = InstallationFile(health=HealthSettings(listen="127.0.0.1:0"), alerts=written)
    return Installation("the clinic", file, dict(_rules(rules or {})), recipients)


class Asked:
    """Asks a watch over HTTP."""

    def __init__(self, engine: Engine, watch: Watch) -> None:
        self.engine = engine
        self.watch = watch

    async def get(self, path: str) -> httpx2.Response:
        async with httpx2.AsyncClient() as client:
            return await client.get(f"http://{self.watch.address}{path}")

    async def metrics(self) -> dict[str, float]:
        """Every sample by its name with its labels."""
        lines = (await self.get("/metrics")).text.splitlines()
        samples = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
        return {name: float(value) for name, value in samples}


@asynccontextmanager
async def watched(house: House, here: Installation, *recipes: Recipe, start: bool = True) -> AsyncIterator[Asked]:
    """A watched engine, drained at the end."""
    watch = Watch(here, house.folder / "var")
    engine = house.engine(*recipes)
    engine.shift.meter = watch.figures
    async with watch.over(engine):
        if start:
            await engine.start()
        try:
            yield Asked(engine, watch)
        finally:
            if start:
                await engine.drain()


def folder_of(path: Path) -> Path:
    """The folder in which a watch keeps what it knows."""
    return path / "var" / "watch"
