"""Cabinet: where a file goes once its fate is known, with its receipt, and with the rows that are to be mended."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from interpres.fault import Fault
from interpres.filing import make_folders, sync_folder, write_whole
from interpres.naming import within_limits
from interpres.sources.folder.claim import Claim
from interpres.sources.folder.inbox import Inbox
from interpres.sources.folder.receipt import FileReceipt


class Cabinet:
    """`done/` and `rejected/` under the watched folder. A name that is taken there gets a number: nothing is ever replaced."""

    def __init__(self, inbox: Inbox, channel: str) -> None:
        self._inbox = inbox
        self._root = inbox.root
        self._channel = channel

    def file(self, claim: Claim, receipt: FileReceipt, rows: bytes) -> None:
        """Receipts first, then the file itself, so that a file that was filed always has them. Raises OSError; may be repeated.

        `rows` is what is to be mended and dropped again, where there is such a thing: it lies in `rejected/` in any case.
        """
        kept = receipt.state in ("accepted", "duplicate") or (receipt.state == "partial" and bool(rows))
        folder = self._root / ("done" if kept else "rejected")
        name = self._free_name(claim.name, rows)
        mend = f"rejected/{cut(name)}.rejected.csv" if rows else ""
        self._write_receipts(folder, name, receipt, mend)
        place = folder / name
        make_folders(place.parent)
        os.rename(claim.place, place)
        sync_folder(place.parent)
        self._inbox.release(claim)

    def tell(self, name: str, receipt: FileReceipt) -> None:
        """A receipt in `rejected/` for what is left where it is. Raises OSError."""
        self._write_receipts(self._root / "rejected", name, receipt, "")

    def _write_receipts(self, folder: Path, name: str, receipt: FileReceipt, mend: str) -> None:
        write_whole(folder, f"{cut(name)}.receipt.json", receipt.as_json(), "replace")
        write_whole(folder, f"{cut(name)}.receipt.txt", receipt.as_text(self._channel, mend), "replace")

    def _free_name(self, name: str, rows: bytes) -> str:
        """The name, or the first numbered one that is free for all that belongs to it; its rows are written by then."""
        for number in itertools.count(1):
            tried = name if number == 1 else numbered(name, number)
            if any(os.path.lexists(self._root / folder / tried) for folder in ("done", "rejected")):
                continue
            try:
                if rows:
                    write_whole(self._root / "rejected", f"{cut(tried)}.rejected.csv", rows, "refuse")
            except Fault as wrong:
                if wrong.code != "N253":
                    raise
                continue
            return tried
        raise AssertionError("numbers do not end")


def numbered(name: str, number: int) -> str:
    """`visits.2.csv`; a name too long for it is cut."""
    stem, suffix = os.path.splitext(cut(name))
    return f"{stem}.{number}{suffix}"


def cut(name: str) -> str:
    """The name, short enough that an ending can follow; the folders above it stay."""
    above, slash, last = name.rpartition("/")
    return above + slash + within_limits(last)
