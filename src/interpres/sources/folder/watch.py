"""Watch: wakes when the system tells of a change in a folder; a scan from time to time sees what it does not tell."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer


class Watch(FileSystemEventHandler):
    """Events only wake; what is there is found by looking. Network drives tell nothing, and ext4 tells everything five times."""

    def __init__(self, folder: Path, recursive: bool) -> None:
        self._folder = folder
        self._recursive = recursive
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._observer = Observer()

    def start(self) -> str:
        """Begin; a note where the system cannot tell of changes, so that only the scans see them."""
        try:
            self._observer.schedule(self, str(self._folder), recursive=self._recursive)
            self._observer.start()
        except OSError as wrong:
            reason = (wrong.strerror or "it gives no reason").lower()
            return f"the system does not tell of changes in {self._folder.name} ({reason}): scans alone see them"
        return ""

    def stop(self) -> None:
        """End the thread."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join(5)

    async def wait(self, seconds: float) -> None:
        """Until something changed, or so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Called in the observer's thread."""
        if event.event_type in ("created", "moved", "closed", "modified", "deleted"):
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._woken.set)
