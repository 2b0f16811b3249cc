"""run --health: the real process answers from its start, says where, and ends in order."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

CHANNEL = """\
about: Files are kept as they came.
source:
  folder: {path: var/in, complete: {renamed: true}, scan_seconds: 0.05}
format: json
destinations:
  copy:
    folder: {path: var/copy, name: "{message_id}.json"}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for room in ("channels", "mappings"):
        (tmp_path / room).mkdir()
    (tmp_path / "channels/files.yaml").write_text(CHANNEL, "utf-8")
    return tmp_path


def within(seconds: float, holds: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_the_process_answers_and_counts_and_ends_in_order(place: Path) -> None:
    (place / "interpres.yaml").write_text("drain: 5s\nlog: {level: info}\nalerts: {every: 200ms}\n", "utf-8")
    command = [sys.executable, "-m", "interpres", "run", "--workspace", str(place), "--health", "0"]
    engine = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert engine.stderr is not None
    try:
        said = ""
        while not (address := re.search(r"health is answered at (http://127\.0\.0\.1:\d+)/health", said)):
            said += (line := engine.stderr.readline())
            assert line, said
        base = address[1]
        within(60, lambda: httpx2.get(f"{base}/ready").status_code == 200)
        beside = place / "var/in/.one"
        beside.write_text('{"a": 1}', "utf-8")
        beside.rename(place / "var/in/one.json")
        delivered = 'interpres_deliveries_ended_total{channel="files",destination="copy",state="delivered"} 1\n'
        within(60, lambda: delivered in httpx2.get(f"{base}/metrics").text)
        health = httpx2.get(f"{base}/health").json()
        assert health["channels"]["files"]["source"]["last_message_at"] and health["store"]["durability"]["synchronous"] == "full"
        within(60, lambda: (place / "var/watch/habits.json").exists())
        port = base.rsplit(":", 1)[1]
        second = subprocess.run([*command[:-1], port], capture_output=True, timeout=60, check=False)
        assert second.returncode == 3 and b"E120" in second.stderr, "who has the store is told, not who has the port"
        other = [*command[:-1], port, "--var", str(place / "var2"), "--until-idle"]
        deaf = subprocess.run(other, capture_output=True, timeout=60, check=False)
        assert deaf.returncode == 3 and b"E111" in deaf.stderr
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(60) == 0
    finally:
        engine.kill()
        engine.wait()
        engine.stderr.close()
    assert json.loads((place / "var/watch/habits.json").read_bytes())["last_ms"]["files"] > 0


def test_a_file_with_faults_starts_nothing(place: Path) -> None:
    (place / "interpres.yaml").write_text("alerts: {to: {a: {webhook: {url: '${NO_SUCH}'}}}}\n", "utf-8")
    command = [sys.executable, "-m", "interpres", "run", "--workspace", str(place), "--until-idle"]
    ran = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert ran.returncode == 3 and b"interpres.yaml:1:" in ran.stderr and b"E104" in ran.stderr
    assert not (place / "var/store.sqlite").exists()
