"""http: takes the bodies of requests to one path, and answers what became of them."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import BaseModel

from interpres.environment import expand
from interpres.fault import Fault
from interpres.listening import cannot_listen, warning_of_the_open
from interpres.message import Intake
from interpres.source import Accept, Receipt, Setting, Source
from interpres.sources.http.settings import HttpSettings
from interpres.tls import server_context

if TYPE_CHECKING:
    import socket

    from starlette.requests import Request
    from starlette.responses import Response

_ALIKE: Final[Mapping[str, tuple[str, ...]]] = {
    "application/json": ("application/json", "+json"),
    "application/xml": ("application/xml", "text/xml", "+xml"),
    "text/csv": ("text/csv", "text/plain"),
}
"""What callers say for a format, by the format's own media type; what begins with + is an ending."""
HEADER_BYTES: Final = 32 * 1024
_HL7: Final = ("application/hl7-v2", "x-application/hl7-v2+er7", "text/plain")


class RefusedError(Exception):
    """A request that is answered no before anything is stored."""

    def __init__(self, status: int, code: str, says: str, hint: str, **headers: str) -> None:
        super().__init__(code)
        self.status = status
        self.fault = Fault(code, says, hint)
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Http(Source):
    """One listening socket, one path. Who calls is asked before anything is read; a body is bounded while it is read; what was
    answered 2xx is stored. Headers never steer the engine: only `Idempotency-Key` is kept, as data."""

    Settings: ClassVar[type[BaseModel]] = HttpSettings
    settings: HttpSettings

    def __init__(self, settings: BaseModel, setting: Setting) -> None:
        super().__init__(settings, setting)
        self.port = 0
        self._socket: socket.socket | None = None
        self._accept: Accept | None = None
        self._under_way = 0
        self._known: tuple[str, bytes] | None = None

    async def open(self) -> str:
        from interpres.serving import listening_socket

        s = self.settings
        self._known = self._callers()
        if s.tls:
            server_context(s.tls, self.setting.workspace)  # what is wrong with it is told now
        elif warning := warning_of_the_open(s.host, s.port):
            self.setting.notes.append(warning)
        try:
            self._socket = await asyncio.to_thread(listening_socket, s.host, s.port)
        except OSError as wrong:
            raise cannot_listen(wrong, s.host, s.port) from None
        self.port = self._socket.getsockname()[1]
        return f"listens on http{'s' if s.tls else ''}://{s.host}:{self.port}{s.path}"

    async def run(self, accept: Accept) -> None:
        """Serve until cancelled; requests that have arrived are answered first."""
        from interpres.serving import made_server

        assert self._socket is not None, "open comes before run"
        self._accept = accept
        context = server_context(self.settings.tls, self.setting.workspace) if self.settings.tls else None
        limits = self.settings.limits
        server = made_server(self._application, limits.body_seconds, limits.connections, context)
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(server.serve(sockets=[self._socket]))
            try:
                await asyncio.shield(serving)
            finally:
                server.should_exit = True
                await asyncio.wait({serving})

    async def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def idle(self) -> bool:
        return not self._under_way

    # one request

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI 3."""
        from starlette.requests import ClientDisconnect, Request

        if scope["type"] != "http":
            return
        self._under_way += 1
        try:
            response = await self._answered(Request(scope, receive))
            await response(scope, receive, send)
        except ClientDisconnect:
            pass  # before its body was there: nothing was stored, and nobody waits for an answer
        finally:
            self._under_way -= 1

    async def _answered(self, request: Request) -> Response:
        from starlette.responses import Response

        from interpres.sources.http import said

        fhir = said.FHIR_JSON in f"{request.headers.get('accept', '')} {request.headers.get('content-type', '')}".lower()
        try:
            self._check(request)
            body = await self._body(request)
            receipt = await self._handed_in(request, body)
        except RefusedError as wrong:
            self.setting.refused(wrong.fault)
            response = said.refused(wrong.status, [wrong.fault], fhir, headers={**wrong.headers, "Connection": "close"})
        else:
            own = None if fhir else self._own_answer(body, receipt)
            response = said.what_became(receipt, fhir) if own is None else own
        assert isinstance(response, Response)
        return response

    def _check(self, request: Request) -> None:
        """All that can be told without the body. Raises `RefusedError`."""
        s = self.settings
        if sum(len(name) + len(value) for name, value in request.headers.raw) > HEADER_BYTES:
            raise RefusedError(431, "N137", f"the headers are larger than {HEADER_BYTES} bytes", "leave out what nobody reads")
        self._check_caller(request)
        if request.url.path != s.path:
            raise RefusedError(404, "N130", "there is nothing at this address", f"messages go to {s.path}")
        if request.method != s.method:
            raise RefusedError(
                405, "N131", "this method is not offered here", f"messages are sent with {s.method}", Allow=s.method
            )
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type and not any(media_type == t or (t[:1] == "+" and media_type.endswith(t)) for t in self._taken()):
            raise RefusedError(
                415, "N132", "this media type is not taken here", f"send {', '.join(_named(t) for t in self._taken())}"
            )
        if request.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise RefusedError(
                415, "N132", "compressed bodies are not taken here", "send it as it is", Accept_Encoding="identity"
            )
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > s.limits.body_bytes:
            raise self._too_large()
        key = request.headers.get("idempotency-key", "")
        if len(key) > 255 or not key.isprintable():
            raise RefusedError(400, "N133", "the Idempotency-Key is not one", "up to 255 visible characters on one line")

    def _check_caller(self, request: Request) -> None:
        callers = self.settings.callers
        if callers is None or self._known is None:
            return
        name, secret = self._known
        shown = b""
        if callers.api_key is not None:
            shown = request.headers.get(callers.api_key.header, "").encode("latin-1", "replace")
        else:
            scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() == "basic":
                shown = _decoded(encoded)
        if not hmac.compare_digest(shown, secret):
            challenge = 'Basic realm="interpres", charset="UTF-8"' if callers.basic else f"ApiKey header={name}"
            raise RefusedError(401, "N134", "the caller is not known", "see callers: of the channel", WWW_Authenticate=challenge)

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        try:
            async with asyncio.timeout(self.settings.limits.body_seconds):
                async for piece in request.stream():
                    body += piece
                    if len(body) > self.settings.limits.body_bytes:
                        raise self._too_large()
        except TimeoutError:
            seconds = f"{self.settings.limits.body_seconds:g}"
            raise RefusedError(408, "N135", f"the body did not arrive within {seconds} seconds", "send it in one go") from None
        return bytes(body)

    async def _handed_in(self, request: Request, body: bytes) -> Receipt:
        envelope = {"peer": request.client.host if request.client else ""}
        for name, header in (("content_type", "content-type"), ("idempotency_key", "idempotency-key")):
            if value := request.headers.get(header):
                envelope[name] = value
        assert self._accept is not None
        try:
            return await self._accept(Intake(self.setting.channel, body, envelope))
        except Exception as bug:
            # Our own mistake costs this caller an answer 500, and nobody else anything.
            says = f"our own mistake while a request was taken in: {type(bug).__name__}"
            raise RefusedError(500, "X001", says, "report it with the time and the channel") from None

    def _own_answer(self, body: bytes, receipt: Receipt) -> Response | None:
        """The answer in the format's own words, where it has any (HL7 over HTTP)."""
        from starlette.responses import Response

        from interpres.sources.http.said import RETRY_AFTER_SECONDS, status_of

        format_ = self.setting.format
        ids = [fate.message_id for fate in receipt.fates]
        written = format_.reply(body, receipt.verdict, datetime.now(UTC), ids[0] if ids else f"{time.time_ns():X}")
        if written is None:
            return None
        status = status_of(receipt)
        headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 503 else {}
        return Response(written, status, headers, media_type=format_.media_type)

    def _taken(self) -> tuple[str, ...]:
        if self.settings.content_types:
            return tuple(t.lower() for t in self.settings.content_types)
        media_type = self.setting.format.media_type
        return _HL7 if "hl7" in media_type else _ALIKE.get(media_type, (media_type,))

    def _too_large(self) -> RefusedError:
        says = f"the body is larger than the limit of {self.settings.limits.body_bytes} bytes"
        return RefusedError(413, "N136", says, "send it in parts, or raise body_bytes under limits of the channel's http source")

    def _callers(self) -> tuple[str, bytes] | None:
        """(header or name, what must be shown), expanded. Raises `Fault` E104 where a name is not set."""
        callers = self.settings.callers
        if callers is None:
            return None
        if callers.api_key is not None:
            return callers.api_key.header, expand(callers.api_key.key.get_secret_value(), self.setting.environment).encode()
        assert callers.basic is not None
        name = expand(callers.basic.username, self.setting.environment)
        return name, f"{name}:{expand(callers.basic.password.get_secret_value(), self.setting.environment)}".encode()


def _named(media_type: str) -> str:
    return f"any type that ends with {media_type}" if media_type.startswith("+") else media_type


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded.strip().encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return b""
