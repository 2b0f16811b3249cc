"""Acts: what people do to messages and deliveries; each is kept with who did it and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

ActKind = Literal["resend", "release", "drop", "deliver", "hold"]
RunKind = Literal["resend", "edit", "replay"]

FROM: Final[Mapping[str, frozenset[str]]] = {
    "resend": frozenset({"refused", "dead", "held"}),
    "release": frozenset({"held"}),
    "deliver": frozenset({"held"}),
    "drop": frozenset({"waiting", "held", "refused", "dead"}),
    "hold": frozenset({"waiting"}),
}
"""In which states of a delivery an act can be taken. `deliver`: the peer has it, says who asked there."""

INTO: Final[Mapping[str, str]] = {
    "resend": "waiting",
    "release": "waiting",
    "deliver": "delivered",
    "drop": "dropped",
    "hold": "held",
}


@dataclass(frozen=True, slots=True)
class Act:
    """Something done to deliveries by id, and to messages by sequence.

    A held message can be released (it is received again, in the same run) or dropped (it is rejected); a rejected one can be
    dropped, which changes no state: nobody is asked about it any more. `who` is a name of the system's, `reason` a sentence.
    """

    kind: ActKind
    who: str
    reason: str
    deliveries: tuple[int, ...] = ()
    messages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Rerun:
    """A new run of messages: they are received again and processed by today's recipe, or (`as_it_was`) what the last run made is
    owed once more.

    `targets` limits it to these destinations. `asks`: the questions are asked again; else the run takes the context of the one
    before. `body` is an edit's, of one message. A resend and an edit drop what they replace and take its place in the lane; a
    replay goes to the lane's end. `replay` is the replay that this is a step of: then `who` and `reason` are its own.
    """

    kind: RunKind
    who: str
    reason: str
    messages: tuple[int, ...]
    targets: frozenset[str] | None = None
    asks: bool = True
    as_it_was: bool = False
    body: bytes | None = None
    replay: int | None = None


@dataclass(frozen=True, slots=True)
class Touched:
    """What became of one thing that an act was meant for: `after` is its new state, or empty where `why` it was left alone."""

    message: int
    delivery: int
    channel: str
    destination: str
    before: str
    after: str
    why: str = ""
    lane: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """A channel's source, or one destination of it, that somebody stopped."""

    channel: str
    destination: str
    at_ms: int
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """Which messages a replay is for, all conditions together: `sequences` names them one by one, `cause` by their problem.

    `older` takes those also that are older than something in their lane that is not replayed; they are left out else.
    """

    channels: tuple[str, ...] = ()
    state: str | None = None
    keys: Mapping[str, str] | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    sequences: tuple[int, ...] = ()
    cause: int | None = None
    targets: frozenset[str] | None = None
    older: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What a replay would do: `chosen` are the sequences that it takes, in order; the rest is counted by why it is left out."""

    chosen: tuple[int, ...]
    by_channel: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReplayRecord:
    """A replay as it stands; `how` is what `Rerun` and `Choice` were made of."""

    id: int
    at_ms: int
    who: str
    reason: str
    state: Literal["going", "done", "cancelled"]
    total: int
    done: int
    how: Mapping[str, Any] = field(default_factory=dict)
