"""replay: processes stored messages once more: shows what it would do, does it with --apply, or compares with --diff."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interpres.cli import acting, talk
from interpres.cli.messages import STATES, keys_given, time_given
from interpres.cli.options import (
    JsonOption,
    QuietOption,
    VarOption,
    WorkspaceOption,
    complete_channel,
    complete_mapping,
    workspace,
)

if TYPE_CHECKING:
    from interpres.replaying.compare import Comparison
    from interpres.workspace import Workspace

LOOKED_AT = 200
"""How many messages a plan is compared by; --diff compares all."""


def command(
    messages: Annotated[
        list[str] | None, typer.Argument(metavar="MESSAGE…", help="Only these, by their ids.", show_default=False)
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option("--channel", help="Only of this channel.", autocompletion=complete_channel, show_default=False),
    ] = None,
    state: Annotated[str | None, typer.Option("--state", help="Only in this state.", show_default=False)] = None,
    key: Annotated[list[str] | None, typer.Option("--key", metavar="K=V", help="Only with this key.", show_default=False)] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="Received then or later (UTC).")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Received before then (UTC).")] = None,
    problem: Annotated[str | None, typer.Option("--problem", metavar="ID", help="Only what has this problem.")] = None,
    to: Annotated[
        list[str] | None, typer.Option("--to", metavar="DESTINATION", help="Only to this destination.", show_default=False)
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask again what was asked then.")] = False,
    older: Annotated[bool, typer.Option("--older", help="Also what is older than something already sent in its lane.")] = False,
    as_it_was: Annotated[bool, typer.Option("--as-it-was", help="Send the stored payloads; run no mapping.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Compare all of it with what was made then; send nothing.")] = False,
    mapping: Annotated[
        str | None,
        typer.Option("--mapping", metavar="CANDIDATE", help="Compare by this mapping.", autocompletion=complete_mapping),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do it.")] = False,
    cancel: Annotated[int | None, typer.Option("--cancel", metavar="REPLAY", help="Stop one that is under way.")] = None,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why: kept, with your name.", show_default=False)] = "",
    yes: acting.YesOption = False,
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Process stored messages once more: first the plan, then --apply; --diff shows what today's mappings would change.

    Example: interpres replay --channel adt_to_npca --since 2026-11-01
    """
    talk.manner(quiet=quiet, as_json=as_json)
    here = workspace(folder, var)
    if cancel is not None:
        _cancelled(acting.done(here, "replay", do="cancel", replay=cancel))
        return
    if state is not None and state not in STATES:
        raise typer.BadParameter(f"'{state}' is none of {', '.join(STATES)}", param_hint="--state")
    if mapping and not diff:
        raise typer.BadParameter("a candidate is compared: say --diff too", param_hint="--mapping")
    if apply and not reason.strip():
        raise typer.BadParameter("say why, for whoever comes after you", param_hint="--reason")
    if as_it_was and fresh:
        raise typer.BadParameter("what is sent as it was asks nobody", param_hint="--fresh")
    asked: dict[str, Any] = {
        "channels": channel or [],
        "state": state,
        "keys": keys_given(key or []),
        "since_ms": time_given(since, "--since"),
        "until_ms": time_given(until, "--until"),
        "messages": [m.upper() for m in messages or []],
        "problem": problem,
        "to": to,
        "fresh": fresh,
        "older": older or diff,
        "as_it_was": as_it_was,
    }
    if diff:
        raise typer.Exit(_told(*_compared(here, asked, mapping, None)))
    plan = acting.done(here, "replay", do="plan", **asked)
    _plan(here, asked, plan, compare=not as_it_was)
    if not apply or not plan["messages"]:
        if plan["messages"] and not as_json:
            talk.say("nothing was done; with --apply --reason … it is")
        return
    question = f"process {plan['messages']} message{_s(plan['messages'])} once more?"
    if not acting.agreed(question, yes=yes):
        talk.say("nothing was done")
        raise typer.Exit(1)
    _follow(here, acting.done(here, "replay", do="apply", reason=reason, **asked))


# the plan


