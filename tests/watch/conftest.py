"""A house for engines that are watched."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.fakes import House


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(tmp_path, monkeypatch)
