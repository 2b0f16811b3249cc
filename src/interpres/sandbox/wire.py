"""Wire: the connections of a sandbox's server, by which requests are answered late or never."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

from uvicorn.protocols.http.h11_impl import H11Protocol

from interpres.sandbox.trouble import Dice

Message: TypeAlias = MutableMapping[str, Any]
Application: TypeAlias = Callable[..., Awaitable[None]]

TROUBLE: Final = "interpres.sandbox.trouble"
"""The key of an ASGI scope that names the trouble which the application itself must make (`500`, `429`, `expired`)."""


class Wires:
    """Knows each open connection by its peer's address; `protocol` is what the server speaks on every one of them."""

    def __init__(self) -> None:
        known: dict[tuple[str, int], asyncio.Transport] = {}

        class Known(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                if self.client is not None:
                    known[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                if self.client is not None:
                    known.pop(self.client, None)
                super().connection_lost(exc)

        self.protocol: type[asyncio.Protocol] = Known
        self._known = known

    def cut(self, scope: Message) -> None:
        """Cut the connection that this request came in on, at once and without a word."""
        client = scope.get("client")
        if client is not None and (transport := self._known.get(tuple(client))) is not None:
            transport.abort()


class Misbehaving:
    """An application that meets trouble: late and missing answers are made here, the rest is asked of the application.

    Paths below `/_sandbox/` are left in peace, so that one can always ask what the sandbox has received.
    """

    def __init__(self, application: Application, dice: Dice, slow_seconds: float, cut: Callable[[Message], None]) -> None:
        self._application = application
        self._dice = dice
        self._slow_seconds = slow_seconds
        self._cut = cut

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """One request (ASGI 3)."""
        if scope["type"] != "http" or scope["path"].startswith("/_sandbox/"):
            await self._application(scope, receive, send)
            return
        kind = self._dice.throw()
        if kind == "slow":
            await asyncio.sleep(self._slow_seconds)
        if kind == "drop-after":
            await self._application(scope, receive, _unheard)
        if kind in ("drop", "drop-after"):
            self._cut(scope)
            await _gone(receive)
            return
        scope[TROUBLE] = kind
        await self._application(scope, receive, send)


async def _unheard(_: Message) -> None:
    """Where an answer goes that nobody is to hear."""


async def _gone(receive: Any) -> None:
    """Wait until the server knows that the connection is lost; it would answer 500 otherwise."""
    while (await receive())["type"] != "http.disconnect":
        pass
