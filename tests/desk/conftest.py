"""An office: a house for engines whose store lies where a workspace has it, with its desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from interpres.channel import Recipe
from interpres.desk import client, line
from interpres.desk.desk import Desk
from interpres.desk.socket import serving
from interpres.engine import Engine
from interpres.station import store_file
from interpres.store.sqlite import SqliteStore
from interpres.store.store import Search
from interpres.workspace import Workspace
from tests.engine.fakes import House


class Office(House):
    """Ask it as the command line does; `open` runs an engine that serves the desk."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, monkeypatch)
        for name in ("channels", "mappings"):
            (folder / name).mkdir()
        (folder / "channels" / "visits.yaml").write_text("about: Visits go to the agency.\n")
        self.workspace = Workspace(folder)
        self.told: list[dict[str, Any]] = []

    @property
    def socket(self) -> Path:
        return self.workspace.var / line.SOCKET

    def store(self, **options: Any) -> SqliteStore:
        return SqliteStore(store_file(self.workspace), vfs=self.vfs, **options)

    @asynccontextmanager
    async def open(self, *recipes: Recipe) -> AsyncIterator[Engine]:
        async with self.running(*recipes) as engine, serving(Desk(engine.store, self.workspace, engine), self.socket):
            yield engine

    async def store_ids(self) -> list[str]:
        """The ids of all messages, the latest first."""
        store = self.store(read_only=True)
        await store.open()
        try:
            return [record.id for record in await store.find(Search())]
        finally:
            await store.close()

    async def ask(self, word: str, **arguments: Any) -> Any:
        async def tell(progress: Any) -> None:
            self.told.append(dict(progress))

        return await client.do(self.workspace, word, arguments, tell)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    return Office(tmp_path, monkeypatch)
