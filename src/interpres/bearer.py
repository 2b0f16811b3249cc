"""Bearer: a token of OAuth 2.0, its life, and one renewal for all who wait for it (RFC 6749, RFC 6750)."""

from __future__ import annotations

import asyncio
import json
import re
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import BaseModel, Field, SecretStr

from interpres.answer import Reply, passing
from interpres.fault import TryAgain
from interpres.settings import Settings
from interpres.sign_in import Ask, Clock, Signature, SignIn, client_credentials

MARGIN_SECONDS: Final = 60.0
"""How long before its end a token is renewed; a tenth of its life where that is less."""
FIRST_REST_SECONDS: Final = 5.0
LONGEST_REST_SECONDS: Final = 300.0
"""How long a sign-in that was refused rests before it is tried again: an account must not be locked by asking."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}", re.ASCII)
_SECONDS = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; `renew_at` is when it is to be renewed on our monotonic clock, None where only a 401 will tell."""

    access: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)
    renew_at: float | None = None


class RefusedError(Exception):
    """The token endpoint says no: `error` is its word (RFC 6749, 5.2)."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


Fetch = Callable[[Token | None], Awaitable[Token]]
"""Gets a new token, given the last one. Raises `RefusedError` or `TryAgain`."""


class Bearer:
    """Holds one token in memory and nowhere else; whoever first finds it missing or near its end renews it, the others wait.

    What the renewal ends in, also a failure, is told to all who waited for it: a hundred calls make one request.
    """

    def __init__(self, system: str, fetch: Fetch, clock: Clock) -> None:
        self._system = system
        self._fetch = fetch
        self._clock = clock
        self._token: Token | None = None
        self._renewal: asyncio.Future[Token] | None = None
        self._rest_seconds = 0.0
        self._rest_until = 0.0

    async def sign(self) -> Signature:
        """The header for the next call, with a token that is good for it."""
        token = self._token
        if token is None or (token.renew_at is not None and self._clock() >= token.renew_at):
            token = await self._renewed(token)
        return Signature({"Authorization": f"Bearer {token.access}"})

    async def refused(self, signature: Signature) -> bool:
        """Renew unless another call already did; true where there is a token to try that was not refused."""
        token = self._token
        if token is not None and signature.headers.get("Authorization") == f"Bearer {token.access}":
            token = await self._renewed(token)
        return token is not None

    async def _renewed(self, stale: Token | None) -> Token:
        while self._renewal is not None:
            try:
                return await asyncio.shield(self._renewal)
            except asyncio.CancelledError:
                # Either we were cancelled, or the one who renewed was: then it is ours to do.
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
            except TryAgain as wrong:
                raise TryAgain(wrong.says, after_seconds=wrong.after_seconds) from None
        if self._token is not None and self._token is not stale:
            return self._token
        return await self._renew()

    async def _renew(self) -> Token:
        self._renewal = renewal = asyncio.get_running_loop().create_future()
        try:
            token = self._token = await self._fetched()
        except TryAgain as wrong:
            renewal.set_exception(wrong)
            renewal.exception()  # nobody may be waiting, and that is no error
            raise
        except BaseException:
            renewal.cancel()
            raise
        else:
            renewal.set_result(token)
            return token
        finally:
            self._renewal = None

    async def _fetched(self) -> Token:
        wait = self._rest_until - self._clock()
        if wait > 0:
            raise TryAgain(f"{self._system} refused our sign-in, which rests before it is tried again", after_seconds=wait)
        try:
            token = await self._fetch(self._token)
        except RefusedError as wrong:
            self._rest_seconds = min(max(2 * self._rest_seconds, FIRST_REST_SECONDS), LONGEST_REST_SECONDS)
            self._rest_until = self._clock() + self._rest_seconds
            says = f"{self._system} refuses our sign-in ({wrong.error}): see sign_in in its system.yaml, and the environment"
            raise TryAgain(says, after_seconds=self._rest_seconds) from None
        self._rest_seconds = 0.0
        return token


def token_of(reply: Reply, system: str, asked_at: float, last: Token | None) -> Token:
    """The token that a token endpoint's reply holds (RFC 6749, 5.1). `asked_at`: when it was asked for, on our clock.

    Raises `RefusedError` for 4xx, `TryAgain` for 408, 429, 5xx and for replies that are none.
    """
    if wrong := passing(reply, system):
        raise TryAgain(f"no token: {wrong.says}", after_seconds=wrong.after_seconds)
    facts = _facts(reply)
    if reply.status != 200:
        raise RefusedError(_word(facts.get("error")) or f"status {reply.status}")
    access, refresh = facts.get("access_token"), facts.get("refresh_token")
    if not isinstance(access, str) or not _TOKEN.fullmatch(access):
        raise RefusedError(_word(facts.get("error")) or "its answer holds no token")
    if str(facts.get("token_type", "bearer")).lower() != "bearer":
        raise RefusedError("its token is of a type other than Bearer")
    kept = refresh if isinstance(refresh, str) and refresh else last.refresh if last else None
    return Token(access, kept, _renew_at(facts.get("expires_in"), asked_at))


def _renew_at(expires_in: Any, asked_at: float) -> float | None:
    """When to renew. Without a life that can be read the token is used until it is refused; with none left, once."""
    if isinstance(expires_in, bool) or not isinstance(expires_in, int | Decimal | str):
        return None
    if not _SECONDS.fullmatch(str(expires_in).strip()):
        return None
    life = max(float(expires_in), 0.0)
    return asked_at + life - min(MARGIN_SECONDS, life / 10)


def _facts(reply: Reply) -> Mapping[str, Any]:
    try:
        facts = json.loads(reply.body, parse_float=Decimal)
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _word(error: Any) -> str:
    """The endpoint's error code where it is one; its sentences may hold anything and are not repeated."""
    return error if isinstance(error, str) and re.fullmatch(r"[a-z_]{1,40}", error, re.ASCII) else ""


class OAuth2Settings(Settings):
    """What every OAuth 2.0 grant of a client says: where tokens are issued, and who asks."""

    token_path: str = Field(description="Where tokens are issued, behind base_url.", examples=["/oauth/token"])
    client_id: str = Field(description="The client's name.")
    client_secret: SecretStr = Field(description="The client's secret.")
    scope: str | None = Field(default=None, description="What is asked for, where the system wants it said.")
    client_auth: Literal["body", "basic"] = Field(
        default="basic", description="Whether the client's name and secret go in the request's body or in Basic authentication."
    )


class OAuth2SignIn(SignIn):
    """Signs with a bearer token; the grant that brings one is each sign-in's own."""

    settings: OAuth2Settings

    def __init__(self, settings: BaseModel, system: str, ask: Ask, clock: Clock = time.monotonic) -> None:
        super().__init__(settings, system, ask, clock)
        self._bearer = Bearer(system, self.fetch, clock)

    async def sign(self) -> Signature:
        return await self._bearer.sign()

    async def refused(self, signature: Signature) -> bool:
        return await self._bearer.refused(signature)

    @abstractmethod
    async def fetch(self, last: Token | None) -> Token:
        """A new token; `last` is the one before it."""

    async def grant(self, last: Token | None, **form: str) -> Token:
        """One token request (RFC 6749, 4.3 to 6); what it lacks is taken over from the last token."""
        s = self.settings
        if s.scope:
            form["scope"] = s.scope
        in_body, headers = client_credentials(s.client_id, s.client_secret.get_secret_value(), s.client_auth)
        asked_at = self.clock()
        reply = await self.ask(s.token_path, {**form, **in_body}, headers)
        return token_of(reply, self.system, asked_at, last)
