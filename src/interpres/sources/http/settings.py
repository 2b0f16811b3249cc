"""What may be said of an HTTP source."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from interpres.settings import Settings
from interpres.tls import TlsSettings


class KeyCaller(Settings):
    """A key that callers show in a header."""

    header: str = Field(default="X-API-Key", description="The header that carries the key.")
    key: SecretStr = Field(description="The key, as in ${NAME}.")


class BasicCaller(Settings):
    """A name and a password that callers show (RFC 7617)."""

    username: str = Field(description="The caller's name.")
    password: SecretStr = Field(description="The caller's password, as in ${NAME}.")


class CallersSettings(Settings):
    """Who may call; without it everyone who can reach the port."""

    api_key: KeyCaller | None = Field(default=None, description="Callers show a key.")
    basic: BasicCaller | None = Field(default=None, description="Callers show a name and a password.")

    @model_validator(mode="after")
    def _one(self) -> CallersSettings:
        if (self.api_key is None) == (self.basic is None):
            raise ValueError("one way to know callers is wanted — write api_key or basic")
        return self


class HttpLimits(Settings):
    """What one caller may cost."""

    body_bytes: int = Field(default=32 << 20, ge=1, description="How large a request's body may be, in bytes.")
    body_seconds: float = Field(default=30.0, gt=0, description="How long a request may take to arrive, headers and body each.")
    connections: int = Field(default=1000, ge=1, description="How many may be open at once; more are answered 503.")


class HttpSettings(Settings):
    """Where to listen, and for what."""

    host: str = Field(default="127.0.0.1", description="The address to listen on; 0.0.0.0 is every one that this machine has.")
    port: int = Field(default=8080, ge=0, le=65535, description="The port; 0 takes a free one.")
    path: str = Field(default="/", description="The one path that is answered.", examples=["/fhir"])
    method: Literal["POST", "PUT"] = Field(default="POST", description="The one method that is answered.")
    content_types: list[str] = Field(
        default_factory=list,
        description="The media types that are taken; without them those of the format.",
        examples=[["text/csv"]],
    )
    callers: CallersSettings | None = Field(default=None, description="Who may call; without it everyone who can reach the port.")
    limits: HttpLimits = Field(default_factory=HttpLimits, description="What one caller may cost.")
    tls: TlsSettings | None = Field(default=None, description="TLS, where callers come over a network that others share.")

    @field_validator("path")
    @classmethod
    def _begins_with_a_slash(cls, path: str) -> str:
        if not path.startswith("/") or any(c in path for c in "?# "):
            raise ValueError("a path begins with a slash and has no '?' or '#' — write it as in /fhir")
        return path
