"""The engine is killed at random under load: what it answered yes is there afterwards, byte for byte, and arrives once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from interpres import catalog
from interpres.framing import mllp_frame
from interpres.sandbox import Running, start
from interpres.settings import model_from_values
from interpres.station import store_file
from interpres.store.sqlite import SqliteStore
from interpres.store.store import Search
from interpres.workspace import Workspace
from interpres.workspace.reference import copy_reference

KILLS = 4
SENDERS = 4
MESSAGES = 100
SEED = 20261104


def message(number: int) -> bytes:
    """An outpatient visit of its own patient, complete enough to be sent."""
    return (
        f"MSH|^~\\&|HIS|120415|NPCA|PMRS|20261104083012+0700||ADT^A04^ADT_A01|K{number:06}|P|2.5|||||KHM|UNICODE UTF-8\r"
        "EVN|A04|20261104083012+0700\r"
        f"PID|1||P{number:06}^^^120415^PI||ចាន់^សុភា||19910322|F|||21^118^^^^^^^08020301||||||M\r"
        f"PV1|1|O|OPD2^^^120415||||||||||||||||V{number:06}\r"
    ).encode()


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A copy of the reference workspace whose ADT channel listens on a free port, and whose agency may be asked quickly."""
    copy_reference(tmp_path)
    channel = tmp_path / "channels" / "adt_to_npca.yaml"
    channel.write_text(channel.read_text("utf-8").replace("port: 2575", f"port: {free_port()}"), "utf-8")
    system = tmp_path / "schemas" / "npca" / "system.yaml"
    system.write_text(system.read_text("utf-8").replace("per_second: 10", "per_second: 1000"), "utf-8")
    return tmp_path


@pytest.fixture
def npca(place: Path) -> Iterator[Running]:
    part = catalog.part("sandboxes", "npca")
    with start(part(model_from_values({}, part.Settings), place / "schemas")) as running:
        yield running


class Sending(threading.Thread):
    """One sender: each message until it is answered yes, over as many connections as that takes."""

    def __init__(self, port: int, numbers: range) -> None:
        super().__init__(daemon=True)
        self.port = port
        self.numbers = numbers
        self.acknowledged: list[bytes] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        for number in self.numbers:
            body = message(number)
            while not self.stopped.is_set() and not self._sent(body):
                time.sleep(0.05)
            if self.stopped.is_set():
                return
            self.acknowledged.append(body)

    def _sent(self, body: bytes) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as peer:
                peer.sendall(mllp_frame(body))
                answer = b""
                while not answer.endswith(b"\x1c\r"):
                    if not (piece := peer.recv(4096)):
                        return False
                    answer += piece
        except OSError:
            return False
        return b"\rMSA|AA|" in answer


def run_engine(place: Path, npca: Running, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "interpres", "run", "adt_to_npca", "--workspace", str(place), "--quiet", *options]
    return subprocess.Popen(command, env={**os.environ, **npca.environment}, stdout=subprocess.DEVNULL)


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until, "the load does not get on"
        time.sleep(0.005)


async def stored(place: Path) -> dict[bytes, tuple[str, list[str]]]:
    """Every message's bytes, its state, and the states of its deliveries."""
    store = SqliteStore(store_file(Workspace(place)), read_only=True)
    await store.open()
    try:
        found = {}
        for record in await store.find(Search(limit=100_000)):
            body = (await store.message(record.sequence)).body
            found[body] = (record.state, [d.state for d in await store.deliveries(record.sequence)])
        assert not await store.verify()
        return found
    finally:
        await store.close()


@pytest.mark.slow
def test_nothing_that_was_answered_yes_is_lost_or_sent_twice(place: Path, npca: Running) -> None:
    chance = random.Random(SEED)
    port = int((place / "channels" / "adt_to_npca.yaml").read_text("utf-8").split("port: ")[1].split("}")[0])
    senders = [Sending(port, range(n * 1000, n * 1000 + MESSAGES)) for n in range(SENDERS)]
    engine = run_engine(place, npca)
    for sender in senders:
        sender.start()
    for kill in range(1, KILLS + 1):
        share = SENDERS * MESSAGES * kill // (KILLS + 1)
        wait_until(lambda share=share: sum(len(s.acknowledged) for s in senders) >= share)  # type: ignore[misc]
        time.sleep(chance.random() * 0.05)
        engine.kill()
        engine.wait()
        engine = run_engine(place, npca)
    for sender in senders:
        sender.join(60)
        sender.stopped.set()
    engine.send_signal(signal.SIGTERM)
    assert engine.wait(30) == 0
    assert run_engine(place, npca, "--until-idle").wait(60) == 0

    acknowledged = [body for sender in senders for body in sender.acknowledged]
    found = asyncio.run(stored(place))
    assert len(acknowledged) == SENDERS * MESSAGES
    assert [body for body in acknowledged if body not in found] == []
    assert {found[body][0] for body in acknowledged} == {"processed"}
    assert {tuple(found[body][1]) for body in acknowledged} == {("delivered",)}
    assert_once(npca, acknowledged)


def assert_once(npca: Running, acknowledged: list[bytes]) -> None:
    """The agency's own count: each visit had one effect, however often it was sent."""
    effects = httpx2.get(f"{npca.base_url}/_sandbox/effects").json()
    assert len(effects["visits"]) >= len(acknowledged)
    assert set(effects["visits"].values()) == {1}
