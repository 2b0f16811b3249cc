"""The large drills as one command: `python -m tests.big` fills, kills and measures, and says whether each figure is well."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.big import backlog, replaying
from tests.big.page import write

FIRST_DELIVERY_SECONDS: Final = 5.0
MEMORY_MIB: Final = 300.0
FLAT_MIB: Final = 15.0


@dataclass(frozen=True)
class Row:
    """A figure, what it should be, and whether it is."""

    what: str
    found: str
    wanted: str
    holds: bool


def main() -> int:
    """Exit status 0 where every figure is what it should be, else 1."""
    reader = argparse.ArgumentParser(prog="python -m tests.big", description=__doc__)
    reader.add_argument("--messages", type=int, default=1_000_000, help="how many wait for a dead destination")
    reader.add_argument("--lanes", type=int, default=100_000, help="in how many lanes")
    reader.add_argument("--replayed", type=int, default=100_000, help="how many are compared and replayed")
    reader.add_argument("--kills", type=int, default=10, help="how often the engine is killed during the replay")
    reader.add_argument("--watched-seconds", type=float, default=300.0, help="how long memory is watched under load")
    reader.add_argument("--folder", type=Path, help="where there is room for 3 GB; by default the folder for temporary files")
    reader.add_argument("--write", action="store_true", help="write the figures into docs/reliability.md")
    asked = reader.parse_args()
    rows = []
    for row in _rows(asked):
        sys.stdout.write(f"{'yes' if row.holds else 'NO '} {row.what}: {row.found} (wanted: {row.wanted})\n")
        sys.stdout.flush()
        rows.append(row)
    if asked.write:
        words = f"--messages {asked.messages} --lanes {asked.lanes} --replayed {asked.replayed} --kills {asked.kills}"
        write(words, [(row.what, row.found, row.wanted) for row in rows])
    return 0 if all(row.holds for row in rows) else 1


def _rows(asked: argparse.Namespace) -> Iterator[Row]:
    if asked.messages:
        with tempfile.TemporaryDirectory(prefix="interpres-big-", dir=asked.folder) as folder:
            watched = asked.watched_seconds
            yield from _of_a_backlog(
                asyncio.run(backlog.measured(Path(folder), asked.messages, asked.lanes, watched_seconds=watched))
            )
    if asked.replayed:
        with tempfile.TemporaryDirectory(prefix="interpres-big-", dir=asked.folder) as folder:
            lanes = max(1, asked.replayed // 10)
            yield from _of_a_replay(*asyncio.run(replaying.measured(Path(folder), asked.replayed, lanes, asked.kills)))


def _of_a_backlog(f: backlog.Figures) -> Iterator[Row]:
    where = f"{f.messages:,} waiting in {f.lanes:,} lanes"
    yield Row(
        f"from the start of a process after SIGKILL to its first delivery, the worst of several, {where}",
        f"{f.first_delivery_seconds:.1f} s",
        f"at most {FIRST_DELIVERY_SECONDS:g} s",
        f.first_delivery_seconds <= FIRST_DELIVERY_SECONDS,
    )
    yield Row(
        f"most memory of the process, {where}", f"{f.most_mib:.0f} MiB", f"at most {MEMORY_MIB:g}", f.most_mib <= MEMORY_MIB
    )
    flat = f"memory above what it was after the first {backlog.WARM} answers, {f.answered_meanwhile:,} messages later"
    yield Row(flat, f"{f.grown_mib:.0f} MiB", f"at most {FLAT_MIB:g}", f.grown_mib <= FLAT_MIB)


def _of_a_replay(today: replaying.Compared, candidate: replaying.Compared, replay: replaying.Replayed) -> Iterator[Row]:
    n = today.messages
    yield Row(
        f"messages of {n:,} that today's mapping makes otherwise", str(sum(today.differing.values())), "0", not today.differing
    )
    found = ", ".join(f"{kind}: {count:,}" for kind, count in candidate.differing.items())
    yield Row("and a candidate that changes one field", found, f"{n:,}", list(candidate.differing.values()) == [n])
    yield Row(
        "memory of the comparison", f"{candidate.most_mib:.0f} MiB", f"at most {MEMORY_MIB:g}", candidate.most_mib <= MEMORY_MIB
    )
    told = f"how often it said how far it was, in {candidate.seconds:.0f} s"
    yield Row(told, str(candidate.progress_told), "at least once", candidate.progress_told > 0)
    once = f"messages of {n:,} that the destination acted on once, the engine killed {replay.kills} times during the replay"
    yield Row(once, f"{replay.effects.get(1, 0):,}", f"{n:,}", replay.effects == {1: n} and not replay.broken)


if __name__ == "__main__":
    sys.exit(main())
