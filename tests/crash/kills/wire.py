"""Wire: an engine and its peer in network namespaces of their own, and the ways in which the line between them may fail."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

CLONE_NEWNET: Final = 0x40000000
"""What `setns` is told that it changes (sched.h)."""
OURS: Final = "192.0.2.1"
THEIRS: Final = "192.0.2.2"
"""Addresses that are nobody's (RFC 5737), and that only the two namespaces know."""


class NoNamespaceError(Exception):
    """This machine gives no namespaces: the message says what is missing."""


@dataclass(frozen=True)
class Wire:
    """A pair of interfaces: one in the engine's namespace, one in the peer's. This machine's own are left alone."""

    name: str

    @property
    def ours(self) -> str:
        """The engine's namespace, and its interface."""
        return f"{self.name}a"

    @property
    def theirs(self) -> str:
        """The peer's."""
        return f"{self.name}b"

    @property
    def inside(self) -> tuple[str, ...]:
        """What runs a command on the engine's side."""
        return ("ip", "netns", "exec", self.ours)

    def listening(self) -> socket.socket:
        """A socket that listens on the peer's side; whoever has it may serve from here."""
        made: list[socket.socket] = []
        thread = threading.Thread(target=lambda: made.append(self._listening()))
        thread.start()
        thread.join()
        return made[0]

    def _listening(self) -> socket.socket:
        """On a thread of its own: the namespace is the thread's."""
        libc = ctypes.CDLL(None, use_errno=True)
        there = os.open(f"/run/netns/{self.theirs}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.setns(there, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(there)
        return socket.create_server((THEIRS, 0), backlog=1024)

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """Nothing gets through, and nobody says so. The peer's end is taken down: without ours, the route to it would be gone,
        and what is sent would go out by another."""
        ip("-n", self.theirs, "link", "set", self.theirs, "down")
        try:
            yield
        finally:
            ip("-n", self.theirs, "link", "set", self.theirs, "up")

    @contextlib.contextmanager
    def one_way(self) -> Iterator[None]:
        """What we send arrives, and nothing comes back."""
        ip("-n", self.theirs, "route", "add", "blackhole", f"{OURS}/32")
        try:
            yield
        finally:
            ip("-n", self.theirs, "route", "del", "blackhole", f"{OURS}/32")

    @contextlib.contextmanager
    def refused(self) -> Iterator[None]:
        """Every attempt fails at once."""
        ip("-n", self.ours, "route", "add", "blackhole", f"{THEIRS}/32")
        try:
            yield
        finally:
            ip("-n", self.ours, "route", "del", "blackhole", f"{THEIRS}/32")


@contextlib.contextmanager
def wire() -> Iterator[Wire]:
    """A line between two namespaces, gone afterwards. Raises `NoNamespaceError`."""
    if not shutil.which("ip"):
        raise NoNamespaceError("network namespaces need ip (iproute2)")
    made = Wire(f"itp{os.getpid() % 1_000_000}")
    with contextlib.ExitStack() as things:
        try:
            for name in (made.ours, made.theirs):
                ip("netns", "add", name)
                things.callback(ip, "netns", "del", name)
                ip("-n", name, "link", "set", "lo", "up")
            ip("-n", made.ours, "link", "add", made.ours, "type", "veth", "peer", "name", made.theirs, "netns", made.theirs)
            for name, address in ((made.ours, OURS), (made.theirs, THEIRS)):
                ip("-n", name, "address", "add", f"{address}/30", "dev", name)
                ip("-n", name, "link", "set", name, "up")
        except subprocess.CalledProcessError as refused:
            raise NoNamespaceError(f"network namespaces need root: {refused.stderr.strip()}") from None
        yield made


def ip(*words: str) -> None:
    """Run ip(8)."""
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
