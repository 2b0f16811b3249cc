"""I13: patients whose every value is a canary go through everything that can go wrong, and no canary is told to anybody.

Not in logs, metrics, /health, alerts, answers to senders, receipts, or on a screen that was not asked for content.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from interpres import pipeline
from interpres.cli.main import main
from interpres.engine import Engine
from interpres.framing import mllp_frame
from interpres.logs import to_file
from interpres.station import Station
from interpres.store.sqlite import SqliteStore
from interpres.watch import Watch
from interpres.workspace import Workspace
from tests.bad_input.clinic import let_go_of_the_log
from tests.engine.failing_disk import FailingDisk
from tests.engine.fakes import until
from tests.peers import Asked, HttpPeer, Said

CANARIES = {
    "name": "SOKHACANARY",
    "id": "PXCANARY77",
    "phone": "85512CANARY",
    "diagnosis": "J45CANARY",
    "note": "NOTECANARY",
    "code": "SEXCANARY",
    "file": "FILECANARY",
    "query": "QUERYCANARY",
    "key": "KEYCANARY",
}
CANARY = re.compile("CANARY")

AGENCY = """\
about: An agency that repeats what it was sent in everything that it says.
base_url: ${AGENCY_URL}
headers: {X-Key: "${AGENCY_KEY}"}
limits: {in_flight: 4, timeout_seconds: 0.4}
answers:
  person: {missing: =http.status = 404}
  submit:
    hold: =status = 3
    refused: =success = false
    delivered: =success = true
operations:
  submit: {idempotent: true, key_header: Idempotency-Key}
"""

OPENAPI = """\
openapi: 3.1.0
paths:
  /visits:
    post:
      operationId: submit
      requestBody: {content: {application/json: {schema: {}}}}
      responses: {"200": {description: It, content: {application/json: {schema: {}}}}}
  /people/{id}:
    get:
      operationId: person
      parameters: [{name: id, in: path, required: true, schema: {type: string}}]
      responses: {"200": {description: It, content: {application/json: {schema: {}}}}}
"""

PATIENT = """\
about: A patient with everything that can be wrong with one.
from: hl7v2
to: {format: json, schema: agency/patient}
tables: {sex: sex.csv}
output:
  kind: =PV1-2
  id: =PID-3.1
  name: =PID-5.1
  sex: =PID-8 | table(sex)
  phone: =PID-13 | breaks
  born: =PID-7 | date
  diagnosis: =DG1-3.1
  note: =NTE-3
"""

ROW = """\
about: A row of the table.
from: csv
to: {format: json}
output:
  id: =required(id)
  name: =name
  born: =born | date
"""

WEB = """\
about: A patient from the web.
from: json
to: {format: json}
output:
  name: =name
  phone: =phone | breaks
  born: =born | date
"""

BREAKS = '''\
"""Breaks: a transform that is a bug of its own."""


def breaks(text: str) -> str:
    """The text; some are too much for it.

    >>> breaks('1')
    '1'
    """
    if text.endswith("0BREAK"):
        raise ValueError(f"cannot bear {text}")
    return text
'''

FILES = {
    "channels/adt.yaml": """\
about: Patients from the ward go to the agency.
source:
  mllp: {port: 0, limits: {silent_seconds: 1}}
  answer: delivered
  answer_within_seconds: 1
format: hl7v2
keys: {patient: =PID-3.1}
lane: =MSH-10
enrich:
  person: {call: agency/person, with: {id: =PID-3.1}, when_missing: continue, when_failed: hold}
destinations:
  agency:
    mapping: patient
    call: agency/submit
    attempts: 2
""",
    "channels/tables.yaml": """\
about: Tables of patients.
source:
  folder: {path: var/in, complete: {renamed: true}, scan_seconds: 0.05}
format: csv
keys: {patient: =id}
destinations:
  out:
    mapping: row
    folder: {path: var/out, name: "{message_id}.json"}
""",
    "channels/web.yaml": """\
about: Patients from the web.
source:
  http: {port: 0, path: /patients}
format: json
keys: {phone: =phone}
destinations:
  out:
    mapping: web
    folder: {path: var/out, name: "{message_id}.json"}
""",
    "mappings/patient.yaml": PATIENT,
    "mappings/row.yaml": ROW,
    "mappings/web.yaml": WEB,
    "mappings/sex.csv": "from,to\nF,female\nM,male\n",
    "transforms/breaks.py": BREAKS,
    "schemas/agency/system.yaml": AGENCY,
    "schemas/agency/openapi.yaml": OPENAPI,
    "schemas/agency/patient.json": json.dumps({"type": "object", "properties": {"note": {"type": "string", "maxLength": 40}}}),
    "interpres.yaml": """\
