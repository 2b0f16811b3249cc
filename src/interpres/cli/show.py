"""show: a message's story."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from interpres.cli import story, talk
from interpres.cli.options import JsonOption, VarOption, WorkspaceOption, workspace
from interpres.fault import Fault

if TYPE_CHECKING:
    from interpres.store.records import Story
    from interpres.store.store import Store


def command(
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="By its id, or as much of it as is its own.")],
    raw: Annotated[bool, typer.Option("--raw", help="The exact bytes that arrived.")] = False,
    document: Annotated[bool, typer.Option("--document", help="What the message says, segment by segment or as a tree.")] = False,
    payload: Annotated[
        str | None,
        typer.Option("--payload", metavar="DESTINATION", help="What was made for this destination.", show_default=False),
    ] = None,
    then: Annotated[
        bool,
        typer.Option("--then", help="Made again by the recipe of its day: whether it comes out as it did, and what changed."),
    ] = False,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain",
            metavar="DESTINATION",
            help="Where every value made for this destination came from, by the recipe of its day.",
            show_default=False,
        ),
    ] = None,
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell a message's story: what arrived, what became of it, every delivery and every attempt.

    Example: interpres show 01KBM6Y3ZC4T8QW2N5R7V9XDHE --raw
    """
    from interpres.cli.stored import look

    talk.manner(as_json=as_json)
    here = workspace(folder, var)
    if raw or document:
        body, channel = look(here, lambda store: _body(store, message))
        if raw:
            talk.raw(body)
        else:
            talk.content(here.recipe(channel).format.readable(body))
    elif payload is not None:
        for piece in look(here, lambda store: _payloads(store, message, payload)):
            talk.content(piece + b"\n")
    elif then or explain is not None:
        from interpres.cli.then import explained, made_again

        work = made_again if explain is None else partial(explained, destination=explain)
        raise typer.Exit(look(here, lambda store: work(store, message, here, as_json=as_json)))
    else:
        told = look(here, lambda store: _story(store, message))
        if as_json:
            talk.row(story.row(told))
            return
        for line in story.lines(told):
            talk.line(line)


async def sequence_named(store: Store, message: str) -> int:
    """The message that is called so, or begins so. Raises `Fault` C156, C166."""
    from interpres.desk.named import message_named

    return await message_named(store, message)


async def _story(store: Store, message: str) -> Story:
    found = await store.story(await sequence_named(store, message))
    assert found is not None
    return found


async def _body(store: Store, message: str) -> tuple[bytes, str]:
    found = await store.message(await sequence_named(store, message))
    return found.body, found.channel


async def _payloads(store: Store, message: str, destination: str) -> list[bytes]:
    owed = [d for d in (await _story(store, message)).deliveries if d.destination == destination]
    if not owed:
        raise Fault("C157", f"nothing is owed to '{destination}' for this message", "see interpres show without --payload")
    return [await store.payload(d.id) for d in owed if d.media_type]
