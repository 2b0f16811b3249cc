"""Lock: one engine at a time holds a store, and says who it is."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from interpres.fault import Fault


class Lock:
    """`<store>.lock`, locked by the kernel: it is free again whenever its process ends, however it ends."""

    def __init__(self, store: Path) -> None:
        self.path = store.with_name(store.name + ".lock")
        self._file: int | None = None

    def take(self) -> None:
        """Raises `Fault` E120, which names the process that holds it."""
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(file, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            hint = "stop that engine first, or use another folder with --var; reading (messages, show) works beside it"
            raise Fault("E120", f"another engine, process {holder}, holds this store", hint) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Let the next one in."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