name: the ward
health: {listen: "127.0.0.1:0"}
alerts:
  every: 100ms
  gather: 1ms
  to: {pager: {command: [/bin/sh, -c, "cat >> $0", told.jsonl]}}
  rules:
    undelivered: {at_least: 1, share: 0}
    late: {after: 200ms}
    resting: {after: 100ms}
""",
}


def adt(number: int, kind: str, **changes: str) -> bytes:
    """A message whose patient is all canaries; the agency does what its class (PV1-2) says."""
    values = {**CANARIES, "sex": "F", "born": "19910322", **changes}
    return (
        f"MSH|^~\\&|HIS|WARD|EHR|CLINIC|20261104083012||ADT^A04^ADT_A01|C{number}|P|2.5\r"
        f"PID|1||{values['id']}^^^WARD^MR||{values['name']}^CHAN||{values['born']}|{values['sex']}|||||{values['phone']}\r"
        f"NTE|1||{values['note']}\rPV1|1|{kind}\rDG1|1||{values['diagnosis']}^{values['diagnosis']}\r"
    ).encode()


def agency(asked: Asked) -> Said:
    """Everything that it says repeats what it was sent."""
    if asked.method == "GET":
        echo = f"no such person: {asked.path}"
        return Said(500, {"message": echo}) if asked.path.endswith("E500") else Said(404, {"message": echo})
    sent = json.loads(asked.body)
    echo = f"cannot take {asked.body.decode()}"
    by_field = {"name": [f"{sent['name']} is unknown"], sent["id"]: [echo], f"visits.0.{sent['phone']}": [echo]}
    said = {
        "A200": Said(200, {"success": True, "data": sent}),
        "R422": Said(422, {"success": False, "message": echo, "errors": by_field}),
        "P400": Said(400, {"title": echo, "errors": [{"pointer": f"/{sent['id']}/name", "detail": echo}]}),
        "H200": Said(
            200, {"success": True, "status": 3, "message": echo, "data": [{"errors": [{"field": sent["name"], "message": echo}]}]}
        ),
        "E500": Said(500, {"message": echo}),
        "T200": Said(200, {"success": True}, after_seconds=2.0),
        "C200": Said(cut=True),
        "L302": Said(302, headers={"Location": f"http://127.0.0.1:9/{sent['id']}"}),
        "N200": Said(200, body=f"<html>{echo}</html>".encode(), headers={"Content-Type": "text/html"}),
        "J200": Said(200, body=b'{"success": ' + asked.body[:40]),
        "O200": Said(
            200,
            {
                "resourceType": "OperationOutcome",
                "success": False,
                "issue": [{"severity": "error", "diagnostics": echo, "expression": [sent["id"]]}],
            },
        ),
        "B999": Said(raw=f"HTTP/1.1 {sent['id']} {echo}\r\n\r\n".encode()),
    }
    return said[sent["kind"]]


KINDS = ("A200", "R422", "P400", "H200", "E500", "T200", "C200", "L302", "N200", "J200", "O200", "B999")


class Told:
    """Everything that was said to anybody but the hospital's own files, by where it was said."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}

    def hear(self, where: str, text: str) -> None:
        self.said[where] = self.said.get(where, "") + text

    def leaks(self, *allowed: str) -> dict[str, list[str]]:
        """The lines that hold a canary, by where."""
        words = [CANARIES[name] for name in allowed]
        found: dict[str, list[str]] = {}
        for where, text in self.said.items():
            for word in words:
                text = text.replace(word, "")
            if lines := [line for line in text.splitlines() if CANARY.search(line)]:
                found[where] = lines
        return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AGENCY_KEY", CANARIES["key"])
    for name, text in FILES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("told.jsonl", str(tmp_path / "told.jsonl")), "utf-8")
    return tmp_path


