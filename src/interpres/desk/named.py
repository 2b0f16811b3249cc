"""Named: messages by their ids or the beginning of one, problems by the name that they keep."""

from __future__ import annotations

from interpres.fault import Fault
from interpres.store.cause import problem_name
from interpres.store.reads import Reads
from interpres.store.records import Problem


async def message_named(store: Reads, written: str) -> int:
    """The message's sequence. Raises `Fault` C156 where none is called so, C166 where several are."""
    found = await store.beginning_with(written.strip(), 2)
    if found is None:
        raise Fault("C166", f"very many messages begin with {written}", "write more of the id, as interpres messages prints it")
    if not found:
        hint = "see interpres messages, and whether --var names the right store"
        raise Fault("C156", f"no message {written} is stored here", hint)
    if len(found) > 1:
        raise Fault("C166", f"more than one message begins with {written}", "write more of the id")
    return found[0]


async def problem_named(store: Reads, written: str) -> Problem:
    """The problem. Raises `Fault` C167 where none is called so, or several are."""
    wanted = written.strip().upper()
    found = [p for p in await store.problems() if wanted and problem_name(p.cause).startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        raise Fault("C167", f"{len(found)} problems begin with {written}", "write more of it, as interpres problems does")
    hint = "it may be solved by now: interpres problems lists those that there are"
    raise Fault("C167", f"there is no problem {written}", hint)
