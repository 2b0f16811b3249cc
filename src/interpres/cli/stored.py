"""Stored: the store read beside the engine, for the verbs that only look."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from interpres.fault import Fault
from interpres.station import store_file
from interpres.store.sqlite import SqliteStore
from interpres.workspace import Workspace

T = TypeVar("T")


def store_of(workspace: Workspace) -> Path:
    """Where the workspace's store lies. Raises `Fault` E114 where nothing has run yet."""
    file = store_file(workspace)
    if not file.is_file():
        hint = "nothing has run here yet: begin with interpres run, or name --var DIR"
        raise Fault("E114", f"there is no store in {workspace.var}", hint)
    return file


def look(workspace: Workspace, work: Callable[[SqliteStore], Awaitable[T]]) -> T:
    """What `work` finds in the workspace's store. Raises `Fault` E114 where nothing has run yet."""
    file = store_of(workspace)

    async def looked() -> T:
        store = SqliteStore(file, read_only=True)
        await store.open()
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(looked())
