"""Listening: what a port may say that cannot be had, and who can reach one that can."""

from __future__ import annotations

import errno
import ipaddress

from interpres.fault import Fault


def cannot_listen(wrong: OSError, host: str, port: int) -> Fault:
    """Fault E111 for an address that cannot be listened on."""
    if wrong.errno == errno.EADDRINUSE:
        hint = "another channel or program listens there: end it, or choose another port (0 takes a free one)"
        return Fault("E111", f"port {port} is taken", hint)
    if wrong.errno == errno.EACCES:
        hint = "choose one above 1023: the others need rights that the engine should not have"
        return Fault("E111", f"port {port} may not be listened on", hint)
    return Fault("E111", f"{host}:{port} cannot be listened on", "see host: it must be an address of this machine")


def warning_of_the_open(host: str, port: int) -> str:
    """What is said of a port that others can reach and that has no TLS; empty where only this machine can."""
    if is_loopback(host):
        return ""
    return (
        f"WARNING: {host}:{port} is open to the network and without TLS: anybody there can read and alter "
        "what is sent. Set tls:, or listen on 127.0.0.1 behind a tunnel"
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
