"""People: what is asked of the ledger by who looks after it: problems, runs, what is paused, and what a replay would do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apsw

from interpres.fault import Fault
from interpres.store.acts import Choice, Place, Plan, ReplayRecord
from interpres.store.fingerprint import key_number
from interpres.store.records import ActRecord, Job, Problem, RunRecord, Troubled
from interpres.store.sqlite import bodies, reading
from interpres.store.sqlite.sql import ledger as ledger_sql
from interpres.store.sqlite.sql import replay as replay_sql
from interpres.store.sqlite.sql import run as sql
from interpres.store.sqlite.sql import trouble as trouble_sql
from interpres.store.sqlite.targets import kept_parts, named_targets
from interpres.store.sqlite.text import faults_in, json_text, json_value, note_value, tree_value

SAMPLES = 5


def job(db: apsw.Connection, salt: bytes, sequence: int) -> Job:
    """A received message and how it is to be processed."""
    row: Any = db.execute(sql.JOB, (sequence,)).fetchone()
    if row is None:
        raise KeyError(sequence)
    run, start, size, intake, context, asks, targets = row
    message = reading.message(db, salt, sequence)
    edited = _edited(db, sequence, run) if run else None
    return Job(
        message if edited is None else message.but(body=edited),
        run,
        start,
        size,
        intake,
        context=None if asks is None or asks else tree_value(context) or {},
        targets=named_targets(targets),
        edited=edited is not None,
        without=kept_parts(targets),
    )


def run_body(db: apsw.Connection, salt: bytes, sequence: int, run: int) -> bytes:
    """The bytes that a run was made of."""
    edited = _edited(db, sequence, run)
    return reading.message(db, salt, sequence).body if edited is None else edited


def _edited(db: apsw.Connection, sequence: int, run: int) -> bytes | None:
    row: Any = db.execute(sql.EDITED, (sequence, run)).fetchone()
    if row is None:
        return None
    body, size, digest = row
    return bodies.checked(bodies.read(db, body, 0, size), digest)


def runs(db: apsw.Connection, sequence: int) -> tuple[RunRecord, ...]:
    """The runs of a message that has more than one."""
    found: list[Any] = db.execute(sql.RUNS, (sequence,)).fetchall()
    return tuple(
        RunRecord(number, at_ms, kind, who, reason, state, bool(edited), faults_in(note_value(note)))
        for number, at_ms, kind, who, reason, state, edited, note in found
    )


def acts(db: apsw.Connection, sequence: int) -> tuple[ActRecord, ...]:
    """What people did to it."""
    return tuple(ActRecord(*row) for row in db.execute(sql.ACTS, (sequence,)))


def problems(db: apsw.Connection, channel: str | None) -> tuple[Problem, ...]:
    """What troubles messages, by cause; what troubles most comes first."""
    found: list[Any] = db.execute(trouble_sql.PROBLEMS).fetchall()
    made = [_problem(db, *row) for row in found if channel in (None, json_value(row[1])["channel"])]
    return tuple(sorted(made, key=lambda p: (-p.messages, -p.last_ms, p.cause)))


def _problem(db: apsw.Connection, cause: Any, text: Any, messages: Any, deliveries: Any, first: Any, last: Any) -> Problem:
    facts = json_value(text)
    samples = tuple(message for (message,) in db.execute(trouble_sql.SAMPLES, (cause, SAMPLES)))
    fault = Fault.from_dict(facts["fault"])
    return Problem(cause, facts["channel"], facts["destination"], fault, messages, deliveries, first, last, samples)


def troubled(db: apsw.Connection, cause: int, limit: int, after: tuple[int, int]) -> tuple[Troubled, ...]:
    """What a problem is about."""
    return tuple(Troubled(*row) for row in db.execute(trouble_sql.OF_CAUSE, (cause, *after, limit)))


def paused(db: apsw.Connection) -> tuple[Place, ...]:
    """What somebody stopped."""
    return tuple(Place(*row) for row in db.execute(sql.PAUSED))


def next_give_up_ms(db: apsw.Connection) -> int | None:
    """When the first that waits for a key reaches its limit."""
    found: int | None = db.execute(trouble_sql.NEXT_GIVE_UP).get
    return found


# replays


def replays(db: apsw.Connection) -> tuple[ReplayRecord, ...]:
    """All of them, the latest first."""
    found: list[Any] = db.execute(sql.REPLAYS).fetchall()
    return tuple(
        ReplayRecord(id_, at_ms, who, reason, state, total, done, json_value(how))
        for id_, at_ms, who, reason, state, total, done, how in found
    )


def to_replay(db: apsw.Connection, replay: int, limit: int) -> tuple[int, ...]:
    """The next that a replay has to do."""
    return tuple(message for (message,) in db.execute(sql.TO_REPLAY, (replay, limit)))


def plan(db: apsw.Connection, choice: Choice) -> Plan:
    """What is chosen, what of it is left out, and why. Its lists are kept by SQLite, not in memory."""
    conditions = list(_conditions(db, choice))
    where = " and ".join(words for words, _ in conditions) or "true"
    db.execute(replay_sql.LISTS)
    try:
        db.execute(replay_sql.CHOOSE.format(where=where), tuple(v for _, given in conditions for v in given))
        left_out = {"still at work": _taken(db, replay_sql.OPEN), "their content was pruned": _taken(db, replay_sql.PRUNED)}
        if not choice.older:
            targets = None if choice.targets is None else json_text(sorted(choice.targets))
            db.execute(replay_sql.NEWEST, (targets,))
            left_out["older than something already sent in their lane"] = _taken(db, replay_sql.OLDER)
        chosen = tuple(message for (message,) in db.execute(replay_sql.CHOSEN))
        by_channel: dict[Any, Any] = dict(db.execute(replay_sql.BY_CHANNEL).fetchall())  # type: ignore[arg-type]
        return Plan(chosen, by_channel, {why: n for why, n in left_out.items() if n})
    finally:
        db.execute(replay_sql.DROP)


def _taken(db: apsw.Connection, query: str) -> int:
    db.execute(query)
    return db.changes()


def _conditions(db: apsw.Connection, choice: Choice) -> Iterator[tuple[str, tuple[Any, ...]]]:
    if choice.channels:
        yield replay_sql.CHANNELS, (json_text(list(choice.channels)),)
    if choice.state is not None:
        yield replay_sql.STATE, (choice.state,)
    for name, value in (choice.keys or {}).items():
        ids = [id_ for (id_,) in db.execute(ledger_sql.WITH_KEY, (key_number(name, value),))]
        yield replay_sql.IDS, (json_text(ids),)
        yield replay_sql.KEY, (name, value)
    if choice.since_ms is not None:
        yield replay_sql.SINCE, (choice.since_ms,)
    if choice.until_ms is not None:
        yield replay_sql.UNTIL, (choice.until_ms,)
    if choice.sequences:
        yield replay_sql.IDS, (json_text(list(choice.sequences)),)
    if choice.cause is not None:
        yield replay_sql.CAUSE, (choice.cause,)
