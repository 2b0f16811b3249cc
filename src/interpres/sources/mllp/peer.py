"""Peer: one MLLP connection — frames in, answers out in the same order."""

from __future__ import annotations

import asyncio
import socket
import time
from collections import deque
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, cast

from interpres.fault import Fault
from interpres.format import Verdict
from interpres.framing import Event, Frame, MllpReader, Refusal, Stop, mllp_frame
from interpres.message import Intake
from interpres.source import Accept
from interpres.sources.mllp.settings import MllpLimits

if TYPE_CHECKING:
    from interpres.sources.mllp import Mllp

IN_HAND: Final = 64
"""How many frames of one connection may be waiting for their answers before it is read no further."""


class Peer(asyncio.Protocol):
    """What asyncio tells of one connection, and the task that answers on it."""

    def __init__(self, source: Mllp) -> None:
        self.source = source
        self.reader = MllpReader(source.settings.limits.frame_bytes)
        self.name = ""
        self.heard_at = time.monotonic()
        self.spoke = False
        self.answering = 0
        self._events: deque[Event] = deque()
        self._ended = False
        self._paused = False
        self._wake = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None
        self.task: asyncio.Task[None] | None = None

    # what the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's, though they do all that is asked of one.
        self._transport = cast(asyncio.Transport, transport)
        address = transport.get_extra_info("peername")
        self.name = str(address[0]) if isinstance(address, tuple) else ""
        if (sock := transport.get_extra_info("socket")) is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.source.arrived(self)

    def data_received(self, data: bytes) -> None:
        self.heard_at = time.monotonic()
        self._take(self.reader.receive(data))

    def eof_received(self) -> bool:
        """The peer will send nothing more, but may wait for its answers: the other direction stays open for them."""
        self.finish()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self.source.peers.discard(self)
        self._ended = True
        self._transport = None
        self._writable.set()
        self._wake.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # what the source asks

    @property
    def busy(self) -> bool:
        """Whether a frame has begun to arrive or waits for its answer."""
        return bool(self._events) or self.answering > 0 or self.reader.waiting

    def begin(self, task: asyncio.Task[None]) -> None:
        self.task = task

    def finish(self) -> None:
        """Read no more; what is there is answered, then the connection is closed."""
        if not self._ended:
            self._ended = True
            self._take(self.reader.end())

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def look(self, now: float, limits: MllpLimits) -> None:
        """Close what has been silent for too long: a frame that lacks only its last byte is still answered with a no."""
        silent = now - self.heard_at
        stuck = silent > limits.silent_seconds and (self.reader.waiting or not self.spoke or not self._writable.is_set())
        if not self.answering and (stuck or silent > limits.idle_seconds):
            if not self._writable.is_set():
                self.abort()
            self.finish()

    # frames and answers

    def _take(self, events: Iterable[Event]) -> None:
        self._events.extend(events)
        if self._events:
            self._wake.set()
        if self._ended:
            self._wake.set()
        elif len(self._events) >= IN_HAND and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    async def serve(self, accept: Accept) -> None:
        """Answer until the peer has gone; the frames that came together are handed in together, and answered in order."""
        try:
            while not (self._ended and not self._events):
                await self._wake.wait()
                self._wake.clear()
                while self._events:
                    await self._answer_all(accept)
        finally:
            if self._transport is not None:
                self._transport.close()

    async def _answer_all(self, accept: Accept) -> None:
        together = [self._events.popleft() for _ in range(min(len(self._events), IN_HAND))]
        self.answering = len(together)
        try:
            async with asyncio.TaskGroup() as group:
                answers: list[Awaitable[bytes | None]] = [group.create_task(self._answer(e, accept)) for e in together]
                for event, answer in zip(together, answers, strict=True):
                    await self._write(await answer, last=isinstance(event, Stop))
        finally:
            self.answering = 0
            self.heard_at = time.monotonic()
        if self._paused and len(self._events) < IN_HAND and self._transport is not None and not self._ended:
            self._paused = False
            self._transport.resume_reading()

    async def _answer(self, event: Event, accept: Accept) -> bytes | None:
        """The bytes to answer one event with, or None."""
        if isinstance(event, Refusal | Stop):
            self.source.setting.refused(event.fault)
            body = event.head if isinstance(event, Stop) else b""
            return None if isinstance(event, Stop) and not body else self._reply(body, Verdict(False, (event.fault,)))
        self.spoke = True
        try:
            receipt = await accept(self._intake(event))
            return self._reply(event.body, receipt.verdict)
        except Exception as bug:
            # Our own mistake costs this peer its connection, and no other: unanswered, it sends again.
            says = f"our own mistake while a frame was taken in: {type(bug).__name__}"
            self.source.setting.refused(Fault("X001", says, "report it with the time and the channel"))
            self.abort()
            return None

    def _intake(self, frame: Frame) -> Intake:
        envelope = {"peer": self.name}
        if (identity := sender_identity(frame.body)) is not None:
            envelope["identity"] = identity
        return Intake(self.source.setting.channel, frame.body, envelope, (frame.fault,) if frame.fault else ())

    def _reply(self, body: bytes, verdict: Verdict) -> bytes | None:
        at = datetime.now(UTC)
        control_id = verdict.message_id or f"{time.time_ns():X}"
        written = self.source.setting.format.reply(body, verdict, at, control_id)
        return None if written is None else mllp_frame(written)

    async def _write(self, answer: bytes | None, *, last: bool) -> None:
        if answer is not None and self._transport is not None:
            await self._writable.wait()
            if self._transport is not None:
                self._transport.write(answer)
        if last and self._transport is not None:
            self._ended = True
            self._events.clear()
            self._transport.close()


def sender_identity(body: bytes) -> str | None:
    """MSH-3, MSH-4 and MSH-10 as they stand, by which a repetition is known; None for a batch and where MSH-10 is empty."""
    body = body.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n ")
    if body[:3] != b"MSH" or len(body) < 8:
        return None
    header = body[: min((i for i in (body.find(b"\r"), body.find(b"\n")) if i >= 0), default=len(body))]
    fields = header.split(header[3:4])
    if len(fields) < 10 or not fields[9]:
        return None
    return "|".join(f.decode("utf-8", "backslashreplace") for f in (fields[2], fields[3], fields[9]))
