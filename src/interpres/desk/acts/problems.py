"""problems: what needs a person, by its cause, and what can be done about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from interpres.clock import iso_time
from interpres.desk.desk import Desk
from interpres.desk.named import problem_named
from interpres.store.cause import CODES, problem_name
from interpres.store.records import Affair, Problem

REACH: Final = "reads"

AFFECTED: Final = 1000
"""How many of the affected are told one by one, at most."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All, or those of a `channel`; or one `problem` in full, with at most `limit` of what it affects."""

    channel: str | None = None
    problem: str | None = None
    limit: int = 100


async def act(desk: Desk, asked: Asked) -> Any:
    """The problems, what troubles most first. Raises `Fault` C167."""
    if asked.problem is None:
        return {"problems": [await _facts(desk, p) for p in await desk.store.problems(asked.channel)]}
    problem = await problem_named(desk.store, asked.problem)
    affected = await _affairs(desk, problem, min(asked.limit, AFFECTED))
    return {**await _facts(desk, problem), "affected": [_affected(a) for a in affected]}


async def _affairs(desk: Desk, problem: Problem, limit: int) -> tuple[Affair, ...]:
    troubled = await desk.store.troubled(problem.cause, limit)
    messages, deliveries = [t.message for t in troubled if not t.delivery], [t.delivery for t in troubled if t.delivery]
    return await desk.store.affairs(messages, deliveries)


async def _facts(desk: Desk, problem: Problem) -> dict[str, Any]:
    name = problem_name(problem.cause)
    fault = problem.fault
    first = await _affairs(desk, problem, 1)
    samples = [record.id for s in problem.samples for record in await desk.store.records(s, 1)]
    return {
        "problem": name,
        "channel": problem.channel,
        "destination": problem.destination,
        "code": fault.code,
        "says": fault.says,
        "value": fault.value if fault.code in CODES else None,
        "hint": fault.hint,
        "at": str(fault.at) if fault.at else None,
        "target": fault.target,
        "source": fault.source,
        "messages": problem.messages,
        "deliveries": problem.deliveries,
        "first_at": iso_time(problem.first_ms),
        "last_at": iso_time(problem.last_ms),
        "samples": samples,
        "can": list(_can(name, fault.code, first[0])) if first else [],
    }


def _can(name: str, code: str, first: Affair) -> Iterator[str]:
    """The commands that help, as they can be pasted: what mends comes before what gives up."""
    if first.state == "held":
        yield f'interpres release --problem {name} --reason "…"'
        if code == "N302":
            yield f'interpres release --problem {name} --delivered --reason "…"'
    else:
        if code[0] in "MRV" or not first.delivery:
            yield "interpres reload"
        yield f'interpres resend --problem {name} --reason "…"'
        if first.has_payload and first.delivery:
            yield f"interpres replay --problem {name}"
    yield f'interpres drop --problem {name} --reason "…"'


def _affected(affair: Affair) -> dict[str, Any]:
    return {"message": affair.id, "channel": affair.channel, "destination": affair.destination, "state": affair.state}
