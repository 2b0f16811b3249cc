"""explain: where every value of an output came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from interpres.cli import talk
from interpres.cli.options import ContextOption, JsonOption, MappingArgument, QuietOption, WorkspaceOption, workspace

if TYPE_CHECKING:
    from interpres.cli.given import Given

COLUMNS = ("target", "value", "source", "text", "at", "formula")


def command(
    mapping: MappingArgument,
    file: Annotated[str, typer.Argument(metavar="FILE", help="What to map; - is standard input.")],
    only: Annotated[
        str | None, typer.Option("--only", metavar="PATH", help="Only this part of the output, as in visits[0].patient.")
    ] = None,
    context: ContextOption = None,
    folder: WorkspaceOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show where every value of the output came from: source path, its text, the formula, the table row, file and line.

    Example: interpres explain npca/visit_from_adt samples/channels/adt_to_npca/outpatient_complete/in.hl7
    """
    from interpres.cli.given import given_messages

    talk.manner(quiet=quiet, as_json=as_json)
    loaded = workspace(folder).mapping(mapping)
    status = 0
    rows: list[dict[str, Any]] = []
    for given in given_messages([file], context, loaded):
        status = max(status, _explained(given, loaded, only, rows))
    show_rows(rows, as_json)
    if only is not None and not rows:
        talk.say(f"nothing was made at {only}; without --only every place is shown")
    raise typer.Exit(status)


def _explained(given: Given, loaded: Any, only: str | None, rows: list[dict[str, Any]]) -> int:
    found = [*given.faults]
    if given.document is not None:
        explained = loaded.compiled.explain(given.document, given.context)
        found += [*explained.made.warnings, *explained.made.faults]
        rows += [leaf.as_dict() for leaf in explained.leaves if only is None or _within(leaf.target, only)]
    return talk.faults(found, values=True, prefix=f"{given.name}: ")


def _within(target: str, only: str) -> bool:
    return target == only or (target.startswith(only) and target[len(only)] in ".[")


def show_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    """A table for people, a row a line for programs."""
    if as_json or not talk.for_people():
        for facts in rows:
            talk.row(facts)
        return
    talk.table(COLUMNS, [[_cell(facts[c]) for c in COLUMNS[:-1]] + [_formula(facts)] for facts in rows])


def _formula(facts: dict[str, Any]) -> str:
    """The formula, and the rows of the code table that it came by."""
    row = _cell(facts["row"])
    return f"{facts['formula']} (row {row} of {_cell(facts['table'])})" if row else str(facts["formula"])


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " · ".join(map(_cell, value))
    return "" if value is None else str(value)
