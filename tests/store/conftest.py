"""The stores that the suite is run over: what is true of one must be true of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from interpres.store.sqlite import SqliteStore
from interpres.store.store import Store

IMPLEMENTATIONS: dict[str, Callable[[Path], Store]] = {"sqlite": lambda folder: SqliteStore(folder / "store.db")}


@pytest.fixture(params=list(IMPLEMENTATIONS))
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """A store over the same place each time it is called: closed and made again, it must know what it knew."""
    return lambda: IMPLEMENTATIONS[request.param](tmp_path)
