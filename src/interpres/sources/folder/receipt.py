"""Receipts: what became of a file, for programs as JSON and for people on one page; never a value of it."""

from __future__ import annotations

import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from interpres.fault import Fault
from interpres.source import Receipt

State = Literal["accepted", "partial", "rejected", "duplicate"]

MOST_FAULTS: Final = 1000
"""How many faults a receipt names; a file with more is wrong as a whole, and each message keeps its own."""
ON_A_PAGE: Final = 40
WIDE: Final = 96

_LINE: Final = re.compile(r"line \d")
"""How a format that knows the whole file begins the source of a fault."""

_WORDS: Final[dict[State, str]] = {
    "accepted": "taken",
    "partial": "taken in part",
    "rejected": "not taken",
    "duplicate": "taken before; this copy changed nothing",
}


@dataclass(frozen=True, slots=True)
class FileReceipt:
    """What became of one file. `file` is its name as data, `received_at` ISO 8601 in UTC."""

    file: str
    sha256: str
    received_at: str
    state: State
    counts: Counter[str]
    faults: tuple[Fault, ...]
    more: int = 0

    def as_json(self) -> bytes:
        """`{file, sha256, received_at, state, processed, filtered, held, rejected, faults}` as channels.md has it."""
        facts = {
            "file": self.file,
            "sha256": self.sha256,
            "received_at": self.received_at,
            "state": self.state,
            **{state: self.counts[state] for state in ("processed", "filtered", "held", "rejected")},
            "faults": [_without_value(f) for f in self.faults],
        }
        return json.dumps(facts, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace") + b"\n"

    def as_text(self, channel: str, mend: str = "") -> bytes:
        """One page; `mend` is the name of the file that holds the rows to be mended."""
        return ("\n".join(self._lines(channel, mend)) + "\n").encode("utf-8", "backslashreplace")

    def _lines(self, channel: str, mend: str) -> Iterator[str]:
        yield _one_line(self.file)
        yield f"{_WORDS[self.state]} by channel {channel} at {self.received_at}"
        yield ""
        yield "   ".join(f"{state} {self.counts[state]}" for state in ("processed", "filtered", "held", "rejected"))
        if self.faults:
            yield ""
            yield "What is wrong:"
        for fault in self.faults[:ON_A_PAGE]:
            yield from _item(fault)
        if (left := len(self.faults) - ON_A_PAGE + self.more) > 0:
            yield f"  … and {left} more"
        if mend:
            yield ""
            where = f"The rows that were not taken are in {_one_line(mend)}, each with what is wrong with it."
            how = "Mend them there, save them under another name, and drop that file into the folder; not the whole file again."
            yield from textwrap.wrap(f"{where} {how}", WIDE)
        elif self.state == "rejected":
            yield ""
            yield "Mend the file and drop it into the folder again."
        yield ""
        yield f"sha256 {self.sha256}"


def file_receipt(file: str, sha256: str, received_at: str, receipt: Receipt, *, again: bool = False) -> FileReceipt:
    """The engine's receipt as a file's. With `again` the file was claimed before the engine ended: that it is known now only
    says that it had been stored by then."""
    counts = Counter(fate.state if fate.accepted else "rejected" for fate in receipt.fates)
    faults = [*receipt.faults, *_faults_of(receipt)]
    return FileReceipt(
        file,
        sha256,
        received_at,
        _state(receipt, counts, again),
        counts,
        tuple(faults[:MOST_FAULTS]),
        max(len(faults) - MOST_FAULTS, 0),
    )


def _faults_of(receipt: Receipt) -> Iterator[Fault]:
    """Each message's faults; of several in one file, a fault that is not placed in the file itself says in which it is."""
    for number, fate in enumerate(receipt.fates, 1):
        for fault in fate.faults:
            is_placed = len(receipt.fates) == 1 or _LINE.match(fault.source)
            yield fault if is_placed else fault.but(source=f"message {number}{': ' if fault.source else ''}{fault.source}")


def _state(receipt: Receipt, counts: Counter[str], again: bool) -> State:
    if receipt.duplicate and not again:
        return "duplicate"
    if not receipt.stored or (receipt.fates and counts["rejected"] == len(receipt.fates)):
        return "rejected"
    return "partial" if counts["rejected"] else "accepted"


def _item(fault: Fault) -> Iterator[str]:
    where = ", ".join(filter(None, (fault.source, fault.target)))
    says = f"{fault.code} {where + ': ' if where else ''}{fault.says}{' — ' + fault.hint if fault.hint else ''}"
    yield from textwrap.wrap(_one_line(says), WIDE, initial_indent="  ", subsequent_indent="    ")


def _one_line(text: str) -> str:
    """Text that stays on its line and in its direction, whatever it was made of."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _without_value(fault: Fault) -> dict[str, Any]:
    facts = fault.as_dict()
    del facts["value"]
    return facts
