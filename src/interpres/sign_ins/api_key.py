"""api_key: one secret in a header or in the query of every call."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, Field, SecretStr, model_validator

from interpres.settings import Settings
from interpres.sign_in import Signature, SignIn


class ApiKeySettings(Settings):
    """The key, and where it goes."""

    key: SecretStr = Field(description="The key itself, as in ${NAME}.")
    header: str | None = Field(default=None, description="The header that carries it.", examples=["X-API-Key"])
    query: str | None = Field(default=None, description="The query parameter that carries it, where no header will do.")
    prefix: str = Field(default="", description="What stands before the key, as in 'Bearer '.")

    @model_validator(mode="after")
    def _one_place(self) -> ApiKeySettings:
        if (self.header is None) == (self.query is None):
            raise ValueError("the key goes in one place — name either a header or a query parameter")
        return self


class ApiKey(SignIn):
    """Every call carries the key. A 401 stays one: there is nothing to renew."""

    Settings: ClassVar[type[BaseModel]] = ApiKeySettings
    settings: ApiKeySettings

    async def sign(self) -> Signature:
        key = self.settings.prefix + self.settings.key.get_secret_value()
        if self.settings.header is not None:
            return Signature(headers={self.settings.header: key})
        return Signature(query={str(self.settings.query): key})
