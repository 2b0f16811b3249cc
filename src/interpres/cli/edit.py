"""edit: lets a message be processed with other bytes; what came stays as it came."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interpres.cli import acting, talk
from interpres.cli.options import JsonOption, QuietOption, VarOption, WorkspaceOption, workspace
from interpres.fault import Fault

if TYPE_CHECKING:
    from interpres.store.records import MessageRecord
    from interpres.store.store import Store


def command(
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="By its id, or as much of it as is its own.")],
    reason: acting.ReasonOption,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="NEW", help="The bytes that it shall have; by default $EDITOR opens.", show_default=False),
    ] = None,
    yes: acting.YesOption = False,
    folder: WorkspaceOption = None,
    var: VarOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Edit a message and have it processed anew: the difference is shown first, and what came is never changed.

    Example: interpres edit 01KBM6Y3ZC4T8QW2N5R7V9XDHE --file corrected.hl7 --reason "ward was misspelt" --yes
    """
    from interpres.cli.stored import look
    from interpres.desk.acts.edit import packed

    talk.manner(quiet=quiet, as_json=as_json)
    here = workspace(folder, var)
    record, before = look(here, lambda store: _now(store, message))
    after = _read(file) if file is not None else _edited(before)
    if after == before:
        talk.say("nothing was changed, so nothing was done")
        raise typer.Exit(1)
    for line in difference(before, after):
        talk.say(line)
    if not acting.agreed(f"process {record.id} with this?", yes=yes):
        talk.say("nothing was done")
        raise typer.Exit(1)
    told = acting.done(here, "edit", message=record.id, body=packed(after), run=record.run, reason=reason)
    if as_json:
        talk.row(told)
        return
    talk.result(f"{told['message']} was {told['before']} and is processed anew, as run {told['run']}")
    if not told["engine"]:
        talk.say("no engine runs here; the next one goes on with it")
    talk.say(f"see interpres show {told['message']}")


async def _now(store: Store, written: str) -> tuple[MessageRecord, bytes]:
    """The message, and the bytes that its latest run was made of."""
    from interpres.desk.named import message_named

    sequence = await message_named(store, written)
    (record,) = await store.records(sequence, 1)
    return record, await store.run_body(sequence, record.run)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as wrong:
        raise Fault("E111", f"{file} cannot be read: {wrong.strerror}", "see the name, and whether you may read it") from None


def _edited(before: bytes) -> bytes:
    """What the person's editor makes of it. HL7's segments, which end with a carriage return alone, are lines meanwhile.

    The file is readable by its user alone, and removed afterwards.
    """
    if not sys.stdin.isatty():
        raise typer.BadParameter("there is no terminal for an editor here; give the bytes with --file", param_hint="--file")
    segments = b"\r" in before and b"\n" not in before
    with tempfile.TemporaryDirectory(prefix="interpres-") as place:
        file = Path(place) / "message.txt"
        file.touch(mode=0o600)
        file.write_bytes(before.replace(b"\r", b"\n") if segments else before)
        _open_editor(file)
        after = file.read_bytes()
    if not segments:
        return after
    after = after.replace(b"\r\n", b"\n").replace(b"\n", b"\r")
    return after if before.endswith(b"\r") else after.removesuffix(b"\r")


def _open_editor(file: Path) -> None:
    """Raises `Fault` E148 where it cannot be opened, or ends with an error."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        ended = subprocess.run([*shlex.split(editor), str(file)], check=False)  # noqa: S603  (the person's own choice)
    except OSError:
        raise Fault("E148", f"the editor '{editor}' cannot be started", "set EDITOR, or give the bytes with --file") from None
    if ended.returncode:
        hint = "nothing was done; try again, or give the bytes with --file"
        raise Fault("E148", f"the editor ended with status {ended.returncode}", hint)


def difference(before: bytes, after: bytes) -> Iterator[str]:
    """Line by line (an HL7 segment is one), as a terminal may show it."""
    yield from unified_diff(_shown(before), _shown(after), "as it is", "as it shall be", lineterm="", n=1)


def _shown(body: bytes) -> list[str]:
    return [talk.printable(line) for line in body.decode("utf-8", "backslashreplace").splitlines()]
