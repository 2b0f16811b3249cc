"""The proof as one command: `python -m tests.crash` tries everything and says in its last line what it found."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import random
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from tests.crash import cuts, io_errors, points, teeth
from tests.crash.case import Case
from tests.crash.drawing import lived_through, prepare
from tests.crash.figures import write
from tests.crash.sums import Sum

PARTS: Final = {"points": points, "cuts": cuts}
BESIDE: Final = {"kills": "tests.crash.kills", "seeds": "tests.crash.simulation"}
"""Parts with rooms of their own, by what they count."""


def main() -> int:
    """Exit status 0 where every promise held and every proof of teeth bit, else 1."""
    asked = _asked()
    if asked.only:
        return _shown(_only(asked.only))
    began = time.monotonic()
    total = Sum()
    for word, part in _parts(asked):
        total += part
        for failure in part.failures:
            _show(failure.only, failure.sentences)
        if word:
            _say(f"{word}: {part.line}")
        if asked.write and word and not total.torn_teeth:
            write(word, part, asked)
    _say(f"seed {asked.seed}, {time.monotonic() - began:.0f} s, {total.io_errors} I/O errors, {total.teeth} teeth checks")
    return _shown(total)


def _asked() -> argparse.Namespace:
    reader = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    reader.add_argument("--points", type=int, default=10_000, help="lives ended as by SIGKILL, inside one process")
    reader.add_argument("--cuts", type=int, default=10_000, help="lives ended by a simulated power cut")
    reader.add_argument("--kills", type=int, default=500, help="SIGKILLs of the whole engine")
    reader.add_argument("--seeds", type=int, default=2_000, help="seeds of the simulation")
    reader.add_argument("--io-errors", type=int, default=10_000, help="at most so many failing reads, writes and syncs")
    reader.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="what everything is drawn from")
    reader.add_argument("--jobs", type=int, default=2, help="processes side by side")
    reader.add_argument("--only", help="replay one case that failed, by the words that were printed")
    reader.add_argument("--write", action="store_true", help="write the figures into docs/reliability.md")
    return reader.parse_args()


def _parts(asked: argparse.Namespace) -> Iterator[tuple[str, Sum]]:
    """Each part's word and sum, as it ends."""
    if asked.points or asked.cuts or asked.io_errors:
        yield "", teeth.run(asked.seed, _say)
    for word, part in PARTS.items():
        if amount := getattr(asked, word):
            yield word, part.run(amount, asked.seed, asked.jobs, _say)
    if asked.io_errors:
        yield "io_errors", io_errors.run(asked.io_errors, asked.seed, asked.jobs, _say)
    for word, name in BESIDE.items():
        amount = getattr(asked, word)
        if amount and (run := _run_of(name)):
            yield word, run(amount, asked.seed, asked.jobs)


def _run_of(name: str) -> Callable[..., Any] | None:
    if importlib.util.find_spec(name) is None:
        return None
    run: Callable[..., Any] | None = getattr(importlib.import_module(name), "run", None)
    return run


def _only(words: str) -> Sum:
    """One case again."""
    way = words.partition(":")[0]
    if way in PARTS:
        prepare()
        return lived_through(Case.of(words))
    if way == "io_errors":
        return io_errors.only(words)
    replayed: Sum = importlib.import_module(BESIDE[way]).only(words)
    return replayed


def _shown(total: Sum) -> int:
    if total.torn_teeth:
        _say(f"{total.torn_teeth} harms that were done on purpose were not noticed: the rest proves nothing")
    _say(total.line)
    return 0 if total.clean else 1


def _show(only: str, sentences: tuple[str, ...]) -> None:
    _say(f"FAILED: python -m tests.crash --only '{only}'")
    for sentence in sentences[:10]:
        _say(f"  {sentence}")


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
