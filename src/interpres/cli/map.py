"""map: what a mapping makes of files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from interpres.cli import talk
from interpres.cli.options import ContextOption, MappingArgument, QuietOption, WorkspaceOption, workspace

if TYPE_CHECKING:
    from interpres.cli.given import Given
    from interpres.workspace import Loaded


def command(
    mapping: MappingArgument,
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="What to map; - is standard input.")],
    context: ContextOption = None,
    folder: WorkspaceOption = None,
    quiet: QuietOption = False,
) -> None:
    """Print what a mapping makes of files: one JSON document a line.

    Example: interpres map npca/visit_from_adt samples/channels/adt_to_npca/outpatient_complete/in.hl7
    """
    from interpres.cli.given import given_messages

    talk.manner(quiet=quiet)
    loaded = workspace(folder).mapping(mapping)
    raise typer.Exit(max((_mapped(given, loaded) for given in given_messages(files, context, loaded)), default=0))


def _mapped(given: Given, loaded: Loaded) -> int:
    """Prints one message's documents; its faults go to standard error, and the next message is tried."""
    from interpres.document import Document

    found = [*given.faults]
    if given.document is not None:
        made = loaded.compiled(given.document, given.context)
        found += [*made.warnings, *made.faults]
        for tree in made.documents:
            if loaded.promise is not None:
                found += loaded.promise.checker.faults(Document(loaded.to_format.name, tree))
            _print(tree, loaded)
    return talk.faults(found, values=True, prefix=f"{given.name}: ")


def _print(tree: object, loaded: Loaded) -> None:
    if loaded.to_format.name == "json":
        talk.row(tree)
    else:
        talk.content(loaded.to_format.encode(tree))
