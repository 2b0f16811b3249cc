"""Backup: a copy of the store as it is at one moment, made beside the engine, and proved before it counts."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

from interpres.clock import Clock
from interpres.fault import Fault
from interpres.filing import in_words, sync_folder
from interpres.store.sqlite import connection
from interpres.store.sqlite.check import Checked, Progress, counts, structure
from interpres.store.sqlite.sql import check as sql
from interpres.store.sqlite.verify import verify
from interpres.store.sqlite.writer import TROUBLE

PAGES_AT_ONCE: Final = 4000
"""How many pages are copied, and then synced: a longer sync would hold up those of the engine."""

COPIED: Final = "copied_at"
"""The fact by which a copy knows when it was made, in ms since 1970."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A backup that was written, synced and proved. `sha256` is the file's, in hex; `version` that of its tables."""

    messages: int
    deliveries: int
    size: int
    sha256: str
    at_ms: int
    version: int


def backup(store: Path, file: Path, *, progress: Progress = lambda done, of: None, clock: Clock | None = None) -> Copy:
    """Copy the store into a file that is not there yet; `progress` is told of pages.

    The copy is read in one transaction, so that it holds together whatever the engine writes meanwhile. A store that an older
    version wrote is copied as it is. Raises `Fault` E152 where the file cannot be made, E153 where the copy is not whole.
    """
    if file.exists():
        raise _there_already(file)
    at_ms = (clock or Clock()).wall_ms()
    part = file.with_name(f".{file.name}.part")
    try:
        _copy(store, part, at_ms, progress)
        copy = _proved(part, at_ms)
        _name(part, file)
    except TROUBLE as trouble:
        raise _cannot(file, str(trouble)) from None
    except OSError as trouble:
        raise _cannot(file, in_words(trouble)) from None
    finally:
        part.unlink(missing_ok=True)
    return copy


def _there_already(file: Path) -> Fault:
    return Fault("E152", f"{file.name} is there already, and no backup is ever written over", "give the new one another name")


def _cannot(file: Path, why: str) -> Fault:
    hint = "see that its folder is there, that you may write to it, and that its disk has room for the whole store"
    return Fault("E152", f"the backup {file.name} cannot be made: {why}", hint)


def _copy(store: Path, part: Path, at_ms: int, progress: Progress) -> None:
    part.unlink(missing_ok=True)
    part.touch(mode=0o600)
    with contextlib.closing(connection.reader(store)) as source, contextlib.closing(apsw.Connection(str(part))) as target:
        target.pragma("synchronous", "off")  # synced below, a piece at a time
        source.execute("begin")
        source.pragma("user_version")  # from here on it sees the store as it is now
        with target.backup("main", source, "main") as pages:
            while not pages.done:
                pages.step(PAGES_AT_ONCE)
                _sync(part)
                progress(pages.page_count - pages.remaining, pages.page_count)
        source.execute("rollback")
        target.pragma("journal_mode", "delete")  # one file, that whoever reads it leaves as it is
        target.execute(sql.SET_ABOUT, (COPIED, at_ms))
    _sync(part)


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _proved(part: Path, at_ms: int) -> Copy:
    """The copy opened again and looked over, as the disk has it."""
    with contextlib.closing(connection.reader(part)) as db:
        version = db.pragma("user_version")
        checked = Checked(faults=list(structure(db, deep=True)))
        if not checked.faults and version == connection.version():
            checked.faults += verify(db)
        if checked.faults:
            raise _not_whole(checked.faults[0])
        messages, deliveries = counts(db)
    return Copy(messages, deliveries, part.stat().st_size, digest(part), at_ms, version)


def _not_whole(first: Fault) -> Fault:
    hint = "the store itself is hurt: see interpres store check, and keep the backups that you have"
    return Fault("E153", f"what was copied is not whole ({first.code} {first.says})", hint)


def digest(file: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _name(part: Path, file: Path) -> None:
    """Under its own name, whole from the first moment, unless somebody took that meanwhile; durable when this returns."""
    try:
        os.link(part, file)  # unlike a rename it never takes the place of another file
    except FileExistsError:
        raise _there_already(file) from None
    except OSError:  # a disk without links
        if file.exists():
            raise _there_already(file) from None
        part.replace(file)
    sync_folder(file.parent)
