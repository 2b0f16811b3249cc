"""The whole engine is killed at random under MLLP, folder and HTTP load: every yes is kept, once, and in order."""

from __future__ import annotations

import shutil

import pytest

from tests.crash.kills import one

SEED = 20261104
KILLS = 5


@pytest.mark.slow
def test_nothing_that_was_answered_yes_is_lost_or_had_two_effects() -> None:
    if not shutil.which("strace"):
        pytest.skip("strace, which kills in the middle of a system call, is not here")
    found = one(KILLS, SEED)
    assert found.failures == ()
    assert found.kills == KILLS
    assert found.acknowledged > KILLS
