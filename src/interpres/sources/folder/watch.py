"""Watch: wakes when the system tells of a change in a folder; a scan from time to time sees what it does not tell."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer


class Watch(FileSystemEventHandler):
    """Events only wake; what is there is found by looking. Network drives tell nothing, and ext4 tells everything five times.

    Only the folder itself is watched: what happens below it, where our own claims come and go too, is seen by the scans.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._observer = Observer()

    def start(self) -> str:
        """Begin; a note where the system cannot tell of changes, so that only the scans see them."""
        # Its thread complains when it is stopped between two events, which is how it always ends.
        logging.getLogger("watchdog.observers.inotify").setLevel(logging.CRITICAL)
        try:
            self._observer.schedule(self, str(self._folder), recursive=False)
            self._observer.start()
        except OSError as wrong:
            reason = (wrong.strerror or "it gives no reason").lower()
            return f"the system does not tell of changes in {self._folder.name} ({reason}): scans alone see them"
        return ""

    def stop(self) -> None:
        """End the thread, beside: it waits half a second for the second half of the last rename that it saw."""
        if self._observer.is_alive():
            threading.Thread(target=self._observer.stop, daemon=True).start()

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
