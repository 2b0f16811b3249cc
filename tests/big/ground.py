"""Ground: the workspace that a backlog and a replay are measured in — MLLP in, a mapping, one destination."""

from __future__ import annotations

from pathlib import Path

from tests.crash.kills.ground import OPENAPI, SYSTEM, Ground, free_port

CHANNEL = """\
about: Discharges come over MLLP, are mapped, and go to the peer.
source:
  mllp: {{port: {port}}}
format: hl7v2
keys: {{patient: =PID-3.1}}
lane: =patient
destinations:
  sink: {{mapping: sink/visit_from_adt, call: sink/take}}
"""

MAPPING = """\
about: A discharge becomes what the peer takes.
from: hl7v2
to: {format: json}
output:
  lane: =PID-3.1
  control: =MSH-10
  diagnosis: =DG1-3.1
  ward: =PV1-3.1
  observations:
    $each: OBX
    code: =.3.1
    value: =.5
    unit: =.6
"""

CANDIDATE = """\
about: The ward is written with its room.
extends: sink/visit_from_adt
output:
  ward: =PV1-3.1 & '/' & PV1-3.2
"""


def lay_out(folder: Path, sink_url: str) -> Ground:
    """Write the workspace; its channel listens on a port that is free just now."""
    ground = Ground(folder, free_port(), 0)
    files = {
        "schemas/sink/system.yaml": SYSTEM.format(url=sink_url, timeout_seconds=30),
        "schemas/sink/openapi.yaml": OPENAPI,
        "mappings/sink/visit_from_adt.yaml": MAPPING,
        "mappings/sink/candidate.yaml": CANDIDATE,
        "channels/from_mllp.yaml": CHANNEL.format(port=ground.mllp),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return ground
