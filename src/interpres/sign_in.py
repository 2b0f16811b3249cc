"""SignIn: how calls to a system show who we are."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Protocol
from urllib.parse import quote_plus

from pydantic import BaseModel

from interpres.answer import Reply

Clock = Callable[[], float]
"""Seconds that only ever grow: a clock that is set back must not keep a dead token alive."""


class Ask(Protocol):
    """One POST of a form to a path of the system. Raises `TryAgain` where there is no reply."""

    def __call__(self, path: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Awaitable[Reply]: ...


@dataclass(frozen=True, slots=True)
class Signature:
    """What one call carries to show who we are; in no `repr`."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)


UNSIGNED: Final = Signature()


class SignIn(ABC):
    """A sign-in part. `Settings` is what stands under its word in a system file; secrets in it are `SecretStr`."""

    Settings: ClassVar[type[BaseModel]]

    def __init__(self, settings: BaseModel, system: str, ask: Ask, clock: Clock = time.monotonic) -> None:
        self.settings = settings
        self.system = system
        self.ask = ask
        self.clock = clock

    @abstractmethod
    async def sign(self) -> Signature:
        """The signature of the next call. Raises `TryAgain` where the system will not let us in now."""

    async def refused(self, signature: Signature) -> bool:
        """The system answered 401 to this signature: whether signing again may help."""
        return False


def basic_header(name: str, password: str) -> dict[str, str]:
    """Basic authentication in UTF-8 (RFC 7617, 2)."""
    return {"Authorization": "Basic " + b64encode(f"{name}:{password}".encode()).decode("ascii")}


def client_credentials(client_id: str, secret: str, where: str) -> tuple[dict[str, str], dict[str, str]]:
    """(form fields, headers) by which a client shows who it is: in the body, or by Basic with both parts form-encoded
    (RFC 6749, 2.3.1)."""
    if where == "body":
        return {"client_id": client_id, "client_secret": secret}, {}
    return {}, basic_header(quote_plus(client_id), quote_plus(secret))
