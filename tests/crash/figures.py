"""Figures: what a run found, written into docs/reliability.md with all that is needed to run it again."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from argparse import Namespace
from collections.abc import Iterator
from typing import Final

import apsw

from tests.conftest import ROOT
from tests.crash.sums import Sum

PAGE: Final = ROOT / "docs" / "reliability.md"
BEGIN: Final = "<!-- figures: written by python -m tests.crash --write -->"
END: Final = "<!-- end of figures -->"


def write(total: Sum, asked: Namespace) -> None:
    """Between the marks of the page."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    table = "\n".join(lines(total, asked))
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", "utf-8")


def lines(total: Sum, asked: Namespace) -> Iterator[str]:
    """Command, seed, commit, machine and versions; then each figure with its bound."""
    words = " ".join(f"--{word} {getattr(asked, word)}" for word in ("points", "cuts", "kills", "seeds", "seed"))
    yield ""
    yield f"    python -m tests.crash {words}"
    yield f"    {total.line}"
    yield ""
    yield f"Commit {commit()}, {time.strftime('%Y-%m-%d', time.gmtime())}; {machine()}."
    yield ""
    yield "| tried | how often | broken promises | with 95 % confidence, fewer than one in |"
    yield "|---|---|---|---|"
    for what, amount in _tried(total):
        yield f"| {what} | {amount:,} | {len(total.failures)} | {bound(amount) if not total.failures else '–'} |"
    yield ""
    yield f"Harm done on purpose: {total.teeth - total.torn_teeth} of {total.teeth} kinds were noticed."
    yield ""


def _tried(total: Sum) -> Iterator[tuple[str, int]]:
    named = {
        "ends as by SIGKILL, inside one process": total.points,
        "power cuts": total.cuts,
        "SIGKILLs of the whole engine": total.kills,
        "seeds of the simulation": total.seeds,
        "failed operations of the disk": total.io_errors,
        "acknowledged messages in all of them": total.acknowledged,
    }
    return ((what, amount) for what, amount in named.items() if amount)


def bound(clean: int) -> str:
    """Of so many tries without a failure: the rule of three (at 95 %, the rate is below 3/n)."""
    return f"{clean // 3:,}" if clean >= 3 else "–"


def commit() -> str:
    asked = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return asked.stdout.strip() or "unknown"


def machine() -> str:
    """Its class only."""
    python = platform.python_version()
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {python}, SQLite {apsw.sqlite_lib_version()}"
    )
