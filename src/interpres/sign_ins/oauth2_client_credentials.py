"""oauth2_client_credentials: a client's own secret for a token (RFC 6749, 4.4)."""

from __future__ import annotations

import time
from typing import ClassVar, Literal

from pydantic import BaseModel, Field, SecretStr

from interpres.bearer import Bearer, Token, token_of
from interpres.settings import Settings
from interpres.sign_in import Ask, Clock, Signature, SignIn, client_credentials


class Oauth2ClientCredentialsSettings(Settings):
    """Who signs in, and where."""

    token_path: str = Field(description="Where tokens are issued, behind base_url.", examples=["/oauth/token"])
    client_id: str = Field(description="The client's name.")
    client_secret: SecretStr = Field(description="The client's secret.")
    scope: str | None = Field(default=None, description="What is asked for, where the system wants it said.")
    client_auth: Literal["body", "basic"] = Field(
        default="basic", description="Whether the client's name and secret go in the request's body or in Basic authentication."
    )


class Oauth2ClientCredentials(SignIn):
    """The client credentials grant; it has no refresh token, the secret is asked for each time."""

    Settings: ClassVar[type[BaseModel]] = Oauth2ClientCredentialsSettings
    settings: Oauth2ClientCredentialsSettings

    def __init__(self, settings: BaseModel, system: str, ask: Ask, clock: Clock = time.monotonic) -> None:
        super().__init__(settings, system, ask, clock)
        self._bearer = Bearer(system, self._fetch, clock)

    async def sign(self) -> Signature:
        return await self._bearer.sign()

    async def refused(self, signature: Signature) -> bool:
        return await self._bearer.refused(signature)

    async def _fetch(self, last: Token | None) -> Token:
        s = self.settings
        form = {"grant_type": "client_credentials", **({"scope": s.scope} if s.scope else {})}
        in_body, headers = client_credentials(s.client_id, s.client_secret.get_secret_value(), s.client_auth)
        asked_at = self.clock()
        reply = await self.ask(s.token_path, {**form, **in_body}, headers)
        return token_of(reply, self.system, asked_at, None)
