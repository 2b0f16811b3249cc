"""Memory: what the watch knows over a restart, in small files of `var/watch/`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import structlog

from interpres.filing import in_words, write_whole

log = structlog.get_logger("interpres.watch")

FOLDER: Final = "watch"

T = TypeVar("T")


class Memory:
    """Files that are there whole or not at all. One that cannot be read is begun anew; one that cannot be written is told of."""

    def __init__(self, var: Path) -> None:
        self.folder = var / FOLDER
        self._told: set[str] = set()

    def read(self, name: str, kind: type[T]) -> T | None:
        """What was written last under a name; None where nothing was, or nothing that can be understood."""
        try:
            return msgspec.json.decode((self.folder / name).read_bytes(), type=kind)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as wrong:
            log.warning("what the watch knew cannot be read", file=name, kind=type(wrong).__name__)
            return None

    def write(self, name: str, what: Any) -> None:
        """Keep it. A disk that takes nothing is told of once, until it takes something again."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_whole(self.folder, name, msgspec.json.format(msgspec.json.encode(what)), "replace")
        except OSError as wrong:
            if name not in self._told:
                self._told.add(name)
                log.warning("what the watch knows cannot be kept", file=name, says=in_words(wrong))
        else:
            self._told.discard(name)
