"""Deciding: what resend, drop and release share: shows what would be done, asks, has it done, and tells what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from interpres.cli import acting, talk

if TYPE_CHECKING:
    from interpres.workspace import Workspace

MessagesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="MESSAGE…", help="By their ids, or as much of one as is its own.", show_default=False),
]
ProblemOption = Annotated[
    str | None,
    typer.Option("--problem", metavar="ID", help="All of this problem, as interpres problems names it.", show_default=False),
]
DestinationOption = Annotated[
    str | None, typer.Option("--destination", metavar="NAME", help="Only what is owed to this one.", show_default=False)
]
OlderOption = Annotated[bool, typer.Option("--older", help="Also what is older than something already sent in its lane.")]

INSTEAD: Final = {
    "resend": "it sends what is refused, dead, held or rejected; interpres replay sends once more what was delivered",
    "release": "it lets go on what is held; interpres resend is for what is refused, dead or rejected",
    "drop": "it gives up what waits or is in trouble; what was delivered cannot be called back: it stays delivered",
}
"""What a verb is for, where there was nothing that it could do."""


def decided(workspace: Workspace, word: str, question: str, asked: Mapping[str, Any], *, reason: str, yes: bool) -> int:
    """The exit status: 1 where nothing could be done. More than one thing is shown first, and asked about."""
    one_or_other(asked)
    plan = acting.done(workspace, word, **asked)
    if plan["total"] > 1:
        show_plan(plan)
        if not acting.agreed(f"{question} all {plan['total']}?", yes=yes):
            talk.say("nothing was done")
            return 1
    told = acting.done(workspace, word, **asked, reason=reason, apply=True, until_ms=plan["until_ms"]) if plan["total"] else plan
    return _told(told, word)


def one_or_other(asked: Mapping[str, Any]) -> None:
    """Messages or a problem: not both, and not neither. Raises typer's `BadParameter`."""
    if bool(asked["messages"]) is bool(asked["problem"]):
        raise typer.BadParameter("name messages by their ids, or a problem with --problem", param_hint="MESSAGE…")


def show_plan(plan: Mapping[str, Any]) -> None:
    """What would be done, for whom, and what is left out."""
    for step in plan["will"]:
        talk.say(f"{counted(step['number'], _kind(step))} of {_place(step)} would be {step['what']}")
    _left_out(plan["left_out"])
    talk.say(f"for instance {', '.join(plan['samples'])}")


def _told(told: Mapping[str, Any], word: str) -> int:
    if talk.as_json():
        talk.row(told)
        return 0 if told.get("done") else 1
    for step in told.get("became", ()):
        became = acting.BECAME.get(step["state"], step["state"])
        talk.result(f"{counted(step['number'], _kind(step))} of {_place(step)}: {became}")
    _left_out(told["left_out"])
    if not told.get("done"):
        talk.say(f"nothing was done: {INSTEAD[word]}")
        return 1
    if not told["engine"]:
        talk.say("no engine runs here; the next one goes on with it")
    talk.say(f"see interpres show {told['samples'][0]}, and interpres problems for what is left")
    return 0


def _left_out(found: Sequence[Mapping[str, Any]]) -> None:
    for one in found:
        talk.say(talk.printable(f"left alone: {one['number']} ({one['why']})"))


def _kind(step: Mapping[str, Any]) -> str:
    """A message itself, or what a destination is owed of it."""
    return "delivery" if step["destination"] else "message"


def _place(step: Mapping[str, Any]) -> str:
    return f"{step['channel']} to {step['destination']}" if step["destination"] else str(step["channel"])


def counted(number: int, one: str) -> str:
    """`1 delivery`, `3 deliveries`."""
    many = f"{one[:-1]}ies" if one.endswith("y") else f"{one}s"
    return f"{number} {one if number == 1 else many}"
