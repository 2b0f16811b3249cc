"""Disk: a layer under SQLite that may die, lose its power, be full, or fail a sync; the bytes are real, the syncs are counted."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any, Final

import apsw

SECTOR: Final = 512

Undo = tuple[int, bytes, int]
"""Offset, what was there before, how much was written over it."""


class Disk(apsw.VFS):
    """What was written and not synced stays in `unsynced`, over deaths of the process too, until a sync or a power cut.

    `dies_at` is the number of the operation during which `died` is called: that one and all later ones come to nothing until
    `alive` is set again.
    """

    def __init__(self, name: str, chance: random.Random) -> None:
        self.chance = chance
        self.alive = True
        self.full = 0.0
        """How likely a write finds no space."""
        self.failing_syncs = 0
        self.honest = True
        """Off: syncs are told and not done, the teeth of the whole."""
        self.operations = 0
        self.dies_at = 0
        self.died: Callable[[], None] = lambda: None
        self.unsynced: dict[str, list[Undo]] = {}
        super().__init__(name, "", makedefault=False)

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        return _File(self, name, flags)

    def xDelete(self, name: str, sync: bool) -> None:
        self.operation()
        super().xDelete(name, sync)
        self.unsynced.pop(name, None)

    def operation(self) -> None:
        """One change on the disk: nothing happens any more where it died."""
        self.operations += 1
        if self.operations == self.dies_at:
            self.alive = False
            self.died()
        if not self.alive:
            raise apsw.IOError("the machine is dead")

    def cut(self) -> None:
        """The power is gone: of what was not synced each sector is there or not, as chance has it."""
        unsynced, self.unsynced = self.unsynced, {}
        for path, writes in unsynced.items():
            if os.path.exists(path):
                file = os.open(path, os.O_RDWR)
                for offset, before, size in reversed(writes):
                    self._undo(file, offset, before.ljust(size, b"\0"))
                os.close(file)

    def _undo(self, file: int, offset: int, before: bytes) -> None:
        for start in range(0, len(before), SECTOR):
            if self.chance.random() < 0.5:
                os.pwrite(file, before[start : start + SECTOR], offset + start)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self.disk = disk
        self.path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.is_log = bool(flags[0] & apsw.SQLITE_OPEN_WAL)
        super().__init__("", name, flags)

    def xWrite(self, data: Any, offset: int) -> None:
        disk = self.disk
        disk.operation()
        if disk.full and disk.chance.random() < disk.full:
            raise apsw.FullError("no space left")
        size = self.xFileSize()
        before = self.xRead(min(len(data), size - offset), offset) if offset < size else b""
        disk.unsynced.setdefault(self.path, []).append((offset, before, len(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:
        self.disk.operation()
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:
        disk = self.disk
        disk.operation()
        if self.is_log and disk.failing_syncs:
            disk.failing_syncs -= 1
            raise apsw.IOError("sync failed")
        if disk.honest:
            disk.unsynced.pop(self.path, None)
