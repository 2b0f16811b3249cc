"""A clinic for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bad_input.clinic import Clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    return Clinic(tmp_path)
