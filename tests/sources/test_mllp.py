"""The MLLP listener with real connections on loopback: reliability.md 5.4, H1 to H10, and what its limits do."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from interpres.fault import Fault
from interpres.framing import mllp_frame
from interpres.source import Fate, Receipt, Source
from interpres.sources.mllp import Mllp
from interpres.sources.mllp.peer import sender_identity
from tests.conformance import Door, Running, SourceSuite, accepted, cannot_store, connect, rejected, run, until

HOST = "127.0.0.1"


class Client:
    """A sender of MLLP, as plain as they are in the field."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, source: Source, **facts: Any) -> Client:
        assert isinstance(source, Mllp)
        return cls(*await connect(source.port, **facts))

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(0)

    async def answer(self) -> str:
        frame = await self.reader.readuntil(b"\x1c\r")
        assert frame[:1] == b"\x0b"
        return frame[1:-2].decode()

    async def closed(self) -> bytes:
        """What still comes until the other side closes."""
        with contextlib.suppress(ConnectionError):
            return await self.reader.read()
        return b""

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await self.writer.wait_closed()


class TestMllp(SourceSuite):
    word = "mllp"

    def settings(self, folder: Path) -> dict[str, Any]:
        return {"port": 0}

    async def send(self, source: Source, body: bytes) -> None:
        client = await Client.to(source)
        await client.send(mllp_frame(body))
        await client.answer()
        await client.close()

    def told(self, tmp_path: Path, story: Any, door: Door | None = None, loop: Any = None, **settings: Any) -> Door:
        """Run a story between a client and the listener; afterwards the listener must still serve a new peer."""
        door = door or Door()

        async def whole() -> None:
            source = self.made(tmp_path, door, **settings)
            async with Running(source, door) as it:
                client = await Client.to(source)
                await story(client, source)
                await client.close()
                other = await Client.to(source)
                await other.send(mllp_frame(b"MSH|after"))
                assert (await other.answer()).endswith("fter")
                await other.close()
                assert not it.task.done()

        run(whole(), loop=loop)
        assert door.bodies[-1] == b"MSH|after"
        return door

    def test_h1_an_empty_frame_is_answered_with_a_no_and_nothing_is_stored(self, tmp_path: Path) -> None:
        async def story(client: Client, source: Mllp) -> None:
            await client.send(b"\x0b\x1c\r", mllp_frame(b"MSH|1"))
            assert (await client.answer()).startswith("AR N101")
            assert (await client.answer()).startswith("AA")

        door = self.told(tmp_path, story)
        assert door.bodies == [b"MSH|1", b"MSH|after"] and [f.code for f in door.refused] == ["N101"]

    def test_h2_h7_what_is_no_mllp_is_closed_without_a_word(self, tmp_path: Path) -> None:
        for hello in (b"MSH|^~\\&|A\r", b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n"):

            async def story(client: Client, source: Mllp, hello: bytes = hello) -> None:
                await client.send(hello)
                assert await client.closed() == b""

            assert [f.code for f in self.told(tmp_path, story).refused] == ["N104"]

    def test_h3_a_frame_without_its_0d_is_stored_with_its_fault_and_the_next_is_taken(self, tmp_path: Path) -> None:
        async def story(client: Client, source: Mllp) -> None:
            await client.send(b"\x0bMSH|1\x1c" + mllp_frame(b"MSH|2"))
            await client.answer()
            await client.answer()

        door = self.told(tmp_path, story)
        assert [(i.body, [f.code for f in i.faults]) for i in door.taken[:2]] == [(b"MSH|1", ["N105"]), (b"MSH|2", [])]

    def test_h3_a_sender_that_forgets_0d_and_waits_is_told(self, tmp_path: Path) -> None:
        async def story(client: Client, source: Mllp) -> None:
            await client.send(b"\x0bMSH|1\x1c")
            assert "SH|1" in await client.answer()

        door = self.told(tmp_path, story, limits={"silent_seconds": 0.1})
        assert [f.code for f in door.taken[0].faults] == ["N105"]

    def test_h4_many_in_one_piece_and_one_in_many_are_answered_in_order(self, tmp_path: Path) -> None:
        async def slow_first(body: bytes) -> Receipt:
            await asyncio.sleep(0.05 if body.endswith(b"0001") else 0)
            return accepted()

        async def story(client: Client, source: Mllp) -> None:
            bodies = [b"MSH|%04d" % n for n in range(1, 201)]
            await client.send(b"\x00\r\n".join(map(mllp_frame, bodies)))
            assert [await client.answer() for _ in bodies] == [f"AA {n:04d}" for n in range(1, 201)]
            await client.send(*[bytes([b]) for b in mllp_frame(b"MSH|0001")])
            assert await client.answer() == "AA 0001"

        door = self.told(tmp_path, story, Door(answer=lambda intake: slow_first(intake.body)))
        assert door.bodies[:200] == [b"MSH|%04d" % n for n in range(1, 201)]

    def test_h5_a_start_inside_is_stored_as_one_with_its_fault(self, tmp_path: Path) -> None:
        async def story(client: Client, source: Mllp) -> None:
            await client.send(mllp_frame(b"MSH|1\x0bMSH|2"))
            await client.answer()

        door = self.told(tmp_path, story)
        assert (door.bodies[0], [f.code for f in door.taken[0].faults]) == (b"MSH|1\x0bMSH|2", ["N106"])

    def test_h6_a_frame_beyond_the_limit_is_answered_and_closed(self, tmp_path: Path) -> None:
        async def story(client: Client, source: Mllp) -> None:
            with contextlib.suppress(ConnectionError):
                await client.send(b"\x0bMSH|", *[b"x" * 1000] * 3)
            assert b"AE N103" in await client.closed()

        door = self.told(tmp_path, story, limits={"frame_bytes": 2048})
        assert door.bodies == [b"MSH|after"] and [f.code for f in door.refused] == ["N103"]

    def test_h8_silent_peers_are_closed_and_make_room(self, tmp_path: Path) -> None:
        async def story(client: Client, source: Mllp) -> None:
            crowd = [await Client.to(source) for _ in range(30)]
            await client.closed()
            assert len(source.peers) <= 5
            await asyncio.gather(*[c.closed() for c in crowd])
            assert not source.peers
            for c in crowd:
                await c.close()

        self.told(tmp_path, story, limits={"silent_seconds": 0.2, "connections": 5})

    def test_h8_where_every_place_is_busy_a_new_peer_is_refused_and_counted(self, tmp_path: Path) -> None:
        async def story(client: Client, source: Mllp) -> None:
            await client.send(mllp_frame(b"MSH|1"))
            await client.answer()
            other = await Client.to(source)
            assert await other.closed() == b""
            await other.close()
            await client.close()
            await until(lambda: not source.peers)

        assert [f.code for f in self.told(tmp_path, story, limits={"connections": 1}).refused] == ["N110"]

    def test_a_peer_that_spoke_may_rest_longer_than_one_that_never_did(self, tmp_path: Path) -> None:
        async def story(client: Client, source: Mllp) -> None:
            await client.send(mllp_frame(b"MSH|1"))
            await client.answer()
            await asyncio.sleep(0.25)
            await client.send(mllp_frame(b"MSH|2"))
            assert await client.answer() == "AA SH|2"

        self.told(tmp_path, story, limits={"silent_seconds": 0.05})

    @pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
    def test_h9_a_half_closed_peer_still_gets_its_answers(self, tmp_path: Path, loop: str) -> None:
        async def late() -> Receipt:
            await asyncio.sleep(0.05)
            return accepted()

        async def story(client: Client, source: Mllp) -> None:
            await client.send(mllp_frame(b"MSH|1") + mllp_frame(b"MSH|2"))
            client.writer.write_eof()
            assert (await client.closed()).count(b"AA") == 2

        maker = importlib.import_module("uvloop").new_event_loop if loop == "uvloop" else None
        self.told(tmp_path, story, Door(answer=lambda intake: late()), loop=maker)

    def test_h10_a_peer_that_vanishes_has_been_heard(self, tmp_path: Path) -> None:
        async def story(client: Client, source: Mllp) -> None:
            await client.send(mllp_frame(b"MSH|1"))
            client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.writer.transport.abort()
            await until(lambda: not source.peers)

        assert self.told(tmp_path, story).bodies[0] == b"MSH|1"

    def test_a_line_that_ends_inside_a_frame_is_counted_and_not_stored(self, tmp_path: Path) -> None:
        async def story(client: Client, source: Mllp) -> None:
            await client.send(b"\x0bMSH|1")
            client.writer.write_eof()
            assert await client.closed() == b""

        door = self.told(tmp_path, story)
        assert door.bodies == [b"MSH|after"] and [f.code for f in door.refused] == ["N102"]

    def test_the_engines_no_and_its_own_trouble_are_told_apart(self, tmp_path: Path) -> None:
        async def story(client: Client, source: Mllp) -> None:
            await client.send(mllp_frame(b"MSH|bad"), mllp_frame(b"MSH|full"))
            assert [await client.answer(), await client.answer()] == ["AE V001 |bad", "AR E120 full"]

        answers = {b"MSH|bad": rejected(), b"MSH|full": cannot_store()}
        self.told(tmp_path, story, Door(answer=lambda intake: answers.get(intake.body, accepted())))

    def test_our_own_mistake_costs_one_connection_and_no_answer(self, tmp_path: Path) -> None:
        def broken(intake: Any) -> Receipt:
            if intake.body == b"MSH|bug":
                raise ZeroDivisionError
            return accepted()

        async def story(client: Client, source: Mllp) -> None:
            await client.send(mllp_frame(b"MSH|bug"))
            assert await client.closed() == b""

        assert [f.code for f in self.told(tmp_path, story, Door(answer=broken)).refused] == ["X001"]

    def test_a_peer_that_reads_no_answers_is_read_no_further(self, tmp_path: Path) -> None:
        hold = asyncio.Event()

        async def held() -> Receipt:
            await hold.wait()
            return accepted()

        async def story(client: Client, source: Mllp) -> None:
            client.writer.write(mllp_frame(b"MSH|" + b"x" * 1000) * 5000)
            await until(lambda: len(door.taken) == 64)
            (peer,) = source.peers
            await asyncio.sleep(0.1)
            assert len(peer._events) < 500  # what one piece brought, and no more
            hold.set()
            assert [(await client.answer())[:2] for _ in range(5000)] == ["AA"] * 5000

        door = Door(answer=lambda intake: held())
        self.told(tmp_path, story, door)

    def test_what_was_received_is_answered_when_the_engine_stops(self, tmp_path: Path) -> None:
        async def late() -> Receipt:
            await asyncio.sleep(0.1)
            return accepted()

        door = Door(answer=lambda intake: late())

        async def story() -> None:
            source = self.made(tmp_path, door)
            async with Running(source, door) as it:
                client = await Client.to(source)
                await client.send(mllp_frame(b"MSH|1"))
                await until(lambda: door.taken)
                assert not source.idle()
                await it.stop()
                assert b"AA" in await client.closed()
                await client.close()

        run(story())

    def test_a_taken_port_is_a_fault_that_says_so(self, tmp_path: Path) -> None:
        async def story() -> Fault:
            door = Door()
            source = self.made(tmp_path, door)
            async with Running(source, door):
                assert isinstance(source, Mllp)
                with pytest.raises(Fault) as caught:
                    await self.made(tmp_path, door, port=source.port).open()
            return caught.value

        fault = run(story())
        assert fault.code == "E111" and fault.says.endswith("is taken")

    def test_listening_to_the_network_without_tls_is_warned_of(self, tmp_path: Path) -> None:
        async def story(host: str) -> list[str]:
            source = self.made(tmp_path, Door(), host=host)
            await source.open()
            await source.close()
            return source.setting.notes

        assert run(story(HOST)) == []
        (note,) = run(story("0.0.0.0"))
        assert "without TLS" in note

    def test_over_tls(self, tmp_path: Path) -> None:
        certificate(tmp_path)
        door = Door()

        async def story() -> None:
            source = self.made(tmp_path, door, tls={"certificate": "cert.pem", "key": "key.pem"})
            async with Running(source, door) as it:
                assert "TLS" in it.said
                trust = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
                client = await Client.to(source, ssl=trust, server_hostname="localhost")
                await client.send(mllp_frame(b"MSH|tls!"))
                assert await client.answer() == "AA tls!"
                await client.close()
                plain = await Client.to(source)
                await plain.send(mllp_frame(b"MSH|open"))
                await plain.closed()
                await plain.close()

        run(story())
        assert door.bodies == [b"MSH|tls!"]

    def test_a_certificate_that_cannot_be_used_is_a_fault(self, tmp_path: Path) -> None:
        with pytest.raises(Fault) as caught:
            run(self.made(tmp_path, Door(), tls={"certificate": "none.pem", "key": "none.pem"}).open())
        assert caught.value.code == "E113"


def certificate(folder: Path) -> None:
    """A certificate for localhost, made by the system's openssl."""
    import shutil
    import subprocess

    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    where = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    about = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *where, *about]
    subprocess.run(command, check=True, capture_output=True)


def test_what_a_repetition_is_known_by() -> None:
    assert sender_identity(b"MSH|^~\\&|APP|FAC|||||ADT^A04|17|P\rPID|1") == "APP|FAC|17"
    assert sender_identity(b"\xef\xbb\xbfMSH$%~\\&$APP$FAC$$$$$$17\nPID") == "APP|FAC|17"
    for body in (b"", b"MSH", b"MSH|^~\\&|A|B", b"MSH|^~\\&|A|B|||||||P", b"FHS|^~\\&|A|B|||||||17", b"{}"):
        assert sender_identity(body) is None


def test_a_batch_has_a_verdict_for_each_message() -> None:
    receipt = Receipt(True, (Fate("A", "processed"), Fate("B", "rejected", (Fault("V001", "no"),)), Fate("C", "filtered")))
    verdict = receipt.verdict
    assert (verdict.accepted, [f.code for f in verdict.faults], verdict.message_id) == (False, ["V001"], "A")
    assert [(v.accepted, v.message_id) for v in verdict.each] == [(True, "A"), (False, "B"), (True, "C")]
