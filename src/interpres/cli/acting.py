"""Acting: how a verb has an act done — by the engine that runs, else on the store — and tells how far it is."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from interpres.cli import talk

if TYPE_CHECKING:
    from interpres.workspace import Workspace


def _reason(written: str) -> str:
    if not written.strip():
        raise typer.BadParameter("say why, for whoever comes after you")
    return written.strip()


ReasonOption = Annotated[
    str,
    typer.Option(
        "--reason",
        metavar="TEXT",
        callback=_reason,
        help="Why: kept, with your name, for who comes after you.",
        show_default=False,
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]

BECAME: Final = {
    "waiting": "to be sent",
    "received": "to be processed anew",
    "delivered": "marked as delivered",
    "dropped": "dropped",
    "rejected": "dropped",
    "held": "held",
}
"""What is said of something by the state that an act brought it to."""


def done(workspace: Workspace, word: str, **arguments: Any) -> Any:
    """What the act gives. Raises `Fault` or `Faults`."""
    from interpres.desk.client import do

    return asyncio.run(do(workspace, word, arguments, _tell))


async def _tell(progress: Mapping[str, Any]) -> None:
    if note := progress.get("note"):
        talk.say(talk.printable(str(note)))
    elif of := progress.get("of"):
        talk.say(f"{progress.get('done', 0)} of {of}")


def agreed(question: str, *, yes: bool) -> bool:
    """Whether the person agrees: asked on a terminal; in a pipe, where nobody can be asked, it takes `--yes`. Raises `Abort`."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody can be asked here; say --yes where it is meant", param_hint="--yes")
    return typer.confirm(question, err=True)


def ago(seconds: int | None) -> str:
    """A span as one would say it: `40 s`, `12 min`, `3 h`, `5 days`."""
    if seconds is None:
        return ""
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds // unit} {name}"
    return f"{seconds // 86_400} days"


def paused_words(facts: Mapping[str, Any]) -> str:
    """Since when it is paused, by whom and why."""
    return talk.printable(f"paused since {facts['since']} by {facts['who']}: {facts['reason']}")
