"""Pages: what a how-to page tells its reader to type, so that a test can type it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

_BLOCK = re.compile(r"^( *)```sh\n(.*?)^\1```", re.DOTALL | re.MULTILINE)


def typed(page: str) -> list[str]:
    """The lines of the page's shell blocks, in order."""
    text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text("utf-8")
    return [line.strip() for _, block in _BLOCK.findall(text) for line in block.splitlines() if line.strip()]


def interpres(place: Path, line: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Type one line of a page, which begins with `interpres`, in that workspace."""
    import shlex

    word, *words = shlex.split(line)
    assert word == "interpres"
    command = [sys.executable, "-m", "interpres", *words, *more]
    return subprocess.run(command, cwd=place, capture_output=True, timeout=120, check=False, text=True)