def _plan(here: Workspace, asked: dict[str, Any], plan: dict[str, Any], *, compare: bool) -> None:
    if talk.as_json():
        talk.row(plan)
        return
    talk.result(f"{plan['messages']} message{_s(plan['messages'])} would be processed once more")
    for name, number in plan["by_channel"].items():
        talk.result(f"  {name}: {number}")
    for why, number in plan["left_out"].items():
        talk.result(f"  left out: {number} ({why})")
    if compare and plan["messages"]:
        comparison, of = _compared(here, asked, None, LOOKED_AT)
        _kinds(comparison)
        more = "" if of <= LOOKED_AT else f" of the first {LOOKED_AT}; --diff compares all"
        talk.result(f"  {comparison.differing} of {comparison.compared} would differ from what was made then{more}")


# comparing


def _compared(here: Workspace, asked: dict[str, Any], candidate: str | None, limit: int | None) -> tuple[Comparison, int]:
    import msgspec

    from interpres.cli.stored import look
    from interpres.desk.acts.replay import Asked, choice_of
    from interpres.desk.desk import Desk
    from interpres.replaying.candidate import recipes
    from interpres.replaying.compare import Comparison, compare

    async def work(store: Any) -> tuple[Comparison, int]:
        choice = await choice_of(Desk(store, here), msgspec.convert(asked, Asked, strict=False))
        plan = await store.plan(choice)
        chosen = plan.chosen if limit is None else plan.chosen[:limit]
        found = Comparison()
        if chosen:
            by_name = recipes(here, sorted(plan.by_channel), asked["to"], candidate)
            said = time.monotonic()
            async for found in compare(store, chosen, by_name):
                if limit is None and time.monotonic() - said > 1:
                    said = time.monotonic()
                    talk.say(f"{found.compared + found.left_out} of {len(chosen)}, {found.differing} differ")
        return found, len(plan.chosen)

    return look(here, work)


def _told(comparison: Comparison, of: int) -> int:
    """The exit status of `--diff`: 1 where anything differs."""
    if talk.as_json():
        for kind, group in comparison.grouped():
            facts = {"destination": kind.destination, "path": kind.path, "change": kind.change}
            talk.row({**facts, "messages": group.messages, "samples": group.samples})
    else:
        _kinds(comparison)
    left = f"; {comparison.left_out} could not be compared" if comparison.left_out else ""
    talk.say(f"{comparison.differing} of {comparison.compared} messages differ{left}; nothing was sent")
    return 1 if comparison.differing else 0


def _kinds(comparison: Comparison) -> None:
    rows = [
        (str(group.messages), kind.destination, kind.path, kind.change, " ".join(group.samples))
        for kind, group in comparison.grouped()
    ]
    if rows:
        talk.table(("messages", "destination", "path", "change", "for example"), rows, head=4)


# what is under way


def _follow(here: Workspace, begun: dict[str, Any]) -> None:
    """Tell how far it is until it is done. To leave is no harm: it goes on."""
    from interpres.cli.stored import look

    id_ = begun["replay"]
    if not begun["engine"]:
        talk.result(f"replay {id_} is kept; no engine runs here, and the next one does it")
        return
    try:
        while True:
            replay = look(here, lambda store: _replay(store, id_))
            if replay.state != "going":
                break
            talk.say(f"replay {id_}: {replay.done} of {replay.total}")
            time.sleep(1)
    except KeyboardInterrupt:
        talk.say(f"replay {id_} goes on without you; interpres replay --cancel {id_} stops it")
        raise
    if talk.as_json():
        talk.row({"replay": id_, "state": replay.state, "done": replay.done, "total": replay.total})
    else:
        talk.result(f"replay {id_} is {replay.state}: {replay.done} of {replay.total}")
        talk.say("interpres problems shows what was refused; interpres status what still waits")


async def _replay(store: Any, id_: int) -> Any:
    return next(r for r in await store.replays() if r.id == id_)


def _cancelled(told: dict[str, Any]) -> None:
    if talk.as_json():
        talk.row(told)
    else:
        talk.result(f"replay {told['replay']} was stopped: {told['done']} done, {told['not_done']} left as they are")


def _s(number: int) -> str:
    return "" if number == 1 else "s"
