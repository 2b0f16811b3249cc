"""Machine: what the process takes of this machine, and what is left on its disk."""

from __future__ import annotations

import os
import resource
import shutil
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """Memory in bytes, seconds of processor time so far, open files and how many there may be; 0: cannot be told here."""

    resident_bytes: int
    cpu_seconds: float
    open_files: int
    most_files: int


@dataclass(frozen=True, slots=True)
class Disk:
    """What the disk under a folder holds, and what of it is free to us, in bytes."""

    total_bytes: int
    free_bytes: int


def this_process() -> Process:
    """As it is now."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Process(_resident_bytes(), time.process_time(), _open_files(), max(most, 0))


def disk_under(folder: Path) -> Disk | None:
    """The disk that a folder lies on; None where it gives no answer."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return Disk(usage.total, usage.free)


def _resident_bytes() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _open_files() -> int:
    try:
        return len(os.listdir("/proc/self/fd")) - 1  # the listing itself is one of them
    except OSError:
        return 0
