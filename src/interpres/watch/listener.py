"""Listener: serves /health, /ready and /metrics as long as the engine is there, from before its start until after its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Final

from interpres.installation_file import listen_address
from interpres.listening import cannot_listen, is_loopback
from interpres.watch.answers import Answer, application

REQUEST_SECONDS: Final = 10.0
CONNECTIONS: Final = 64
END_SECONDS: Final = 2.0


@contextlib.asynccontextmanager
async def listening(listen: str, answers: Mapping[str, Answer]) -> AsyncIterator[str]:
    """Answer at this address meanwhile; gives it with the port that was taken. Raises `Fault` E111 where it cannot be had."""
    from interpres.serving import listening_socket, made_server

    host, port = listen_address(listen)
    try:
        sock = await asyncio.to_thread(listening_socket, host, port)
    except OSError as wrong:
        raise cannot_listen(wrong, host, port) from None
    server = made_server(application(answers), REQUEST_SECONDS, CONNECTIONS)
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield f"{host}:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        _, late = await asyncio.wait({serving}, timeout=END_SECONDS)
        for task in late:
            task.cancel()
        sock.close()


def warning_of_health(listen: str) -> str:
    """What is said of an address that others can reach; empty where only this machine can."""
    host, _ = listen_address(listen)
    if is_loopback(host):
        return ""
    return (
        f"WARNING: /health and /metrics at {listen} are open to the network: anybody there can read the names of channels and "
        "how much passes. Listen on 127.0.0.1, and let the collector come through a tunnel or a proxy that asks who it is"
    )
