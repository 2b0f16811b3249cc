"""Load: senders over MLLP, HTTP and files, each lane in order, each message until it is answered yes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass

from interpres.framing import mllp_frame
from tests.crash.kills.ground import Ground

ANSWER_SECONDS = 5.0
AGAIN_SECONDS = 0.02
PAUSE_SECONDS = 0.04


PATIENTS = 20


@dataclass(frozen=True)
class Yes:
    """A message that was answered yes: its channel, its lane, its number in that, and its bytes."""

    channel: str
    lane: str
    number: int
    body: bytes


class Sender(ABC):
    """Sends bursts of messages of its patients; what was not answered yes is sent again, the same bytes, before anything else.

    So within each lane (a patient's) messages were answered yes in the order of their numbers.
    """

    channel: str

    def __init__(self, ground: Ground, name: str, seed: int, answer_seconds: float) -> None:
        self.ground = ground
        self.answer_seconds = answer_seconds
        self.name = name
        self.sent = 0
        self.acknowledged: list[Yes] = []
        self.chance = random.Random(f"{seed}/{name}")
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        """Until it is stopped, and what it sent last is answered."""
        while not self.stopping.is_set():
            burst = [self._next() for _ in range(self.chance.choice((1, 1, 2, 5)))]
            while burst:
                answered = await self._attempt(burst)
                self.acknowledged += burst[:answered]
                burst = burst[answered:]
                if burst:
                    await asyncio.sleep(AGAIN_SECONDS)
            await asyncio.sleep(self.chance.random() * 2 * PAUSE_SECONDS)
        self.close()

    def _next(self) -> Yes:
        self.sent += 1
        lane = f"{self.name}p{self.chance.randrange(PATIENTS)}"
        return Yes(self.channel, lane, self.sent, self.body(lane, self.sent, "ស្រី" * self.chance.randrange(40)))

    async def _attempt(self, burst: list[Yes]) -> int:
        try:
            async with asyncio.timeout(self.answer_seconds):
                return await self.send([one.body for one in burst])
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            self.close()
            return self.answered

    answered = 0
    """How many of the burst under way were answered yes before something broke."""

    @abstractmethod
    def body(self, lane: str, number: int, filling: str) -> bytes:
        """The message of that number."""

    @abstractmethod
    async def send(self, burst: list[bytes]) -> int:
        """Send all; how many, from the first, were answered yes. Sets `answered` as it goes."""

    def close(self) -> None:
        """Let go of the connection."""


class _Wire(Sender):
    """A sender with a connection that it keeps."""

    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def connected(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", port)
        return self._streams

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


class Mllp(_Wire):
    """A burst leaves in one write; answers come in order."""

    channel = "from_mllp"

    def body(self, lane: str, number: int, filling: str) -> bytes:
        return (
            f"MSH|^~\\&|HIS|A|X|Y|20261104083012||ADT^A04^ADT_A01|{self.name}-{number}|P|2.5|||||KHM|UNICODE UTF-8\r"
            f"EVN|A04|20261104083012\rPID|1||{lane}^^^A^PI||ចាន់^{filling}\rPV1|1|O|||||||||||||||||V{number}\r"
        ).encode()

    async def send(self, burst: list[bytes]) -> int:
        self.answered = 0
        reader, writer = await self.connected(self.ground.mllp)
        writer.write(b"".join(map(mllp_frame, burst)))
        for body in burst:
            answer = await reader.readuntil(b"\x1c\r")
            id_ = body.split(b"|", 10)[9]
            if b"\rMSA|AA|" + id_ not in answer:
                self.close()
                break
            self.answered += 1
        return self.answered


class Http(_Wire):
    """One request after the other, each with a key of its own."""

    channel = "from_http"

    def body(self, lane: str, number: int, filling: str) -> bytes:
        return json.dumps({"lane": lane, "number": number, "name": filling}, ensure_ascii=False).encode()

    async def send(self, burst: list[bytes]) -> int:
        self.answered = 0
        reader, writer = await self.connected(self.ground.http)
        for body in burst:
            key = f"{self.name}-{json.loads(body)['number']}"
            head = f"POST /visits HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = int(answer.split("content-length: ")[1].split("\r\n")[0])
            await reader.readexactly(length)
            if not answer.startswith(("http/1.1 200", "http/1.1 202")):
                self.close()
                break
            self.answered += 1
        return self.answered


class Files(Sender):
    """Files renamed into place one after the other; one that lies in `done/` was answered yes."""

    channel = "from_files"
    body = Http.body

    async def send(self, burst: list[bytes]) -> int:
        self.answered = 0
        for body in burst:
            name = f"{self.name}-{json.loads(body)['number']:06}.json"
            if not self._is_anywhere(name):
                part = self.ground.inbox / f".{name}.part"
                part.write_bytes(body)
                os.rename(part, self.ground.inbox / name)
            while not (self.ground.inbox / "done" / name).exists():
                await asyncio.sleep(AGAIN_SECONDS)
            self.answered += 1
        return self.answered

    def _is_anywhere(self, name: str) -> bool:
        """Dropped already: lying there, claimed, or filed."""
        inbox = self.ground.inbox
        places = (inbox / name, inbox / "done" / name, inbox / "rejected" / name)
        claimed = inbox / ".claimed"
        return any(p.exists() for p in places) or any(claimed.glob(f"*/{name}")) if claimed.exists() else places[0].exists()


class Crowd:
    """All senders of a ground, at work together."""

    def __init__(
        self,
        ground: Ground,
        seed: int,
        *,
        mllp: int = 4,
        http: int = 2,
        files: int = 2,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        kinds = [(Mllp, "M", mllp), (Http, "H", http), (Files, "F", files)]
        self._tasks: list[asyncio.Task[None]] = []
        self.senders = [kind(ground, f"{letter}{n}", seed, answer_seconds) for kind, letter, many in kinds for n in range(many)]

    @property
    def acknowledged(self) -> int:
        """How many messages were answered yes so far."""
        return sum(len(s.acknowledged) for s in self.senders)

    @property
    def all_acknowledged(self) -> list[Yes]:
        """All that was answered yes."""
        return [yes for sender in self.senders for yes in sender.acknowledged]

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Senders at work, until `stopped`."""
        async with asyncio.TaskGroup() as group:
            self._tasks = [group.create_task(sender.run()) for sender in self.senders]
            yield

    async def stopped(self) -> None:
        """Let each sender end once it has the answer to what it sent last."""
        for sender in self.senders:
            sender.stopping.set()
        await asyncio.gather(*self._tasks)
