"""The short form of what `make big` measures: the same drills over 2,000 messages."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.big import backlog, replaying
from tests.big.filling import JSON, message, payload

pytestmark = pytest.mark.slow

MESSAGES = 2000
LANES = 200


def test_messages_have_the_size_of_real_ones() -> None:
    assert 1400 < len(message(1, "P000001")) < 2000
    assert JSON.decode(payload(1, "P000001")).tree["lane"] == "P000001"


def test_a_backlog_takes_little_memory_and_is_soon_delivered(tmp_path: Path) -> None:
    figures = asyncio.run(backlog.measured(tmp_path, MESSAGES, LANES, watched_seconds=1, kills=1))
    assert figures.messages == MESSAGES
    assert figures.most_mib < 200
    assert figures.grown_mib < 30
    assert figures.answered_meanwhile > backlog.WARM
    assert figures.first_delivery_seconds < 20
    assert figures.delivered_a_second > 5


def test_a_replay_is_compared_first_and_reaches_everybody_once(tmp_path: Path) -> None:
    today, candidate, replay = asyncio.run(replaying.measured(tmp_path, MESSAGES, LANES, kills=2))
    assert today.differing == {}
    assert list(candidate.differing.values()) == [MESSAGES]
    assert "ward" in next(iter(candidate.differing))
    assert replay.broken == ()
    assert replay.effects == {1: MESSAGES}
    assert replay.states == {("", "processed"): MESSAGES, ("sink", "delivered"): 2 * MESSAGES}
