"""MLLP that nobody should send, to a real engine: what is stored, answered and counted (reliability.md 5.4, H1 to H10)."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from interpres.framing import Frame, MllpReader, Stop, mllp_frame
from tests.bad_input.clinic import NAME, Clinic, message, story

ONE = message()
AFTER = message("PV1|1|I").replace(b"|C1|", b"|after|")


def served(clinic: Clinic, told: Callable[[Clinic], Awaitable[None]]) -> None:
    """Run a story; afterwards a good peer is served as if nothing had been."""

    async def whole(running: Clinic) -> None:
        await told(running)
        assert "\rMSA|AA|after" in await running.send(AFTER)
        assert (await running.settled())[-1].fates == {"copy": "delivered", "patient": "delivered"}

    story(clinic, whole, "adt")


async def closed(reader: asyncio.StreamReader) -> bytes:
    """What still comes until the other side closes."""
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionError):
            return await reader.read()
    return b""


def test_h1_an_empty_frame_is_refused_and_counted(clinic: Clinic) -> None:
    async def told(running: Clinic) -> None:
        no, yes = await running.tell(b"\x0b\x1c\r" + mllp_frame(ONE), 2)
        assert "\rMSA|AR" in no and "|N101|" in no and "\rMSA|AA|C1" in yes
        assert (await running.only()).body == ONE
        await running.counted(processed=1, refused=1)

    served(clinic, told)


@pytest.mark.parametrize(
    "hello",
    [
        ONE,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /?patient=" + NAME.encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0" * 3 + b"x",
        random.Random(7).randbytes(64).translate(None, b"\x0b"),
    ],
    ids=["raw", "tls", "http", "ssh", "nul", "noise"],
)
def test_h2_h7_what_is_no_mllp_is_closed_and_counted_without_a_word(clinic: Clinic, hello: bytes) -> None:
    async def told(running: Clinic) -> None:
        for _ in range(20):
            reader, writer = await running.connected()
            writer.write(hello)
            assert await closed(reader) == b""
            writer.close()
        assert await running.settled() == []
        await running.counted(refused=20)

    served(clinic, told)


def test_h3_a_frame_without_its_0d_is_kept_and_refused_and_the_next_is_taken(clinic: Clinic) -> None:
    async def told(running: Clinic) -> None:
        no, yes = await running.tell(b"\x0b" + ONE + b"\x1c" + mllp_frame(AFTER), 2)
        assert "\rMSA|AR|C1" in no and "|N105|" in no and "\rMSA|AA|after" in yes
        damaged, good = await running.settled()
        assert (damaged.body, damaged.state, damaged.codes) == (ONE, "rejected", ["N105"])
        assert (good.body, good.state) == (AFTER, "processed")
        assert "\rMSA|AA|C1" in await running.send(ONE), "what is sent again after a no is new"
        assert (await running.settled())[-1].state == "processed"

    served(clinic, told)


def test_h4_frames_in_any_pieces_with_anything_between_are_all_taken(clinic: Clinic) -> None:
    bodies = [message(f"PV1|{n}").replace(b"|C1|", f"|M{n}|".encode()) for n in range(30)]

    async def told(running: Clinic) -> None:
        answers = await running.tell(b"\x00\x00\r\n".join(map(mllp_frame, bodies[:-1])), 29)
        assert all(f"\rMSA|AA|M{n}\r" in a for n, a in enumerate(answers))
        reader, writer = await running.connected()
        for byte in mllp_frame(bodies[-1]):
            writer.write(bytes([byte]))
            await writer.drain()
        assert "\rMSA|AA|M29" in await running.answer(reader)
        writer.close()
        assert [s.body for s in await running.settled()] == bodies

    served(clinic, told)


def test_h5_a_start_inside_a_message_is_kept_as_one_and_refused(clinic: Clinic) -> None:
    body = ONE + b"\x0b" + AFTER

    async def told(running: Clinic) -> None:
        no = await running.send(body)
        assert "\rMSA|AR|C1" in no and "|N106|" in no
        damaged = await running.only()
        assert (damaged.body, damaged.state, damaged.codes) == (body, "rejected", ["N106"])
        assert running.copies() == []

    served(clinic, told)


def test_h6_a_frame_without_an_end_is_cut_at_the_limit(clinic: Clinic) -> None:
    async def told(running: Clinic) -> None:
        reader, writer = await running.connected()
        with contextlib.suppress(ConnectionError):
            writer.write(b"\x0b" + ONE)
            for _ in range(40):
                writer.write(b"x" * 262_144)
                await writer.drain()
        no = await closed(reader)
        assert not no or b"|N103|" in no, "what is sent on and on may cut off its own answer"
        writer.close()
        assert await running.settled() == []
        await running.counted(refused=1)

    served(clinic, told)


def test_h6_ten_gigabytes_cost_no_more_than_the_limit() -> None:
    reader = MllpReader(frame_bytes=1 << 20)
    piece = b"x" * (1 << 18)
    tracemalloc.start()
    try:
        events = [event for n in range(40_960) for event in reader.receive(b"\x0b" + ONE if n == 0 else piece)]
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert [type(e) for e in events] == [Stop] and not reader.waiting


def test_h8_silent_peers_are_let_go_and_keep_nobody_out(clinic: Clinic) -> None:
    text = (clinic.folder / "channels/adt.yaml").read_text("utf-8")
    clinic.write("channels/adt.yaml", text.replace("silent_seconds: 5", "silent_seconds: 0.2, connections: 50"))

    async def told(running: Clinic) -> None:
        crowd = [await running.connected() for _ in range(300)]
        assert "\rMSA|AA|C1" in await running.send(ONE)
        assert [await closed(reader) for reader, _ in crowd] == [b""] * 300
        for _, writer in crowd:
            writer.close()

    served(clinic, told)


def test_h9_a_peer_that_half_closes_is_answered(clinic: Clinic) -> None:
    async def told(running: Clinic) -> None:
        reader, writer = await running.connected()
        writer.write(mllp_frame(ONE))
        writer.write_eof()
        assert b"\rMSA|AA|C1" in await closed(reader)
        writer.close()
        assert (await running.only()).fates == {"copy": "delivered", "patient": "delivered"}

    served(clinic, told)


def test_h10_a_peer_that_vanishes_and_sends_again_has_the_same_answer_and_one_effect(clinic: Clinic) -> None:
    async def told(running: Clinic) -> None:
        _, writer = await running.connected()
        writer.write(mllp_frame(ONE))
        await writer.drain()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        async with asyncio.timeout(10):
            while not await running.counts():
                await asyncio.sleep(0.005)
        writer.transport.abort()
        again = [await running.send(ONE) for _ in range(3)]
        assert all("\rMSA|AA|C1" in answer for answer in again)
        assert len({answer.split("|")[9] for answer in again}) == 1, "one message, one name for its answer"
        stored = await running.only()
        assert again[0].split("|")[9] == stored.record.id
        await running.counted(processed=1, duplicate=3)
        assert len(running.copies()) == 1 and len(running.patients()) == 1

    served(clinic, told)


def test_h10_after_a_restart_the_answer_is_still_the_same(clinic: Clinic, tmp_path: Path) -> None:
    answers: list[str] = []

    async def told(running: Clinic) -> None:
        answers.append(await running.send(ONE))
        await running.settled()

    story(clinic, told, "adt")
    story(clinic, told, "adt")
    assert answers[0].split("|")[9] == answers[1].split("|")[9]
    assert len(clinic.copies()) == 1


def test_every_piece_of_every_frame_is_accounted_for() -> None:
    stream = mllp_frame(ONE) + b"\x0b\x1c\r" + mllp_frame(AFTER)
    for size in range(1, 40):
        reader = MllpReader()
        events = [e for at in range(0, len(stream), size) for e in reader.receive(stream[at : at + size])]
        assert [e.body for e in events if isinstance(e, Frame)] == [ONE, AFTER], size
