"""Sandbox: a system, simulated — a real HTTP server on this machine that behaves as the system's contract says."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import ClassVar, TypeAlias

from pydantic import Field

from interpres.fault import Fault
from interpres.sandbox.trouble import Trouble
from interpres.settings import Settings

Application: TypeAlias = Callable[..., Awaitable[None]]
"""An ASGI 3 application: scope, receive, send."""

HOST = "127.0.0.1"
START_SECONDS = 10.0
STOP_SECONDS = 5.0


class SandboxSettings(Settings):
    """What every sandbox may be told."""

    port: int = Field(default=0, ge=0, le=65535, description="The port on 127.0.0.1; 0 takes a free one.")
    state: Path | None = Field(
        default=None, description="The SQLite file that keeps what was received; without it nothing is kept."
    )
    trouble: str = Field(default="", description="Kinds of trouble, each with its rate.", examples=["slow:0.2,500:0.1"])
    trouble_seed: int = Field(default=0, description="The same seed brings the same trouble.")
    slow_seconds: float = Field(default=2.0, gt=0, description="How late a slow answer is.")
    retry_after_seconds: int = Field(default=1, ge=0, description="What 429 asks the caller to wait.")


class Sandbox(ABC):
    """A sandbox part: one settings model, an application and the environment that leads the engine to it."""

    Settings: ClassVar[type[SandboxSettings]]

    def __init__(self, settings: SandboxSettings, schemas: Path) -> None:
        """`schemas` is the workspace's folder of that name: a sandbox checks what it is sent as the engine does."""
        self.settings = settings
        self.schemas = schemas
        self.dice = Trouble.parse(settings.trouble).dice(settings.trouble_seed)

    @abstractmethod
    def application(self) -> Application:
        """The system as an ASGI application. Late and missing answers are made around it; `500`, `429` and `expired` it
        finds under `wire.TROUBLE` of a request's scope, to be answered in the system's own words."""

    @abstractmethod
    def environment(self, base_url: str) -> dict[str, str]:
        """The variables that `schemas/<system>/system.yaml` names, set so that they lead here."""

    def close(self) -> None:
        """Let go of the state file; called once, after the server has stopped."""


class Running:
    """A sandbox that is being served by a thread of its own. `stop()` may be called twice."""

    def __init__(self, sandbox: Sandbox) -> None:
        import uvicorn

        from interpres.sandbox.wire import Misbehaving, Wires

        wires = Wires()
        self._sandbox = sandbox
        self._socket = _listen(sandbox.settings.port)
        self.port: int = self._socket.getsockname()[1]
        self.base_url = f"http://{HOST}:{self.port}"
        self.environment = sandbox.environment(self.base_url)
        self._server = uvicorn.Server(
            uvicorn.Config(
                Misbehaving(sandbox.application(), sandbox.dice, sandbox.settings.slow_seconds, wires.cut),
                http=wires.protocol,
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._thread = threading.Thread(target=self._serve, name=f"sandbox:{self.port}", daemon=True)

    def stop(self) -> None:
        """Stop listening, finish what is in hand, let go of the state file. Waits `STOP_SECONDS` at most."""
        if self._socket.fileno() < 0:
            return
        self._server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS)
        self._socket.close()
        self._sandbox.close()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _serve(self) -> None:
        with contextlib.suppress(SystemExit):
            self._server.run(sockets=[self._socket])

    def _started(self) -> Running:
        self._thread.start()
        until = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                self.stop()
                raise Fault("E191", "the sandbox did not start", "the log above says why; another port may help (--port)")
            time.sleep(0.005)
        return self


def start(sandbox: Sandbox) -> Running:
    """Serve the sandbox on 127.0.0.1 until `stop()`, beside a running event loop or without one.

    Raises `Fault` E190 where the port is taken, E191 where the server does not come up.
    """
    return Running(sandbox)._started()


def _listen(port: int) -> socket.socket:
    # Without the protocol asyncio would not set TCP_NODELAY, and every answer would wait 40 ms for an acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as wrong:
        listening.close()
        raise Fault(
            "E190", f"port {port} cannot be listened on: {wrong.strerror}", "leave --port out to take a free one"
        ) from wrong
    return listening
