"""Serving: uvicorn inside a running loop — no signal handlers, no log of addresses, no patience with silence."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

INCOMPLETE_BYTES = 32 * 1024
"""How much of a request line and headers is kept that have not ended."""
DRAIN_SECONDS = 10


class Server(uvicorn.Server):
    """Leaves signals to the one who runs the loop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def made_server(application: Any, request_seconds: float, connections: int, context: ssl.SSLContext | None = None) -> Server:
    """A server of an ASGI 3 application, not started yet: how long a request may take to arrive, how many may be open at once."""

    class Patient(H11Protocol):
        """A connection that is closed when no whole request has come in time: uvicorn itself waits for ever."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._silence = self.loop.call_later(request_seconds, self._close_silent)

        def connection_lost(self, exc: Exception | None) -> None:
            self._silence.cancel()
            super().connection_lost(exc)

        def _close_silent(self) -> None:
            if self.cycle is None:
                self.transport.abort()

    config = uvicorn.Config(
        application,
        interface="asgi3",
        http=Patient,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=connections,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        h11_max_incomplete_event_size=INCOMPLETE_BYTES,
    )
    config.load()
    config.ssl = context
    return Server(config)


def listening_socket(host: str, port: int) -> socket.socket:
    """A socket that listens from now on. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(1024)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening
