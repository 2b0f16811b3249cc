"""webhook: posts the news as JSON to an address."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import ClassVar, Final

import msgspec
from pydantic import BaseModel, Field, SecretStr

from interpres.fault import Fault, TryAgain
from interpres.notice import News, Notice
from interpres.settings import Settings

SIGNATURE: Final = "X-Interpres-Signature"
TIMESTAMP: Final = "X-Interpres-Timestamp"


class WebhookSettings(Settings):
    """Where to, and who vouches for it."""

    url: SecretStr = Field(description="The address; many hold a token, so it may be ${NAME}.", examples=["${PAGER_URL}"])
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="Headers beside it.")
    secret: SecretStr | None = Field(
        default=None, description="Signs the body: HMAC-SHA256 over timestamp, a full stop and the body, in hexadecimal."
    )
    seconds: float = Field(default=15.0, gt=0, le=600, description="How long one attempt may take.")


class Webhook(Notice):
    """An HTTP POST of one JSON object; any 2xx is a yes. Redirects are not followed.

    With `secret` the header X-Interpres-Timestamp holds seconds since 1970 and X-Interpres-Signature `sha256=` and the signature.
    """

    Settings: ClassVar[type[BaseModel]] = WebhookSettings
    settings: WebhookSettings

    async def tell(self, news: News) -> None:
        import httpx2

        body = msgspec.json.encode(news.facts)
        try:
            async with httpx2.AsyncClient(timeout=self.settings.seconds, follow_redirects=False) as client:
                answer = await client.post(self.settings.url.get_secret_value(), content=body, headers=self._headers(body))
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
            raise Fault("N313", "the webhook's address is not one", "write it as in https://host/path") from None
        except httpx2.HTTPError as wrong:
            raise TryAgain(f"the webhook could not be reached ({type(wrong).__name__})") from None
        if not answer.is_success:
            raise TryAgain(f"the webhook answered {answer.status_code}")

    def _headers(self, body: bytes) -> dict[str, str]:
        headers = {name: value.get_secret_value() for name, value in self.settings.headers.items()}
        headers["Content-Type"] = "application/json"
        if self.settings.secret is not None:
            headers[TIMESTAMP] = at = str(int(time.time()))
            headers[SIGNATURE] = signature(self.settings.secret.get_secret_value(), at, body)
        return headers


def signature(secret: str, at: str, body: bytes) -> str:
    """What stands in X-Interpres-Signature (RFC 2104 over `<at>.<body>`)."""
    return "sha256=" + hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
