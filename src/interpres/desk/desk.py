"""Desk: where a person acts: the store, the engine that runs over it or none, who asks, and who is told how far it is."""

from __future__ import annotations

import os
import pwd
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from interpres.clock import Clock
from interpres.desk import acts
from interpres.fault import Fault
from interpres.store.store import CannotStore, Store

if TYPE_CHECKING:
    from interpres.engine import Engine
    from interpres.watch.alarms import Alert
    from interpres.workspace import Workspace

Tell = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Told how far an act is: plain facts, never a message's content."""


async def nobody(_progress: Mapping[str, Any]) -> None:
    """Nobody waits for progress."""


@dataclass(frozen=True, slots=True)
class Desk:
    """`engine` is None where none runs: then what only an engine can do is refused, and the store is acted on itself.

    `alerts` tells what is not well just now, where somebody watches.
    """

    store: Store
    workspace: Workspace
    engine: Engine | None = None
    who: str = ""
    tell: Tell = nobody
    clock: Clock = field(default_factory=Clock)
    alerts: Callable[[], Sequence[Alert]] = tuple

    def steady_ms(self) -> int:
        """The time that the store's changes are made at."""
        return (self.engine.shift.clock if self.engine else self.clock).steady_ms()

    async def do(self, word: str, arguments: Mapping[str, Any]) -> Any:
        """Do the act of that name; plain facts, as they go through the socket. Raises `Fault` or `Faults`."""
        act = acts.named(word)
        try:
            asked = msgspec.convert(arguments, act.Asked, strict=False)
        except msgspec.ValidationError as wrong:
            raise Fault("N331", f"what was asked of {word} is not understood", f"{wrong}: see interpres {word} --help") from None
        try:
            return msgspec.to_builtins(await act.act(self, asked))
        except CannotStore as refused:
            raise refused.fault from None


def user_named(uid: int) -> str:
    """The name under which the system knows a user: what is kept beside each act."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def this_user() -> str:
    """Who runs this process."""
    return user_named(os.getuid())


def no_engine(what: str) -> Fault:
    """What is said where only a running engine could do it."""
    return Fault("E140", f"no engine runs here, and only a running one can {what}", "interpres run starts one")
