"""Ledger: what the sandbox has issued and received — tokens, visits, answers, effects — in one SQLite file."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import msgspec

from interpres.message import message_ulid

_TABLES = """
CREATE TABLE IF NOT EXISTS salt(salt BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS token(
  token TEXT PRIMARY KEY, kind TEXT NOT NULL CHECK (kind IN ('access', 'refresh')), expires_at REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS visit(
  sequence INTEGER PRIMARY KEY, facility TEXT NOT NULL, code TEXT NOT NULL, ulid TEXT NOT NULL UNIQUE, status INTEGER NOT NULL,
  processed_at TEXT NOT NULL, submissions INTEGER NOT NULL, body TEXT NOT NULL, errors TEXT NOT NULL, warnings TEXT NOT NULL,
  UNIQUE (facility, code)) STRICT;
CREATE TABLE IF NOT EXISTS answer(key TEXT PRIMARY KEY, digest TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS effect(
  sequence INTEGER PRIMARY KEY, at REAL NOT NULL, operation TEXT NOT NULL, effect TEXT NOT NULL,
  visit_code TEXT, key TEXT) STRICT;
"""

_UPSERT = """
INSERT INTO visit(facility, code, ulid, status, processed_at, submissions, body, errors, warnings)
VALUES (:facility, :code, :ulid, :status, :processed_at, 1, :body, :errors, :warnings)
ON CONFLICT (facility, code) DO UPDATE SET status = excluded.status, processed_at = excluded.processed_at,
  submissions = submissions + 1, body = excluded.body, errors = excluded.errors, warnings = excluded.warnings
RETURNING ulid, submissions
"""

_FILTERS = {
    "health_facility_code": "facility = :health_facility_code",
    "visit_code": "code = :visit_code",
    "visit_ulid": "ulid = :visit_ulid",
    "status": "status = :status",
    "from": "processed_at >= :from",
    "to": "substr(processed_at, 1, 10) <= :to",
}
"""The filters of `processed`, each as its condition; the names are ours, so that no text of a caller is ever SQL."""


_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Taken:
    """A visit as it is to be kept: its verdict is already known."""

    facility: str
    code: str
    status: int
    processed_at: str
    body: dict[str, Any]
    errors: list[dict[str, str]]
    warnings: list[dict[str, str]]


class Ledger:
    """One connection, one writer. In memory where there is no file; what is committed outlives a kill of the process."""

    def __init__(self, file: Path | None) -> None:
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        self._base = apsw.Connection(str(file) if file else ":memory:")
        self._base.set_busy_timeout(2000)
        self._base.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL")
        self._base.execute(_TABLES)
        if not self._rows("SELECT salt FROM salt"):
            self._rows("INSERT INTO salt VALUES (?)", (secrets.token_bytes(16),))
        self._salt: bytes = self._rows("SELECT salt FROM salt")[0][0]

    def close(self) -> None:
        self._base.close()

    def issue(self, kind: str, lives_seconds: float) -> str:
        """A new token of this kind, good for so long."""
        token = secrets.token_urlsafe(32)
        self._rows("INSERT INTO token VALUES (?, ?, ?)", (token, kind, time.time() + lives_seconds))
        return token

    def holds(self, token: str, kind: str) -> bool:
        """Whether the token was issued here and is still good."""
        return bool(self._rows("SELECT 1 FROM token WHERE token = ? AND kind = ? AND expires_at > ?", (token, kind, time.time())))

    def revoke(self, token: str) -> None:
        self._rows("DELETE FROM token WHERE token = ?", (token,))

    def answered(self, key: str) -> tuple[str, int, dict[str, Any]] | None:
        """What was answered under this idempotency key: the digest of its request, the status, the body."""
        for digest, status, body in self._rows("SELECT digest, status, body FROM answer WHERE key = ?", (key,)):
            return digest, status, msgspec.json.decode(body)
        return None

    def take(self, visits: list[Taken], key: str | None) -> list[str]:
        """Keep the visits, all or none; a code that is known is updated and keeps its ULID. Gives the ULIDs."""
        with self.together():
            return [self._take(visit, key) for visit in visits]

    def remember(self, key: str, digest: str, status: int, body: dict[str, Any]) -> None:
        self._rows("INSERT INTO answer VALUES (?, ?, ?, ?)", (key, digest, status, _text(body)))

    @contextmanager
    def together(self) -> Iterator[None]:
        """One transaction for what is done inside `with`; inside another one, a part of it."""
        with self._base:
            yield

    def note(self, operation: str, effect: str, visit_code: str | None = None, key: str | None = None) -> None:
        """One line of the diary that `/_sandbox/effects` shows."""
        self._rows(
            "INSERT INTO effect(at, operation, effect, visit_code, key) VALUES (?, ?, ?, ?, ?)",
            (time.time(), operation, effect, visit_code, key),
        )

    def processed(self, filters: dict[str, Any], offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        """How many visits meet the filters, and one page of them, first received first."""
        where = " AND ".join(_FILTERS[name] for name in filters) or "1"
        total = self._rows(f"SELECT count(*) FROM visit WHERE {where}", filters)[0][0]  # noqa: S608 - from _FILTERS alone
        found = self._rows(
            "SELECT ulid, code, status, processed_at, warnings, errors FROM visit "  # noqa: S608 - from _FILTERS alone
            f"WHERE {where} ORDER BY sequence LIMIT :limit OFFSET :offset",
            {**filters, "limit": limit, "offset": offset},
        )
        names = ("visit_ulid", "visit_code", "status", "processed_at", "validation_results", "errors")
        return total, [
            dict(zip(names, (*row[:4], msgspec.json.decode(row[4]), msgspec.json.decode(row[5])), strict=True)) for row in found
        ]

    def visits(self, code: str | None) -> list[dict[str, Any]]:
        """Every visit kept, first received first; with a code that one alone, and what was last sent of it."""
        found = self._rows(
            "SELECT facility, code, ulid, status, submissions, body FROM visit WHERE ?1 IS NULL OR code = ?1 ORDER BY sequence",
            (code,),
        )
        names = ("health_facility_code", "visit_code", "visit_ulid", "status", "submissions")
        return [
            dict(zip(names, row[:5], strict=True)) | ({"visit": msgspec.json.decode(row[5])} if code is not None else {})
            for row in found
        ]

    def effects(self) -> dict[str, Any]:
        """How often what happened, by operation and effect, and for every visit code how often it was kept."""
        counts = self._rows("SELECT operation, effect, count(*) FROM effect GROUP BY 1, 2 ORDER BY 1, 2")
        visits = self._rows("SELECT visit_code, count(*) FROM effect WHERE visit_code IS NOT NULL GROUP BY 1 ORDER BY 1")
        keys = self._rows("SELECT count(DISTINCT key) FROM effect")
        return {
            "counts": {f"{operation} {effect}": count for operation, effect, count in counts},
            "visits": dict(visits),
            "keys": keys[0][0],
        }

    def _take(self, visit: Taken, key: str | None) -> str:
        sequence = self._rows("SELECT coalesce(max(sequence), 0) + 1 FROM visit")[0][0]
        row = {
            "facility": visit.facility,
            "code": visit.code,
            "ulid": message_ulid(int(time.time() * 1000), self._salt, sequence),
            "status": visit.status,
            "processed_at": visit.processed_at,
            "body": _text(visit.body),
            "errors": _text(visit.errors),
            "warnings": _text(visit.warnings),
        }
        ulid, submissions = self._rows(_UPSERT, row)[0]
        self.note("submitVisit", "created" if submissions == 1 else "updated", visit.code, key)
        return str(ulid)

    def _rows(self, sql: str, values: Any = ()) -> list[tuple[Any, ...]]:
        return list(self._base.execute(sql, values))


def _text(tree: Any) -> str:
    return _ENCODER.encode(tree).decode()
