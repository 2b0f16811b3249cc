"""Ground: a small workspace to be killed in — MLLP, files and HTTP in, a peer that honours keys and a folder out."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

SYSTEM = """\
about: A peer that acts once for each key.
base_url: {url}
limits: {{in_flight: 16, timeout_seconds: {timeout_seconds}}}
operations:
  take: {{idempotent: true, key_header: Idempotency-Key}}
"""

OPENAPI = """\
openapi: 3.1.0
info: {title: Sink, version: "1"}
paths:
  /take:
    post:
      operationId: take
      requestBody: {required: true, content: {application/json: {schema: {type: object}}}}
      responses:
        "200": {description: Taken}
  /known:
    get:
      operationId: known
      parameters:
        - {name: lane, in: query, required: true, schema: {type: string}}
      responses:
        "200": {description: What is known, content: {application/json: {schema: {type: object}}}}
"""

MLLP = """\
about: Visits come over MLLP and go to the peer and to a folder.
source:
  mllp: {{port: {port}, limits: {{{limits}}}}}
format: hl7v2
keys: {{patient: =PID-3.1}}
lane: =patient
destinations:
  sink: {{call: sink/take}}
  archive: {{folder: {{path: out, name: "{{message_id}}.hl7"}}}}
"""

HTTP = """\
about: Visits are posted; the peer is asked about each, and sent what a mapping makes of it.
source:
  http: {{port: {port}, path: /visits}}
format: json
lane: =lane
enrich:
  known: {{call: sink/known, with: {{lane: =lane}}}}
destinations:
  sink: {{mapping: sink/visit, call: sink/take}}
"""

MAPPING = """\
about: A visit as it was posted becomes what the peer takes.
from: json
needs: [known]
output:
  lane: =lane
  number: =number
  name: =name
  known: =known.yes
"""

FILES = """\
about: Visits are dropped as files and go to the peer.
source:
  folder: {path: in, complete: {renamed: true}, scan_seconds: 0.2}
format: json
lane: =lane
destinations:
  sink: {call: sink/take}
"""


@dataclass(frozen=True)
class Ground:
    """Where a workspace lies, and the ports that it listens on."""

    folder: Path
    mllp: int
    http: int

    @property
    def store(self) -> Path:
        return self.folder / "var" / "store.sqlite"

    @property
    def inbox(self) -> Path:
        return self.folder / "in"

    @property
    def archive(self) -> Path:
        return self.folder / "out"


def lay_out(folder: Path, sink_url: str, timeout_seconds: float = 30.0, limits: str = "") -> Ground:
    """Write the workspace; its channels listen on ports that are free just now. `limits` are those of the MLLP source."""
    ground = Ground(folder, free_port(), free_port())
    files = {
        "schemas/sink/system.yaml": SYSTEM.format(url=sink_url, timeout_seconds=timeout_seconds),
        "schemas/sink/openapi.yaml": OPENAPI,
        "mappings/sink/visit.yaml": MAPPING,
        "channels/from_mllp.yaml": MLLP.format(port=ground.mllp, limits=limits),
        "channels/from_http.yaml": HTTP.format(port=ground.http),
        "channels/from_files.yaml": FILES,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    for made in (ground.inbox, ground.archive):
        made.mkdir(exist_ok=True)
    return ground


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
