"""Start: what is not used is not imported, so that help is there at once and an engine listens soon."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

HEAVY = {
    "authlib", "fhir", "h11", "hl7apy", "httpx2", "jinja2", "lxml", "openpyxl", "phonenumbers", "starlette", "uvicorn",
}  # fmt: skip
"""What a part imports when it is first needed: none of it is, to listen for HL7 and hand visits to a system."""

MOST_MODULES = 840
"""After a start with one channel there were 767 on Python 3.11; a part that drags in a library shows at once."""

STARTED = """
import asyncio, json, sys
from pathlib import Path
from interpres.cli import run
from interpres.logs import to_file
from interpres.station import Station
from interpres.workspace import Workspace

async def start(station):
    calls = station.calls()
    engine = station.engine(calls)
    await engine.start()
    names = sorted(sys.modules)
    await engine.drain()
    await calls.close()
    return names

place = Path(sys.argv[1])
to_file(place / "log" / "interpres.jsonl")
with Station(Workspace(Path(sys.argv[2]), place), ["adt_to_npca"]) as station:
    station.listen_anywhere()
    names = ("BASE_URL", "CLIENT_ID", "CLIENT_SECRET", "USERNAME", "PASSWORD", "FACILITY_CODE")
    station.environment = station.environment.with_values({f"NPCA_{name}": "http://127.0.0.1:9" for name in names})
    assert not station.missing()
    print(json.dumps(asyncio.run(start(station))))
"""

HELPED = """
import json, sys
from interpres.cli.main import main
sys.argv = ["interpres", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code
print("\\n" + json.dumps(sorted(sys.modules)))
"""


def modules_after(script: str, *words: str) -> set[str]:
    ran = subprocess.run([sys.executable, "-c", script, *words], cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr.decode()
    return set(json.loads(ran.stdout.splitlines()[-1]))


def test_a_channel_of_hl7_starts_without_what_others_need(tmp_path: Path) -> None:
    found = modules_after(STARTED, str(tmp_path), str(ROOT))
    assert "interpres.sources.mllp" in found and "interpres.destinations.call" in found
    assert not HEAVY & found
    assert not {m for m in found if m.startswith(("interpres.formats.csv", "interpres.formats.xml", "interpres.checkers.fhir"))}
    assert len(found) < MOST_MODULES


def test_help_imports_no_library_but_its_own() -> None:
    found = modules_after(HELPED, "--help")
    assert "interpres.cli.check" in found
    assert not (HEAVY | {"apsw", "jsonschema_rs", "lark", "pydantic", "rich", "ruamel", "structlog"}) & found


@pytest.mark.parametrize("verb", ["check", "run", "messages"])
def test_the_help_of_a_verb_opens_no_workspace(verb: str) -> None:
    found = modules_after(HELPED, verb, "--help")
    assert f"interpres.cli.{verb}" in found
    assert not (HEAVY | {"apsw", "jsonschema_rs", "lark", "rich", "ruamel", "structlog", "interpres.workspace"}) & found
