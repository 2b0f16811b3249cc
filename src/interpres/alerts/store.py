"""store: what arrives cannot be kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from interpres.alert import Alarm, Rule, Sight
from interpres.duration import about

TEN_MINUTES_MS = 600_000


class Store(Rule):
    """The store could not write: peers are told to try again later, and nothing is taken meanwhile."""

    settles_seconds: ClassVar[float] = 600.0

    def look(self, sight: Sight) -> Iterator[Alarm]:
        store = sight.store
        if store.broken_seconds is not None:
            says = f"nothing has been taken for {about(store.broken_seconds)}: the store could not be written to disk"
            hint = "see the disk's health; the store is opened again by itself as soon as that is well"
            yield Alarm(
                "store", says, hint, sight.now_ms - int(store.broken_seconds * 1000), degree=1, page="docs/how-to/a-full-disk.md"
            )
        elif store.refusals:
            says = f"the store could not take something {store.refusals} times within ten minutes ({store.code})"
            hint = "see the room on the disk that holds var/; what peers sent meanwhile they will send again"
            yield Alarm("store", says, hint, sight.now_ms - TEN_MINUTES_MS, page="docs/how-to/a-full-disk.md")
