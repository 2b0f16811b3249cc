"""Alert: a rule that looks at how an engine does, and what it says where that is not well."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import Field

from interpres.habit import Habit
from interpres.settings import Settings


class RuleSettings(Settings):
    """What every rule may be told."""

    enabled: bool = Field(default=True, description="Whether the rule is looked at.")
    except_: list[str] = Field(
        default_factory=list, alias="except", description="Channels that it leaves alone.", examples=[["night_batch"]]
    )


@dataclass(frozen=True, slots=True)
class ChannelSight:
    """A channel: whether its source takes what comes or was paused, and for how long that has been so.

    `quiet_seconds` is for how long nothing has come while the engine ran, `habit` what it is used to.

    `rejected` and `held` are how many of its messages came to that within the last hour, `ended` how many came to an end.
    """

    taking: bool
    paused: bool = False
    taking_seconds: float = 0.0
    quiet_seconds: float | None = None
    habit: Habit | None = None
    timezone: str = "UTC"
    rejected: int = 0
    held: int = 0
    ended: int = 0
    waiting: int = 0
    oldest_seconds: float | None = None
    codes: tuple[str, ...] = ()
    """The codes of faults that were met within the last hour, the most frequent first."""


@dataclass(frozen=True, slots=True)
class DestinationSight:
    """A destination: `state` is up, resting or paused, and for how long; how many deliveries wait, and the oldest for how long.

    `refused`, `dead`, `held` and `delivered` are of the last hour.
    """

    state: str = "up"
    state_seconds: float = 0.0
    waiting: int = 0
    oldest_seconds: float | None = None
    refused: int = 0
    dead: int = 0
    held: int = 0
    delivered: int = 0


@dataclass(frozen=True, slots=True)
class StoreSight:
    """The store: whether it takes what comes, since when it does not, and how often it could not within the last ten minutes."""

    broken_seconds: float | None = None
    refusals: int = 0
    code: str = ""


@dataclass(frozen=True, slots=True)
class CertificateSight:
    """A certificate: whose it is, and when it ends (wall time)."""

    of: str
    ends_ms: int


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything that rules may look at, at one moment: names, states, numbers and times; nothing of any message."""

    now_ms: int
    channels: Mapping[str, ChannelSight] = field(default_factory=dict)
    destinations: Mapping[tuple[str, str], DestinationSight] = field(default_factory=dict)
    store: StoreSight = StoreSight()
    disk_total_bytes: int = 0
    disk_free_bytes: int = 0
    certificates: tuple[CertificateSight, ...] = ()
    clock_jump_seconds: float = 0.0
    """How far the wall clock was set within the last hour, beyond what went by."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something is not well. `about` names it, so that it is known again; `says` and `hint` are sentences without full stop.

    `since_ms` is when it began (wall time). A higher `degree` of the same thing is told at once, though it was told before.
    `page` is the how-to page that helps.
    """

    about: str
    says: str
    hint: str
    since_ms: int
    degree: int = 0
    page: str = "docs/how-to/watch-it.md"


class Rule(ABC):
    """A rule: one settings model, and what it finds in a sight. It has no memory and asks nobody."""

    Settings: ClassVar[type[RuleSettings]] = RuleSettings
    settles_seconds: ClassVar[float] = 0.0
    """So long after the start of an engine it says nothing that what it found before is well again: it has not seen enough."""

    def __init__(self, settings: RuleSettings) -> None:
        self.settings = settings

    @abstractmethod
    def look(self, sight: Sight) -> Iterator[Alarm]:
        """What is not well, as far as this rule is asked."""

    def channels(self, sight: Sight) -> Iterator[tuple[str, ChannelSight]]:
        """The channels that it does not leave alone."""
        for name, channel in sight.channels.items():
            if name not in self.settings.except_:
                yield name, channel

    def destinations(self, sight: Sight) -> Iterator[tuple[str, str, DestinationSight]]:
        """Channel, name and sight of each destination of those channels."""
        for (channel, name), destination in sight.destinations.items():
            if channel not in self.settings.except_:
                yield channel, name, destination
