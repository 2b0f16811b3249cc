"""messages: finds stored messages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interpres.cli import talk
from interpres.cli.options import JsonOption, VarOption, WorkspaceOption, complete_channel, workspace

if TYPE_CHECKING:
    from interpres.store.records import MessageRecord

STATES = ("received", "processed", "filtered", "rejected", "held")
COLUMNS = ("received", "channel", "state", "message", "keys", "why")


def command(
    channel: Annotated[
        str | None, typer.Option("--channel", help="Only of this channel.", autocompletion=complete_channel, show_default=False)
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            "--state", help=f"Only in this state: {', '.join(STATES)}.", autocompletion=lambda: list(STATES), show_default=False
        ),
    ] = None,
    key: Annotated[list[str] | None, typer.Option("--key", metavar="K=V", help="Only with this key; may be repeated.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Received then or later (UTC), as 2026-11-04T08:30.")
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Received before then (UTC).")] = None,
    text: Annotated[
        str | None, typer.Option("--text", metavar="TEXT", help="Only where it says this: looks into each, the latest first.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many, the latest first.")] = 50,
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find stored messages by channel, state, key, time and text, the latest first.

    Example: interpres messages --state rejected --limit 10
    """
    from interpres.cli.stored import look
    from interpres.store.store import Search

    talk.manner(as_json=as_json)
    if state is not None and state not in STATES:
        raise typer.BadParameter(f"'{state}' is none of {', '.join(STATES)}", param_hint="--state")
    search = Search(
        channel, state, keys_given(key or []), time_given(since, "--since"), time_given(until, "--until"), limit, text
    )
    found = look(workspace(folder, var), lambda store: store.find(search))
    if as_json:
        for record in found:
            talk.row(facts(record))
    else:
        talk.table(COLUMNS, [_cells(r) for r in found], head=4)
        talk.say(f"{len(found)} message{'' if len(found) == 1 else 's'}" + (", and maybe more" if len(found) == limit else ""))


def facts(record: MessageRecord) -> dict[str, Any]:
    """What `--json` prints of a message: never its content."""
    return {
        "id": record.id,
        "channel": record.channel,
        "state": record.state,
        "received_at": record.received_at,
        "size": record.size,
        "run": record.run,
        "reason": record.reason,
        "early": record.early,
        "pruned_at": record.pruned_at or None,
        "keys": record.keys,
        "envelope": record.envelope,
        "faults": [f.as_dict() | {"value": None} for f in record.faults],
        "warnings": [f.as_dict() | {"value": None} for f in record.warnings],
    }


def _cells(record: MessageRecord) -> list[str]:
    keys = " ".join(f"{k}={v}" for k, v in record.keys.items())
    why = record.faults[0].line() if record.faults else record.reason
    return [record.received_at, record.channel, record.state, record.id, keys, why]


def keys_given(written: list[str]) -> dict[str, str] | None:
    for pair in written:
        if "=" not in pair:
            raise typer.BadParameter(f"'{pair}' is not NAME=VALUE, as in visit=V26110487", param_hint="--key")
    return dict(pair.split("=", 1) for pair in written) or None


def time_given(written: str | None, option: str) -> int | None:
    """Milliseconds since 1970 of ISO 8601; without an offset it is UTC."""
    if written is None:
        return None
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise typer.BadParameter(f"'{written}' is no time as in 2026-11-04 or 2026-11-04T08:30", param_hint=option) from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
