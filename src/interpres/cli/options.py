"""Options: what several verbs take, under the same name everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interpres.cli import talk

if TYPE_CHECKING:
    from interpres.workspace import Workspace


def _workspace_names(kind: str, begun: str) -> list[str]:
    """The workspace's names that begin so, for tab completion; nothing where there is no workspace."""
    from interpres.fault import Fault
    from interpres.workspace import Workspace

    try:
        return [n for n in Workspace.find(Path.cwd()).names(kind) if n.startswith(begun)]
    except Fault:
        return []


def complete_mapping(incomplete: str) -> list[str]:
    """Names of mappings."""
    return _workspace_names("mappings", incomplete)


def complete_channel(incomplete: str) -> list[str]:
    """Names of channels."""
    return _workspace_names("channels", incomplete)


def complete_system(incomplete: str) -> list[str]:
    """Names of systems."""
    return _workspace_names("systems", incomplete)


WorkspaceOption = Annotated[
    Path | None,
    typer.Option("--workspace", metavar="DIR", help="The workspace; by default the nearest folder upwards.", show_default=False),
]
VarOption = Annotated[
    Path | None,
    typer.Option("--var", metavar="DIR", help="Where store and logs lie; by default var/ in the workspace.", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but the result.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")]
MappingArgument = Annotated[
    str, typer.Argument(metavar="MAPPING", help="As in npca/visit_from_adt.", autocompletion=complete_mapping)
]
ContextOption = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="FILE",
        help="What the mapping needs, as JSON; by default context.json beside it.",
        show_default=False,
    ),
]


def workspace(folder: Path | None, var: Path | None = None) -> Workspace:
    """The workspace that the options name. Raises `Fault` E110."""
    from interpres.fault import Fault
    from interpres.workspace import Workspace

    if folder is None:
        return Workspace.find(Path.cwd(), var)
    if not (folder / "channels").is_dir() or not (folder / "mappings").is_dir():
        raise Fault("E110", f"{folder} is no workspace: it lacks channels/ or mappings/", "make one with interpres init DIR")
    return Workspace(folder, var)


__all__ = [
    "ContextOption",
    "JsonOption",
    "MappingArgument",
    "QuietOption",
    "VarOption",
    "VerboseOption",
    "WorkspaceOption",
    "complete_channel",
    "complete_system",
    "talk",
    "workspace",
]
