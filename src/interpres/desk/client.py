"""Client: an act done where it can be: by the engine that runs here, else on the store itself, under its lock."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final

from interpres import __version__
from interpres.desk import acts, line
from interpres.desk.desk import Desk, Tell, no_engine, nobody, this_user
from interpres.fault import Fault, Faults
from interpres.station import store_file
from interpres.store.sqlite import SqliteStore
from interpres.workspace import Workspace

ANSWER_SECONDS: Final = 600.0
"""How long an engine may be silent in the midst of an act."""
SILENCE_SECONDS: Final = 5.0
"""After so long without a word a person is told that the engine is there, and silent."""
PATIENCE_SECONDS: Final = 3.0
"""How long an engine that holds the store may take until its socket is there (or, at its end, until it lets go)."""


class NoEngine(Exception):
    """No engine listens here."""


async def do(workspace: Workspace, word: str, arguments: Mapping[str, Any], tell: Tell = nobody) -> Any:
    """What the act gives. Raises `Fault` or `Faults`: what was refused; E120 where the store is held and nobody listens."""
    asked = line.facts_of(arguments)
    act = acts.named(word)
    if act.REACH == "reads":
        return await _on_the_store(workspace, word, asked, tell)
    if act.REACH == "engine":
        try:
            return await _by_engine(workspace, word, asked, tell)
        except NoEngine:
            raise no_engine(act.ONLY) from None
    end = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        with contextlib.suppress(NoEngine):
            return await _by_engine(workspace, word, asked, tell)
        try:
            return await _on_the_store(workspace, word, asked, tell)
        except Fault as held:
            if held.code != "E120":
                raise
            if asyncio.get_running_loop().time() > end:
                hint = "it is starting or ending: wait a little and ask again; or it is another command that acts on the store"
                raise held.but(hint=hint) from None
        await asyncio.sleep(0.1)


async def _by_engine(workspace: Workspace, word: str, asked: Mapping[str, Any], tell: Tell) -> Any:
    """Raises `NoEngine` where no socket is there, or one that was left over when an engine was killed."""
    path = workspace.var / line.SOCKET
    try:
        with line.address(path) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=line.LARGEST_BYTES)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise NoEngine from None
    except PermissionError:
        hint = "ask as the user under which the engine runs: sudo -u USER interpres …"
        raise Fault("E147", "the engine here runs under another user", hint) from None
    try:
        request = line.written(line.Request(word, dict(asked)))
        if len(request) > line.LARGEST_BYTES:
            hint = "stop the engine and do it without one: interpres then acts on the store itself"
            raise Fault("E144", f"the request is larger than {line.LARGEST_BYTES >> 20} MiB", hint)
        writer.write(request)
        return await _answered(reader, tell)
    finally:
        await line.closed(writer)


async def _answered(reader: asyncio.StreamReader, tell: Tell) -> Any:
    while True:
        reply = line.read_reply(await _line(reader, tell))
        if reply.faults is not None:
            raise Faults(Fault.from_dict(facts) for facts in reply.faults)
        if reply.progress is None:
            if reply.version != __version__:
                await tell({"note": f"the engine is version {reply.version}, this command line {__version__}"})
            return reply.result
        await tell(reply.progress)


async def _line(reader: asyncio.StreamReader, tell: Tell) -> bytes:
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SILENCE_SECONDS):
                if written := await reader.readline():
                    return written
        if not reader.at_eof():
            await tell({"note": "the engine has not answered yet: it has much to do, or it is stopped; Ctrl-C ends the waiting"})
        async with asyncio.timeout(ANSWER_SECONDS):
            if written := await reader.readline():
                return written
    except (TimeoutError, ConnectionError):
        pass
    hint = "see interpres status, and whether it was done: each step that was done is kept"
    raise Fault("E146", "the engine went away before it had answered", hint)


async def _on_the_store(workspace: Workspace, word: str, asked: Mapping[str, Any], tell: Tell) -> Any:
    """Raises `Fault` E114 where nothing has run yet."""
    file = store_file(workspace)
    if not file.is_file():
        hint = "nothing has run here yet: begin with interpres run, or name --var DIR"
        raise Fault("E114", f"there is no store in {workspace.var}", hint)
    store = SqliteStore(file, read_only=acts.named(word).REACH != "changes")
    await store.open()
    try:
        return await Desk(store, workspace, None, this_user(), tell).do(word, asked)
    finally:
        await store.close()
