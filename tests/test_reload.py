"""A running engine, real files, real connections: what an edit of a workspace does once SIGHUP or a reload says so."""

from __future__ import annotations

import asyncio
import json
import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from interpres.engine import Engine
from interpres.fault import Fault, Faults
from interpres.framing import mllp_frame
from interpres.station import Station, store_file
from interpres.store.reads import Search
from interpres.store.sqlite import SqliteStore
from interpres.workspace import Workspace
from interpres.workspace.settled import read_settled
from tests.peers import Asked, HttpPeer, Said

MAPPING = "about: A visit.\nfrom: hl7v2\noutput:\n  by: {version}\n  n: =MSH-10\n  place: =MSH-4.1\n"
CHANNEL = """about: Visits go to the agency.
source: {{mllp: {{port: {port}}}}}
format: hl7v2
keys: {{visit: =MSH-10}}
lane: =MSH-3.1
destinations:
  agency: {{mapping: agency/visit, call: agency/take}}
"""
SYSTEM = """about: An agency.
base_url: ${AGENCY_URL}
limits: {in_flight: 8, timeout_seconds: 5}
operations: {take: {idempotent: true, key_header: Idempotency-Key}}
"""
OPENAPI = """openapi: 3.1.0
info: {title: An agency, version: "1"}
paths:
  /take:
    post:
      operationId: take
      parameters: [{name: Idempotency-Key, in: header, schema: {type: string}}]
      requestBody: {content: {application/json: {schema: {}}}}
      responses: {"200": {description: Taken, content: {application/json: {schema: {}}}}}
"""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


class Place:
    """A workspace of one channel from MLLP to an agency, whose files a test edits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.write("channels/visits.yaml", CHANNEL.format(port=self.port))
        self.write("mappings/agency/visit.yaml", MAPPING.format(version=1))
        self.write("schemas/agency/system.yaml", SYSTEM)
        self.write("schemas/agency/openapi.yaml", OPENAPI)

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return file

    def secrets(self, text: str, mode: int = 0o600) -> None:
        self.write(".env", text).chmod(mode)

    def version(self, number: int) -> None:
        self.write("mappings/agency/visit.yaml", MAPPING.format(version=number))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Engine]:
        """The engine as `interpres run` has it, in this process."""
        with Station(Workspace(self.folder)) as station:
            calls = station.calls()
            engine = station.engine(calls)
            await engine.start()
            try:
                yield engine
                assert await engine.store.verify() == ()
            finally:
                await engine.drain()
                await calls.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def visit(sender: str, number: int) -> bytes:
    return f"MSH|^~\\&|{sender}|120415|||20261104||ADT^A04|{sender}{number:04}|P|2.5\rPID|1||P1\r".encode()


class Sender:
    """One MLLP connection that is kept: each message waits for the answer to the one before."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.acknowledged = 0

    async def connect(self, port: int) -> None:
        async with asyncio.timeout(10):
            while not listens(port):  # what was opened a moment ago may not be serving yet
                await asyncio.sleep(0.02)
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port)

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()

    async def send(self, number: int) -> None:
        self.writer.write(mllp_frame(visit(self.name, number)))
        answer = await asyncio.wait_for(self.reader.readuntil(b"\x1c\r"), 10)
        assert f"\rMSA|AA|{self.name}{number:04}".encode() in answer
        self.acknowledged += 1


@asynccontextmanager
async def connected(port: int, name: str = "A") -> AsyncIterator[Sender]:
    sender = Sender(name)
    await sender.connect(port)
    try:
        yield sender
    finally:
        await sender.close()


def taken(peer: HttpPeer) -> list[tuple[int, str]]:
    """The version of the recipe and the number of each message that the agency took, in order."""
    return [(tree["by"], tree["n"]) for a in peer.asked for tree in [json.loads(a.body)]]


def agency(_: Asked) -> Said:
    return Said(200, {"ok": True})


