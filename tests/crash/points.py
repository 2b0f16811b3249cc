"""Points: an engine ends at a step as SIGKILL would end it; what it wrote before is there, what it held in memory is gone."""

from __future__ import annotations

from tests.crash.drawing import Told
from tests.crash.drawing import run as run_way
from tests.crash.sums import Sum


def run(amount: int, seed: int, jobs: int, tell: Told = lambda sentence: None) -> Sum:
    """So many points, at least."""
    return run_way("points", amount, seed, jobs, tell)
