"""basic: a name and a password with every call (RFC 7617)."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field, SecretStr, field_validator

from interpres.settings import Settings
from interpres.sign_in import Signature, SignIn, basic_header


class BasicSettings(Settings):
    """Who signs in."""

    username: str = Field(description="The user's name.")
    password: SecretStr = Field(description="The password, as in ${NAME}.")

    @field_validator("username")
    @classmethod
    def _no_colon(cls, username: str) -> str:
        if ":" in username and "${" not in username:
            raise ValueError("the name holds a colon, behind which the password would begin — ask for another name")
        return username


class Basic(SignIn):
    """Name and password in the Authorization header. A 401 stays one: there is nothing to renew."""

    Settings: ClassVar[type[BaseModel]] = BasicSettings
    settings: BasicSettings

    async def sign(self) -> Signature:
        return Signature(basic_header(self.settings.username, self.settings.password.get_secret_value()))
