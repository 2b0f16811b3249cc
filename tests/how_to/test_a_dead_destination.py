"""docs/how-to/a-dead-destination.md: an agency that is away, comes back, and breaks off once; what the page says is so."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from interpres.desk import client
from interpres.workspace import Workspace
from tests.how_to.pages import interpres, typed

CHANNEL = """about: Visits go to the agency.
source:
  folder: {path: in, complete: {stable_seconds: 0.1}}
format: json
keys: {visit: =visit}
lane: =visit
destinations:
  npca:
    call: npca/submitVisit
"""
SYSTEM = """about: The agency
base_url: ${NPCA_URL}
"""
OPENAPI = """openapi: 3.1.0
paths:
  /visits:
    post:
      operationId: submitVisit
      requestBody: {content: {application/json: {schema: {}}}}
      responses: {"200": {description: It, content: {application/json: {schema: {}}}}}
"""


class Agency(BaseHTTPRequestHandler):
    """Keeps every visit; breaks the line off after it has kept one that says so."""

    protocol_version = "HTTP/1.1"
    visits: list[str] = []  # noqa: RUF012  (one for all requests of a test)

    def do_POST(self) -> None:
        visit = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["visit"]
        self.visits.append(visit)
        if visit == "silent":
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A workspace whose agency has an address at which nobody answers yet."""
    for folder in ("channels", "mappings", "schemas/npca", "in"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "channels" / "adt_to_npca.yaml").write_text(CHANNEL, "utf-8")
    (tmp_path / "schemas" / "npca" / "system.yaml").write_text(SYSTEM, "utf-8")
    (tmp_path / "schemas" / "npca" / "openapi.yaml").write_text(OPENAPI, "utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / ".env").write_text(f"NPCA_URL=http://127.0.0.1:{port}\n", "utf-8")
    (tmp_path / ".env").chmod(0o600)
    Agency.visits = []
    return tmp_path


def drop(place: Path, *visits: str) -> None:
    for visit in visits:
        (place / "in" / f".{visit}").write_text(json.dumps({"visit": visit}), "utf-8")
        (place / "in" / f".{visit}").rename(place / "in" / f"{visit}.json")


def destination(place: Path) -> dict[str, Any]:
    told = asyncio.run(client.do(Workspace(place), "status", {}))
    (found,) = (d for c in told["channels"] for d in c["destinations"])
    return dict(found)


def until(true: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_the_page_is_true(place: Path) -> None:
    status, pause, resume, status_again, problems, release, verify = typed("a-dead-destination")
    assert status == status_again
    command = [sys.executable, "-m", "interpres", "run", "--workspace", str(place), "--quiet"]
    engine = subprocess.Popen(command, cwd=place, stderr=subprocess.DEVNULL)
    agency = None
    try:
        drop(place, *(f"v{n}" for n in range(8)))
        until(lambda: (place / "var" / "engine.sock").exists() and destination(place)["state"] == "resting")
        told = interpres(place, status).stdout
        assert "resting for" in told and "npca cannot be reached" in told and "8 waiting" in told
        assert "asked again" in told
        assert interpres(place, pause).returncode == 0
        assert "paused since" in interpres(place, status).stdout
        drop(place, "silent")
        port = int((place / ".env").read_text().rsplit(":", 1)[1])
        agency = ThreadingHTTPServer(("127.0.0.1", port), Agency)
        threading.Thread(target=agency.serve_forever, daemon=True).start()
        until(lambda: destination(place)["deliveries"].get("waiting") == 9)
        assert Agency.visits == [], "what is paused is not even probed"
        assert interpres(place, resume).returncode == 0
        until(lambda: destination(place)["deliveries"] == {"delivered": 8, "held": 1})
        assert "npca  up  ·" in interpres(place, status_again).stdout
        (problem,) = map(json.loads, interpres(place, f"{problems} --json").stdout.splitlines())
        assert "nobody can know whether the destination acted on it" in interpres(place, problems).stdout
        released = interpres(place, release.replace("PROBLEM", str(problem["problem"])))
        assert released.returncode == 0, released.stderr
        until(lambda: destination(place)["deliveries"] == {"delivered": 9})
        assert interpres(place, verify).returncode == 0
    finally:
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(30) == 0
        if agency is not None:
            agency.shutdown()
            agency.server_close()
    assert sorted(Agency.visits) == sorted([*(f"v{n}" for n in range(8)), "silent"]), "each came once"
