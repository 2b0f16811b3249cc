"""The door: finds the verb's file, runs it, and turns what went wrong into sentences and an exit status."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Iterable
from typing import Any

import typer

import interpres.cli
from interpres import __version__
from interpres.cli import talk
from interpres.fault import Fault, Faults

USAGE: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
"""What typer raises for wrong usage: the base of its public errors has no public name of its own."""

NOT_VERBS = {"main", "options", "talk", "given", "stored", "live", "acting", "then", "deciding", "story"}


def verbs() -> list[str]:
    """The verbs that there are: the files of this folder."""
    return sorted(m.name for m in pkgutil.iter_modules(interpres.cli.__path__) if m.name not in NOT_VERBS)


def app(wanted: Iterable[str]) -> typer.Typer:
    """The command line with these verbs only: what is not asked for is not imported."""
    made = typer.Typer(
        name="interpres",
        help="Carries and translates messages between health systems. Begin with: interpres demo",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
    )

    def about(version: bool = typer.Option(False, "--version", help="Print the version and stop.")) -> None:
        if version:
            talk.result(f"interpres {__version__}")
            raise typer.Exit

    made.callback(invoke_without_command=True)(about)
    for verb in wanted:
        found = importlib.import_module(f"interpres.cli.{verb}")
        if hasattr(found, "group"):
            made.add_typer(found.group, name=verb)
        else:
            made.command(verb)(found.command)
    return made


def main() -> None:
    """Run the command line; the exit status is 0 fine, 1 faults, 2 wrong usage, 3 the environment, 130 interrupted."""
    asked = next((a for a in sys.argv[1:] if not a.startswith("-")), None)
    known = verbs()
    completing = any(name.endswith("_COMPLETE") for name in os.environ)
    wanted = [asked] if asked in known and not completing else known
    sys.exit(_status(app(wanted)))


def _status(application: typer.Typer) -> int:
    try:
        code = application(standalone_mode=False)
        return code if isinstance(code, int) else 0
    except (Fault, Faults) as wrong:
        return talk.faults(wrong.faults if isinstance(wrong, Faults) else [wrong])
    except USAGE as wrong:
        wrong.show()
        return 2
    except (KeyboardInterrupt, typer.Abort):
        talk.say("interrupted")
        return 130
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  (the reader went away; nothing is left to tell)
        return 0
    except OSError as wrong:
        says = f"the system refused: {wrong.strerror or type(wrong).__name__}"
        return talk.faults([Fault("E100", says, str(wrong.filename or ""))])
