"""A disk that fails when it is told to: a layer of apsw's between SQLite and the file system."""

from __future__ import annotations

from typing import Any

import apsw


class FailingDisk(apsw.VFS):
    """`full` refuses writes for want of space; `dead_syncs` counts the syncs of the log that are still to fail."""

    def __init__(self, name: str) -> None:
        self.full = False
        self.dead_syncs = 0
        self.syncs = 0
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        return _File(self, name, flags)


class _File(apsw.VFSFile):
    def __init__(self, disk: FailingDisk, name: Any, flags: list[int]) -> None:
        self.disk = disk
        self.is_log = bool(flags[0] & apsw.SQLITE_OPEN_WAL)
        super().__init__("", name, flags)

    def xWrite(self, data: Any, offset: int) -> None:
        if self.disk.full:
            raise apsw.FullError("no space left")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        if self.is_log:
            self.disk.syncs += 1
            if self.disk.dead_syncs:
                self.disk.dead_syncs -= 1
                raise apsw.IOError("sync failed")
        super().xSync(flags)