@pytest.fixture(autouse=True)
def a_bug_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that tells all that it knows."""
    real = pipeline.process

    def process(opened: Any, *more: Any) -> Any:
        if b"0BUG" in opened.message.body:
            raise ValueError(f"cannot bear {opened.message.body!r}")
        return real(opened, *more)

    monkeypatch.setattr(pipeline, "process", process)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[FailingDisk]:
    made = FailingDisk("canary")
    monkeypatch.setattr("interpres.station.SqliteStore", lambda path: SqliteStore(path, vfs="canary"))
    yield made
    made.unregister()


class Ward:
    """What senders do, and what they are told."""

    def __init__(self, engine: Engine, watch: Watch, told: Told, place: Path) -> None:
        self.engine = engine
        self.watch = watch
        self.told = told
        self.place = place

    async def hl7(self, *bodies: bytes) -> None:
        port = self.engine.source("adt").port  # type: ignore[attr-defined]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"".join(bodies))
        with contextlib.suppress(asyncio.IncompleteReadError, TimeoutError, ConnectionError):
            async with asyncio.timeout(8):
                for _ in bodies:
                    self.told.hear("answers over MLLP", (await reader.readuntil(b"\x1c\r")).decode().replace("\r", "\n"))
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def web(self, body: bytes, path: str = "/patients", **headers: str) -> None:
        port = self.engine.source("web").port  # type: ignore[attr-defined]
        async with httpx2.AsyncClient() as client:
            headers = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
            answer = await client.post(f"http://127.0.0.1:{port}{path}", content=body, headers=headers)
        self.told.hear("answers over HTTP", f"{answer.status_code} {dict(answer.headers)} {answer.text}\n")

    def drop(self, name: str, body: str | bytes) -> None:
        beside = self.place / "var" / "in" / ".beside"
        beside.write_bytes(body if isinstance(body, bytes) else body.encode())
        beside.rename(beside.with_name(name))

    async def look(self) -> None:
        async with httpx2.AsyncClient() as client:
            for path in ("/health", "/ready", "/metrics", f"/{CANARIES['query']}"):
                self.told.hear(f"{path[:8]} and its like", (await client.get(f"http://{self.watch.address}{path}")).text)

    async def everything(self, disk: FailingDisk) -> None:
        """Everything that can go wrong, each in its own way."""
        await asyncio.gather(*(self.hl7(mllp_frame(adt(n, kind))) for n, kind in enumerate(KINDS)))
        wrong = [
            adt(50, "A200", sex=CANARIES["code"]),  # no row in the table
            adt(51, "A200", born=CANARIES["name"]),  # no date
            adt(52, "A200", note=CANARIES["note"] * 9),  # against the schema
            adt(53, "A200", phone=CANARIES["phone"] + "0BREAK"),  # a bug of the workspace's transform
            adt(56, "A200", phone=CANARIES["phone"] + "0BUG"),  # a bug of our own
            adt(54, "A200", id=CANARIES["id"] + "E500"),  # what it asks cannot be had
            adt(0, "A200", name=CANARIES["name"] + "2"),  # an id that was used for something else
            b"MSH|" + CANARIES["name"].encode(),
            CANARIES["name"].encode(),
            adt(55, "A200").replace(b"PID|", b"P\xff\xfeD|"),
        ]
        await asyncio.gather(*(self.hl7(mllp_frame(body)) for body in wrong))
        await self.hl7(CANARIES["name"].encode() * 10)  # no frame at all
        patient = {"name": CANARIES["name"], "phone": CANARIES["phone"], "born": "1991-03-22"}
        for n, tree in enumerate(
            (patient, {**patient, "born": CANARIES["name"]}, {**patient, "phone": CANARIES["phone"] + "0BREAK"})
        ):
            await self.web(json.dumps(tree).encode(), Idempotency_Key=CANARIES["id"] + str(n))
        await self.web(b'{"name": ' + CANARIES["name"].encode())
        await self.web(b"{}", f"/patients/{CANARIES['id']}?name={CANARIES['query']}")
        await self.web(b"{}", f"/patients?name={CANARIES['query']}", Content_Type=f"x/{CANARIES['name']}")
        await self.web(json.dumps({**patient, "more": 1}).encode(), Idempotency_Key=CANARIES["id"] + "0")
        who = f"{CANARIES['id']},{CANARIES['name']}"
        rows = f"id,name,born\n{who},1991-03-22\n{who},{CANARIES['name']}\n"
        self.drop(f"{CANARIES['file']}.csv", rows)
        self.drop(f"{CANARIES['file']} 2.csv", rows)
        self.drop(f"{CANARIES['file']}3.csv", f'{CANARIES["name"]};{CANARIES["id"]}\n"{CANARIES["name"]}')
        self.drop(f"{CANARIES['file']}4.csv", b"\xff\xfe\0" + CANARIES["name"].encode())
        await until(lambda: len(receipts(self.place)) >= 8, 10)
        disk.full = True
        await asyncio.gather(self.hl7(mllp_frame(adt(60, "A200"))), self.web(json.dumps(patient).encode()))
        self.drop(f"{CANARIES['file']}5.csv", rows)
        await asyncio.sleep(0.2)
        disk.full = False
        disk.dead_syncs = 1
        await self.hl7(mllp_frame(adt(61, "A200")))
        await until(lambda: not self.engine.shift.broken and disk.syncs, 10)
        await self.hl7(mllp_frame(adt(62, "A200")))


def receipts(place: Path) -> list[Path]:
    return [file for room in ("done", "rejected") for file in (place / "var/in" / room).glob("*.receipt.*")]


async def played(place: Path, told: Told, disk: FailingDisk) -> dict[str, set[str]]:
    """Play it all; gives the states that messages and deliveries came to."""
    peer = HttpPeer(agency)
    async with peer.serving() as url:
        with pytest.MonkeyPatch.context() as patch, Station(Workspace(place)) as station:
            patch.setenv("AGENCY_URL", url)
            station.environment = station.environment.with_values({"AGENCY_URL": url})
            calls = station.calls()
            watch = station.watch()
            engine = station.engine(calls, meter=watch.figures)
            async with watch.over(engine, station.systems, station.environment):
                await engine.start()
                try:
                    await until(lambda: all(s.taking for s in engine.standing()))
                    ward = Ward(engine, watch, told, place)
                    await ward.everything(disk)
                    await until(lambda: (place / "told.jsonl").exists(), 10)
                    await ward.look()
                    states = await engine.store.counts()
                finally:
                    await engine.drain(2.0)
            await calls.close()
    return {
        kind: {c.state for c in states if bool(c.destination) == (kind == "deliveries")} for kind in ("messages", "deliveries")
    }


def screen(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    """What a verb prints, on both sides."""
    before = sys.argv
    sys.argv = ["interpres", *words]
    try:
        with contextlib.suppress(SystemExit):
            main()
    finally:
        sys.argv = before
    return "".join(capfd.readouterr())


def read(files: Iterator[Path], of: Callable[[str], str] = str) -> str:
    return "\n".join(of(file.read_text("utf-8", "replace")) for file in files)


def test_no_canary_is_told_to_anybody(
    place: Path, disk: FailingDisk, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    to_file(place / "var/log/interpres.jsonl", echo=True)
    try:
        states = asyncio.run(played(place, told, disk))
    finally:
        let_go_of_the_log()
    told.hear("the screen of the engine", "".join(capfd.readouterr()))
    told.hear("the log", (place / "var/log/interpres.jsonl").read_text("utf-8"))
    told.hear("alerts as they were told", (place / "told.jsonl").read_text("utf-8"))
    told.hear("what the watch keeps", read((place / "var/watch").iterdir()))

    assert {"processed", "rejected", "held"} <= states["messages"], "everything did go wrong"
    assert {"delivered", "refused", "held"} <= states["deliveries"]
    answers = told.said["answers over MLLP"]
    assert len(re.findall(r"MSA\|A[ER]", answers)) >= 8 and "MSA|AA" in answers
    assert {"200", "422"} <= set(re.findall(r"^(\d{3}) ", told.said["answers over HTTP"], re.MULTILINE))
    for code in ("E130", "E131", "X001", "N240", "N304"):
        assert code in "".join(told.said.values()), code
    assert '"rule":"undelivered"' in told.said["alerts as they were told"]
    assert told.leaks() == {}

    names = Told()
    names.hear("receipts", read(iter(receipts(place))))
    assert names.leaks("file") == {}, "a receipt holds the name of its file, and nothing else of a patient"

    monkeypatch.setenv("AGENCY_URL", "http://127.0.0.1:9")
    monkeypatch.chdir(place)
    look_at_screens(capfd)


def look_at_screens(capfd: pytest.CaptureFixture[str]) -> None:
    """No verb shows a canary that was not asked for content."""
    silent = Told()
    for words in (["status"], ["status", "--json"], ["verify"], ["check"], ["replay"]):
        silent.hear(" ".join(words), screen(capfd, *words))
    assert "adt" in silent.said["status"] and silent.leaks() == {}
    causes = Told()
    for words in (["problems"], ["problems", "--json"]):
        causes.hear(" ".join(words), screen(capfd, *words))
    assert "M201" in causes.said["problems --json"] and causes.leaks("code") == {}, "a code without a row is what they ask for"
    keys = Told()
    for words in (["messages", "--limit", "100"], ["messages", "--json"]):
        keys.hear(" ".join(words), screen(capfd, *words))
    assert "rejected" in keys.said["messages --limit 100"]
    assert keys.leaks("id", "phone", "file") == {}, "keys and names of files are what messages are found by"


def test_the_search_has_teeth() -> None:
    told = Told()
    told.hear("a log", f'{{"event": "x"}}\n{{"says": "{CANARIES["name"]}"}}\n')
    assert list(told.leaks()) == ["a log"] and told.leaks("name") == {}
    assert all(CANARY.search(value) for value in CANARIES.values())
