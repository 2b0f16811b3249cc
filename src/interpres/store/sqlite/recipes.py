"""Recipes: what messages were processed by, each of its files kept once by its content, never changed."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from typing import Any

import apsw

from interpres.fault import Fault
from interpres.store.sqlite.ledger import Ledger
from interpres.store.sqlite.sql import ledger as ledger_sql
from interpres.store.sqlite.sql import recipe as sql
from interpres.store.sqlite.text import tree_value


def pin(ledger: Ledger, digest: str, files: Mapping[str, str]) -> None:
    """Keep a recipe; one that is there already is left alone."""
    if ledger.db.execute(ledger_sql.RECIPE, (digest,)).get is not None:
        return
    recipe: Any = ledger.db.execute(sql.ADD, (digest, b"")).get
    ledger.db.executemany(sql.ADD_NAME, [(recipe, name, _file(ledger.db, text)) for name, text in files.items()])


def _file(db: apsw.Connection, text: str) -> int:
    content = text.encode("utf-8", "surrogateescape")
    digest = hashlib.sha256(content).digest()
    known: Any = db.execute(sql.FILE, (digest,)).get
    return known if known is not None else db.execute(sql.ADD_FILE, (digest, zlib.compress(content))).get  # type: ignore[no-any-return]


def recipe(db: apsw.Connection, digest: str) -> dict[str, str] | None:
    """The files of a recipe that was pinned. Raises `Fault` E124 where one is no longer what it was."""
    found: Any = db.execute(sql.WHOLE, (digest,)).fetchone()
    if found is None:
        return None
    if found[0]:
        whole: dict[str, str] = tree_value(found[0])  # of a store that is older than the table of files
        return whole
    return {name: _content(name, kept, z) for name, kept, z in db.execute(sql.FILES, (digest,))}


def _content(name: str, digest: bytes, z: bytes) -> str:
    try:
        content = zlib.decompress(z)
    except zlib.error:
        content = b""
    if hashlib.sha256(content).digest() != digest:
        hint = "the store's file was damaged: restore a backup, and see the disk's health"
        raise Fault("E124", f"the pinned file {name} is not what was stored", hint)
    return content.decode("utf-8", "surrogateescape")
