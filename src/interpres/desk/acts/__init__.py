"""Acts: what an operator can do, one file each; the folder is the registry.

A file has `Asked` (its arguments), `REACH` and the coroutine `act(desk, asked)`, which gives what `--json` prints and raises
`Fault` or `Faults` for what cannot be done. `REACH` says how far it goes: `reads` looks at the store alone, beside an engine or
without one; `asks` is answered by the engine where one runs; `changes` is done by the engine or, where none runs, under the
store's lock; `engine` takes a running one, and `ONLY` says for what.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any

from interpres.fault import Fault, did_you_mean


@cache
def names() -> tuple[str, ...]:
    """The words of all acts."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(__path__)))


def named(word: str) -> Any:
    """The act's module, imported now and not before. Raises `Fault` N330 where there is none of that name."""
    if word not in names():
        hint = did_you_mean(word, names()) or f"there are {', '.join(names())}"
        raise Fault("N330", "the engine knows no such act", hint)
    return importlib.import_module(f"interpres.desk.acts.{word}")
