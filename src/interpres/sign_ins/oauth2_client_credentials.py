"""oauth2_client_credentials: a client's own secret for a token (RFC 6749, 4.4)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from interpres.bearer import OAuth2Settings, OAuth2SignIn, Token


class Oauth2ClientCredentials(OAuth2SignIn):
    """The client credentials grant; it has no refresh token, the secret is asked for each time."""

    Settings: ClassVar[type[BaseModel]] = OAuth2Settings

    async def fetch(self, last: Token | None) -> Token:
        return await self.grant(None, grant_type="client_credentials")
