"""Fakes of the right shape: a source that is told what arrives, a destination that does as it is told, recipes without files."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest
from pydantic import BaseModel

from interpres import catalog
from interpres.channel import DestinationCommon, DestinationRecipe, Enrichment, Recipe, SourceCommon
from interpres.delivery import Outcome, Parcel
from interpres.destination import Destination
from interpres.document import MISSING, Document
from interpres.engine import Engine, Event
from interpres.fault import Fault, Place
from interpres.format import Format
from interpres.mapping.compiling.compile import Made
from interpres.message import Intake
from interpres.source import Accept, Receipt, Source
from interpres.store.sqlite import SqliteStore


class Nothing(BaseModel):
    """No settings."""


class Lines(Format):
    """Messages of JSON, one a line; `#` begins a head that every line after it needs."""

    Settings = Nothing
    media_type = "application/json"
    suffix = "json"

    def head(self, body: bytes) -> bytes:
        return body[: body.index(b"\n") + 1] if body.startswith(b"#") else b""

    def split(self, body: bytes) -> Iterator[tuple[int, int]]:
        start, end = 0, len(self.head(body))
        for line in body[end:].splitlines(keepends=True):
            end += len(line)
            yield start, end
            start = end

    def placed(self, fault: Fault, body: bytes, start: int) -> Fault:
        line = body.count(b"\n", 0, start) + 1
        return fault.but(source=f"line {line}") if start else fault

    def decode(self, body: bytes) -> Document:
        try:
            return Document("lines", msgspec.json.decode(body.splitlines()[-1]))
        except (msgspec.DecodeError, IndexError):
            raise Fault("J101", "this is no JSON", "send JSON") from None

    def encode(self, tree: Any) -> bytes:
        return msgspec.json.encode(tree)


class FakeSource(Source):
    """Hands over what a test drops; `open` ones are found by their channel."""

    Settings = Nothing
    opened: ClassVar[dict[str, FakeSource]] = {}

    async def open(self) -> str:
        self.opened[self.setting.channel] = self
        self.accept: asyncio.Future[Accept] = asyncio.get_running_loop().create_future()
        return "listens to a test"

    async def run(self, accept: Accept) -> None:
        if not self.accept.done():
            self.accept.set_result(accept)
        await asyncio.Event().wait()


class FakeDestination(Destination):
    """Keeps what it is sent, in order; `does` decides the outcome of each parcel."""

    Settings = Nothing
    sent: ClassVar[dict[str, list[Parcel]]] = {}
    does: ClassVar[dict[str, Callable[[Parcel], Any]]] = {}

    async def send(self, parcel: Parcel) -> Outcome:
        name = self.target.destination
        self.sent.setdefault(name, []).append(parcel)
        outcome = self.does.get(name, lambda _: Outcome("delivered", "200"))(parcel)
        if asyncio.iscoroutine(outcome):
            outcome = await outcome
        if isinstance(outcome, BaseException):
            raise outcome
        assert isinstance(outcome, Outcome)
        return outcome


class HonestDestination(FakeDestination):
    """One whose peer honours keys."""

    honours_keys = True


def recipe(name: str = "visits", **changes: Any) -> Recipe:
    """A channel of JSON lines to the destination `npca`, whose lane is the field `lane`."""
    format_ = Lines(Nothing())
    common = changes.pop("common", DestinationCommon())
    word = changes.pop("word", "fake")
    mapping = changes.pop("mapping", lambda document, context: Made(({"from": document.tree, "context": _plain(context)},)))
    names = changes.pop("to", ("npca",))
    made = Recipe(
        name=name,
        file=f"channels/{name}.yaml",
        about="Visits go to the agency.",
        source_word="fake",
        source_settings=Nothing(),
        source_common=SourceCommon(),
        format=format_,
        timezone="UTC",
        duplicates_within_seconds=7 * 86400.0,
        on_conflict=None,
        accepts=None,
        keep=None,
        keys={"patient": lambda tree, names: tree.get("patient", MISSING)},
        lane=lambda tree, names: tree.get("lane", MISSING),
        enrich=(),
        destinations={n: DestinationRecipe(n, word, Nothing(), common, format_, mapping) for n in names},
        places={"lane": Place(f"channels/{name}.yaml", 9), "keep": Place(f"channels/{name}.yaml", 5)},
        files={f"channels/{name}.yaml": "about: …"},
    )
    return replace(made, digest=hashlib.sha256(name.encode()).hexdigest(), **changes)


def asking(call: str = "npca/searchBeneficiary", **changes: Any) -> Enrichment:
    """A question that every message asks, with its `card`."""
    return replace(
        Enrichment("beneficiary", call, {"card": lambda tree, names: tree.get("card", "none")}, None, 0.0, "continue", "hold"),
        **changes,
    )


def _plain(context: Any) -> dict[str, Any]:
    return {k: v for k, v in context.items() if k not in ("message_id", "received_at") and v is not MISSING}


class House:
    """A workspace for engines one after the other: the same store, the same destinations."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self.calls: Any = None
        self.vfs: str | None = None
        FakeSource.opened = {}
        FakeDestination.sent = {}
        FakeDestination.does = {}
        real = catalog.part
        fakes = {("sources", "fake"): FakeSource, ("destinations", "fake"): FakeDestination}
        fakes |= {("destinations", "honest"): HonestDestination, ("sources", "http"): FakeSource}  # type: ignore[dict-item]
        monkeypatch.setattr(catalog, "part", lambda room, name: fakes.get((room, name)) or real(room, name))

    @property
    def sent(self) -> dict[str, list[Parcel]]:
        """What each destination was sent."""
        return FakeDestination.sent

    def does(self, destination: str, what: Callable[[Parcel], Any]) -> None:
        """How the destination behaves from now on."""
        FakeDestination.does[destination] = what

    def store(self, **options: Any) -> SqliteStore:
        """The store, not yet open."""
        return SqliteStore(self.folder / "var" / "store.db", vfs=self.vfs, **options)

    def engine(self, *recipes: Recipe) -> Engine:
        """An engine that is not started."""
        by_name = {r.name: r for r in recipes or (recipe(),)}
        return Engine(
            by_name,
            self.store(),
            self.calls,
            self.folder,
            self.folder / "var",
            observer=self.events.append,
            chance=lambda: 0.0,
        )

    @asynccontextmanager
    async def running(self, *recipes: Recipe) -> Any:
        """A started engine, drained at the end."""
        engine = self.engine(*recipes)
        await engine.start()
        try:
            yield engine
        finally:
            await engine.drain()


async def drop(body: str | bytes, channel: str = "visits", **envelope: str) -> Receipt:
    """Let this arrive, and wait for the answer."""
    accept = await FakeSource.opened[channel].accept
    return await accept(Intake(channel, body.encode() if isinstance(body, str) else body, envelope))


async def until(true: Callable[[], Any], seconds: float = 5.0) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)
