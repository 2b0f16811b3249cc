"""A clinic: a small workspace whose engine really runs, with sockets, folders, store and log, for input nobody should send."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from interpres.engine import Engine
from interpres.fault import Fault
from interpres.framing import mllp_frame
from interpres.logs import to_file
from interpres.station import Station
from interpres.store.records import DeliveryRecord, MessageRecord
from interpres.store.store import Search
from interpres.workspace import Workspace

NAME = "SOKHACANARY"
"""The name of every patient here. It must be in no log, receipt, fault or answer, ever."""

ADT = """\
about: Whatever the ward's system sends is kept as it came, and its patients are written out.
source:
  mllp: {port: 0, limits: {frame_bytes: 4194304, silent_seconds: 5}}
format: hl7v2
timezone: Asia/Phnom_Penh
keys: {patient: =PID-3.1}
lane: =patient
destinations:
  copy:
    folder: {path: var/copy, name: "{message_id}.hl7"}
  patient:
    mapping: patient_from_hl7
    folder: {path: var/patients, name: "{message_id}.json"}
"""

PATIENT = """\
about: A patient, with a date and a number that must be what they say.
from: hl7v2
to: {format: json}
output:
  control: =MSH-10
  name: =PID-5.1
  sex: =PID-8
  born: =PID-7 | date
  seen_at: =EVN-2 | datetime
  weight: =OBX[3.1 = 'WEIGHT']-5 | number
  notes:
    $each: NTE
    text: =.3
"""

HL7_FILES = """\
about: HL7 files that the ward drops into a folder are kept as they came.
source:
  folder: {path: var/in/hl7, complete: {renamed: true}, scan_seconds: 0.05}
format: hl7v2
destinations:
  copy:
    folder: {path: var/copy, name: "{message_id}.hl7"}
"""

TABLES = """\
about: Tables of patients become one document a row.
source:
  folder: {path: var/in/csv, complete: {renamed: true}, scan_seconds: 0.05}
format: csv
destinations:
  patient:
    mapping: patient_from_csv
    folder: {path: var/patients, name: "{message_id}.json"}
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

XML = """\
about: XML documents are kept as they came.
source:
  folder: {path: var/in/xml, complete: {renamed: true}, scan_seconds: 0.05}
format: xml
keys: {patient: =/patient/id}
destinations:
  copy:
    folder: {path: var/copy, name: "{message_id}.xml"}
"""

FILES = {
    "channels/adt.yaml": ADT,
    "channels/hl7_files.yaml": HL7_FILES,
    "channels/tables.yaml": TABLES,
    "channels/xml.yaml": XML,
    "mappings/patient_from_hl7.yaml": PATIENT,
    "mappings/patient_from_csv.yaml": ROW,
}


def message(*segments: str, header: str = "MSH|^~\\&|HIS|WARD|EHR|CLINIC|20261104083012||ADT^A04^ADT_A01|C1|P|2.5") -> bytes:
    """A message about the one patient; `segments` come behind its PID."""
    pid = f"PID|1||P7^^^WARD^MR||{NAME}^CHAN||19910322|F"
    return "\r".join((header, pid, *segments, "")).encode()


