"""replay: stored messages processed once more: first what it would do, then, where it is applied, step by step."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from interpres.desk import places
from interpres.desk.desk import Desk
from interpres.desk.named import message_named, problem_named
from interpres.fault import Fault
from interpres.store.acts import Choice

REACH: Final = "changes"


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which messages (all conditions together), to which destinations (None: all), and how.

    `fresh` asks the questions again, `as_it_was` sends the stored payloads, `older` takes also what is older than something
    that its lane was sent already. `messages` are ids, `problem` the name of one.
    """

    do: Literal["plan", "apply", "cancel", "list"] = "plan"
    channels: tuple[str, ...] = ()
    state: str | None = None
    keys: dict[str, str] | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    messages: tuple[str, ...] = ()
    problem: str | None = None
    to: tuple[str, ...] | None = None
    fresh: bool = False
    older: bool = False
    as_it_was: bool = False
    reason: str = ""
    replay: int = 0


async def act(desk: Desk, asked: Asked) -> Any:
    """The plan, the replay that was begun or cancelled, or all replays. Raises `Fault` C156, C159, C166, C167, N317, N332."""
    if asked.do == "list":
        return {"replays": list(await desk.store.replays())}
    if asked.do == "cancel":
        return await _cancelled(desk, asked.replay)
    choice = await choice_of(desk, asked)
    plan = await desk.store.plan(choice)
    told = {
        "messages": len(plan.chosen),
        "by_channel": plan.by_channel,
        "left_out": plan.left_out,
        "engine": desk.engine is not None,
    }
    if asked.do == "plan" or not plan.chosen:
        return {**told, "replay": None}
    reason = places.reason_given(asked.reason)
    how = {
        "targets": None if asked.to is None else list(asked.to),
        "asks": asked.fresh,
        "as_it_was": asked.as_it_was,
        "older": asked.older,
    }
    id_ = await desk.store.begin_replay(desk.who, reason, plan.chosen, how)
    if desk.engine is not None:
        desk.engine.again.begin()
    return {**told, "replay": id_}


async def choice_of(desk: Desk, asked: Asked) -> Choice:
    """The choice with ids and names looked up. Raises `Fault` C156, C166 for messages, C167 for a problem, C159 for a place."""
    await places.all_there(desk, asked.channels, asked.to or ())
    sequences = [await message_named(desk.store, written) for written in asked.messages]
    cause = None if asked.problem is None else (await problem_named(desk.store, asked.problem)).cause
    targets = None if asked.to is None else frozenset(asked.to)
    times = (asked.since_ms, asked.until_ms)
    return Choice(asked.channels, asked.state, asked.keys, *times, tuple(sequences), cause, targets, asked.older)


async def _cancelled(desk: Desk, replay: int) -> Any:
    going = {r.id: r for r in await desk.store.replays() if r.state == "going"}
    if replay not in going:
        hint = f"{', '.join(map(str, going))} {'is' if len(going) == 1 else 'are'}" if going else "none is"
        raise Fault("N317", f"replay {replay} is not under way", hint)
    await desk.store.cancel_replay(replay)
    left = going[replay]
    return {"replay": replay, "done": left.done, "not_done": left.total - left.done}
