"""problems: what needs a person, grouped by its cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from interpres.cli import acting, talk
from interpres.cli.deciding import counted
from interpres.cli.options import JsonOption, QuietOption, VarOption, WorkspaceOption, complete_channel, workspace


def command(
    problem: Annotated[str | None, typer.Argument(metavar="PROBLEM", help="One of them, in full.", show_default=False)] = None,
    channel: Annotated[
        str | None, typer.Option("--channel", help="Only of this channel.", autocompletion=complete_channel, show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="Of one in full: at most so many messages.")] = 20,
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """List what needs a person, grouped by its cause, what troubles most first, with what can be done about each.

    Example: interpres problems
    """
    talk.manner(quiet=quiet, as_json=as_json)
    told = acting.done(workspace(folder, var), "problems", channel=channel, problem=problem, limit=limit)
    found = told["problems"] if problem is None else [told]
    for number, one in enumerate(found):
        if as_json:
            talk.row(one)
            continue
        if number and talk.for_people():
            talk.result("")
        for line in _lines(one, full=problem is not None):
            talk.line(line)
    if not as_json and problem is None:
        talk.say(f"{counted(len(found), 'problem')}" if found else "nothing needs a person")


def _lines(one: Mapping[str, Any], *, full: bool) -> Iterator[str]:
    place = one["channel"] + (f" to {one['destination']}" if one["destination"] else "")
    yield f"{one['problem']}  {title(one)}"
    yield f"    {place}: {counted(one['messages'], 'message')}, {_when(one)}"
    if full:
        yield from (f"    {name}: {one[name]}" for name in ("code", "at", "target", "source") if one[name])
    if one["hint"]:
        yield f"    {one['hint']}"
    yield from (f"    → {command}" for command in one["can"])
    if not full:
        yield f"    for instance {', '.join(one['samples'][:3])}"
        return
    for affected in one["affected"]:
        yield f"    {affected['message']}  {affected['destination'] or 'the message'} {affected['state']}"
    rest = max(one["messages"], one["deliveries"]) - len(one["affected"])
    if rest > 0:
        yield f"    … and {rest} more (--limit)"


def title(one: Mapping[str, Any]) -> str:
    """What is wrong, in a line: with the code where it is a table's that lacks one, else with the place that it is about."""
    value = f" ({one['value']})" if one["value"] else ""
    where = f"{one['target']}: " if one["target"] else ""
    return f"{where}{one['says']}{value}"


def _when(one: Mapping[str, Any]) -> str:
    if one["messages"] == 1 or one["first_at"] == one["last_at"]:
        return f"at {one['first_at']}"
    return f"from {one['first_at']} to {one['last_at']}"
