"""Claim: a file that became ours, what it looked like, and why it may be none."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from interpres.fault import Fault


@dataclass(frozen=True, slots=True)
class Look:
    """What a file looked like: if two looks agree, nobody wrote to it in between."""

    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, status: os.stat_result) -> Look:
        return cls(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def same_content(self, other: Look) -> bool:
        """As equal, but a rename may have come between, which some file systems note as a change."""
        return (self.inode, self.size, self.modified) == (other.inode, other.size, other.modified)


@dataclass(frozen=True, slots=True)
class Claim:
    """A file that is ours: `name` as it lay in the watched folder, with the folders below it."""

    place: Path
    name: str
    look: Look
    again: bool = False
    """It was claimed before an earlier end of the engine."""

    @property
    def said(self) -> str:
        """The name as data: text whatever its bytes are, on one line."""
        return os.fsencode(self.name).decode("utf-8", "backslashreplace")


class UnreadableError(Exception):
    """A file that is there and cannot be read now: nothing is wrong with what it says."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class ChangedError(Exception):
    """The file changed while it was read."""


def not_a_file(status: os.stat_result, name: str) -> Fault | None:
    """Why this is nothing to be read: a link, a folder, a pipe, a device, or a file that lies elsewhere too."""
    mode = status.st_mode
    if stat.S_ISREG(mode):
        if status.st_nlink < 2:
            return None
        what = "a file that lies under another name too (a hard link)"
    else:
        kinds = {stat.S_IFLNK: "a link", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
        what = kinds.get(stat.S_IFMT(mode), "a device")
    return Fault("N122", f"this is {what}, and no file of its own", "copy the file itself into the folder", source=name)