async def until(true: Callable[[], Any], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


def test_senders_keep_their_connections_and_lanes_their_order_while_mappings_change_under_load(place: Place) -> None:
    async def story() -> None:
        peer = HttpPeer(agency)
        async with peer.serving() as url:
            place.secrets(f"AGENCY_URL={url}\n")
            async with place.running() as engine:
                senders = [Sender(name) for name in "ABCD"]
                for sender in senders:
                    await sender.connect(place.port)
                sending = [asyncio.create_task(load(sender)) for sender in senders]
                version = 1
                while not all(task.done() for task in sending):
                    version += 1
                    place.version(version)
                    assert (await engine.reload()).swapped == ("visits",)
                await asyncio.gather(*sending)
                assert version > 2
                await until(lambda: len(peer.asked) == 200)
                for sender in senders:
                    got = [(v, n) for v, n in taken(peer) if n.startswith(sender.name)]
                    assert [n for _, n in got] == [f"{sender.name}{number:04}" for number in range(50)]
                    assert [v for v, _ in got] == sorted(v for v, _ in got)
                assert peer.connections <= 8, "the agency's connections are kept too"
                await until(lambda: not any(o.busy for o in engine.traffic.outlets()))
                for sender in senders:
                    await sender.close()

    async def load(sender: Sender) -> None:
        for number in range(50):
            await sender.send(number)

    asyncio.run(story())


def test_a_mapping_with_faults_is_refused_in_the_words_of_check_and_the_feed_goes_on(place: Place) -> None:
    async def story() -> None:
        peer = HttpPeer(agency)
        async with peer.serving() as url:
            place.secrets(f"AGENCY_URL={url}\n")
            async with place.running() as engine, connected(place.port) as sender:
                place.write("mappings/agency/visit.yaml", MAPPING.format(version=2).replace("=MSH-10", "=MSH-10 | uper"))
                checked = [f.line() for f in Workspace(place.folder).check() if f.level == "fault"]
                done = await engine.reload()
                assert checked and [f.line() for f in done.refused["visits"]] == checked
                await sender.send(1)
                place.version(3)
                assert (await engine.reload()).swapped == ("visits",) and not engine.refused
                await sender.send(2)
                await until(lambda: len(peer.asked) == 2)
                assert taken(peer) == [(1, "A0001"), (3, "A0002")]

    asyncio.run(story())


def test_where_an_agency_has_moved_and_its_secrets_are_todays_without_a_new_recipe(place: Place) -> None:
    async def story() -> None:
        here, there = HttpPeer(agency), HttpPeer(agency)
        async with here.serving() as url, there.serving() as other:
            place.secrets(f"AGENCY_URL={url}\n")
            async with place.running() as engine, connected(place.port) as sender:
                await sender.send(1)
                await until(lambda: len(here.asked) == 1)
                place.secrets(f"AGENCY_URL={other}\n")
                assert (await engine.reload()).kept == ("visits",)
                await sender.send(2)
                await until(lambda: len(there.asked) == 1)

    asyncio.run(story())


@pytest.mark.parametrize("source", ["mllp: {port: PORT", "http: {port: PORT, path: /in"])
def test_a_listener_with_other_settings_takes_its_own_port_again(place: Place, source: str) -> None:
    settings = source.replace("PORT", str(place.port))
    plain = CHANNEL.format(port=0).replace("mllp: {port: 0", settings).replace("call: agency/take", "folder: {path: out}")
    place.write("channels/visits.yaml", plain)

    async def story() -> None:
        async with place.running() as engine:
            before = engine.source("visits")
            place.write("channels/visits.yaml", plain.replace(settings, f"{settings}, limits: {{connections: 3}}"))
            assert (await engine.reload()).swapped == ("visits",)
            assert engine.source("visits") is not before
            await until(lambda: listens(place.port))
            assert engine.source("visits").settings.limits.connections == 3  # type: ignore[attr-defined]

    asyncio.run(story())


def test_a_renewed_certificate_is_shown_from_the_next_reload_on(place: Place) -> None:
    def renew() -> bytes:
        words = ["-subj", "/CN=localhost", "-days", "2", "-keyout", str(place.folder / "key.pem"), "-out", str(certificate)]
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", *words]
        subprocess.run(command, check=True, capture_output=True)
        return ssl.PEM_cert_to_DER_cert(certificate.read_text())

    def shown() -> bytes:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", place.port), timeout=10) as line, context.wrap_socket(line) as peer:
            return peer.getpeercert(binary_form=True) or b""

    async def story() -> None:
        async with place.running() as engine:
            assert await asyncio.to_thread(shown) == first
            assert (await engine.reload()).kept == ("visits",)
            second = renew()
            assert (await engine.reload()).swapped == ("visits",)
            assert await asyncio.to_thread(shown) == second != first

    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not here")
    certificate = place.folder / "certificate.pem"
    first = renew()
    tls = "tls: {certificate: certificate.pem, key: key.pem}"
    plain = CHANNEL.format(port=f"{place.port}, {tls}").replace("call: agency/take", "folder: {path: out}")
    place.write("channels/visits.yaml", plain)
    asyncio.run(story())


@pytest.mark.parametrize(
    ("text", "mode", "codes"),
    [("nonsense\n", 0o600, ["E103"]), ("AGENCY_URL=http://127.0.0.1:1\n", 0o644, ["E101"]), ("", 0o600, ["E104"])],
)
def test_an_environment_with_faults_refuses_those_channels_only_that_need_it(
    place: Place, text: str, mode: int, codes: list[str]
) -> None:
    plain = CHANNEL.format(port=0).replace("call: agency/take", "folder: {path: out}")

    async def story() -> None:
        peer = HttpPeer(agency)
        async with peer.serving() as url:
            place.secrets(f"AGENCY_URL={url}\n")
            place.write("channels/plain.yaml", plain)
            async with place.running() as engine:
                place.secrets(text, mode)
                place.version(2)
                done = await engine.reload()
                assert (done.swapped, list(done.refused)) == (("plain",), ["visits"])
                assert [f.code for f in done.refused["visits"]] == codes
                async with connected(place.port) as sender:
                    await sender.send(1)
                await until(lambda: peer.asked)
                assert taken(peer) == [(1, "A0001")], "by what it had, to where it went"

    asyncio.run(story())


def test_a_change_that_brings_two_channels_onto_one_port_is_refused_and_not_the_one_that_was_there(place: Place) -> None:
    async def story() -> None:
        place.secrets("AGENCY_URL=http://127.0.0.1:1\n")
        place.write("channels/another.yaml", CHANNEL.format(port=free_port()))
        async with place.running() as engine:
            place.write("channels/another.yaml", CHANNEL.format(port=place.port))
            done = await engine.reload()
            assert done.kept == ("visits",) and [f.code for f in done.refused["another"]] == ["C134"]
            changed = free_port()
            place.write("channels/visits.yaml", CHANNEL.format(port=changed))
            done = await engine.reload()
            assert done.swapped == ("another", "visits") and not done.refused

    asyncio.run(story())


def test_a_workspace_without_a_channel_is_one_that_is_not_there(place: Place) -> None:
    async def story() -> None:
        place.secrets("AGENCY_URL=http://127.0.0.1:1\n")
        async with place.running() as engine:
            (place.folder / "channels" / "visits.yaml").unlink()
            done = await engine.reload()
            assert not done.closed and [f.code for f in done.refused["visits"]] == ["C172"]

    asyncio.run(story())


# files that are being saved


def test_a_file_that_is_half_saved_is_waited_for(place: Place) -> None:
    """The first half of a mapping is a mapping too, of which a key is missing."""
    file = place.folder / "mappings" / "agency" / "visit.yaml"
    whole = MAPPING.format(version=2)
    began = threading.Event()

    def save() -> None:
        with file.open("w") as opened:
            opened.write(whole[: whole.index("  place")])
            opened.flush()
            began.set()
            time.sleep(0.15)
            opened.write(whole[whole.index("  place") :])

    def read(workspace: Workspace) -> dict[str, str]:
        if not began.is_set():
            threading.Thread(target=save).start()
            began.wait()
        recipe = workspace.recipe("visits")
        time.sleep(0.2)
        return dict(recipe.files)

    assert read_settled(place.folder, place.folder / "var", read)["mappings/agency/visit.yaml"] == whole


def test_files_that_never_stand_still_are_not_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interpres.workspace.settled.PAUSE_SECONDS", 0.0)
    numbers = iter(range(100))

    def read(workspace: Workspace) -> None:
        place.version(next(numbers))
        raise Faults([Fault("M110", "half of it", "")])

    with pytest.raises(Fault, match="C171"):
        read_settled(place.folder, place.folder / "var", read)


# the process


def run_engine(place: Place, *, terminal: int | None = None) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "interpres", "run", "--workspace", str(place.folder)]
    if terminal is None:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True, preexec_fn=own_terminal
    )