def codes(faults: tuple[Fault, ...]) -> list[str]:
    return [f.code for f in faults]


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the store holds it at the end: its bytes, its state, its faults, and what became of its deliveries."""

    body: bytes
    record: MessageRecord
    deliveries: tuple[DeliveryRecord, ...]

    @property
    def state(self) -> str:
        return self.record.state

    @property
    def codes(self) -> list[str]:
        return codes(self.record.faults)

    @property
    def warnings(self) -> list[str]:
        return codes(self.record.warnings)

    @property
    def fates(self) -> dict[str, str]:
        """The state of each delivery by its destination."""
        return {d.destination: d.state for d in self.deliveries}


@dataclass
class Clinic:
    """The workspace in a folder. `running` is its engine; afterwards nothing of a patient may be where it does not belong."""

    folder: Path
    files: Mapping[str, str] = field(default_factory=lambda: FILES)
    engine: Engine = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name, text in self.files.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    @asynccontextmanager
    async def running(self, *channels: str) -> AsyncIterator[Clinic]:
        """The engine with these channels; at the end it is drained, its store proven and its log searched."""
        to_file(self.folder / "var" / "log" / "interpres.jsonl")
        try:
            with Station(Workspace(self.folder), channels) as station:
                self.engine = station.engine(station.calls())
                await self.engine.start()
                try:
                    yield self
                    assert await self.engine.store.verify() == ()
                finally:
                    await self.engine.drain()
        finally:
            let_go_of_the_log()
        self.assert_silent()

    # what a peer does

    async def connected(self, channel: str = "adt") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to an MLLP channel, which may not serve yet in the moment after it was opened."""
        port = self.engine.source(channel).port  # type: ignore[attr-defined]
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(ConnectionRefusedError):
                    return await asyncio.open_connection("127.0.0.1", port)
                await asyncio.sleep(0.005)

    async def tell(self, data: bytes, answers: int = 1) -> list[str]:
        """Send these very bytes on a connection of their own; the answers, without their frames."""
        reader, writer = await self.connected()
        try:
            writer.write(data)
            return [(await self.answer(reader)) for _ in range(answers)]
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def send(self, body: bytes) -> str:
        """One message in a frame; its answer."""
        return (await self.tell(mllp_frame(body)))[0]

    async def answer(self, reader: asyncio.StreamReader) -> str:
        async with asyncio.timeout(10):
            frame = await reader.readuntil(b"\x1c\r")
        assert frame[:1] == b"\x0b"
        told = frame[1:-2].decode("utf-8")
        assert NAME not in told, "an answer tells who the patient is"
        return told

    def drop(self, channel: str, name: str | bytes, body: bytes) -> Path:
        """A file, renamed into place in the folder that a channel watches."""
        root = self.inbox(channel)
        beside = root / ".beside"
        beside.write_bytes(body)
        place = root / (name if isinstance(name, str) else name.decode("utf-8", "surrogateescape"))
        return beside.rename(place)

    def inbox(self, channel: str) -> Path:
        return self.folder / "var" / "in" / {"hl7_files": "hl7", "tables": "csv", "xml": "xml"}[channel]

    async def receipt(self, channel: str, name: str) -> dict[str, Any]:
        """The receipt of a file, once it is filed; `in` says where: `done` or `rejected`."""
        for _ in range(2000):
            for where in ("done", "rejected"):
                file = self.inbox(channel) / where / name
                if file.exists():
                    receipt = file.with_name(f"{name}.receipt.json")
                    return {"in": where, **json.loads(receipt.read_text("utf-8"))}
            await asyncio.sleep(0.005)
        raise AssertionError(f"{name} was not filed")

    # what the engine has

    async def settled(self) -> list[Stored]:
        """Every message with its deliveries, in order of arrival, once nothing is under way."""
        async with asyncio.timeout(10):
            while not await self.engine.is_idle():
                await asyncio.sleep(0.005)
        store = self.engine.store
        found = sorted(await store.find(Search(limit=10_000)), key=lambda record: record.sequence)
        return [Stored((await store.message(r.sequence)).body, r, await store.deliveries(r.sequence)) for r in found]

    async def only(self) -> Stored:
        """The one message that is stored."""
        (stored,) = await self.settled()
        return stored

    async def counts(self) -> dict[str, int]:
        """Messages by state, and what was refused at the edge or recognised as a duplicate."""
        return {c.state: c.number for c in await self.engine.store.counts() if not c.destination}

    async def counted(self, **expected: int) -> None:
        """Wait until the counts are these: what is refused is counted a moment after the line was closed."""
        counts: dict[str, int] = {}
        for _ in range(400):
            counts = await self.counts()
            if counts == expected:
                return
            await asyncio.sleep(0.005)
        assert counts == expected

    def copies(self) -> list[bytes]:
        """What was delivered as it came."""
        return [f.read_bytes() for f in sorted((self.folder / "var/copy").glob("*"))]

    def patients(self) -> list[dict[str, Any]]:
        """What was delivered as documents."""
        return [json.loads(f.read_text("utf-8")) for f in sorted((self.folder / "var/patients").glob("*.json"))]

    def log(self) -> str:
        """Everything that was logged."""
        file = self.folder / "var/log/interpres.jsonl"
        return file.read_text("utf-8") if file.exists() else ""

    def assert_silent(self) -> None:
        """I13: no value of a message is in the log or in a receipt."""
        assert NAME not in self.log(), "the log tells who the patient is"
        for file in (self.folder / "var/in").rglob("*.receipt.*"):
            assert NAME not in file.read_text("utf-8"), f"{file.name} tells who the patient is"


def let_go_of_the_log() -> None:
    """Close what `to_file` opened, so that the next test logs elsewhere."""
    logger = logging.getLogger("interpres")
    for handler in logger.handlers:
        handler.close()
    logger.handlers.clear()
    structlog.reset_defaults()


def story(clinic: Clinic, told: Callable[[Clinic], Any], *channels: str, seconds: float = 20.0) -> None:
    """Run a story with the clinic's engine; it ends, one way or the other."""

    async def whole() -> None:
        async with asyncio.timeout(seconds), clinic.running(*channels) as running:
            await told(running)

    asyncio.run(whole())
