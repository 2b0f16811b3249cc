"""Power cut: a layer under SQLite by which the power goes off at the n-th operation on the disk.

Whatever was written and not yet synced is undone or kept at random, sector by sector: what a disk may do that has a cache.
"""

from __future__ import annotations

import os
import random
from typing import Any

import apsw

SECTOR = 512


class Power(apsw.VFS):
    """The power goes off at the operation numbered `at`; `honest` off, syncs are not carried out (the teeth of the test)."""

    def __init__(self, at: int, chance: random.Random, *, honest: bool = True) -> None:
        self.left = at
        self.chance = chance
        self.honest = honest
        self.unsynced: dict[str, list[tuple[int, bytes, int]]] = {}
        super().__init__("power", "", makedefault=False)

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        return _File(self, name, flags)

    def tick(self) -> None:
        """One operation: was it the last?"""
        self.left -= 1
        if self.left == 0:
            self.cut()

    def cut(self) -> None:
        """Undo some of what was not synced, the latest first, and end at once."""
        for path, writes in self.unsynced.items():
            if not os.path.exists(path):  # a journal that was done with
                continue
            file = os.open(path, os.O_RDWR)
            for offset, before, size in reversed(writes):
                if self.chance.random() < 0.5:
                    os.pwrite(file, before.ljust(size, b"\0"), offset)
            os.close(file)
        os._exit(9)


class _File(apsw.VFSFile):
    def __init__(self, power: Power, name: Any, flags: list[int]) -> None:
        self.power = power
        self.path = name.filename() if isinstance(name, apsw.URIFilename) else name
        super().__init__("", name, flags)

    def xWrite(self, data: Any, offset: int) -> None:
        self.power.tick()
        data = bytes(data)
        for start in range(0, len(data), SECTOR):
            piece = data[start : start + SECTOR]
            at = offset + start
            size = super().xFileSize()
            before = super().xRead(min(len(piece), max(0, size - at)), at) if at < size else b""
            self.power.unsynced.setdefault(self.path, []).append((at, before, len(piece)))
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self.power.tick()
        if self.power.honest:
            super().xSync(flags)
            self.power.unsynced.pop(self.path, None)
