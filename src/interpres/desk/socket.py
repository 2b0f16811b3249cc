"""Socket: `var/engine.sock`, by which the command line and the console act on a running engine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import structlog

from interpres.desk import line
from interpres.desk.desk import Desk, this_user, user_named
from interpres.fault import Fault, Faults

log = structlog.get_logger("interpres.desk")

MOST_AT_ONCE: Final = 8
REQUEST_SECONDS: Final = 10.0
"""How long a request may take to arrive, and a line of an answer to be read."""
END_SECONDS: Final = 5.0
TURNED_AWAY_SECONDS: Final = 1.0


@contextlib.asynccontextmanager
async def serving(desk: Desk, path: Path) -> AsyncIterator[None]:
    """Serve the desk's acts at this path meanwhile. Raises `Fault` E142 where it cannot be had.

    Who holds the store's lock is the only engine here: a socket that lies there is left over from one that was killed.
    """
    counter = _Counter(desk)
    sock, inode = _bound(path)
    server = await asyncio.start_unix_server(counter.met, sock=sock, limit=line.LARGEST_BYTES)
    try:
        yield
    finally:
        server.close()
        _clear_away(path, inode)
        await counter.end()


def _bound(path: Path) -> tuple[socket.socket, int]:
    """A socket at this path that nobody but this user can open, from its first moment on; and the number of its file."""
    _make_way(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        os.fchmod(sock.fileno(), 0o600)  # Linux: the file is born with the mode of its socket
        with line.address(path) as address:
            sock.bind(address)
        path.chmod(0o600)
        return sock, path.stat().st_ino
    except OSError as wrong:
        sock.close()
        hint = "see that the folder can be written and lies on a disk of this machine, or use another with --var DIR"
        raise Fault("E142", f"{path.name} cannot be made: {(wrong.strerror or 'refused').lower()}", hint) from None
    except BaseException:
        sock.close()
        raise


def _make_way(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            says = f"there is something else where {path.name} should be"
            raise Fault("E142", says, f"see what {path} is, and move it away")
        path.unlink()


def _clear_away(path: Path, inode: int) -> None:
    """Unless it is another engine's by now."""
    with contextlib.suppress(OSError):
        if path.stat().st_ino == inode:
            path.unlink()


class _Counter:
    """Where requests are taken: so many at once, each in its own time."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._open: set[asyncio.Task[Any]] = set()

    async def met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: one request, its answer, the end."""
        task = asyncio.current_task()
        assert task is not None
        room = len(self._open) < MOST_AT_ONCE
        if room:
            self._open.add(task)
        try:
            await (self._answer(reader, writer) if room else _turn_away(reader, writer))
        except (OSError, TimeoutError):
            pass  # whoever asked has gone
        except asyncio.CancelledError:
            writer.transport.abort()  # by `end`, which waits for it
        finally:
            self._open.discard(task)
            await line.closed(writer)

    async def end(self) -> None:
        """Let what is under way come to its end for a while."""
        if self._open:
            await asyncio.wait(self._open, timeout=END_SECONDS)
        late = list(self._open)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _write(writer, await self._reply(reader, writer))

    async def _reply(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> line.Reply:
        async def tell(progress: Mapping[str, Any]) -> None:
            await _write(writer, line.Reply(progress=dict(progress)))

        desk = replace(self._desk, who=_peer(writer), tell=tell)
        try:
            request = await _request(reader)
            if desk.engine is not None and desk.engine.shift.stopping.is_set():
                raise Fault("E141", "the engine is about to end", "wait until it has, then ask again")
            log.info("asked", act=request.act, who=desk.who)
            return line.result(await desk.do(request.act, request.arguments))
        except Fault as wrong:
            return line.refusal([wrong])
        except Faults as wrong:
            return line.refusal(wrong.faults)
        except (OSError, TimeoutError):
            raise
        except Exception as bug:
            from interpres.engine.own_bug import own_bug

            return line.refusal([own_bug(bug, "acting for an operator")])


async def _request(reader: asyncio.StreamReader) -> line.Request:
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return line.read_request(await reader.readline())
    except TimeoutError:
        raise Fault("E144", "no whole request came in time", 'send one line of JSON: {"act": "status"}') from None
    except ValueError:
        hint = "stop the engine and do it without one: interpres then acts on the store itself"
        raise Fault("E144", f"the request is larger than {line.LARGEST_BYTES >> 20} MiB", hint) from None


async def _write(writer: asyncio.StreamWriter, reply: line.Reply) -> None:
    writer.write(line.written(reply))
    async with asyncio.timeout(REQUEST_SECONDS):
        await writer.drain()


async def _turn_away(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say why, and let it be read: a connection that is closed with something unread takes its answer with it."""
    hint = "wait until one of them has ended, then ask again"
    await _write(writer, line.refusal([Fault("E145", f"{MOST_AT_ONCE} requests are under way already", hint)]))
    writer.write_eof()
    async with asyncio.timeout(TURNED_AWAY_SECONDS):
        await reader.readline()


def _peer(writer: asyncio.StreamWriter) -> str:
    """Who is at the other end, as the kernel knows it (unix(7): SO_PEERCRED); elsewhere the only one who may open the socket."""
    if not hasattr(socket, "SO_PEERCRED"):
        return this_user()
    sock = writer.get_extra_info("socket")
    _, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return user_named(uid)
