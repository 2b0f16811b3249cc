"""init: a new workspace that runs at once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

import interpres
from interpres.cli import talk
from interpres.cli.options import QuietOption
from interpres.fault import Fault, did_you_mean

STARTERS = Path(interpres.__file__).parent / "starters"


def kinds() -> list[str]:
    """The kinds of channel that a workspace can start with: the folders of `starters`."""
    return sorted(f.name for f in STARTERS.iterdir() if (f / "channels").is_dir())


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet, or is empty.")],
    channel: Annotated[
        str,
        typer.Option("--channel", metavar="KIND", help="What its first channel reads: hl7v2, csv or json.", autocompletion=kinds),
    ] = "hl7v2",
    quiet: QuietOption = False,
) -> None:
    """Lay out a new workspace with one channel, one mapping, a schema, a sample and a test; it runs at once.

    Example: interpres init var/clinic --channel csv
    """
    talk.manner(quiet=quiet)
    if channel not in kinds():
        raise Fault(
            "C154", f"there is no starter '{channel}'", did_you_mean(channel, kinds()) or f"there are {', '.join(kinds())}"
        )
    if folder.exists() and any(folder.iterdir()):
        raise Fault("E113", f"{folder} is not empty", "name a folder that does not exist yet; nothing was written")
    shutil.copytree(STARTERS / channel, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "gitignore").rename(folder / ".gitignore")
    talk.say(f"{folder} is a workspace now. Try next:")
    for verb in ("check", "test", "run"):
        talk.say(f"  interpres {verb} --workspace {folder}")