def own_terminal() -> None:
    """Let the terminal on standard input be the session's own, as it is for a shell."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def listens(port: int) -> bool:
    with socket.socket() as s:
        s.settimeout(0.2)
        return s.connect_ex(("127.0.0.1", port)) == 0


def wait_for(true: Callable[[], Any], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.05)


def test_sighup_reloads_and_says_what_became_of_each_channel(place: Place) -> None:
    place.secrets("AGENCY_URL=http://127.0.0.1:1\n")
    engine = run_engine(place)
    assert engine.stderr is not None
    try:
        wait_for(lambda: listens(place.port))
        other = free_port()
        place.write("channels/visits.yaml", CHANNEL.format(port=other))
        engine.send_signal(signal.SIGHUP)
        wait_for(lambda: listens(other))
        place.write("channels/visits.yaml", "about: nothing\n")
        engine.send_signal(signal.SIGHUP)
        said = b""
        while b"C102" not in said:
            said += engine.stderr.readline()
        assert b"visits goes by its new files\n" in said and b"visits keeps what it had" in said
        assert listens(other)
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(30) == 0
    finally:
        engine.kill()
        engine.communicate()


def test_a_terminal_that_is_closed_drains_the_engine(place: Place) -> None:
    place.secrets("AGENCY_URL=http://127.0.0.1:1\n")
    ours, theirs = os.openpty()
    engine = run_engine(place, terminal=theirs)
    os.close(theirs)
    try:
        closing = threading.Event()
        reading = threading.Thread(target=read_all, args=(ours, closing))
        reading.start()
        wait_for(lambda: listens(place.port))
        engine.send_signal(signal.SIGHUP)
        time.sleep(1.0)
        assert engine.poll() is None and listens(place.port), "the terminal is there: that was a reload"
        with socket.create_connection(("127.0.0.1", place.port)) as sender:
            sender.sendall(mllp_frame(visit("A", 1)))
            assert b"MSA|AA" in sender.recv(4096)
        closing.set()
        reading.join()
        os.close(ours)
        assert engine.wait(30) == 0, "it ended in order"
    finally:
        engine.kill()
        engine.wait()
    assert asyncio.run(stored(place)) == ["processed"]


def read_all(terminal: int, closing: threading.Event) -> None:
    """What a terminal does with what is written to it, until it is closed: nobody may still read from it then."""
    while not closing.is_set():
        if select.select([terminal], [], [], 0.05)[0]:
            os.read(terminal, 4096)


async def stored(place: Place) -> list[str]:
    """The states of all messages; a second engine could take the store."""
    store = SqliteStore(store_file(Workspace(place.folder)))
    await store.open()
    try:
        return [record.state for record in await store.find(Search())]
    finally:
        await store.close()
