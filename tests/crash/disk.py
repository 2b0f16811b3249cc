"""Disk: a layer under SQLite that counts each operation, remembers what was not synced, and can refuse.

When the power goes, whatever was written and not yet synced is undone or kept at random, sector by sector: what a disk may do
that has a cache. What was cut off and not synced comes back or not, as a deleted file does whose folder was not synced.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any, Final

import apsw

from tests.crash.ending import Ending

SECTOR: Final = 512
NAME: Final = "crash"

_KINDS: Final = {apsw.SQLITE_OPEN_WAL: "wal", apsw.SQLITE_OPEN_MAIN_DB: "db", apsw.SQLITE_OPEN_MAIN_JOURNAL: "journal"}


class Disk(apsw.VFS):
    """`honest` off, syncs are not carried out and forget nothing. `refuses` is asked before each operation whether to raise."""

    def __init__(self, ending: Ending, chance: random.Random, *, honest: bool = True) -> None:
        self.ending = ending
        self.chance = chance
        self.honest = honest
        self.refuses: Callable[[str], None] = lambda operation: None
        self.folder_synced: Callable[[str], None] = lambda folder: None
        self.unsynced: dict[str, list[tuple[int, bytes, int]]] = {}
        self.deleted: dict[str, bytes] = {}
        super().__init__(NAME, "", makedefault=False)

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        kind = next((word for flag, word in _KINDS.items() if flags[0] & flag), "temporary")
        with self.ending.step(f"open-{kind}"):
            self.refuses(f"open-{kind}")
            return _File(self, name, flags, kind)

    def xDelete(self, name: str, sync_folder: bool) -> None:
        with self.ending.step("delete"):
            self.refuses("delete")
            with open(name, "rb") as file:
                content = file.read()
            super().xDelete(name, sync_folder)
            self.unsynced.pop(name, None)
            if not sync_folder:
                self.deleted[name] = content

    def names_kept(self, folder: str) -> None:
        """The folder was synced: what was deleted in it stays so."""
        kept = os.path.abspath(folder)
        self.deleted = {p: content for p, content in self.deleted.items() if os.path.dirname(os.path.abspath(p)) != kept}

    def lose_power(self) -> None:
        """Undo some of what was not synced, the latest first."""
        for path, content in self.deleted.items():
            if not os.path.exists(path) and self.chance.random() < 0.5:
                with open(path, "wb") as file:
                    file.write(content)
        for path, writes in self.unsynced.items():
            if os.path.exists(path):
                self._undo(path, writes)

    def _undo(self, path: str, writes: list[tuple[int, bytes, int]]) -> None:
        file = os.open(path, os.O_RDWR)
        for offset, before, size in reversed(writes):
            if self.chance.random() < 0.5:
                os.pwrite(file, before.ljust(size, b"\0"), offset)
        os.close(file)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int], kind: str) -> None:
        self.disk = disk
        self.kind = kind
        self.path = name.filename() if isinstance(name, apsw.URIFilename) else name
        super().__init__("", name, flags)

    def xWrite(self, data: Any, offset: int) -> None:
        with self.disk.ending.step(f"write-{self.kind}"):
            self.disk.refuses(f"write-{self.kind}")
            data = bytes(data)
            self._remember(offset, len(data))
            super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:
        with self.disk.ending.step(f"truncate-{self.kind}"):
            self.disk.refuses(f"truncate-{self.kind}")
            self._remember(size, max(0, super().xFileSize() - size))
            super().xTruncate(size)

    def xSync(self, flags: int) -> None:
        with self.disk.ending.step(f"sync-{self.kind}"):
            self.disk.refuses(f"sync-{self.kind}")
            if self.disk.honest:
                super().xSync(flags)
                self.disk.unsynced.pop(self.path, None)
                self.disk.folder_synced(os.path.dirname(self.path))  # as SQLite does for the files that it makes beside its own

    def _remember(self, offset: int, length: int) -> None:
        """What stood there before, sector by sector."""
        end = super().xFileSize()
        for start in range(offset, offset + length, SECTOR):
            size = min(SECTOR, offset + length - start)
            before = super().xRead(min(size, end - start), start) if start < end else b""
            self.disk.unsynced.setdefault(self.path, []).append((start, before, size))
