"""Destination: sends what is owed and says what became of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel

from interpres.delivery import Outcome, Parcel


@dataclass(frozen=True, slots=True)
class Target:
    """Where a destination works: channel and destination names, the workspace's folder, and the systems it may call.

    `calls` is the workspace's `calls.Calls`; destinations that speak to no system leave it alone.
    """

    channel: str
    destination: str
    workspace: Path
    calls: Any = None


class Destination(ABC):
    """A destination part. `Settings` is what stands under its word in a channel file."""

    Settings: ClassVar[type[BaseModel]]

    def __init__(self, settings: BaseModel, target: Target) -> None:
        self.settings = settings
        self.target = target

    @property
    def honours_keys(self) -> bool:
        """Whether sending the same key twice has one effect, so that an uncertain delivery may be sent again."""
        return False

    async def open(self) -> None:
        """Connect or create what must stand before the first parcel. Raises `Fault` E1xx."""

    @abstractmethod
    async def send(self, parcel: Parcel) -> Outcome:
        """One attempt. Raises `TryAgain` where nothing can have happened at the peer (or `uncertain=True` where it may have)."""

    async def close(self) -> None:
        """Let go of connections."""
