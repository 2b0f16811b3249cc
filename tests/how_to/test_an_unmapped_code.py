"""docs/how-to/an-unmapped-code.md: a running engine, a code that no table has, and what the page says to do about it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from interpres.framing import mllp_frame
from tests.conftest import ROOT
from tests.how_to.pages import interpres, typed

NAME = "4XK2M7QR"
"""What the page calls the problem."""

COUNT = 3


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The reference workspace with one channel, at a port of its own."""
    for name in ("mappings", "schemas", "transforms"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "channels").mkdir()
    channel = (ROOT / "channels" / "adt_to_npca.yaml").read_text("utf-8")
    port = free_port()
    (tmp_path / "channels" / "adt_to_npca.yaml").write_text(channel.replace("port: 2575", f"port: {port}"), "utf-8")
    (tmp_path / "port").write_text(str(port))
    return tmp_path


@pytest.fixture
def engine(place: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "interpres", "run", "--sandboxes", "--quiet"]
    running = subprocess.Popen(command, cwd=place)
    try:
        end = time.monotonic() + 30
        while not listens(port_of(place)):
            assert time.monotonic() < end
            assert running.poll() is None
            time.sleep(0.05)
        yield running
    finally:
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0


def listens(port: int) -> bool:
    with socket.socket() as peer:
        return peer.connect_ex(("127.0.0.1", port)) == 0


def port_of(place: Path) -> int:
    return int((place / "port").read_text())


def message(number: int, code: str) -> bytes:
    """The reference sample as another patient's, with this class (PV1-2)."""
    body = (ROOT / "samples/channels/adt_to_npca/outpatient_complete/in.hl7").read_bytes()
    segments = [line.split(b"|") for line in body.splitlines() if line]
    for fields in segments:
        if fields[0] == b"MSH":
            fields[9] = b"N%d" % number
        if fields[0] == b"PID":
            fields[3] = re.sub(rb"^[^^]+", b"HN-N%d" % number, fields[3])
        if fields[0] == b"PV1":
            fields[2] = code.encode()
            fields[19] = b"V-N%d" % number
    return b"\r".join(b"|".join(fields) for fields in segments) + b"\r"


def send(place: Path, body: bytes) -> bytes:
    """What it is answered (MSA-1)."""
    with socket.create_connection(("127.0.0.1", port_of(place)), timeout=20) as peer:
        peer.sendall(mllp_frame(body))
        answer = b""
        while not answer.endswith(b"\x1c\r"):
            piece = peer.recv(65536)
            assert piece
            answer += piece
    return answer.partition(b"\rMSA|")[2][:2]


def test_the_page_is_true(place: Path, engine: subprocess.Popen[bytes]) -> None:
    problems, one, row, check, reload_, resend, after, status = typed("an-unmapped-code")
    for number in range(COUNT):
        assert send(place, message(number, "V")) == b"AE"
    assert send(place, message(COUNT, "O")) == b"AA", "everything else goes on"

    told = interpres(place, problems)
    assert told.returncode == 0, told.stderr
    name, sentence = told.stdout.splitlines()[0].split("  ")
    assert sentence == "table visit_type has no row for this code (V)"
    assert f"{COUNT} messages" in told.stdout
    assert "mappings/npca/tables/visit_type.csv" in told.stdout
    for command in ("interpres reload", f'interpres resend --problem {name} --reason "…"'):
        assert f"→ {command}" in told.stdout

    full = interpres(place, one.replace(NAME, name))
    ids = re.findall(r"^    (\w{26})  ", full.stdout, re.MULTILINE)
    assert len(ids) == COUNT

    subprocess.run(["sh", "-c", row], cwd=place, check=True)
    assert interpres(place, check).returncode == 0
    reloaded = interpres(place, reload_)
    assert (reloaded.returncode, reloaded.stdout.strip()) == (0, "adt_to_npca goes by its new files"), reloaded.stderr

    unasked = interpres(place, resend.replace(NAME, name))
    assert unasked.returncode == 2, "nobody can be asked in a pipe"
    assert f"{COUNT} messages of adt_to_npca would be processed again" in unasked.stderr
    resent = interpres(place, resend.replace(NAME, name), "--yes")
    assert resent.returncode == 0, resent.stderr
    assert f"{COUNT} messages of adt_to_npca" in resent.stdout

    delivered_all(place, status)
    gone = interpres(place, after)
    assert (gone.returncode, gone.stdout, "nothing needs a person" in gone.stderr) == (0, "", True)
    shown = interpres(place, f"interpres show {ids[0]} --json")
    story = json.loads(shown.stdout)
    assert story["state"] == "processed"
    assert [d["state"] for d in story["deliveries"]] == ["delivered"]
    assert "code V is in visit_type now" in shown.stdout, "why it was processed again is kept"


def delivered_all(place: Path, status: str) -> None:
    end = time.monotonic() + 30
    while True:
        told = interpres(place, status, "--json")
        assert told.returncode == 0, told.stderr
        (channel,) = json.loads(told.stdout)["channels"]
        if channel["destinations"][0]["deliveries"] == {"delivered": COUNT + 1}:
            return
        assert time.monotonic() < end, told.stdout
        time.sleep(0.2)
