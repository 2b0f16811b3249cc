"""Steps: the places inside the engine's own work at which a life may end, named as in docs/reliability.md."""

from __future__ import annotations

from typing import Any

from interpres.store.sqlite.ledger import Ledger
from tests.crash.ending import Ending


def install(ending: Ending) -> None:
    """For the rest of this process, which ends here."""
    finish, done = Ledger.finish, Ledger.done

    def rows_written(self: Any, at_ms: int) -> None:
        finish(self, at_ms)
        ending.reached("P2-rows-written-not-committed")

    def committed(self: Any) -> None:
        ending.reached("P3-committed")
        done(self)

    Ledger.finish = rows_written  # type: ignore[method-assign]
    Ledger.done = committed  # type: ignore[method-assign]
