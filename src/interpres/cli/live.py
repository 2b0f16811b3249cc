"""Live: a table that grows while something runs; in a pipe, a line when something has come to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from interpres.cli import talk

if TYPE_CHECKING:
    from interpres.playing import Played

MARKS = {"delivered": "green", "filtered": "cyan", "rejected": "yellow", "refused": "red", "held": "magenta"}
BY = {"mllp": "MLLP", "http": "HTTP", "folder": "file"}


class Board:
    """What became of each file that was sent: the latest that fit while it runs, all of them at the end.

    `reference` names what a destination answered.
    """

    def __init__(self, title: str, reference: Callable[[Any], str], *, quiet: bool = False) -> None:
        self.title = title
        self.reference = reference
        self.quiet = quiet
        self.console = Console(stderr=True)
        self._live = Live(console=self.console, refresh_per_second=8, transient=True, vertical_overflow="crop")
        self._told: set[str] = set()
        self._last: list[Played] = []

    def __enter__(self) -> Board:
        if self.console.is_terminal and not self.quiet:
            self._live.__enter__()
        else:
            talk.say(self.title)
        return self

    def __exit__(self, *error: Any) -> None:
        if self.console.is_terminal and not self.quiet:
            self._live.__exit__(*error)
            self.console.print(Group(Text(self.title, style="bold"), self._table(self._last)))

    def show(self, played: list[Played]) -> None:
        """Show what became of these by now."""
        if self.quiet:
            return
        if self.console.is_terminal:
            self._last = played
            ends = Counter(word for one in played for word, number in one.fates.items() for _ in range(number))
            line = Text("   ").join(
                Text(f"{number} {word}", style=MARKS.get(word, "dim")) for word, number in sorted(ends.items())
            )
            fitting = played[-max(3, (self.console.height - 6) // 3) :]
            self._live.update(Group(Text(self.title, style="bold"), line, self._table(fitting)))
            return
        for one in played:
            if one.met and one.sample.name + one.file.name not in self._told:
                self._told.add(one.sample.name + one.file.name)
                talk.say(f"{BY.get(one.by, one.by):5} {one.sample.name}: {', '.join(t.plain for t in self._fates(one))}")

    def _table(self, played: list[Played]) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading in ("by", "channel", "what happens", "answer", "what became of it"):
            table.add_column(heading, overflow="fold")
        for one in played:
            what = one.sample.folder.name.replace("_", " ")
            fates = Text(", ").join(self._fates(one)) if one.found else Text("…", style="dim")
            table.add_row(BY.get(one.by, one.by), one.sample.channel, what, one.answer, fates)
        return table

    def _fates(self, one: Played) -> list[Text]:
        """One short text for each end that its messages came to."""
        told: list[Text] = []
        for sequence, message in sorted(one.found.items()):
            if message.state != "processed":
                told.append(Text(f"{message.state}: {self._why(message)}", style=MARKS.get(message.state, "")))
            for d in one.deliveries.get(sequence, ()):
                named = self.reference(d.answer) if d.answer is not None else ""
                told.append(Text(f"{d.state} {named}".strip(), style=MARKS.get(d.state, "dim")))
        return told

    @staticmethod
    def _why(message: Any) -> str:
        """The first fault's place and sentence, else the reason."""
        if not message.faults:
            return str(message.reason)
        fault = message.faults[0]
        more = f" (+{len(message.faults) - 1} more)" if len(message.faults) > 1 else ""
        return f"{fault.target or fault.source or fault.code}: {fault.says}{more}"
