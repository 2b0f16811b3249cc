"""Signals: what SIGTERM, Ctrl-C, SIGHUP and a terminal that is closed mean to an engine."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable


class Terminal:
    """The terminal that a process was started from, if it was.

    The kernel says SIGHUP when a terminal is gone, and so does whoever wants a reload. Of a terminal that is gone the streams
    are no terminal any longer (termios(3): a hung-up one answers with EIO), by which the two are told apart.
    """

    def __init__(self) -> None:
        self._streams = [stream for stream in (0, 1, 2) if os.isatty(stream)]

    @property
    def is_gone(self) -> bool:
        """Whether a stream that was a terminal is none now."""
        return not all(os.isatty(stream) for stream in self._streams)


def obey(stop: Callable[[], None], reload: Callable[[], object]) -> None:
    """From now on SIGTERM, Ctrl-C and a closed terminal are `stop`, and any other SIGHUP is `reload`."""
    loop, terminal = asyncio.get_running_loop(), Terminal()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, lambda: stop() if terminal.is_gone else reload())
