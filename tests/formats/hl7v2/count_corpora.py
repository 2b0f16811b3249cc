"""Counts what becomes of every HL7 message among the real inputs: `python -m tests.formats.hl7v2.count_corpora`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from interpres.fault import Fault
from interpres.formats.hl7v2 import Hl7v2
from interpres.formats.hl7v2.segments import Segments
from tests.conftest import CORPORA

ALWAYS = {".hl7", ".ndhl7"}
WHERE_IT_LOOKS_SO = {".txt", ".out"}
LOOKS_SO = re.compile(rb"(?:\A|[\r\n])(?:\xef\xbb\xbf)?[ \t\x0b]*(?:MSH|FHS|BHS)[^A-Za-z0-9\s]")


@dataclass(slots=True)
class Count:
    """What became of all messages; a refusal is (file, number of the message in it, code, what the fault says and where)."""

    files: int = 0
    messages: int = 0
    identical: int = 0
    refusals: list[tuple[str, int, str, str]] = field(default_factory=list)
    altered: list[tuple[str, int]] = field(default_factory=list)


def files(folder: Path) -> Iterator[Path]:
    """Every file that is HL7 v2 by its name, or by a line in it where the name says nothing."""
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        suffix = file.suffix.lower()
        if suffix in ALWAYS or (suffix in WHERE_IT_LOOKS_SO and LOOKS_SO.search(file.read_bytes())):
            yield file


def rebuilt(tree: Segments) -> list[str]:
    """Every line put together again from its smallest pieces: proof that nothing is lost in between, not only in `body`."""
    signs = tree.signs
    levels = (signs.field, signs.repetition, signs.component, signs.subcomponent)

    def again(text: str, depth: int) -> str:
        if depth == len(levels):
            return text
        return levels[depth].join(again(part, depth + 1) for part in text.split(levels[depth]))

    return [again(line, 0) for line in tree.lines]


def count(folder: Path) -> Count:
    """Splits, decodes and encodes everything; the slices of a file must add up to it."""
    reader, result = Hl7v2(Hl7v2.Settings()), Count()
    for file in files(folder):
        body, end = file.read_bytes(), 0
        result.files += 1
        for number, (start, stop) in enumerate(reader.split(body), 1):
            assert start == end, f"{file.name}: bytes between messages"
            end = stop
            result.messages += 1
            name = str(file.relative_to(folder))
            try:
                tree = reader.decode(body[start:stop]).tree
            except Fault as wrong:
                result.refusals.append((name, number, wrong.code, f"{wrong.says} [{wrong.source}]"))
                continue
            same = reader.encode(tree) == body[start:stop] and rebuilt(tree) == tree.lines
            result.identical += same
            if not same:
                result.altered.append((name, number))
        assert end == len(body), f"{file.name}: bytes after the last message"
    return result


def main() -> int:
    """Writes the counts and every refusal."""
    result = count(CORPORA)
    same, refused = result.identical, len(result.refusals)
    sys.stdout.write(f"{result.files} files, {result.messages} messages: {same} byte-identical, {refused} refused\n")
    for name, number, code, says in result.refusals:
        sys.stdout.write(f"  {name} #{number}: {code} {says}\n")
    for name, number in result.altered:
        sys.stdout.write(f"  ALTERED {name} #{number}\n")
    return 1 if result.altered else 0


if __name__ == "__main__":
    sys.exit(main())
