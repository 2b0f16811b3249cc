"""mail: sends the news as a plain text mail."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from interpres.fault import Fault, TryAgain
from interpres.notice import News, Notice
from interpres.settings import Settings


class MailSettings(Settings):
    """Which server takes it, from whom and to whom."""

    server: str = Field(description="The mail server's name.", examples=["mail.clinic.example"])
    port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    tls: Literal["starttls", "from the start", "none"] = Field(
        default="starttls",
        description="Whether the connection is secured after its first words, from the start (port 465), or not.",
    )
    ca: Path | None = Field(
        default=None, description="Who signs the server's certificate (PEM), where this machine does not know."
    )
    username: str | None = Field(default=None, description="The name to sign in with, where the server asks for one.")
    password: SecretStr | None = Field(default=None, description="The password, as in ${NAME}.")
    sender: str = Field(alias="from", description="The address that it comes from.", examples=["interpres@clinic.example"])
    to: list[str] = Field(min_length=1, description="The addresses that it goes to.", examples=[["ops@clinic.example"]])
    seconds: float = Field(default=30.0, gt=0, le=600, description="How long the server may be silent.")

    @field_validator("sender", "to")
    @classmethod
    def _addresses(cls, written: str | list[str]) -> str | list[str]:
        for one in [written] if isinstance(written, str) else written:
            if "@" not in one or any(c.isspace() or c in ",;<>" for c in one):
                raise ValueError("this is no mail address — write it bare, as in ops@clinic.example")
        return written

    @model_validator(mode="after")
    def _both(self) -> MailSettings:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together — give both, or neither")
        if self.password is not None and self.tls == "none":
            raise ValueError("a password would go over the network for all to read — set tls: starttls")
        return self


class Mail(Notice):
    """A mail in plain text (RFC 5322) over SMTP (RFC 5321). The server's certificate is checked; a server that offers no STARTTLS
    (RFC 3207) where it is asked for gets nothing."""

    Settings: ClassVar[type[BaseModel]] = MailSettings
    settings: MailSettings

    async def tell(self, news: News) -> None:
        await asyncio.to_thread(self._send, self._written(news))

    def _written(self, news: News) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        mail["Subject"] = news.title
        mail["From"] = self.settings.sender
        mail["To"] = ", ".join(self.settings.to)
        mail["Date"] = format_datetime(datetime.fromtimestamp(news.at_ms / 1000, UTC))
        mail["Message-ID"] = make_msgid(domain=self.settings.sender.rpartition("@")[2])
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office note comes back
        mail.set_content(news.text)
        return mail

    def _send(self, mail: EmailMessage) -> None:
        s = self.settings
        try:
            with self._connected() as server:
                if s.username is not None and s.password is not None:
                    server.login(s.username, s.password.get_secret_value())
                server.send_message(mail)
        except smtplib.SMTPNotSupportedError:
            hint = "see tls: and username: of the mail in interpres.yaml"
            raise Fault("N314", "the mail server does not offer what is asked of it", hint) from None
        except smtplib.SMTPAuthenticationError:
            raise Fault("N315", "the mail server does not know the user or the password", "see username: and password:") from None
        except smtplib.SMTPResponseException as wrong:
            raise TryAgain(f"the mail server answered {wrong.smtp_code}") from None
        except ssl.SSLError as wrong:
            hint = "see its certificate; ca: names who signs it where this machine does not know"
            raise Fault("N316", f"the mail server's certificate is not trusted ({wrong.reason or 'TLS failed'})", hint) from None
        except (OSError, smtplib.SMTPException) as wrong:
            raise TryAgain(f"the mail server could not be reached ({type(wrong).__name__})") from None

    def _connected(self) -> smtplib.SMTP:
        s = self.settings
        if s.tls == "none":
            return smtplib.SMTP(s.server, s.port, timeout=s.seconds)
        context = ssl.create_default_context(cafile=str(self.workspace / s.ca) if s.ca else None)
        if s.tls == "from the start":
            return smtplib.SMTP_SSL(s.server, s.port, timeout=s.seconds, context=context)
        server = smtplib.SMTP(s.server, s.port, timeout=s.seconds)
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server
