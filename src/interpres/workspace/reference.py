"""Reference: the workspace that ships — in the wheel as `interpres/reference`, in a checkout the repository's root."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOMS = ("channels", "mappings", "schemas", "samples", "transforms")


def reference_folder() -> Path:
    """Where the reference workspace lies. Read it; run it in a copy."""
    here = Path(__file__).resolve().parents[1]
    shipped = here / "reference"
    return shipped if shipped.is_dir() else here.parents[1]


def copy_reference(folder: Path) -> None:
    """Lay the reference workspace out in a folder."""
    for room in ROOMS:
        ignore = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(reference_folder() / room, folder / room, ignore=ignore, dirs_exist_ok=True)
