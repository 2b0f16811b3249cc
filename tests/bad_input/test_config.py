"""Recipes that are wrong or made to do harm, secrets that are not there, two engines on one store: C1 to C6."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from interpres.cli.main import main
from interpres.fault import Fault, Faults
from interpres.workspace import Workspace
from tests.bad_input.clinic import ADT, HL7_FILES, NAME, PATIENT, Clinic, let_go_of_the_log, message, story

SECRET = "hunter2-canary"


def checked(clinic: Clinic) -> list[str]:
    """What `check` says of the workspace, without the unused mappings."""
    return [f"{f.at} {f.code}" for f in Workspace(clinic.folder).check() if f.code != "M190"]


# C1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("!!python/object/apply:os.system [touch pwned]\n", ["channels/adt.yaml:1:1 Y112"]),
        (ADT.replace("format: hl7v2", "format: !!python/name:os.system hl7v2"), ["channels/adt.yaml:4:9 Y112"]),
        ("a: &a [x, x]\nb: &b [*a, *a]\n", ["channels/adt.yaml:1:4 Y111", "channels/adt.yaml:2:4 Y111"]),
        (ADT + "format: csv\n", ["channels/adt.yaml:14:1 Y110"]),
        (ADT.replace("  mllp", "\tmllp"), ["channels/adt.yaml:3:1 Y103"]),
        ("# " + "x" * 10_000_000, ["channels/adt.yaml Y102"]),
        ("[" * 1_000, ["channels/adt.yaml:1:65 Y102"]),
        (ADT.replace("port: 0", "port: on"), ["channels/adt.yaml:3:16 C103"]),
        (ADT.replace("port: 0", "port: 1:30"), ["channels/adt.yaml:3:16 C103"]),
        (ADT.replace("silent_seconds: 5", "silent_seconds: yes"), ["channels/adt.yaml:3:66 C103"]),
        (ADT + "---\nabout: another\n", ["channels/adt.yaml:14:1 Y115"]),
        ("", ["channels/adt.yaml:1:1 Y120"]),
        ("\0", ["channels/adt.yaml:1:1 Y101"]),
    ],
    ids=["object", "name", "laughs", "twice", "tab", "10 MB", "deep", "on", "1:30", "yes", "two", "empty", "nul"],
)
def test_c1_a_file_that_yaml_might_misread_is_refused_at_its_line(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, text: str, told: list[str]
) -> None:
    monkeypatch.chdir(clinic.folder)
    clinic.write("channels/adt.yaml", text)
    begun = time.perf_counter()
    assert checked(clinic)[: len(told)] == told
    with pytest.raises(Faults):
        Workspace(clinic.folder).recipe("adt")
    assert time.perf_counter() - begun < 3 and not (clinic.folder / "pwned").exists()


def test_c1_words_that_yaml_takes_for_something_else_stay_what_is_written(clinic: Clinic) -> None:
    written = [
        "no",
        "on",
        "Yes",
        "1:30",
        "12:30:45",
        "0123",
        "0x10",
        "1e3",
        "1_000",
        "~",
        ".5",
        "2026-11-04",
        "NULL",
        "+1",
        "1.0",
    ]
    clinic.write(
        "mappings/words.yaml",
        "about: a\nfrom: json\nto: {format: json}\noutput:\n" + "".join(f"  k{n}: {w}\n" for n, w in enumerate(written)),
    )
    loaded = Workspace(clinic.folder).mapping("words")
    (made,) = loaded.compiled(loaded.from_format.decode(b"{}"), {}).documents
    assert list(made.values()) == written


def test_c1_files_that_are_damaged_while_the_engine_runs_disturb_nothing(clinic: Clinic) -> None:
    async def told(running: Clinic) -> None:
        assert "\rMSA|AA|C1" in await running.send(message())
        for name in ("channels/adt.yaml", "mappings/patient_from_hl7.yaml"):
            running.write(name, "!!python/object/apply:os.system [touch pwned]\n")
        assert "\rMSA|AA|C1" in await running.send(message("PV1"))
        assert [s.fates for s in await running.settled()] == [{"copy": "delivered", "patient": "delivered"}] * 2
        with pytest.raises(Faults):
            Workspace(running.folder).recipe("adt")

    story(clinic, told, "adt")


# C2


FORMULAS: list[tuple[str, str, str]] = [
    ("=1 / (OBX-5 | number)", "run", "M206"),
    ("=PID-5.1 | number", "run", "M221"),
    ("=PID-5.1 * 3", "check", "M103"),
    ("=PID-7 | date | number", "run", "M221"),
    ("=(PID-5.1).__class__.__mro__", "check", "M113"),
    ("=PID-5.1.__class__", "check", "M104"),
    ("=__import__('os').system('touch pwned')", "check", "M113"),
    ("=eval('1')", "check", "M105"),
    ("=format('{0.__globals__}', PID-5.1)", "check", "M105"),
    ("=pad(PID-5.1, 1000000000)", "run", "M226"),
    ("=round(1, 1000000000)", "run", "M226"),
    ("=PID-5.1 matches '(a+'", "check", "M108"),
    ("=NTE-3 matches '(a)\\1'", "check", "M108"),
    ("=match(NTE-3, '(a)\\1')", "run", "M108"),
    ("=PID-3.1.1.1", "check", "M104"),
    ("=nobody", "check", "M105"),
    ("=required(PID-30)", "run", "M233"),
]


def test_c2_formulas_that_cannot_be_are_named_with_their_line(clinic: Clinic) -> None:
    body = message("NTE|1||" + "a" * 30 + "!", "OBX|1|NM|A||0")
    for formula, when, code in FORMULAS:
        clinic.write("mappings/patient_from_hl7.yaml", f"{PATIENT}  hostile: {formula}\n")
        here = Workspace(clinic.folder)
        found = [f for f in here.check_mapping("patient_from_hl7") if f.level == "fault"]
        assert bool(found) == (when == "check"), formula
        if not found:
            loaded = here.mapping("patient_from_hl7")
            found = list(loaded.compiled(loaded.from_format.decode(body), {}).faults)
        assert found[0].code.startswith(code), (formula, found)
        assert all(f.at and (f.at.file, f.at.line) == ("mappings/patient_from_hl7.yaml", 14) and f.hint for f in found), formula
        assert NAME not in "".join(map(str, found))


def test_c2_patterns_that_would_run_away_do_not(clinic: Clinic) -> None:
    clinic.write(
        "mappings/patient_from_hl7.yaml", f"{PATIENT}  slow: =NTE-3 matches '^(a+)+$' or match(NTE-3, '^((a|aa)+)*$') exists\n"
    )
    loaded = Workspace(clinic.folder).mapping("patient_from_hl7")
    begun = time.perf_counter()
    made = loaded.compiled(loaded.from_format.decode(message("NTE|1||" + "a" * 5000 + "!")), {})
    assert not made.faults and made.documents[0]["slow"] is False
    assert time.perf_counter() - begun < 2


def test_c2_loops_over_loops_end_and_spoil_one_delivery(clinic: Clinic) -> None:
    loops = "  all:\n    $each: {a: NK1, b: AL1, c: DG1, d: IN1}\n    at: =a.$index\n"
    clinic.write("mappings/patient_from_hl7.yaml", PATIENT + loops)
    body = message(*(f"{name}|{n}|x" for name in ("NK1", "AL1", "DG1", "IN1") for n in range(60)))

    async def told(running: Clinic) -> None:
        begun = time.perf_counter()
        assert "\rMSA|AA|" in await running.send(body)
        assert time.perf_counter() - begun < 5
        one = await running.only()
        assert one.fates == {"copy": "delivered", "patient": "refused"}
        (fault,) = one.record.faults
        assert fault.at and fault.at.line in (15, 16) and fault.hint

    story(clinic, told, "adt")


def test_c2_what_a_message_holds_is_never_evaluated(clinic: Clinic) -> None:
    hostile = [
        "{{7*7}}",
        "${NPCA_PASSWORD}",
        "=1+1",
        "%(x)s",
        "{0.__globals__}",
        "'; DROP TABLE message; --",
        "$let",
        "*anchor",
        "!!python/object",
        "__import__('os')",
    ]

    async def told(running: Clinic) -> None:
        await running.send(message(*(f"NTE|{n}||{text}" for n, text in enumerate(hostile))))
        await running.settled()
        assert [note["text"] for note in running.patients()[0]["notes"]] == hostile

    story(clinic, told, "adt")


CIRCLES = {
    "a name that needs itself": ("mappings/patient_from_hl7.yaml", PATIENT.replace("output:", "let:\n  a: =a\noutput:"), "M105"),
    "a part in itself": ("mappings/parts/p.yaml", "output:\n  $use: p\n", "M127"),
    "a mapping that extends itself": ("mappings/patient_from_hl7.yaml", "extends: patient_from_hl7\n" + PATIENT, "M129"),
}


@pytest.mark.parametrize("what", CIRCLES)
def test_c2_circles_are_found(clinic: Clinic, what: str) -> None:
    file, text, code = CIRCLES[what]
    clinic.write("mappings/patient_from_hl7.yaml", PATIENT + "  x:\n    $use: p\n")
    clinic.write(file, text)
    found = [f for f in Workspace(clinic.folder).check() if f.code == code]
    assert found and all(f.at and f.at.line for f in found)


# C3


AGENCY = """\
about: An agency that is asked over HTTP.
base_url: ${AGENCY_URL}
sign_in:
  basic: {username: "${AGENCY_NAME}", password: "${AGENCY_PASSWORD}"}
