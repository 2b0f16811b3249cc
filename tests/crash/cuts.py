"""Cuts: the power goes at a step; what was written and not yet synced is undone at random, sector by sector and name by name."""

from __future__ import annotations

from tests.crash.drawing import Told
from tests.crash.drawing import run as run_way
from tests.crash.sums import Sum


def run(amount: int, seed: int, jobs: int, tell: Told = lambda sentence: None) -> Sum:
    """So many cuts, at least."""
    return run_way("cuts", amount, seed, jobs, tell)
