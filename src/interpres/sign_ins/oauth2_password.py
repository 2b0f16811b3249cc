"""oauth2_password: a user's name and password for a token, refreshed while that is possible (RFC 6749, 4.3 and 6)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, Field, SecretStr

from interpres.bearer import OAuth2Settings, OAuth2SignIn, RefusedError, Token


class Oauth2PasswordSettings(OAuth2Settings):
    """Who signs in, and where."""

    username: str = Field(description="The user's name.")
    password: SecretStr = Field(description="The user's password.")
    client_auth: Literal["body", "basic"] = Field(
        default="body", description="Whether the client's name and secret go in the request's body or in Basic authentication."
    )


class Oauth2Password(OAuth2SignIn):
    """The refresh grant where there is a refresh token, the password where there is none or it is refused."""

    Settings: ClassVar[type[BaseModel]] = Oauth2PasswordSettings
    settings: Oauth2PasswordSettings

    async def fetch(self, last: Token | None) -> Token:
        if last is not None and last.refresh is not None:
            try:
                return await self.grant(last, grant_type="refresh_token", refresh_token=last.refresh)
            except RefusedError:
                last = None  # a refresh token ends too; the password is asked for again
        s = self.settings
        return await self.grant(last, grant_type="password", username=s.username, password=s.password.get_secret_value())
