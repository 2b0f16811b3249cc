"""show: a message's story."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interpres.cli import talk
from interpres.cli.messages import facts
from interpres.cli.options import JsonOption, VarOption, WorkspaceOption, workspace
from interpres.fault import Fault

if TYPE_CHECKING:
    from interpres.store.records import DeliveryRecord, Story
    from interpres.store.store import Store


def command(
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="The message's id, as interpres messages prints it.")],
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
        _tell(look(here, lambda store: _story(store, message)), as_json)


async def sequence_named(store: Store, message: str) -> int:
    sequence = await store.sequence_of(message.upper())
    if sequence is None:
        raise Fault(
            "C156", f"no message {message} is stored here", "see interpres messages, and whether --var names the right store"
        )
    return sequence


async def _story(store: Store, message: str) -> Story:
    story = await store.story(await sequence_named(store, message))
    assert story is not None
    return story


async def _body(store: Store, message: str) -> tuple[bytes, str]:
    found = await store.message(await sequence_named(store, message))
    return found.body, found.channel


async def _payloads(store: Store, message: str, destination: str) -> list[bytes]:
    owed = [d for d in (await _story(store, message)).deliveries if d.destination == destination]
    if not owed:
        raise Fault("C157", f"nothing is owed to '{destination}' for this message", "see interpres show without --payload")
    return [await store.payload(d.id) for d in owed if d.media_type]


def _tell(story: Story, as_json: bool) -> None:
    if as_json:
        talk.row({**facts(story.message), "deliveries": [_delivery_facts(d) for d in story.deliveries]})
        return
    m = story.message
    talk.result(f"{m.id}  {m.channel}  {m.state}" + (f": {m.reason}" if m.reason else ""))
    talk.result(f"  received {m.received_at}, {m.size} bytes" + (", answered early" if m.early else ""))
    if m.pruned_at:
        from interpres.store.records import content_removed

        talk.result(f"  {content_removed(m.pruned_at).line()}")
    for name, value in (*m.envelope.items(), *m.keys.items()):
        talk.result(f"  {name}: {talk.printable(value)}")
    for fault in (*m.faults, *m.warnings):
        talk.result(f"  {talk.printable(fault.line(values=True))}")
    for delivery in story.deliveries:
        _tell_delivery(delivery)


def _tell_delivery(d: DeliveryRecord) -> None:
    part = f" part {d.part}" if d.part > 1 else ""
    talk.result(f"  → {d.destination}{part}  {d.state}, {d.size} bytes, key {d.key}")
    for attempt in d.attempts:
        status = f" {attempt.status}" if attempt.status else ""
        talk.result(f"      attempt {attempt.number}: {attempt.state}{status} in {attempt.took_ms} ms {attempt.says}".rstrip())
        for fault in attempt.faults:
            talk.result(f"        {talk.printable(fault.line(values=True))}")
    for fault in d.faults:
        talk.result(f"      {talk.printable(fault.line(values=True))}")
    if d.answer is not None:
        talk.result(f"      answered {talk.printable(talk.json(d.answer).decode())}")


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
