"""Talk: results to standard output, everything else to standard error, in colour only where a person looks."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import msgspec

from interpres.fault import Fault


class _Manner:
    """How this run talks: set once by the verb's options."""

    quiet = False
    verbose = False
    as_json = False


def manner(*, quiet: bool = False, verbose: bool = False, as_json: bool = False) -> None:
    """Settle how much is said, and whether results are JSON Lines."""
    _Manner.quiet, _Manner.verbose, _Manner.as_json = quiet, verbose, as_json


def as_json() -> bool:
    """Whether results are to be JSON Lines."""
    return _Manner.as_json


def result(text: str) -> None:
    """One line (or block) of the result."""
    sys.stdout.write(text + "\n")


def row(facts: Any) -> None:
    """One result as a line of JSON."""
    sys.stdout.buffer.write(json(facts) + b"\n")
    sys.stdout.buffer.flush()


def json(value: Any) -> bytes:
    """JSON as we write it everywhere: exact numbers, UTF-8, keys in their order."""
    return msgspec.json.Encoder(decimal_format="number").encode(value)


def say(text: str) -> None:
    """Talk and progress, unless `--quiet`."""
    if not _Manner.quiet:
        sys.stderr.write(text + "\n")


def detail(text: str) -> None:
    """What only `--verbose` tells."""
    if _Manner.verbose:
        sys.stderr.write(text + "\n")


def faults(found: Iterable[Fault], *, values: bool = False, prefix: str = "") -> int:
    """Every fault on its line; the exit status that follows: 3 for the environment's, 1 for faults, 0 without any."""
    status = 0
    for fault in found:
        if _Manner.as_json:
            sys.stderr.write(json({**fault.as_dict(), "value": fault.value if values else None}).decode() + "\n")
        else:
            sys.stderr.write(prefix + fault.line(values=values) + "\n")
        if fault.level == "fault":
            status = max(status, 3 if fault.code.startswith("E") else 1)
    return status


def raw(payload: bytes) -> None:
    """A result's exact bytes."""
    sys.stdout.buffer.write(payload)
    sys.stdout.buffer.flush()


def for_people() -> bool:
    """Whether results go to a terminal and are laid out; in a pipe they are plain."""
    return sys.stdout.isatty() and not _Manner.as_json


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """Rows under their headings; on a terminal as a table that fits it, in a pipe with tabs between."""
    if not for_people():
        for cells in rows:
            result("\t".join(cells))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for cells in rows:
        made.add_row(*(Text(printable(c)) for c in cells))
    Console().print(made)


def printable(text: str) -> str:
    """The text without what would move a terminal's cursor or begin a new line: shown as escapes instead."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