headers: {X-Site: "${AGENCY_SITE}"}
"""
OPERATIONS = """\
openapi: 3.1.0
info: {title: agency, version: "1"}
paths:
  /patients:
    post:
      operationId: submit
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: {"200": {description: taken}}
"""
NAMES = ("AGENCY_URL", "AGENCY_NAME", "AGENCY_PASSWORD", "AGENCY_SITE")
SUBMITTED = """\
about: Patients are submitted to the agency.
source:
  mllp: {port: 0}
format: hl7v2
destinations:
  agency:
    mapping: patient_from_hl7
    call: agency/submit
"""
WITH_AGENCY = {
    "channels/adt.yaml": SUBMITTED,
    "mappings/patient_from_hl7.yaml": PATIENT,
    "schemas/agency/system.yaml": AGENCY,
    "schemas/agency/openapi.yaml": OPERATIONS,
}
SYSTEM = "schemas/agency/system.yaml"


@pytest.fixture
def agency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clinic:
    """A clinic that submits to an agency; every name of its environment is set, and all but the address are secret."""
    for name in NAMES:
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("AGENCY_URL", "http://127.0.0.1:9")
    return Clinic(tmp_path, WITH_AGENCY)


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "gopher://host/",
        "http://user:pw@host/",
        "http://host/?a=b",
        "http:///path",
        "host.only",
        "http://[::1",
    ],
)
def test_c3_addresses_that_are_none_are_refused_in_the_file_and_in_the_environment(
    agency: Clinic, command: Command, address: str
) -> None:
    agency.write(SYSTEM, AGENCY.replace("${AGENCY_URL}", f"'{address}'"))
    assert checked(agency) == [f"{SYSTEM}:2:11 C160"]
    agency.write(SYSTEM, AGENCY)
    status, said = command("run", "--workspace", str(agency.folder), AGENCY_URL=address)
    assert status == 3 and f"{SYSTEM}:2:11 E105 AGENCY_URL" in said
    assert address not in said and SECRET not in said


# C4


@dataclass
class Command:
    """`interpres …` in this process, with these names set (None: not set): the exit status and all that was said."""

    monkeypatch: pytest.MonkeyPatch
    read: Callable[[], Any]

    def __call__(self, *words: str, **environment: str | None) -> tuple[int, str]:
        for name, value in environment.items():
            if value is None:
                self.monkeypatch.delenv(name, raising=False)
            else:
                self.monkeypatch.setenv(name, value)
        self.monkeypatch.setattr(sys, "argv", ["interpres", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = self.read()
        assert isinstance(ended.value.code, int)
        return ended.value.code, said.out + said.err


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Command]:
    yield Command(monkeypatch, capfd.readouterr)
    let_go_of_the_log()


def test_c4_secrets_that_are_missing_are_named_by_check_and_end_run(agency: Clinic, command: Command) -> None:
    place = ("--workspace", str(agency.folder))
    status, said = command("check", "--json", *place, AGENCY_PASSWORD=None, AGENCY_SITE=None)
    notes = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert status == 0 and [(n["code"], n["level"], n["at"], n["says"]) for n in notes] == [
        ("E104", "note", f"{SYSTEM}:4:49", "AGENCY_PASSWORD is not set"),
        ("E104", "note", f"{SYSTEM}:5:19", "AGENCY_SITE is not set"),
    ]
    status, told = command("run", *place)
    assert status == 3 and told.count("E104") == 2 and "nothing was started" in told
    assert SECRET not in said + told and not (agency.folder / "var/store.sqlite").exists()


@pytest.mark.parametrize("held", ["none", "folder", "utf-16", "large"])
def test_c4_a_secret_that_cannot_be_read_ends_run(agency: Clinic, command: Command, held: str) -> None:
    file = agency.folder / "secret"
    if held == "folder":
        file.mkdir()
    elif held != "none":
        file.write_bytes(SECRET.encode("utf-16") if held == "utf-16" else SECRET.encode() * 10_000)
    status, said = command("run", "--workspace", str(agency.folder), AGENCY_PASSWORD=None, AGENCY_PASSWORD_FILE=str(file))
    assert status == 3 and "E102 the file that AGENCY_PASSWORD_FILE names" in said
    assert SECRET not in said and "Traceback" not in said


def test_c4_a_dotenv_that_others_can_read_ends_run_and_is_told_by_check(agency: Clinic, command: Command) -> None:
    agency.write(".env", f"AGENCY_PASSWORD={SECRET}\n")
    (agency.folder / ".env").chmod(0o644)
    for words, expected in ((("check", "--json"), 1), (("check",), 1), (("run",), 3)):
        status, said = command(*words, "--workspace", str(agency.folder))
        assert status == expected and "E101" in said and SECRET not in said


class Echo(BaseHTTPRequestHandler):
    """An agency that throws everything it was told back at its caller."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        said = f"{self.headers} {body.decode()}"
        answer = json.dumps({"message": said, "errors": {said: [said]}}).encode()
        self.send_response(422, said.replace("\r", "").replace("\n", " "))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nothing: it is what the engine says that counts."""


def test_c4_neither_log_nor_fault_shows_a_secret_or_a_patient_whatever_the_peer_says(
    agency: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AGENCY_URL", f"http://127.0.0.1:{server.server_port}")

    async def told(running: Clinic) -> None:
        assert "\rMSA|AA|C1" in await running.send(message())
        one = await running.only()
        assert one.fates == {"agency": "refused"} and one.deliveries[0].faults
        said = "".join(map(str, one.deliveries[0].faults)) + repr(one.record) + repr(one.deliveries)
        said += repr(running.engine.shift.calls) + repr(running.engine.recipes)
        assert SECRET not in said and NAME not in said

    try:
        story(agency, told, "adt")
    finally:
        server.shutdown()
        server.server_close()
    assert SECRET not in agency.log()


def test_c4_neither_log_nor_store_shows_a_secret_while_the_peer_is_away(agency: Clinic) -> None:
    async def told(running: Clinic) -> None:
        await running.send(message())
        async with asyncio.timeout(10):
            while not ((told_ := await running.engine.store.story(1)) and told_.deliveries[0].attempts):
                await asyncio.sleep(0.005)
        assert told_.deliveries[0].state == "waiting" and told_.deliveries[0].attempts[0].says
        assert SECRET not in repr(told_) and NAME not in repr(told_)

    story(agency, told, "adt")
    for file in (agency.folder / "var").rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file.name


# C5


LISTENS = ADT.replace("port: 0", "port: 2575")
BELOW = HL7_FILES.replace("path: var/in/hl7,", "path: var/in, recursive: true,")
CIRCLE = {
    "channels/hl7_files.yaml": HL7_FILES.replace("var/copy", "var/in/b"),
    "channels/b.yaml": HL7_FILES.replace("var/in/hl7", "var/in/b").replace("var/copy", "var/in/c"),
    "channels/c.yaml": HL7_FILES.replace("var/in/hl7", "var/in/c").replace("var/copy", "var/in/hl7"),
}
TOGETHER = {
    "port": ({"channels/adt.yaml": LISTENS, "channels/b.yaml": LISTENS}, "channels/b.yaml:3:10 C134"),
    "folder": ({"channels/two.yaml": HL7_FILES}, "channels/two.yaml:3:12 C135"),
    "folder below": ({"channels/two.yaml": BELOW}, "channels/two.yaml:3:12 C135"),
    "circle of one": (
        {"channels/hl7_files.yaml": HL7_FILES.replace("var/copy", "var/in/../in/hl7")},
        "channels/hl7_files.yaml:7:14 C136",
    ),
    "circle of three": (CIRCLE, "channels/b.yaml:7:14 C136"),
    "key": ({"channels/adt.yaml": ADT.replace("destinations", "destinatons")}, "channels/adt.yaml:8:1 C101"),
    "setting": ({"channels/adt.yaml": ADT.replace("silent_seconds", "silent_second")}, "channels/adt.yaml:3:50 C101"),
}


@pytest.mark.parametrize("what", TOGETHER)
def test_c5_what_cannot_stand_side_by_side_is_refused_when_it_is_loaded(clinic: Clinic, what: str) -> None:
    files, told = TOGETHER[what]
    for name, text in files.items():
        clinic.write(name, text)
    found = {f"{f.at} {f.code}": f for f in Workspace(clinic.folder).check() if f.level == "fault"}
    assert told in found and found[told].hint and len(found) <= 3

    async def nothing(running: Clinic) -> None:
        raise AssertionError("it must not start")

    with pytest.raises(Faults) as caught:
        story(clinic, nothing)
    assert told in [f"{f.at} {f.code}" for f in caught.value]


def test_c5_chains_that_end_and_folders_side_by_side_are_good(clinic: Clinic) -> None:
    clinic.write("channels/adt.yaml", ADT.replace("var/copy", "var/in/hl7"))
    clinic.write("channels/two.yaml", HL7_FILES.replace("var/in/hl7", "var/in/hl7/two").replace("var/copy", "var/in/hl7/done"))
    assert checked(clinic) == []


# C6


def test_c6_a_second_engine_ends_and_names_the_first(clinic: Clinic) -> None:
    async def told(running: Clinic) -> None:
        words = [sys.executable, "-m", "interpres", "run", "hl7_files", "--workspace", str(running.folder)]
        ran = await asyncio.to_thread(subprocess.run, words, capture_output=True, timeout=60, check=False)
        said = ran.stderr.decode()
        assert ran.returncode == 3 and f"process {os.getpid()}, holds this store" in said and "Traceback" not in said
        assert "\rMSA|AA|C1" in await running.send(message()), "the first goes on"

    story(clinic, told, "adt")


def test_a_fault_that_the_command_tells_is_never_a_traceback(tmp_path: Path, command: Command) -> None:
    (tmp_path / "channels").mkdir()
    (tmp_path / "mappings").mkdir()
    (tmp_path / "channels/x.yaml").mkdir()
    (tmp_path / "mappings/y.yaml").write_bytes(bytes(range(256)))
    status, said = command("check", "--workspace", str(tmp_path))
    assert status == 1 and "C150" in said and "Y101" in said and "Traceback" not in said
    with pytest.raises(Fault):
        Workspace(tmp_path).mapping("none")
