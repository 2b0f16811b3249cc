"""Settled: a workspace read while nobody changes it, so that what is compiled and what is pinned are the same bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from interpres.fault import Fault, Faults
from interpres.workspace import Workspace

T = TypeVar("T")

ROOMS: Final = ("channels", "mappings", "schemas", "transforms")
LOOKS: Final = 10
"""How often a workspace that changes meanwhile is read again."""

PAUSE_SECONDS: Final = 0.2

Seen = Mapping[str, tuple[int, int, int, int]]


def read_settled(folder: Path, var: Path, work: Callable[[Workspace], T]) -> T:
    """What the work finds in a workspace that stood still while it was read: a file that is just being saved is waited for.

    Raises `Fault` C171 where it never stands still, and whatever the work raises.
    """
    for _ in range(LOOKS):
        before = _seen(folder)
        try:
            found = work(Workspace(folder, var))
        except (Fault, Faults):
            if _seen(folder) == before:
                raise
        else:
            if _seen(folder) == before:
                return found
        time.sleep(PAUSE_SECONDS)
    hint = "ask again once whatever is saved or copied there is there as a whole"
    raise Fault("C171", "the workspace's files change while they are read", hint)


def _seen(folder: Path) -> Seen:
    """Every file that recipes are made of: its number, size, and when it was changed last, by its contents and by its place."""
    found = {}
    for file in (folder / ".env", *(f for room in ROOMS for f in sorted((folder / room).rglob("*")))):
        try:
            status = file.stat()
        except OSError:
            continue  # gone while we looked: the next look tells
        if not file.is_dir() and "__pycache__" not in file.parts:
            found[str(file)] = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return found
