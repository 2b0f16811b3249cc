"""Certificates: when those end that our sources show, and those that systems show us."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from interpres.alert import CertificateSight
from interpres.certificate import end_ms, first_end_ms
from interpres.channel import Recipe
from interpres.environment import expand
from interpres.fault import Fault
from interpres.system import System

PEER_SECONDS: Final = 10.0


def own(recipes: Iterable[Recipe], workspace: Path) -> Iterator[CertificateSight]:
    """Of each channel that listens with TLS: the first that ends of those it shows and those it trusts."""
    for recipe in recipes:
        tls = getattr(recipe.source_settings, "tls", None)
        for what, file in (("", getattr(tls, "certificate", None)), ("'s client_ca", getattr(tls, "client_ca", None))):
            if file is not None:
                with contextlib.suppress(OSError):
                    if (ends := first_end_ms(workspace / file)) is not None:
                        yield CertificateSight(f"channel {recipe.name}{what}", ends)


async def of_systems(systems: Mapping[str, System], environment: Mapping[str, str]) -> list[CertificateSight]:
    """What each system that is spoken to by https shows to whoever connects; one that cannot be reached is left out."""
    found = await asyncio.gather(*(_of_system(system, environment) for system in systems.values()))
    return [one for one in found if one is not None]


async def _of_system(system: System, environment: Mapping[str, str]) -> CertificateSight | None:
    try:
        address = urlsplit(expand(system.base_url, environment))
        if address.scheme != "https" or not address.hostname:
            return None
        async with asyncio.timeout(PEER_SECONDS):
            shown = await _shown(address.hostname, address.port or 443)
    except (OSError, ValueError, Fault):
        return None
    ends = end_ms(shown) if shown else None
    return None if ends is None else CertificateSight(f"system {system.name}", ends)


async def _shown(host: str, port: int) -> bytes | None:
    """The certificate itself: nothing is sent but the greeting, so it need not be trusted; that is for the calls to do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
    try:
        connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
        return connection.getpeercert(binary_form=True)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
