"""Kills: the whole engine, a real process under load, is ended by SIGKILL; `run` is what `python -m tests.crash` calls."""

from __future__ import annotations

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

from tests.crash.kills.campaign import campaign
from tests.crash.sums import Sum

KILLS_EACH: Final = 25
"""How often one workspace's engine is killed before its store is looked through."""


def run(amount: int, seed: int, jobs: int) -> Sum:
    """So many kills, in campaigns side by side; the same seeds draw the same deaths."""
    shares = [min(KILLS_EACH, amount - done) for done in range(0, amount, KILLS_EACH)]
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        return sum(pool.map(one, shares, range(seed, seed + len(shares))), Sum())


def one(kills: int, seed: int) -> Sum:
    """One campaign."""
    return asyncio.run(campaign(kills, seed))


def only(words: str) -> Sum:
    """The campaign `kills:SEED:KILLS` again: the same deaths and load, as far as two runs of real processes are the same."""
    _, seed, kills = words.split(":")
    return one(int(kills), int(seed))
