"""Talk: results to standard output, everything else to standard error, in colour only where a person looks."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from interpres.fault import Fault

if TYPE_CHECKING:
    from rich.table import Table

_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_ZERO_WIDTH: Final = "\u200b\u200c\u200d"
_OBEYED: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What JSON may hold bare and a terminal acts on: control characters (C1), marks of direction, separators of lines."""

_READABLE: Final = 30
"""How wide a column of prose must be, in characters."""
_ANY_WIDTH: Final = 10_000


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


def line(text: str) -> None:
    """One line of the result, as `printable`; where it is too long for a terminal, broken between words and indented."""
    shown = printable(text)
    if not for_people():
        result(shown)
        return
    indent = " " * (len(shown) - len(shown.lstrip(" ")) + 4)
    width = max(shutil.get_terminal_size().columns, 2 * len(indent) + _READABLE)
    broken = textwrap.wrap(shown, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    result("\n".join(broken))


def row(facts: Any) -> None:
    """One result as a line of JSON."""
    line = json(facts)
    sys.stdout.buffer.write((_escaped(line) if sys.stdout.isatty() else line) + b"\n")
    sys.stdout.buffer.flush()


def json(value: Any) -> bytes:
    """JSON as we write it everywhere: exact numbers, UTF-8, keys in their order."""
    return msgspec.json.Encoder(decimal_format="number").encode(value)


def say(text: str) -> None:
    """Talk and progress, unless `--quiet`."""
    if not _Manner.quiet:
        sys.stderr.write(text + "\n")


def nobody_listens() -> None:
    """The terminal is gone: what is said from now on goes nowhere, and is no error."""
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115  (until the process ends)


def detail(text: str) -> None:
    """What only `--verbose` tells."""
    if _Manner.verbose:
        sys.stderr.write(text + "\n")


def faults(found: Iterable[Fault], *, values: bool = False, prefix: str = "") -> int:
    """Every fault on its line; the exit status that follows: 3 for the environment's, 1 for faults, 0 without any."""
    status = 0
    for fault in found:
        if _Manner.as_json:
            sys.stderr.write(_escaped(json({**fault.as_dict(), "value": fault.value if values else None})).decode() + "\n")
        else:
            sys.stderr.write(printable(prefix + fault.line(values=values)) + "\n")
        if fault.level == "fault":
            status = max(status, 3 if fault.code.startswith("E") else 1)
    return status


def raw(payload: bytes) -> None:
    """A result's exact bytes."""
    sys.stdout.buffer.write(payload)
    sys.stdout.buffer.flush()


def content(payload: bytes) -> None:
    """What a message says: in a pipe its exact bytes, at a terminal line by line and as `printable` shows it."""
    if not sys.stdout.isatty():
        raw(payload)
        return
    for line in _LINE_END.split(payload.decode("utf-8", "backslashreplace").expandtabs()):
        result(printable(line))


def is_watched() -> bool:
    """Whether talk goes to a terminal: progress is told there, and fills no log."""
    return sys.stderr.isatty() and not _Manner.quiet


def for_people() -> bool:
    """Whether results go to a terminal and are laid out; in a pipe they are plain."""
    return sys.stdout.isatty() and not _Manner.as_json


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, head: int = 1) -> None:
    """Rows under their headings; in a pipe with tabs between.

    On a terminal the last column may be broken into lines and the others never are: they hold ids and places that are copied.
    Where that leaves too little, each row is a block: its first `head` cells on one line, the others below it with their names.
    """
    shown = [[printable(c) for c in cells] for cells in rows]
    if not for_people():
        for cells in shown:
            result("\t".join(cells))
        return
    if not shown:
        return
    from rich.console import Console

    console = Console(file=sys.stdout)
    made = _beside(columns, shown)
    if console.measure(made, options=console.options.update(max_width=_ANY_WIDTH)).minimum <= console.width:
        console.print(made)
        return
    for cells in shown:
        console.print("  ".join(cells[:head]), markup=False, highlight=False)
        console.print(_below(columns[head:], cells[head:]))


def _beside(columns: Sequence[str], rows: list[list[str]]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns[:-1]:
        made.add_column(name, no_wrap=True)
    made.add_column(columns[-1], min_width=_READABLE, overflow="fold")
    for cells in rows:
        made.add_row(*map(Text, cells))
    return made


def _below(names: Sequence[str], cells: Sequence[str]) -> Table:
    from rich.table import Table
    from rich.text import Text

    made = Table.grid(padding=(0, 2))
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for name, cell in zip(names, cells, strict=True):
        if cell:
            made.add_row(f"    {name:<{max(map(len, names))}}", Text(cell))
    return made


def printable(text: str) -> str:
    """The text without what would move a terminal's cursor, turn its writing or begin a new line: shown as escapes instead.

    Zero-width spaces and joiners stay: Khmer is written with them.
    """
    return "".join(c if c.isprintable() or c in _ZERO_WIDTH else c.encode("unicode_escape").decode("ascii") for c in text)


def _escaped(line: bytes) -> bytes:
    """The same JSON, in which every sign that a terminal might obey is written as its escape."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", line.decode()).encode()
