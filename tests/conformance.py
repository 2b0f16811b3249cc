"""What every part of a kind must do: one suite for each, inherited by the tests of its parts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from interpres import catalog
from interpres.delivery import Outcome, Parcel
from interpres.destination import Destination, Target
from interpres.document import Document
from interpres.fault import Fault, TryAgain
from interpres.format import Format, Paths, Verdict
from interpres.message import Intake
from interpres.settings import Settings
from interpres.sign_in import Signature, SignIn
from interpres.source import Accept, Fate, Receipt, Setting, Source

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T], seconds: float = 10.0, loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> T:
    """Run to the end, or fail: no test waits for ever. `loop` makes another event loop than asyncio's own."""

    async def limited() -> T:
        try:
            async with asyncio.timeout(seconds):
                return await work
        finally:
            # A test that fails must not fail others by what it left open.
            while _connections:
                _connections.pop().transport.abort()
            await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(limited())


_connections: list[asyncio.StreamWriter] = []


async def connect(port: int, **facts: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to a port of this machine, closed at the end of the test at the latest."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, **facts)
    _connections.append(writer)
    return reader, writer


class EchoSettings(Settings):
    """None."""


class Echo(Format):
    """A format whose answers are plain to read: `AA <id>`, `AE <codes>`, `AR <codes>`; a message is whatever came."""

    Settings: ClassVar[type[BaseModel]] = EchoSettings
    media_type: ClassVar[str] = "text/plain"
    suffix: ClassVar[str] = "txt"
    paths: Paths

    def __init__(self) -> None:
        super().__init__(EchoSettings())

    def decode(self, body: bytes) -> Document:
        return Document("echo", body)

    def encode(self, tree: Any) -> bytes:
        return bytes(tree)

    def reply(self, body: bytes, verdict: Verdict, at: datetime, control_id: str) -> bytes | None:
        word = "AA" if verdict.accepted else "AR" if verdict.cannot_store or not body else "AE"
        return " ".join([word, *(f.code for f in verdict.faults), body[-4:].decode("latin-1").strip()]).encode()


@dataclass
class Door:
    """The engine's door as a source sees it: keeps what was handed in, and answers as it is told."""

    taken: list[Intake] = field(default_factory=list)
    refused: list[Fault] = field(default_factory=list)
    answer: Callable[[Intake], Receipt | Awaitable[Receipt]] = lambda intake: accepted()

    async def accept(self, intake: Intake) -> Receipt:
        self.taken.append(intake)
        answered = self.answer(intake)
        return answered if isinstance(answered, Receipt) else await answered

    @property
    def bodies(self) -> list[bytes]:
        return [intake.body for intake in self.taken]


def accepted(state: str = "processed", *, message_id: str = "01J0000000000000000000000A", **facts: Any) -> Receipt:
    return Receipt(True, (Fate(message_id, state),), **facts)


def rejected(code: str = "V001") -> Receipt:
    return Receipt(True, (Fate("01J0000000000000000000000A", "rejected", (Fault(code, "it breaks a promise", value="secret"),)),))


def cannot_store() -> Receipt:
    return Receipt(False, faults=(Fault("E120", "the disk is full", "make room"),), cannot_store=True)


class Running:
    """A source between `open` and `close`, with its task: `async with Running(source, door):`."""

    def __init__(self, source: Source, door: Door) -> None:
        self.source = source
        self.door = door
        self.said = ""

    async def __aenter__(self) -> Running:
        self.said = await self.source.open()
        self.task = asyncio.create_task(self.source.run(self.door.accept))
        await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        if not self.task.done():
            self.task.cancel()
        done, _ = await asyncio.wait({self.task}, timeout=5)
        assert done, "the source did not end when it was cancelled"
        await self.source.close()


async def until(met: Callable[[], Any], seconds: float = 5.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not met():
            await asyncio.sleep(0.005)


class SourceSuite:
    """Inherit, and say how the part is made and how a peer sends one message to it."""

    word: ClassVar[str]

    def settings(self, folder: Path) -> dict[str, Any]:
        raise NotImplementedError

    async def send(self, source: Source, body: bytes) -> None:
        raise NotImplementedError

    def setting(self, folder: Path, door: Door) -> Setting:
        return Setting("visits", Echo(), folder, folder / "var", refused=door.refused.append)

    def made(self, folder: Path, door: Door, **settings: Any) -> Source:
        part = catalog.part("sources", self.word)
        source: Source = part(part.Settings(**{**self.settings(folder), **settings}), self.setting(folder, door))
        return source

    def test_unknown_settings_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ValidationError):
            self.made(tmp_path, Door(), colour="red")

    def test_what_is_sent_is_handed_in_once_and_whole(self, tmp_path: Path) -> None:
        door = Door()

        async def story() -> None:
            source = self.made(tmp_path, door)
            async with Running(source, door) as it:
                assert it.said and not it.said.endswith(".")
                await self.send(source, b"MSH|one")
                await until(lambda: len(door.taken) == 1 and source.idle())
            assert door.bodies == [b"MSH|one"] and door.taken[0].channel == "visits"

        run(story())

    def test_nothing_is_taken_after_it_stopped(self, tmp_path: Path) -> None:
        door = Door()

        async def story() -> None:
            source = self.made(tmp_path, door)
            async with Running(source, door) as it:
                await it.stop()
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    await self.send(source, b"MSH|late")
                await asyncio.sleep(0.05)
            assert door.taken == []

        run(story())

    def test_it_ends_when_it_is_cancelled_while_the_engine_is_slow(self, tmp_path: Path) -> None:
        async def late() -> Receipt:
            await asyncio.sleep(0.2)
            return accepted()

        door = Door(answer=lambda intake: late())

        async def story() -> None:
            source = self.made(tmp_path, door)
            async with Running(source, door):
                sending = asyncio.create_task(self.send(source, b"MSH|slow"))
                await until(lambda: door.taken)
            await asyncio.gather(sending, return_exceptions=True)

        run(story())


class DestinationSuite:
    """Inherit, and say how the part is made and what of a payload can be found at the other end."""

    word: ClassVar[str]

    def settings(self, folder: Path) -> dict[str, Any]:
        raise NotImplementedError

    def target(self, folder: Path) -> Target:
        return Target("visits", "archive", folder)

    def received(self, folder: Path) -> list[bytes]:
        raise NotImplementedError

    def made(self, folder: Path, **settings: Any) -> Destination:
        part = catalog.part("destinations", self.word)
        destination: Destination = part(part.Settings(**{**self.settings(folder), **settings}), self.target(folder))
        return destination

    def parcel(self, payload: bytes = b'{"a":1}', key: str = "key-1", **names: str) -> Parcel:
        given = {"message_id": "01J0000000000000000000000A", "received_on": "2026-11-04", "part": "1", **names}
        return Parcel(key, payload, "application/json", names=given)

    def sent(self, destination: Destination, *parcels: Parcel) -> list[Outcome]:
        async def story() -> list[Outcome]:
            await destination.open()
            try:
                return [await destination.send(p) for p in parcels]
            finally:
                await destination.close()

        return run(story())

    def test_unknown_settings_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ValidationError):
            self.made(tmp_path, colour="red")

    def test_a_payload_arrives_as_it_is(self, tmp_path: Path) -> None:
        assert [o.state for o in self.sent(self.made(tmp_path), self.parcel())] == ["delivered"]
        assert self.received(tmp_path) == [b'{"a":1}']

    def test_the_same_key_twice_has_one_effect_where_keys_are_honoured(self, tmp_path: Path) -> None:
        destination = self.made(tmp_path)
        if not destination.honours_keys:
            return
        assert [o.state for o in self.sent(destination, self.parcel(), self.parcel())] == ["delivered"] * 2
        assert self.received(tmp_path) == [b'{"a":1}']


