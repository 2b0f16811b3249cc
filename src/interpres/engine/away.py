"""Away: systems that messages ask and that do not answer: one message asks again now and then, the others wait for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from interpres.engine.rest import Rest
from interpres.engine.shift import Shift, log
from interpres.fault import Fault, Faults, TryAgain

SLEEP_SECONDS: Final = 3600.0
"""So long a message waits that is not the one to ask again; all are woken once the system is well."""


class Away(TryAgain):
    """A system that is asked is sick. `due_ms` (steady time) is when this message may ask again, None for when it likes;
    `alone`: no other message failed too, so that this one may be to blame and is given up in the end."""

    def __init__(self, says: str, *, due_ms: int | None, alone: bool, after_seconds: float | None = None) -> None:
        super().__init__(says, after_seconds=after_seconds)
        self.due_ms = due_ms
        self.alone = alone


class _System:
    """One system: its rest, whether it is being probed, whether a message waits to be the next probe, whom it keeps waiting."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest
        self.probing = False
        self.next_probe_known = False
        self.channels: set[str] = set()

    def probe_is_over(self, was_probe: bool) -> None:
        """Another message may probe."""
        if was_probe:
            self.probing = self.next_probe_known = False


class Systems:
    """Every system that is asked, by name."""

    def __init__(self, shift: Shift) -> None:
        self._shift = shift
        self._known: dict[str, _System] = {}

    @property
    def rests(self) -> Mapping[str, Rest]:
        """How each system stands that was ever asked."""
        return {name: system.rest for name, system in self._known.items()}

    def rest(self, name: str) -> Rest:
        """How this system stands."""
        return self._system(name).rest

    def _system(self, name: str) -> _System:
        if name not in self._known:
            self._known[name] = _System(Rest(self._shift.clock, self._shift.chance, full=1))
        return self._known[name]

    @asynccontextmanager
    async def asking(self, name: str, channel: str, sequence: int) -> AsyncIterator[None]:
        """Around one call for a message. Raises `Away` for a passing failure, and in place of a call while the system rests."""
        system = self._system(name)
        rest = system.rest
        is_probe = rest.resting and not system.probing and rest.probe_in_seconds() == 0
        if rest.resting and not is_probe:
            raise self._away(system, channel, f"{name} rests: it did not answer before", alone=False)
        system.probing = system.probing or is_probe
        try:
            yield
        except TryAgain as sick:
            system.probe_is_over(is_probe)
            rest.says = sick.says
            if rest.failed(sequence, sick.after_seconds, probe=is_probe):
                seconds = round(rest.probe_in_seconds())
                log.warning("a system that is asked rests", system=name, says=sick.says, next_probe_seconds=seconds)
            raise self._away(system, channel, sick.says, rest.blames(sequence), sick.after_seconds) from None
        except (Fault, Faults):
            system.probe_is_over(is_probe)
            if is_probe:
                await self._wake(system)  # it could not even be asked by this one: another is to try
            raise
        except BaseException:
            system.probe_is_over(is_probe)
            raise
        system.probe_is_over(is_probe)
        rested_seconds = rest.answered()
        if rested_seconds is not None:
            log.warning("a system that is asked is well again", system=name, rested_seconds=round(rested_seconds))
            await self._wake(system)

    def _away(self, system: _System, channel: str, says: str, alone: bool, after_seconds: float | None = None) -> Away:
        """The first to be told is the next to ask; the others sleep until the system is well."""
        if not system.rest.resting:
            return Away(says, due_ms=None, alone=alone, after_seconds=after_seconds)
        system.channels.add(channel)
        sleeps, system.next_probe_known = system.next_probe_known, True
        sleep_ms = int(SLEEP_SECONDS * 1000) if sleeps else 0
        return Away(says, due_ms=system.rest.next_probe_ms + sleep_ms, alone=alone)

    async def _wake(self, system: _System) -> None:
        """All that sleep may ask."""
        system.next_probe_known = False
        now_ms = self._shift.clock.steady_ms()
        channels, system.channels = system.channels, set()
        for channel in channels:
            await self._shift.kept(lambda channel=channel: self._shift.store.wake(channel, now_ms))  # type: ignore[misc]
        self._shift.wake(channels)
