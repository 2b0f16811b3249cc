"""sandbox: a system, simulated, until it is stopped."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from interpres.cli import talk
from interpres.cli.options import QuietOption, VarOption, WorkspaceOption, workspace


def names() -> list[str]:
    """The systems that can be simulated."""
    from interpres import catalog

    return list(catalog.names("sandboxes"))


def command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The system, as in npca.", autocompletion=names)],
    port: Annotated[int, typer.Option("--port", help="Where to listen on 127.0.0.1; 0 takes a free port.")] = 0,
    trouble: Annotated[
        str, typer.Option("--trouble", metavar="LIST", help="Kinds of trouble with their rates, as in slow:0.2,500:0.1.")
    ] = "",
    seed: Annotated[int, typer.Option("--seed", help="The same seed brings the same trouble.")] = 0,
    token_seconds: Annotated[
        int | None, typer.Option("--token-seconds", help="How long a token lasts.", show_default=False)
    ] = None,
    state: Annotated[
        Path | None, typer.Option("--state", metavar="FILE", help="Where it keeps what it received.", show_default=False)
    ] = None,
    folder: WorkspaceOption = None,
    var: VarOption = None,
    quiet: QuietOption = False,
) -> None:
    """Simulate a system by a real HTTP server on this machine, and tell the environment that leads to it.

    Example: interpres sandbox npca --trouble slow:0.2,500:0.1
    """
    from interpres import catalog
    from interpres.sandbox import start
    from interpres.settings import model_from_values

    talk.manner(quiet=quiet)
    here = workspace(folder, var)
    part = catalog.part("sandboxes", name)
    kept = state or here.var / "sandboxes" / f"{name}.sqlite"
    kept.parent.mkdir(parents=True, exist_ok=True)
    asked = {"port": port, "trouble": trouble, "trouble_seed": seed, "state": str(kept), "token_seconds": token_seconds}
    settings = model_from_values({k: v for k, v in asked.items() if v is not None}, part.Settings)
    with start(part(settings, here.folder / "schemas")) as running:
        talk.say(f"{name} is simulated at {running.base_url} until you press Ctrl-C; it keeps its state in {kept}")
        for variable, value in running.environment.items():
            talk.result(f"{variable}={value}")
        _until_stopped()


def _until_stopped() -> None:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    while not stopped.wait(1.0):
        pass
