"""The line to a destination fails: deaf in one direction, cut, refused at once; healed, all goes on, and nothing acts twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.crash.kills.scene import Scene, scene
from tests.crash.kills.sink import Sink
from tests.crash.kills.wire import NoNamespaceError, Wire, wire

pytestmark = pytest.mark.slow

RESUMES_SECONDS = 30.0
FAILS_SECONDS = 1.5
"""Longer than the engine waits for an answer."""


@pytest.fixture
def line() -> Iterator[Wire]:
    made = wire()
    try:
        line = made.__enter__()
    except NoNamespaceError as missing:
        pytest.skip(str(missing))
    try:
        yield line
    finally:
        made.__exit__(None, None, None)


def test_a_line_that_fails_and_heals_loses_nothing_and_doubles_nothing(tmp_path: Path, line: Wire) -> None:
    async def story() -> tuple[list[str], Sink]:
        sink = Sink()
        async with sink.serving(sock=line.listening()) as url:
            crowd = {"mllp": 0, "http": 0, "files": 4}
            async with scene(tmp_path, sink=sink, sink_url=url, crowd=crowd, inside=line.inside) as play:
                await play.delivered()
                for failing in (line.one_way, line.cut, line.refused):
                    await _fails(play, failing())
                assert await play.delivered(20, RESUMES_SECONDS) < RESUMES_SECONDS
                return await play.ended_well(), sink

    broken, sink = asyncio.run(story())
    assert broken == []
    assert len(sink.arrivals) > len({key for key, _ in sink.arrivals}), "some came twice on the wire: their answers were lost"


async def _fails(play: Scene, failure: AbstractContextManager[None]) -> None:
    """Nothing gets through beyond what was under way, and what arrives meanwhile is kept."""
    with failure:
        await asyncio.sleep(0.2)
        before = len({key for key, _ in play.sink.arrivals})
        await play.more(10)
        await asyncio.sleep(FAILS_SECONDS)
        assert len({key for key, _ in play.sink.arrivals}) - before <= 70
