"""Replays one seed, every line of it, or runs some: `python -m tests.crash.simulation SEED [AMOUNT [JOBS]]`."""

from __future__ import annotations

import sys

from tests.crash.simulation import report, run, run_seed, say


def main(seed: int, amount: int = 1, jobs: int = 1) -> int:
    """1 where a promise was broken."""
    if amount > 1:
        total = run(amount, seed, jobs)
        say(total.line)
        return int(not total.clean)
    ran = run_seed(seed, every_line=True)
    say("\n".join(ran.lines))
    say(f"profile: {ran.profile}")
    say(f"{ran.acknowledged} acknowledged, {ran.crashes} crashes, {ran.cuts} cuts, {ran.seconds:.0f} s; trace {ran.hash}")
    if ran.broken:
        say(report(ran))
    return int(bool(ran.broken))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
