"""schema: JSON Schemas of the workspace's files, for editors."""

from __future__ import annotations

from typing import Annotated

import typer

from interpres.cli import talk


def command(kind: Annotated[str, typer.Argument(help="channel, mapping, system or installation")]) -> None:
    """Print the JSON Schema of a kind of file, so that an editor can complete and check it.

    Example: interpres schema channel > var/channel.schema.json
    """
    from interpres.workspace.editor import schema_of

    talk.row(schema_of(kind))
