"""Telling: what the log holds of messages and deliveries that came to trouble, and of a store that takes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from interpres.clock import Clock
from interpres.fault import Fault
from interpres.store.store import CannotStore

log = structlog.get_logger("interpres.engine")

TROUBLE: Final = frozenset({"rejected", "refused", "dead", "held"})
"""States that a person will want to read of: all else would be a line for each message."""

QUIET_MS: Final = 10_000
"""A store that takes nothing says so once in so long, and how often it was: peers that try again must not fill the log."""


def why(refused: CannotStore | Fault) -> Mapping[str, str]:
    """Code and sentence, for a line of the log."""
    fault = refused.fault if isinstance(refused, CannotStore) else refused
    return {"code": fault.code, "says": fault.says}


class Telling:
    """One per engine: ids, names and codes; never a value."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refusals: dict[str, int] = {}
        self._told_ms: dict[str, int] = {}

    def message(self, channel: str, message_id: str, state: str, codes: Sequence[str]) -> None:
        """A message's new state is durable."""
        if state in TROUBLE:
            log.warning(f"a message is {state}", channel=channel, message_id=message_id, code=" ".join(dict.fromkeys(codes)))

    def delivery(self, place: tuple[str, str, int], message_id: str, state: str, codes: Sequence[str], tries: int) -> None:
        """A delivery's new state is durable; `place` is channel, destination, part."""
        if state in TROUBLE:
            channel, destination, part = place
            facts = {"channel": channel, "destination": destination, "part": part, "message_id": message_id, "tries": tries}
            log.warning(f"a delivery is {state}", **facts, code=" ".join(dict.fromkeys(codes)))

    def cannot_store(self, refused: CannotStore) -> None:
        """The store could not take something."""
        code = refused.fault.code
        self._refusals[code] = self._refusals.get(code, 0) + 1
        now_ms = self._clock.steady_ms()
        if now_ms - self._told_ms.get(code, -QUIET_MS) < QUIET_MS:
            return
        self._told_ms[code] = now_ms
        log.error("cannot store", **why(refused), times=self._refusals.pop(code))
