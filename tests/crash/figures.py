"""Figures: what a run found, written into docs/reliability.md with all that is needed to run it again."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from typing import Any, Final

import apsw

from tests.conftest import ROOT
from tests.crash.sums import Sum

PAGE: Final = ROOT / "docs" / "reliability.md"
BEGIN: Final = "<!-- figures: written by python -m tests.crash --write -->"
END: Final = "<!-- end of figures -->"
FACTS: Final = "<!-- facts: "


NAMES: Final = {
    "points": "ends as by SIGKILL, inside one process",
    "cuts": "power cuts",
    "io_errors": "failed operations of the disk",
    "kills": "SIGKILLs of the whole engine",
    "seeds": "seeds of the simulation",
}
"""Parts of the proof as the page names them."""


def write(word: str, part: Sum, asked: Namespace) -> None:
    """Between the marks of the page: this part's figures, beside those of the others as they were last found."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    held, _, after = rest.partition(END)
    known = _known(held)
    known[word] = {
        "amount": getattr(part, word),
        "acknowledged": part.acknowledged,
        "broken": len(part.failures),
        "command": f"--{word.replace('_', '-')} {getattr(asked, word)} --seed {asked.seed}",
        "commit": commit(),
        "on": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    table = "\n".join(lines({name: known[name] for name in NAMES if name in known}))
    PAGE.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", "utf-8")


def _known(held: str) -> dict[str, dict[str, Any]]:
    """What the page held: a comment of JSON behind the table."""
    text = held.partition(FACTS)[2].partition(" -->")[0]
    known: dict[str, dict[str, Any]] = json.loads(text) if text else {}
    return known


def lines(known: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Each figure with its bound, and with the command, seed and commit that it came from; then their sum."""
    yield ""
    yield f"{machine()}."
    yield ""
    bounds = "with 95 % confidence, fewer than one in"
    yield f"| tried | how often | acknowledged messages | broken promises | {bounds} | python -m tests.crash … | commit, date |"
    yield "|---|---|---|---|---|---|---|"
    for word, found in known.items():
        clean = bound(found["amount"]) if not found["broken"] else "–"
        amounts = f"{found['amount']:,} | {found['acknowledged']:,} | {found['broken']}"
        yield f"| {NAMES[word]} | {amounts} | {clean} | `{found['command']}` | {found['commit']}, {found['on']} |"
    acknowledged = sum(found["acknowledged"] for found in known.values())
    broken = sum(found["broken"] for found in known.values())
    yield f"| all together |  | {acknowledged:,} | {broken} | {bound(acknowledged) if not broken else '–'} |  |  |"
    yield ""
    yield "Each run begins with the teeth: harm done on purpose that has to be noticed, else it fails and writes nothing."
    yield ""
    yield f"{FACTS}{json.dumps(known)} -->"
    yield ""


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
