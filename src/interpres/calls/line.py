"""Line: HTTP to one address — kept open, limited, signed; a sick peer told apart from one that answers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from interpres import __version__
from interpres.answer import Reply
from interpres.fault import Fault, TryAgain
from interpres.openapi import SAFE
from interpres.sign_in import UNSIGNED, Clock, Signature, SignIn
from interpres.system_file import Limits

if TYPE_CHECKING:
    import httpx2


@dataclass(frozen=True, slots=True)
class Request:
    """One request below the line's address. `query` may hold what belongs to a patient, and stands in no `repr`."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = field(default=(), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    signed: bool = True


class Line:
    """The connections to one address. Redirects are not followed, certificates are checked, and no proxy or password is taken
    from the process's environment.

    `name` is what faults call the peer. `transport` is httpx2's, for what does not go over the network.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        limits: Limits,
        headers: Mapping[str, str] | None = None,
        clock: Clock = time.monotonic,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self.sign_in: SignIn | None = None
        self._base_url = base_url.rstrip("/")
        self._limits = limits
        self._headers = dict(headers or {})
        self._clock = clock
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None
        self._places = asyncio.Semaphore(limits.in_flight)
        self._next_start = 0.0
        self._under_way = 0
        self._retired = False

    async def exchange(self, request: Request) -> Reply:
        """The reply to a request; after a 401 the sign-in is renewed and the request made once more.

        Raises `TryAgain` where there is no reply (`uncertain` once a request that may change something was under way), and
        `Fault` N222 for a request that cannot be written.
        """
        self._under_way += 1
        try:
            return await self._signed(request)
        finally:
            self._under_way -= 1
            await self._let_go()

    async def _signed(self, request: Request) -> Reply:
        if self.sign_in is None or not request.signed:
            return await self._limited(request, UNSIGNED)
        signature = await self.sign_in.sign()
        reply = await self._limited(request, signature)
        if reply.status == 401 and await self.sign_in.refused(signature):
            reply = await self._limited(request, await self.sign_in.sign())
        return reply

    async def ask(self, path: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        """What a sign-in asks for its token: not signed itself, and not behind the calls that wait for it."""
        from urllib.parse import urlencode

        said = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", **headers}
        return await self._timed(Request("POST", path, headers=said, body=urlencode(form).encode()), UNSIGNED)

    @property
    def in_use(self) -> bool:
        """Whether it holds connections, or a call that may open one."""
        return self._client is not None or self._under_way > 0

    async def retire(self) -> None:
        """Take nothing more: what is under way comes to its end, and the last of it closes the line."""
        self._retired = True
        await self._let_go()

    async def _let_go(self) -> None:
        if self._retired and not self._under_way:
            await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _limited(self, request: Request, signature: Signature) -> Reply:
        async with self._place():
            await self._turn()
            return await self._timed(request, signature)

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """One of the calls that may be under way at once; waited for as long as a call may take."""
        try:
            async with asyncio.timeout(self._limits.timeout_seconds):
                await self._places.acquire()
        except TimeoutError:
            says = f"{self.name} was busy with {self._limits.in_flight} other calls for {self._limits.timeout_seconds:g} seconds"
            raise TryAgain(says) from None
        try:
            yield
        finally:
            self._places.release()

    async def _turn(self) -> None:
        """Wait for the next start that `per_second` allows."""
        if self._limits.per_second is None:
            return
        start = max(self._clock(), self._next_start)
        self._next_start = start + 1 / self._limits.per_second
        await asyncio.sleep(start - self._clock())

    async def _timed(self, request: Request, signature: Signature) -> Reply:
        sent = _Progress()
        try:
            async with asyncio.timeout(self._limits.timeout_seconds):
                return await self._once(request, signature, sent)
        except TimeoutError:
            says = f"{self.name} did not answer within {self._limits.timeout_seconds:g} seconds"
            raise TryAgain(says, uncertain=sent.begun and request.method not in SAFE) from None

    async def _once(self, request: Request, signature: Signature, sent: _Progress) -> Reply:
        import httpx2

        client = self._client = self._client or self._opened()
        try:
            built = client.build_request(
                request.method,
                self._base_url + request.path,
                params=[*request.query, *signature.query.items()] or None,
                headers={**self._headers, **request.headers, **signature.headers},
                content=request.body,
                extensions={"trace": sent.note},
            )
        except (httpx2.InvalidURL, UnicodeError, ValueError, TypeError):
            hint = "see base_url, headers and parameters: addresses and headers are one line of visible ASCII"
            raise Fault("N222", f"no request to {self.name} can be written", hint) from None
        try:
            return await self._received(await client.send(built, stream=True))
        except (httpx2.UnsupportedProtocol, httpx2.LocalProtocolError):
            raise Fault("N222", f"no request to {self.name} can be written", "see base_url and headers") from None
        except (httpx2.TransportError, httpx2.DecodingError) as wrong:
            says = f"{self.name} {_in_words(wrong, sent.begun)}"
            raise TryAgain(says, uncertain=sent.begun and request.method not in SAFE) from None

    async def _received(self, response: httpx2.Response) -> Reply:
        headers = {name.lower(): value for name, value in response.headers.items()}
        body, limit = bytearray(), self._limits.answer_bytes
        try:
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > limit:
                    hint = "raise answer_bytes under limits in its system.yaml if it may be as large"
                    fault = Fault("N223", f"the answer of {self.name} is larger than the limit of {limit} bytes", hint)
                    return Reply(response.status_code, headers, fault=fault)
        finally:
            await response.aclose()
        return Reply(response.status_code, headers, bytes(body))

    def _opened(self) -> httpx2.AsyncClient:
        import httpx2

        # Its line for each request holds the address with the query, where patients' numbers stand.
        for name in ("httpx2", "httpcore2"):
            logging.getLogger(name).setLevel(logging.WARNING)
        many = self._limits.in_flight
        # Reading the authorities takes longer than most calls; without TLS a context that trusts nobody does.
        trust = True if self._base_url.startswith("https") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return httpx2.AsyncClient(
            headers={"User-Agent": f"interpres/{__version__}", "Accept-Encoding": "identity"},
            timeout=self._limits.timeout_seconds,
            limits=httpx2.Limits(max_connections=many + 1, max_keepalive_connections=many, keepalive_expiry=30.0),
            follow_redirects=False,
            trust_env=False,
            verify=trust,
            transport=self._transport,
        )


class _Progress:
    """Whether the request was begun on the wire: until then nothing can have happened at the peer."""

    def __init__(self) -> None:
        self.begun = False

    async def note(self, event: str, _: Mapping[str, Any]) -> None:
        if event.endswith(".send_request_headers.started"):
            self.begun = True


def _in_words(wrong: Exception, begun: bool) -> str:
    """What happened, for people; never the exception's own text, which may hold an address with its query."""
    import httpx2

    if isinstance(wrong, httpx2.PoolTimeout):
        return "had no connection free"
    if isinstance(wrong, httpx2.ConnectError) and "CERTIFICATE" in str(wrong).upper():
        return "showed a certificate that is not to be trusted"
    if isinstance(wrong, httpx2.ConnectError | httpx2.ConnectTimeout):
        return "cannot be reached"
    if isinstance(wrong, httpx2.DecodingError):
        return "sent an answer that cannot be unpacked"
    if isinstance(wrong, httpx2.TimeoutException):
        return "did not answer in time"
    return "broke off the connection before it had answered" if begun else "broke off the connection"
