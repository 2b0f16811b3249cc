"""oauth2_password: a user's name and password for a token, refreshed while that is possible (RFC 6749, 4.3 and 6)."""

from __future__ import annotations

import time
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field, SecretStr

from interpres.bearer import Bearer, RefusedError, Token, token_of
from interpres.settings import Settings
from interpres.sign_in import Ask, Clock, Signature, SignIn, client_credentials


class Oauth2PasswordSettings(Settings):
    """Who signs in, and where."""

    token_path: str = Field(description="Where tokens are issued, behind base_url.", examples=["/oauth/token"])
    client_id: str = Field(description="The client's name.")
    client_secret: SecretStr = Field(description="The client's secret.")
    username: str = Field(description="The user's name.")
    password: SecretStr = Field(description="The user's password.")
    scope: str | None = Field(default=None, description="What is asked for, where the system wants it said.")
    client_auth: Literal["body", "basic"] = Field(
        default="body", description="Whether the client's name and secret go in the request's body or in Basic authentication."
    )


class Oauth2Password(SignIn):
    """The refresh grant where there is a refresh token, the password where there is none or it is refused."""

    Settings: ClassVar[type[BaseModel]] = Oauth2PasswordSettings
    settings: Oauth2PasswordSettings

    def __init__(self, settings: BaseModel, system: str, ask: Ask, clock: Clock = time.monotonic) -> None:
        super().__init__(settings, system, ask, clock)
        self._bearer = Bearer(system, self._fetch, clock)

    async def sign(self) -> Signature:
        return await self._bearer.sign()

    async def refused(self, signature: Signature) -> bool:
        return await self._bearer.refused(signature)

    async def _fetch(self, last: Token | None) -> Token:
        if last is not None and last.refresh is not None:
            try:
                return await self._grant(last, grant_type="refresh_token", refresh_token=last.refresh)
            except RefusedError:
                last = None  # a refresh token ends too; the password is asked for again
        s = self.settings
        return await self._grant(last, grant_type="password", username=s.username, password=s.password.get_secret_value())

    async def _grant(self, last: Token | None, **form: Any) -> Token:
        s = self.settings
        if s.scope:
            form["scope"] = s.scope
        in_body, headers = client_credentials(s.client_id, s.client_secret.get_secret_value(), s.client_auth)
        asked_at = self.clock()
        reply = await self.ask(s.token_path, {**form, **in_body}, headers)
        return token_of(reply, self.system, asked_at, last)
