"""transforms: what there is between source and target, with examples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from interpres.cli import talk
from interpres.cli.options import JsonOption, WorkspaceOption, workspace

if TYPE_CHECKING:
    from interpres.transform import Transform


def command(
    name: Annotated[str | None, typer.Argument(help="One of them, in full.", show_default=False)] = None,
    folder: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the transforms that formulas may use, or show one with its examples.

    Example: interpres transforms date
    """
    from interpres.fault import Fault, did_you_mean

    talk.manner(as_json=as_json)
    known = _known(folder)
    if name is None:
        if as_json:
            for transform in sorted(known.values(), key=lambda t: t.name):
                talk.row(_facts(transform))
        else:
            talk.table(("name", "what it does"), ([t.name, t.about] for _, t in sorted(known.items())))
        return
    if name not in known:
        raise Fault("M105", f"no transform '{name}'", did_you_mean(name, known) or "interpres transforms lists them")
    if as_json:
        talk.row(_facts(known[name]))
    else:
        _show(known[name])


def _known(folder: Path | None) -> Mapping[str, Transform]:
    """The workspace's and the built-in ones; outside a workspace the built-in ones alone."""
    from interpres.fault import Fault
    from interpres.transform import builtins

    try:
        return workspace(folder).transforms
    except Fault:
        if folder is not None:
            raise
        return builtins()


def _facts(transform: Transform) -> dict[str, Any]:
    return {
        "name": transform.name,
        "about": transform.about,
        "takes": [_word(t) for t in transform.takes],
        "gives": _word(transform.gives),
        "examples": [{"call": e.call, "result": e.result} for e in transform.examples],
    }


def _show(transform: Transform) -> None:
    takes = ", ".join(_word(t) for t in transform.takes)
    talk.result(f"{transform.name}({takes}) → {_word(transform.gives)}")
    talk.result(f"  {transform.about}")
    for example in transform.examples:
        talk.result(f"    {example.call}\n      {example.result}")


def _word(annotation: Any) -> str:
    """The type as an analyst would say it."""
    words = {"str": "text", "Decimal": "number", "int": "number", "bool": "yes/no", "list": "list", "dict": "map", "None": "null"}
    name = getattr(annotation, "__name__", str(annotation)).split("[")[0]
    if args := [a for a in getattr(annotation, "__args__", ()) if "|" in str(annotation) or "Union" in str(annotation)]:
        return " or ".join(dict.fromkeys("null" if a is type(None) else _word(a) for a in args))
    return words.get(name, "anything")
