"""Restore: a backup put in the place of the store, proved first, and what stood there kept aside."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw

from interpres.clock import Clock
from interpres.fault import Fault
from interpres.filing import in_words, make_folders, sync_folder
from interpres.store.sqlite import connection
from interpres.store.sqlite.backup import COPIED
from interpres.store.sqlite.check import Progress, counts, structure
from interpres.store.sqlite.lock import Lock
from interpres.store.sqlite.sql import check as sql
from interpres.store.sqlite.sql import delivery as delivery_sql
from interpres.store.sqlite.sql import ledger as ledger_sql
from interpres.store.sqlite.sql import message as message_sql
from interpres.store.sqlite.verify import verify
from interpres.store.sqlite.writer import TROUBLE

AHEAD: Final = 1 << 40
"""How far at most sequences go on ahead of the backup's (at least half of it), drawn anew each time: so none is used again that
was given to a message after the backup was made, or after it was restored before."""

RUNS_AHEAD: Final = 1 << 20
"""The same for runs of messages that are in the backup: a key that was used since is never made again."""

PIECE: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Restored:
    """What stands there now: as it was at `at_ms` (ms since 1970). `open` is what was owed then, deliveries by state. `aside` is
    where the store that stood there before is kept."""

    messages: int
    deliveries: int
    at_ms: int
    open: Mapping[str, int]
    aside: Path | None


def restore(
    file: Path, store: Path, *, replace: bool = False, progress: Progress = lambda done, of: None, clock: Clock | None = None
) -> Restored:
    """Put a backup where the store is, or is to be; `progress` is told of bytes.

    Raises `Fault` E120 where an engine holds the store, E154 where the file is no backup or not whole, E123 where a newer
    version made it, E155 where a store with messages stands there and `replace` is not said, E156 where the disk refuses.
    """
    lock = Lock(store)
    new = store.with_name(f".{store.name}.restoring")
    try:
        make_folders(store.parent)
        lock.take()
        if not replace and _has_messages(store):
            raise _in_the_way(store)
        _copied(file, new, progress)
        restored = _made_ready(new, file)
        aside = _put_aside(store, clock or Clock()) if store.exists() and store.stat().st_size else None
        _put_in_place(new, store)
    except OSError as trouble:
        hint = "see that the backup can be read, and that the disk has room for it beside the store"
        raise Fault("E156", f"the backup cannot be put in place: {in_words(trouble)}", hint) from None
    finally:
        _forget(new)
        lock.release()
    return Restored(*restored, aside)


def _in_the_way(store: Path) -> Fault:
    hint = "add --replace to put the backup in its place; what stands there now is kept beside it under another name"
    return Fault("E155", f"{store.name} holds messages already", hint)


def _has_messages(store: Path) -> bool:
    """Whether something would be lost; what cannot be read counts as something."""
    if not store.exists() or not store.stat().st_size:
        return False
    try:
        with contextlib.closing(connection.reader(store)) as db:
            return counts(db)[0] > 0
    except apsw.Error:
        return True


# the new one


def _copied(file: Path, new: Path, progress: Progress) -> None:
    _forget(new)
    size, done = file.stat().st_size, 0
    descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640)
    with file.open("rb") as source, os.fdopen(descriptor, "wb") as target:
        while piece := source.read(PIECE):
            target.write(piece)
            done += len(piece)
            progress(done, size)
        target.flush()
        os.fsync(target.fileno())


def _made_ready(new: Path, file: Path) -> tuple[int, int, int, dict[str, int]]:
    """The copy proved, brought to this version, and its sequences moved on."""
    try:
        with contextlib.closing(connection.writer(new)) as db:
            told = _proved(db, file)
            _move_on(db)
            db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        return told
    except TROUBLE as trouble:
        raise _no_backup(file, type(trouble).__name__) from None


def _proved(db: apsw.Connection, file: Path) -> tuple[int, int, int, dict[str, int]]:
    for fault in structure(db, deep=True):
        raise _no_backup(file, f"{fault.code} {fault.says}")
    if not db.table_exists("main", "about"):
        raise _no_backup(file, "it holds no store")
    connection.migrate(db)
    for fault in verify(db):
        raise _no_backup(file, f"{fault.code} {fault.says}")
    at_ms: Any = db.execute(ledger_sql.ABOUT, (COPIED,)).get or db.execute(sql.LATEST).get or 0
    owed: dict[str, int] = {}
    rows: Any = db.execute(sql.UNSETTLED).fetchall()
    for state, number in rows:
        name = "waiting" if state == "behind" else state
        owed[name] = owed.get(name, 0) + number
    return *counts(db), at_ms, owed


def _no_backup(file: Path, why: str) -> Fault:
    hint = "nothing was changed; try an older backup, and see where this one was damaged"
    return Fault("E154", f"{file.name} cannot be restored: {why}", hint)


def _move_on(db: apsw.Connection) -> None:
    """Message ids are made of sequences, keys of ids and runs: none that was given out since the backup comes again."""
    messages, deliveries = db.execute(message_sql.LAST).get, db.execute(delivery_sql.LAST).get
    runs = db.execute(ledger_sql.ABOUT, ("first_run",)).get or 0
    for name, last, ahead in (
        ("last_message", messages, AHEAD),
        ("last_delivery", deliveries, AHEAD),
        ("first_run", runs, RUNS_AHEAD),
    ):
        db.execute(sql.SET_ABOUT, (name, last + ahead // 2 + secrets.randbelow(ahead // 2)))
    # How far a replay came after the backup nobody knows, and its runs would have other keys now: a person begins it anew.
    db.execute(sql.CANCEL_REPLAYS)


# the old one


def _put_aside(store: Path, clock: Clock) -> Path:
    """The store under another name beside it, with what its log holds; it stands where it is until the new one takes over."""
    aside = store.with_name(f"{store.name}.before-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(clock.wall_ms() / 1000))}")
    with contextlib.suppress(*TROUBLE), contextlib.closing(connection.writer(store)) as db:
        db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    log = store.with_name(store.name + "-wal")
    if log.exists() and log.stat().st_size:  # too damaged to be copied into the file
        shutil.copyfile(log, aside.with_name(aside.name + "-wal"))
    os.link(store, aside)
    sync_folder(store.parent)
    return aside


def _put_in_place(new: Path, store: Path) -> None:
    """Without the old one's log, which would be read as its own. The new one stands there whole, or the old one still does."""
    for end in ("-wal", "-shm"):
        store.with_name(store.name + end).unlink(missing_ok=True)
    new.replace(store)
    sync_folder(store.parent)


def _forget(new: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        new.with_name(new.name + end).unlink(missing_ok=True)
