"""Line: what goes through the engine's socket: one line of JSON in, lines of JSON out, the last with a result or faults."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from interpres import __version__
from interpres.fault import Fault

SOCKET: Final = "engine.sock"
PROTOCOL: Final = 1
LARGEST_BYTES: Final = 16 * 1024 * 1024
"""How long a line may be: an edited message travels in one."""
LONGEST_PATH_BYTES: Final = 107 if sys.platform == "linux" else 103
"""What a socket's address may hold (unix(7): sun_path, less its end)."""
CLOSING_SECONDS: Final = 5.0

_encoder = msgspec.json.Encoder(decimal_format="number")


class Request(msgspec.Struct, frozen=True):
    """What is asked: an act, its arguments, and by which version of this protocol."""

    act: str
    arguments: dict[str, Any] = {}
    protocol: int = PROTOCOL
    version: str = __version__


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far it is, or how it ended; the last line tells which engine answered."""

    progress: dict[str, Any] | None = None
    result: Any = None
    faults: list[dict[str, Any]] | None = None
    protocol: int = 0
    version: str = ""

    @property
    def last(self) -> bool:
        """Whether nothing follows."""
        return self.progress is None


def written(line: Request | Reply) -> bytes:
    """The line with its end."""
    return _encoder.encode(line) + b"\n"


def read_request(line: bytes) -> Request:
    """Raises `Fault` E144 for what is no request, E143 where it is of another protocol."""
    try:
        request = msgspec.json.decode(line, type=Request)
    except msgspec.MsgspecError:
        raise Fault("E144", "this is no request", 'send one line of JSON: {"act": "status"}') from None
    if request.protocol != PROTOCOL:
        raise other_protocol(request.protocol, request.version, PROTOCOL, __version__)
    return request


def read_reply(line: bytes) -> Reply:
    """Raises `Fault` E144 where the engine's line is not understood, E143 where it is of another protocol."""
    try:
        reply = msgspec.json.decode(line, type=Reply)
    except msgspec.MsgspecError:
        raise Fault("E144", "the engine's answer is not understood", "see which program listens at var/engine.sock") from None
    if reply.last and reply.protocol != PROTOCOL:
        raise other_protocol(PROTOCOL, __version__, reply.protocol, reply.version)
    return reply


def result(facts: Any) -> Reply:
    """How it ended well."""
    return Reply(result=facts, protocol=PROTOCOL, version=__version__)


def refusal(found: Iterable[Fault]) -> Reply:
    """Why it was not done. What a message held stays out of it."""
    return Reply(faults=[{**f.as_dict(), "value": None} for f in found], protocol=PROTOCOL, version=__version__)


def other_protocol(ours: int, our_version: str, theirs: int, their_version: str) -> Fault:
    """What is said where the command line and the engine are of versions that do not understand each other."""
    says = f"the command line is {our_version or 'unknown'} and the engine {their_version or 'unknown'}"
    hint = "use the command line that belongs to the engine, or restart the engine with the new version"
    return Fault("E143", f"{says}: they speak different protocols ({ours} and {theirs})", hint)


async def closed(writer: asyncio.StreamWriter) -> None:
    """Let the other side have what was written, for a while, and end the connection."""
    writer.close()
    try:
        async with asyncio.timeout(CLOSING_SECONDS):
            await writer.wait_closed()
    except OSError:
        writer.transport.abort()


@contextlib.contextmanager
def address(path: Path) -> Iterator[str]:
    """The path as a socket's address; where that is too long, a short way there through the folder's descriptor.

    Raises `Fault` E142 where the system has no such way.
    """
    if len(os.fsencode(path)) <= LONGEST_PATH_BYTES:
        yield str(path)
        return
    if not Path("/proc/self/fd").is_dir():
        raise Fault("E142", "the path of var/ is too long for a socket", "use a shorter one with --var DIR")
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def facts_of(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments without those that were not given: the act's own defaults hold."""
    return {name: value for name, value in asked.items() if value is not None}
