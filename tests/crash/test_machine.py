"""The machine misbehaves: it stops for a while, its disk fills, its clock jumps, its descriptors run out, ten thousand call."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import shutil
import signal
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from interpres.framing import mllp_frame
from interpres.store.sqlite import SqliteStore
from interpres.store.store import Search
from tests.crash.kills.ground import Ground
from tests.crash.kills.life import Life
from tests.crash.kills.load import Crowd
from tests.crash.kills.scene import descriptors_of, memory_mib, scene, until

pytestmark = pytest.mark.slow

DAY = 86400


def test_an_engine_that_was_stopped_for_longer_than_every_timeout_goes_on(tmp_path: Path) -> None:
    """SIGSTOP and SIGCONT, as of a machine that was suspended: peers gave up, the destination was silent too long, and yet
    nothing is lost or comes twice; another engine could not take the store meanwhile."""

    async def story() -> list[str]:
        async with scene(tmp_path, limits="silent_seconds: 1, idle_seconds: 1") as play:
            await play.more()
            play.life.process.send_signal(signal.SIGSTOP)
            async with Life.begun(play.ground) as second:
                status = await asyncio.wait_for(second.process.wait(), 20)
                assert (status, "E120" in second.log.read_text()) == (3, True)
            await asyncio.sleep(2)
            play.life.process.send_signal(signal.SIGCONT)
            await play.more(20)
            await play.delivered(5)
            return await play.ended_well()

    assert asyncio.run(story()) == []


# a disk that fills


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MiB."""
    place = tmp_path / "var"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", place], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a small disk of its own needs the right to mount one (root)")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_is_a_no_that_asks_to_come_again_and_heals_by_itself(tmp_path: Path, small_disk: Path) -> None:
    async def story() -> list[str]:
        async with scene(tmp_path, crowd={"mllp": 2, "http": 1, "files": 0}) as play:
            await play.more()
            ballast = small_disk / "ballast"
            _fill(ballast)
            await _refused_for_want_of_space(play.ground)
            before = play.crowd.acknowledged
            await asyncio.sleep(0.5)
            assert play.crowd.acknowledged - before <= 4, "nothing is promised that cannot be kept"
            assert play.life.process.returncode is None
            ballast.unlink()
            assert await play.more(20) < 10
            return await play.ended_well()

    assert asyncio.run(story()) == []


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"\0" * size) == size:
                    pass


async def _refused_for_want_of_space(ground: Ground) -> None:
    """MLLP: AR with ERR-3 207 (HL7 table 0357, application internal error); HTTP: 503 with Retry-After."""
    strangers = Crowd(ground, 99, mllp=1, http=1, files=0).senders
    answers = [b"", b""]
    async with asyncio.timeout(10):
        while not (b"|AR|" in answers[0] and b"503" in answers[1]):
            answers = [await _mllp(ground, strangers[0].body("L", 1, "x" * 900)), await _post(ground)]
    assert b"\rERR|" in answers[0] and b"|207^" in answers[0]
    assert b"retry-after:" in answers[1].lower()
    file = ground.inbox / "Xp0.json"
    file.write_text(json.dumps({"lane": "Xp0", "number": 1}))
    await asyncio.sleep(1)
    claimed = list((ground.inbox / ".claimed").rglob(file.name))
    assert file.exists() or claimed, "a file that cannot be stored stays"
    file.unlink(missing_ok=True)


async def _mllp(ground: Ground, body: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", ground.mllp)
    writer.write(mllp_frame(body))
    try:
        return await reader.readuntil(b"\x1c\r")
    finally:
        writer.close()


async def _post(ground: Ground) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", ground.http)
    body = json.dumps({"lane": "Xp1", "number": 1, "name": "x" * 900}).encode()
    head = f"POST /visits HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    try:
        return await reader.readuntil(b"\r\n\r\n")
    finally:
        writer.close()


# a clock that jumps


@pytest.fixture
def clock(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """The file that says by how much the wall clock is off, and what lets an engine believe it."""
    if not (compiler := shutil.which("cc")):
        pytest.skip("a clock that jumps needs a C compiler (cc)")
    shim, off = tmp_path / "shim.so", tmp_path / "off"
    source = Path(__file__).parent / "kills" / "clock_shim.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"], check=True)
    off.write_bytes(bytes(8))
    return off, {"LD_PRELOAD": str(shim), "CLOCK_OFF": str(off)}


def test_a_clock_that_jumps_keeps_nothing_waiting(tmp_path: Path, clock: tuple[Path, dict[str, str]]) -> None:
    """A day on, then two days back: retries wait by a clock that does not jump, and order is never that of a clock."""
    off, environment = clock

    async def story() -> tuple[list[str], set[str]]:
        async with scene(tmp_path / "ground", environment=environment) as play:
            await play.more()
            play.sink.sick = 1.0
            for jump in (DAY, -DAY):
                await play.more(10)
                _set(off, jump)
            await play.more(10)
            play.sink.sick = 0.0
            assert await play.delivered(20) < 15
            return await play.ended_well(), await _days(play.ground)

    broken, days = asyncio.run(story())
    assert broken == []
    assert len(days) == 3, "the jumps were seen"


def _set(off: Path, seconds: int) -> None:
    """In place: a file that is empty for a moment would end who has it mapped."""
    with off.open("r+b", buffering=0) as file:
        file.write(struct.pack("q", seconds))


async def _days(ground: Ground) -> set[str]:
    """The days on which messages say that they were received."""
    store = SqliteStore(ground.store, read_only=True)
    await store.open()
    try:
        return {record.received_at[:10] for record in await store.find(Search(limit=10_000))}
    finally:
        await store.close()


# too many


def test_an_engine_without_free_descriptors_lives_and_serves_again(tmp_path: Path) -> None:
    async def story() -> list[str]:
        async with scene(tmp_path, crowd={"mllp": 2, "http": 1, "files": 0}, descriptors=64) as play:
            await play.more()
            held = [await asyncio.open_connection("127.0.0.1", play.ground.mllp) for _ in range(100)]
            await asyncio.sleep(1)
            assert play.life.process.returncode is None
            for _, writer in held:
                writer.transport.abort()
            assert await play.more(20) < 15
            return await play.ended_well()

    assert asyncio.run(story()) == []


IDLE = 10_000


def test_ten_thousand_idle_connections_keep_nobody_out(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < IDLE + 1000:
        pytest.skip(f"{IDLE} connections need as many descriptors (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (IDLE + 1000, hard))

    async def story() -> list[str]:
        limits = f"connections: {IDLE + 500}, silent_seconds: 3"
        async with scene(tmp_path, limits=limits, crowd={"mllp": 1, "http": 0, "files": 0}, descriptors=IDLE + 1000) as play:
            await play.more(2)
            before = descriptors_of(play.life.process.pid)
            held = []
            for _ in range(IDLE // 200):
                pairs = [asyncio.open_connection("127.0.0.1", play.ground.mllp) for _ in range(200)]
                held += await asyncio.gather(*pairs)
            assert await play.more(10) < 10, "others are served meanwhile"
            assert memory_mib(play.life.process.pid) < 300
            await until(lambda: descriptors_of(play.life.process.pid) <= before + 2)
            for _, writer in held:
                writer.transport.abort()
            return await play.ended_well()

    try:
        assert asyncio.run(story()) == []
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
