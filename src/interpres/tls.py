"""Tls: certificates for what listens, and which peers must show one of their own."""

from __future__ import annotations

import ssl
from pathlib import Path

from pydantic import Field

from interpres.fault import Fault
from interpres.settings import Settings


class TlsSettings(Settings):
    """Files in PEM, from the workspace's folder."""

    certificate: Path = Field(description="The certificate that is shown, with those above it.")
    key: Path = Field(description="Its private key.")
    client_ca: Path | None = Field(default=None, description="Who signs the certificates that peers must then show.")


def server_context(settings: TlsSettings, workspace: Path) -> ssl.SSLContext:
    """TLS 1.2 or later. Raises `Fault` E113 where a file cannot be read or does not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(workspace / settings.certificate, workspace / settings.key, password=lambda: b"")
        if settings.client_ca is not None:
            context.load_verify_locations(workspace / settings.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ValueError) as wrong:
        reason = "they do not belong together" if isinstance(wrong, ssl.SSLError) else "a file cannot be read"
        hint = "both files are PEM, and the key has no password"
        raise Fault("E113", f"the certificate or key under tls: cannot be used: {reason}", hint) from None
    return context
