"""check: every fault of the workspace, one a line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from interpres.cli import talk
from interpres.cli.options import JsonOption, QuietOption, WorkspaceOption, workspace


def command(
    files: Annotated[list[Path] | None, typer.Argument(help="Only what concerns these files.", show_default=False)] = None,
    folder: WorkspaceOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find every fault of the workspace without running a message.

    Example: interpres check
    """
    talk.manner(quiet=quiet, as_json=as_json)
    here = workspace(folder)
    found = here.check()
    if files:
        wanted = {_in_workspace(f, here.folder) for f in files}
        found = [f for f in found if f.at and f.at.file in wanted]
    for fault in found:
        if as_json:
            talk.row(fault.as_dict())
        elif fault.level == "fault" or not quiet:
            talk.result(talk.printable(fault.line()))
    count = sum(f.level == "fault" for f in found)
    beside = len(found) - count
    talk.say(f"{_counted(count, 'fault')}, {_counted(beside, 'warning or note', 'warnings or notes')}")
    raise typer.Exit(1 if count else 0)


def _in_workspace(file: Path, folder: Path) -> str:
    resolved = file.resolve()
    return str(resolved.relative_to(folder)) if folder in resolved.parents else str(file)


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count or 'no'} {one if count == 1 else many or one + 's'}"
