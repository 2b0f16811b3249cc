"""docs/how-to/a-full-disk.md: a real engine on a real disk that is full, and what the page says about it."""

from __future__ import annotations

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
from tests.how_to.pages import interpres, typed

CHANNEL = """about: What the ward sends is kept in a folder.
source:
  mllp: {port: PORT}
format: hl7v2
keys: {control: =MSH-10}
destinations:
  copy:
    folder: {path: copies, name: "{message_id}.hl7"}
"""
SIZE = "12m"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A workspace whose var/ is a small disk of its own."""
    (tmp_path / "channels").mkdir()
    (tmp_path / "mappings").mkdir()
    var = tmp_path / "var"
    var.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "channels" / "ward.yaml").write_text(CHANNEL.replace("PORT", str(port)), "utf-8")
    (tmp_path / "port").write_text(str(port))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(var)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("this needs the right to mount a small disk (root)")
    yield tmp_path
    subprocess.run(["umount", str(var)], check=True)


def send(port: int, number: int) -> bytes:
    """The code that a message is answered with (MSA-1), and the error code beside it (ERR-3) where there is one."""
    body = f"MSH|^~\\&|HIS|W|X|Y|20261104083012||ADT^A04|F{number}|P|2.5\rPID|1||P{number}\rZZZ|{'x' * 50_000}\r".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        peer.sendall(mllp_frame(body))
        answer = b""
        while not answer.endswith(b"\x1c\r"):
            piece = peer.recv(65536)
            assert piece, "the line was cut"
            answer += piece
    error = answer.partition(b"\rERR|")[2].split(b"|")
    return answer.partition(b"\rMSA|")[2][:2] + (b" " + error[2].split(b"^")[0] if len(error) > 2 else b"")


def until(true: object, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


def listens(port: int) -> bool:
    with socket.socket() as peer:
        return peer.connect_ex(("127.0.0.1", port)) == 0


def test_the_page_is_true(place: Path) -> None:
    port = int((place / "port").read_text())
    command = [sys.executable, "-m", "interpres", "run", "--workspace", str(place), "--quiet"]
    said = (place / "said").open("w")
    engine = subprocess.Popen(command, cwd=place, stderr=said)
    try:
        until(lambda: listens(port))
        assert send(port, 0) == b"AA"
        ballast = place / "var" / "exports"
        ballast.write_bytes(b"\0" * (shutil.disk_usage(place / "var").free - 100_000))
        answers = [send(port, n) for n in range(1, 8)]
        refused = [a for a in answers if a != b"AA"]
        assert refused and set(refused) == {b"AR 207"}, "the sender is told that it is our disk, and to send again"
        assert "E130" in (place / "said").read_text("utf-8"), "the log is on the full disk too, so it is said aloud"
        pages = typed("a-full-disk")
        assert [p.split()[0] for p in pages[:2]] == ["df", "du"]
        ballast.unlink()
        for line in pages[2:]:
            ran = interpres(place, line)
            assert ran.returncode == 0, (line, ran.stderr)
        until(lambda: send(port, 100) == b"AA")
        taken = 1 + answers.count(b"AA") + 1
    finally:
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(30) == 0
        said.close()
    assert "Traceback" not in (place / "said").read_text("utf-8")
    assert interpres(place, "interpres verify").returncode == 0
    found = interpres(place, "interpres messages --state processed --limit 100 --json").stdout.splitlines()
    assert len(found) >= taken
    assert len(list((place / "copies").iterdir())) == len(found), "what was taken before the disk was full has gone on"
