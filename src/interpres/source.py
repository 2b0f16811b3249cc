"""Source: takes bytes in and tells its peer yes or no."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel

from interpres.fault import Fault
from interpres.format import Format, Verdict
from interpres.message import Intake


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one message of an intake by the time its source was answered."""

    message_id: str
    state: str
    faults: tuple[Fault, ...] = ()
    start: int = 0
    end: int = 0

    @property
    def accepted(self) -> bool:
        """Whether it is a yes: not rejected and, where deliveries are waited for, none of them refused or dead."""
        return self.state not in ("rejected", "refused", "dead")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the engine says of an intake. `stored` false: nothing is promised, `faults` say why; `cannot_store` where the fault is
    ours (disk full), so that the peer tries again. `duplicate`: the same bytes were taken before, nothing new will happen."""

    stored: bool
    fates: tuple[Fate, ...] = ()
    faults: tuple[Fault, ...] = ()
    duplicate: bool = False
    cannot_store: bool = False
    early: bool = False

    @property
    def accepted(self) -> bool:
        """A yes: stored, and a yes for each of its messages."""
        return self.stored and all(f.accepted for f in self.fates)

    @property
    def verdict(self) -> Verdict:
        """What a format's `reply` is told of it."""
        each = tuple(Verdict(f.accepted, () if f.accepted else f.faults, f.message_id) for f in self.fates)
        faults = (*self.faults, *(fault for verdict in each for fault in verdict.faults))
        first = each[0].message_id if each else ""
        return Verdict(self.accepted, faults, first, self.cannot_store, each if len(each) > 1 else ())


Accept = Callable[[Intake], Awaitable[Receipt]]
"""The engine's door: stores the intake, processes as far as `answer:` asks, and returns what to tell the peer.

Intakes keep the order in which they were handed in, also where several are handed in before the first is answered.
"""


def _unheard(fault: Fault) -> None:
    """Nobody counts what is refused at the edge (a source on its own)."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a source works: its channel's name and format, the workspace's folder, and `var/` for what it keeps.

    `notes` is what `run` prints beside the sentence of `open`; `refused` is told of everything that is refused at the edge, where
    nothing is stored: it is counted and logged. `environment` is what `${NAME}` in a source's settings stands for.
    """

    channel: str
    format: Format
    workspace: Path
    var: Path
    answer: str = "processed"
    notes: list[str] = field(default_factory=list)
    refused: Callable[[Fault], None] = _unheard
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


class Source(ABC):
    """A source part. `Settings` is what stands under its word in a channel file."""

    Settings: ClassVar[type[BaseModel]]
    hurried: ClassVar[bool] = True
    """Whether somebody waits for the answer, so that it must come within `answer_within_seconds`; nobody does in a folder."""

    def __init__(self, settings: BaseModel, setting: Setting) -> None:
        self.settings = settings
        self.setting = setting

    @abstractmethod
    async def open(self) -> str:
        """Bind, create or connect; the sentence that `run` prints (`listens on 127.0.0.1:2575`). Raises `Fault` E1xx."""

    @abstractmethod
    async def run(self, accept: Accept) -> None:
        """Take what arrives until cancelled; never raises for what a peer does."""

    async def close(self) -> None:
        """Take nothing more, finish what is in hand; called once, after `run` was cancelled."""

    def idle(self) -> bool:
        """Whether nothing is settling or in hand (for `--until-idle`)."""
        return True
