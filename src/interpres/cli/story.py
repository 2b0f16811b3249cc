"""Story: how all that is known of a message is told: what came, each run, each delivery and attempt, and what people did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from interpres.cli.messages import facts
from interpres.clock import iso_time

if TYPE_CHECKING:
    from interpres.fault import Fault
    from interpres.store.records import ActRecord, DeliveryRecord, MessageRecord, RunRecord, Story

DID: Final = {
    "resend": "had it sent again",
    "release": "let it go on",
    "deliver": "marked it as delivered",
    "drop": "dropped it",
    "hold": "held it",
    "edit": "edited it",
    "replay": "replayed it",
}
"""What somebody did, by the kind of act."""


def lines(story: Story) -> Iterator[str]:
    """The story for people. Whoever asks for one message sees what was refused in it."""
    yield from _head(story.message)
    for act in story.acts:
        yield f"  {_act(act, story)}"
    if not story.runs:
        yield from _faults(story.message, "  ")
    for run in story.runs:
        yield f"  {_run(run, story.message)}"
        yield from _faults(story.message if run.number == story.message.run else run, "    ")
        yield from (f"  {line}" for d in story.deliveries if d.run == run.number for line in _delivery(d))
    told = {run.number for run in story.runs}
    yield from (line for d in story.deliveries if d.run not in told for line in _delivery(d))


def _head(m: MessageRecord) -> Iterator[str]:
    yield f"{m.id}  {m.channel}  {m.state}" + (f": {m.reason}" if m.reason else "")
    yield f"  received {m.received_at}, {m.size} bytes" + (", answered early" if m.early else "")
    if m.pruned_at:
        from interpres.store.records import content_removed

        yield f"  {content_removed(m.pruned_at).line()}"
    yield from (f"  {name}: {value}" for name, value in (*m.envelope.items(), *m.keys.items()))


def _act(act: ActRecord, story: Story) -> str:
    owed = next((f" to {d.destination}" for d in story.deliveries if d.id == act.delivery), "")
    return f"{iso_time(act.at_ms)} {act.who} {DID.get(act.kind, act.kind)}{owed}: {act.reason}"


def _run(run: RunRecord, m: MessageRecord) -> str:
    latest = run.number == m.run
    state = m.state if latest else run.state
    how = f" ({run.kind}{', with other bytes' if run.edited else ''})" if run.kind else ""
    return f"run {run.number}{how} at {iso_time(run.at_ms)}: {state}"


def _faults(of: MessageRecord | RunRecord, indent: str) -> Iterator[str]:
    warnings: tuple[Fault, ...] = getattr(of, "warnings", ())
    yield from (f"{indent}{fault.line(values=True)}" for fault in (*of.faults, *warnings))


def _delivery(d: DeliveryRecord) -> Iterator[str]:
    part = f" part {d.part}" if d.part > 1 else ""
    yield f"  → {d.destination}{part}  {d.state}, {d.size} bytes, key {d.key}"
    for attempt in d.attempts:
        answer = f"answer {attempt.status}, " if attempt.status else ""
        says = f": {attempt.says}" if attempt.says else ""
        yield f"      attempt {attempt.number}: {attempt.state} ({answer}{attempt.took_ms} ms){says}"
        yield from (f"        {fault.line(values=True)}" for fault in attempt.faults)
    yield from (f"      {fault.line(values=True)}" for fault in d.faults)
    if d.answer is not None:
        from interpres.cli.talk import json

        yield f"      answered {json(d.answer).decode()}"


def row(story: Story) -> dict[str, Any]:
    """What `--json` prints of it: never its content."""
    return {
        **facts(story.message),
        "runs": [_run_facts(run, story.message) for run in story.runs],
        "deliveries": [_delivery_facts(d) for d in story.deliveries],
        "acts": [_act_facts(act, story) for act in story.acts],
    }


def _run_facts(run: RunRecord, m: MessageRecord) -> dict[str, Any]:
    latest = run.number == m.run
    return {
        "run": run.number,
        "at": iso_time(run.at_ms),
        "kind": run.kind,
        "who": run.who,
        "reason": run.reason,
        "edited": run.edited,
        "state": m.state if latest else run.state,
        "faults": [f.as_dict() | {"value": None} for f in (m.faults if latest else run.faults)],
    }


def _act_facts(act: ActRecord, story: Story) -> dict[str, Any]:
    owed = next((d.destination for d in story.deliveries if d.id == act.delivery), "")
    return {"at": iso_time(act.at_ms), "kind": act.kind, "who": act.who, "reason": act.reason, "destination": owed}


def _delivery_facts(d: DeliveryRecord) -> dict[str, Any]:
    return {
        "destination": d.destination,
        "part": d.part,
        "run": d.run,
        "state": d.state,
        "key": d.key,
        "size": d.size,
        "tries": d.tries,
        "faults": [f.as_dict() | {"value": None} for f in d.faults],
        "answer": d.answer,
        "attempts": [
            {"number": a.number, "at_ms": a.at_ms, "took_ms": a.took_ms, "state": a.state, "status": a.status} for a in d.attempts
        ],
    }
