"""mllp: listens for HL7 in MLLP frames, and answers each message on its connection, in order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import ClassVar, Final

from pydantic import BaseModel

from interpres.fault import Fault
from interpres.listening import cannot_listen, warning_of_the_open
from interpres.source import Accept, Setting, Source
from interpres.sources.mllp.peer import Peer
from interpres.sources.mllp.settings import MllpSettings
from interpres.tls import server_context

DRAIN_SECONDS: Final = 10.0
"""How long frames that were received may take to be answered once the engine is told to stop."""


class Mllp(Source):
    """One listening socket. What a peer sends is stored before it is answered; a damaged frame is stored and answered with a no,
    an empty one answered with a no, and what is no MLLP is closed without a word."""

    Settings: ClassVar[type[BaseModel]] = MllpSettings
    settings: MllpSettings

    def __init__(self, settings: BaseModel, setting: Setting) -> None:
        super().__init__(settings, setting)
        self.port = 0
        self.peers: set[Peer] = set()
        self._server: asyncio.Server | None = None
        self._meet: Callable[[Peer], None] | None = None

    async def open(self) -> str:
        s = self.settings
        context = server_context(s.tls, self.setting.workspace) if s.tls else None
        if not s.tls and (warning := warning_of_the_open(s.host, s.port)):
            self.setting.notes.append(warning)
        try:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Peer(self), s.host, s.port, ssl=context, backlog=1024, start_serving=False
            )
        except OSError as wrong:
            raise cannot_listen(wrong, s.host, s.port) from None
        self.port = self._server.sockets[0].getsockname()[1]
        return f"listens on {s.host}:{self.port} (MLLP{' over TLS' if s.tls else ''})"

    async def run(self, accept: Accept) -> None:
        """Serve until cancelled; then what was received is answered, and every connection closed."""
        assert self._server is not None, "open comes before run"
        async with asyncio.TaskGroup() as group:
            self._meet = lambda peer: peer.begin(group.create_task(peer.serve(accept)))
            try:
                await self._server.start_serving()
                await self._watch()
            finally:
                self._server.close()
                self._meet = None
                await self._drain()

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for peer in list(self.peers):
            peer.abort()

    def idle(self) -> bool:
        return not any(peer.busy for peer in self.peers)

    def arrived(self, peer: Peer) -> None:
        """A peer connected: it is met, or closed where there is no room and none that has been silent can make some."""
        if len(self.peers) >= self.settings.limits.connections:
            silent = [p for p in self.peers if not p.spoke and not p.busy]
            if not silent:
                self.refused("N110", "no more connections are taken", "raise connections under limits, or see who holds them")
                peer.abort()
                return
            min(silent, key=lambda p: p.heard_at).abort()
        if self._meet is None:
            peer.abort()
            return
        self.peers.add(peer)
        self._meet(peer)

    def refused(self, code: str, says: str, hint: str) -> None:
        self.setting.refused(Fault(code, says, hint))

    async def _watch(self) -> None:
        """Close what has been silent too long, from time to time."""
        limits = self.settings.limits
        pause = min(limits.silent_seconds, limits.idle_seconds) / 4
        while True:
            await asyncio.sleep(min(max(pause, 0.02), 5.0))
            now = time.monotonic()
            for peer in list(self.peers):
                peer.look(now, limits)

    async def _drain(self) -> None:
        for peer in self.peers:
            peer.finish()
        tasks = [peer.task for peer in self.peers if peer.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
        for peer in list(self.peers):
            peer.abort()
