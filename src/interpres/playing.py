"""Playing: the samples of a workspace sent to its running channels, by socket, folder and request, and what became of each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from interpres.engine import Engine
from interpres.framing import mllp_frame
from interpres.samples import TOLD, Sample
from interpres.store.records import DeliveryRecord, MessageRecord
from interpres.store.store import Search

ANSWER_SECONDS = 15.0


@dataclass(slots=True)
class Played:
    """One file of a sample on its way. `bodies` are its messages as the store will hold them; `expected` counts the fates that
    the files beside it promise: `delivered`, `rejected`, `filtered`, `held`, `refused`."""

    sample: Sample
    file: Path
    bodies: list[bytes]
    expected: Mapping[str, int]
    by: str
    answer: str = ""
    found: dict[int, MessageRecord] = field(default_factory=dict)
    deliveries: dict[int, tuple[DeliveryRecord, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The name under which a folder gets it."""
        return f"{self.sample.folder.name}{self.file.name.removeprefix('in')}"

    @property
    def fates(self) -> dict[str, int]:
        """What became of it so far, counted as `expected` is."""
        counts: dict[str, int] = {}
        for sequence, message in self.found.items():
            states = [d.state for d in self.deliveries.get(sequence, ())] if message.state == "processed" else [message.state]
            for state in states:
                counts[state] = counts.get(state, 0) + 1
        return counts

    @property
    def met(self) -> bool:
        """Whether it came as the files beside it say."""
        return self.fates == self.expected


def expected_fates(sample: Sample, messages: int) -> dict[str, int]:
    """How many deliveries and messages come to which end, as the files beside the sample's input say."""
    beside = sample.beside
    counts = {"delivered": len(beside.keys() - {f"{word}.txt" for word in TOLD})}
    for word, file in (("rejected", "faults.txt"), ("filtered", "filtered.txt"), ("held", "held.txt")):
        if file in beside:
            lines = beside[file].read_text("utf-8").splitlines()
            counts[word] = len({line.split(":", 1)[0] for line in lines}) if messages > 1 else 1
    return {word: count for word, count in counts.items() if count}


class Player:
    """Sends samples to an engine that runs, one after another, and follows what becomes of them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.played: list[Played] = []

    async def play(self, sample: Sample) -> None:
        """Send every file of the sample, in order of name; returns once each was answered (a folder answers later)."""
        recipe = self.engine.recipes[sample.channel]
        format_ = recipe.format
        for file in sample.inputs:
            body = file.read_bytes()
            pieces = list(format_.messages(format_.unpack(body)))
            one = Played(sample, file, pieces, expected_fates(sample, len(pieces)), recipe.source_word)
            self.played.append(one)
            one.answer = await self._send(one, body)

    async def _send(self, one: Played, body: bytes) -> str:
        source = self.engine.source(one.sample.channel)
        if one.by == "mllp":
            return await _by_mllp(source.port, body)  # type: ignore[attr-defined]
        if one.by == "http":
            return await _by_http(source, body)
        folder = self.engine.workspace / source.settings.path  # type: ignore[attr-defined]
        await asyncio.to_thread(_drop, folder, one.name, body)
        return "dropped"

    async def look(self) -> None:
        """Ask the store what became of everything that was played."""
        for channel in {one.sample.channel for one in self.played}:
            here = [one for one in self.played if one.sample.channel == channel]
            by_name = {one.name: one for one in here if one.by == "folder"}
            by_body = {body: one for one in here if one.by != "folder" for body in one.bodies}
            for record in await self.engine.store.find(Search(channel, limit=10_000)):
                one = by_name.get(record.envelope.get("source_name", ""))
                if one is None and by_body:
                    one = by_body.get((await self.engine.store.message(record.sequence)).body)
                if one is not None:
                    one.found[record.sequence] = record
                    one.deliveries[record.sequence] = await self.engine.store.deliveries(record.sequence)


async def _by_mllp(port: int, body: bytes) -> str:
    """The acknowledgement's code (MSA-1) for one frame on a connection of its own."""
    async with asyncio.timeout(ANSWER_SECONDS):
        reader, writer = await _connected(port)
        writer.write(mllp_frame(body))
        answer = await reader.readuntil(b"\x1c\r")
        writer.close()
    line = next((part for part in answer.split(b"\r") if part.startswith(b"MSA")), b"MSA||")
    return line[4:6].decode("ascii", "replace")


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A source that was opened a moment ago may not be serving yet."""
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)


async def _by_http(source: Any, body: bytes) -> str:
    import httpx2

    async with httpx2.AsyncClient(timeout=ANSWER_SECONDS) as client:
        url = f"http://127.0.0.1:{source.port}{source.settings.path}"
        answer = await client.post(url, content=body, headers={"Content-Type": "application/json"})
    return str(answer.status_code)


def _drop(folder: Path, name: str, body: bytes) -> None:
    """As a careful program would: written beside under a hidden name, then renamed into place."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{name}.part"
    beside.write_bytes(body)
    beside.rename(folder / name)
