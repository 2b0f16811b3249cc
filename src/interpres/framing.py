"""Framing: where one message ends and the next begins on a line of bytes; pure, without a socket.

MLLP as HL7's transport specification gives it (Minimal Lower Layer Protocol, release 1): `0B`, the message, `1C 0D`.
Senders in the field put NULs and line ends between frames, forget the `0D` and leave block characters in the message:
what can be told for certain is taken, the rest is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from interpres.fault import Fault

START: Final = b"\x0b"
END: Final = b"\x1c"
RETURN: Final = b"\r"
FILLING: Final = b"\x00\n\r"
"""What may stand between frames without being worth a word."""

MIB: Final = 1 << 20


class State(Enum):
    """Where the reader stands. Each state's method reads on and names the state that follows."""

    BETWEEN = "between frames"
    INSIDE = "in a frame"
    ENDING = "behind the 1C of a frame, which 0D completes"
    CLOSED = "after something that no frame can follow"


@dataclass(frozen=True, slots=True)
class Frame:
    """A message. With a fault its frame was damaged: it is to be kept as it came and answered with a no."""

    body: bytes
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A frame that holds nothing to keep: to be answered with a no, and that is all."""

    fault: Fault


@dataclass(frozen=True, slots=True)
class Stop:
    """The peer does not speak MLLP or does not know an end: the connection is to be closed. `head` is how a frame too
    large began (enough to answer it), empty where the peer is to be told nothing."""

    fault: Fault
    head: bytes = b""


Event: TypeAlias = Frame | Refusal | Stop


def mllp_frame(body: bytes) -> bytes:
    """The body as one frame."""
    return START + body + END + RETURN


class MllpReader:
    """Takes bytes in pieces of any size and gives what they complete, in order.

    `frame_bytes` bounds what is kept in memory; `junk_bytes` is how much that belongs to no frame is passed over once a
    first frame has shown that the peer speaks MLLP. Before it, the first byte that does not belong closes.
    """

    def __init__(self, frame_bytes: int = 64 * MIB, junk_bytes: int = 1024) -> None:
        self.frame_bytes = frame_bytes
        self.junk_bytes = junk_bytes
        self.state = State.BETWEEN
        self._body = bytearray()
        self._tail = bytearray()
        self._fault: Fault | None = None
        self._spoken = False
        self._junk = 0

    @property
    def waiting(self) -> bool:
        """Whether a frame has begun and not ended."""
        return self.state in (State.INSIDE, State.ENDING)

    def receive(self, data: bytes) -> Iterator[Event]:
        """What these bytes complete. After a `Stop` nothing more comes, whatever is received."""
        steps = {State.BETWEEN: self._between, State.INSIDE: self._inside, State.ENDING: self._ending}
        at = 0
        while at < len(data) and self.state is not State.CLOSED:
            at, event = steps[self.state](data, at)
            if event is not None:
                yield event

    def end(self) -> Iterator[Event]:
        """What the end of the line (or a silence too long) makes of a frame that was begun."""
        state, self.state = self.state, State.CLOSED
        if state is State.ENDING:
            yield self._frame(self._fault or _without_return())
        elif state is State.INSIDE:
            yield Stop(Fault("N102", "the connection ended inside a frame", "the sender has to send the message again"))

    def _between(self, data: bytes, at: int) -> tuple[int, Event | None]:
        start = data.find(START, at)
        junk = data[at : start if start >= 0 else len(data)].translate(None, FILLING)
        self._junk += len(junk)
        if self._junk > (self.junk_bytes if self._spoken else 0):
            self.state = State.CLOSED
            return len(data), Stop(_not_mllp())
        if start < 0:
            return len(data), None
        self.state, self._fault = State.INSIDE, None
        return start + 1, None

    def _inside(self, data: bytes, at: int) -> tuple[int, Event | None]:
        end = data.find(END, at)
        stop = end if end >= 0 else len(data)
        if len(self._body) + stop - at > self.frame_bytes:
            return len(data), self._too_large(data[at : at + MIB])
        if data.find(START, at, stop) >= 0:
            self._fault = self._fault or _start_inside(len(self._body) + data.find(START, at, stop) - at)
        self._body += data[at:stop]
        if end < 0:
            return stop, None
        self.state = State.ENDING
        return end + 1, None

    def _ending(self, data: bytes, at: int) -> tuple[int, Event | None]:
        following = data[at : at + 1]
        if following == RETURN and not self._tail:
            self.state = State.BETWEEN
            return at + 1, self._complete()
        if following == START:
            self.state = State.INSIDE
            event = self._frame(self._fault or _without_return())
            self._fault = None
            return at + 1, event
        if following in FILLING and len(self._tail) < 16:
            self._tail += following
            return at + 1, None
        self._fault = self._fault or _end_inside(len(self._body))
        self._body += END + self._tail
        self._tail.clear()
        self.state = State.INSIDE
        return at, None

    def _complete(self) -> Event:
        self._spoken, self._junk = True, 0
        if self._body:
            return self._frame(self._fault)
        return Refusal(Fault("N101", "the frame is empty", "send a message that begins with MSH between 0B and 1C 0D"))

    def _frame(self, fault: Fault | None) -> Frame:
        body = bytes(self._body)
        self._body.clear()
        self._tail.clear()
        self._spoken, self._junk = True, 0
        return Frame(body, fault)

    def _too_large(self, more: bytes) -> Stop:
        head = bytes(self._body[:MIB] + more)[: min(MIB, self.frame_bytes)]
        self._body = bytearray()
        self.state = State.CLOSED
        says = f"the frame is larger than the limit of {self.frame_bytes} bytes"
        hint = "send it in parts, or raise frame_bytes under limits of the channel's mllp source"
        return Stop(Fault("N103", says, hint), head)


def _not_mllp() -> Fault:
    return Fault("N104", "the peer does not speak MLLP", "MLLP frames begin with 0B: point HTTP, TLS and other traffic elsewhere")


def _without_return() -> Fault:
    return Fault("N105", "the frame ended with 1C but no 0D", "the sender has to end each frame with 1C 0D")


def _start_inside(offset: int) -> Fault:
    hint = "the sender has to leave 0B out of the message; two messages may have run together"
    return Fault("N106", "the frame holds another 0B", hint, source=f"byte {offset + 1}")


def _end_inside(offset: int) -> Fault:
    hint = "the sender has to leave 1C out of the message, or to send 0D behind it"
    return Fault("N107", "the frame holds a 1C that does not end it", hint, source=f"byte {offset + 1}")
