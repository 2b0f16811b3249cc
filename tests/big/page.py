"""Page: the figures of the large drills, written into docs/reliability.md between marks of their own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from tests.conftest import ROOT
from tests.crash.figures import commit, machine

PAGE: Final = ROOT / "docs" / "reliability.md"
BEGIN: Final = "<!-- big: written by python -m tests.big --write -->"
END: Final = "<!-- end of big -->"


def write(words: str, rows: Sequence[tuple[str, str, str]]) -> None:
    """Command, commit and machine, and a line for each figure: what, found, wanted."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    table = "\n".join(f"| {what} | {found} | {wanted} |" for what, found, wanted in rows)
    day = time.strftime("%Y-%m-%d", time.gmtime())
    head = (
        f"    python -m tests.big {words}\n\nCommit {commit()}, {day}; {machine()}.\n\n| what | found | wanted |\n|---|---|---|"
    )
    PAGE.write_text(f"{before}{BEGIN}\n\n{head}\n{table}\n\n{END}{after}", "utf-8")