class SignInSuite:
    """Inherit, and say how the part is made; `secret` is what must never be seen."""

    word: ClassVar[str]
    settings: ClassVar[dict[str, Any]]
    secret: ClassVar[str]

    def made(self, **facts: Any) -> SignIn:
        part = catalog.part("sign_ins", self.word)
        sign_in: SignIn = part(part.Settings(**self.settings), "npca", **facts)
        return sign_in

    def test_unknown_settings_are_refused(self) -> None:
        part = catalog.part("sign_ins", self.word)
        with pytest.raises(ValidationError) as caught:
            part.Settings(**self.settings, colour="red")
        assert self.secret not in str(caught.value)

    def test_secrets_are_in_no_repr(self) -> None:
        part = catalog.part("sign_ins", self.word)
        settings = part.Settings(**self.settings)
        assert any(isinstance(getattr(settings, name), SecretStr) for name in part.Settings.model_fields)
        signature = Signature({"Authorization": self.secret}, {"key": self.secret})
        assert self.secret not in f"{settings!r} {settings} {signature!r} {self.made(ask=no_network)!r}"


async def no_network(path: str, form: Any, headers: Any) -> Any:
    raise TryAgain("there is no network here")


__all__ = ["Accept", "DestinationSuite", "Door", "Echo", "Running", "SignInSuite", "SourceSuite", "run", "until"]
