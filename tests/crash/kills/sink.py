"""Sink: an HTTP peer that acts once for each key, remembers in which order, and now and then is sick or silent."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
KNOWN = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{"yes": true}'
SICK = b"HTTP/1.1 503 Sick\r\nContent-Length: 0\r\n\r\n"


class Sink:
    """`arrivals` are the (key, body) that it was to act on, in order, repetitions among them; it acts once for each key.

    Of all requests the share `sick` is answered 503 before anything is done, and the share `silent` is done and never answered.
    """

    def __init__(self, seed: int = 0, *, sick: float = 0.0, silent: float = 0.0) -> None:
        self.chance = random.Random(seed)
        self.sick = sick
        self.silent = silent
        self.arrivals: list[tuple[str, bytes]] = []

    @contextlib.asynccontextmanager
    async def serving(self, port: int = 0, sock: socket.socket | None = None) -> AsyncIterator[str]:
        """Its address, while it serves: on loopback, or on a socket that listens already."""
        sock = sock or socket.create_server(("127.0.0.1", port), backlog=1024)
        server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), sock=sock)
        try:
            yield "http://{}:{}".format(*sock.getsockname()[:2])
        finally:
            server.close()

    def answer(self, key: str, body: bytes) -> bytes | None:
        """Act on it; None for silence."""
        drawn = self.chance.random()
        if drawn < self.sick:
            return SICK
        self.arrivals.append((key, body))
        return None if drawn < self.sick + self.silent else OK


class _Connection(asyncio.Protocol):
    """One connection, kept alive; requests have a Content-Length, as those of the engine do."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            is_question = self.data.startswith(b"GET")
            fields = dict(line.lower().split(b":", 1) for line in self.data[:end].split(b"\r\n")[1:])
            whole = end + 4 + int(fields.get(b"content-length", b"0"))
            if len(self.data) < whole:
                return
            body, self.data = self.data[end + 4 : whole], self.data[whole:]
            answer = KNOWN if is_question else self.sink.answer(fields[b"idempotency-key"].strip().decode(), body)
            if answer is None:
                self.transport.abort()
                return
            self.transport.write(answer)
