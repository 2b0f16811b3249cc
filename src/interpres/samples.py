"""Samples: an input and what must become of it, side by side in a folder; run as production runs, compared, or accepted."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from interpres.channel import Recipe
from interpres.document import MISSING
from interpres.fault import Fault
from interpres.message import Message, message_ulid
from interpres.pipeline import Opened, Result, open_message, process
from interpres.workspace import Workspace

RECEIVED_AT = "2026-01-01T00:00:00.000Z"
"""When every sample is received, unless its `context.json` says otherwise: a sample must not depend on the day it is run."""

TOLD = ("faults", "warnings", "filtered", "held")
"""What is told of a sample in a text file of that name; every other file beside it is a delivery."""

_SUFFIXES = {"application/json": "json", "text/csv": "csv", "application/xml": "xml", "text/plain": "txt"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One folder `samples/channels/<channel>/<what_happens>/`."""

    folder: Path
    channel: str

    @property
    def name(self) -> str:
        return f"{self.channel}/{self.folder.name}"

    @property
    def inputs(self) -> list[Path]:
        """The files `in.*` (or `in.1.*`, `in.2.*` …), in order of name."""
        return sorted(f for f in self.folder.glob("in.*") if f.is_file())

    @property
    def beside(self) -> dict[str, Path]:
        """The files that say what must become of it, by name."""
        return {f.name: f for f in self.folder.iterdir() if f.is_file() and not _is_given(f.name)}

    def context(self) -> dict[str, Any]:
        """`context.json`: what `enrich` would have brought, by name; empty where there is none."""
        file = self.folder / "context.json"
        found: dict[str, Any] = msgspec.json.decode(file.read_bytes()) if file.is_file() else {}
        return found


@dataclass(frozen=True, slots=True)
class Difference:
    """One file that is not what it should be: a unified diff, or one sentence for bytes that are no text."""

    file: Path
    words: str


def samples_in(workspace: Workspace, paths: list[Path] | None = None) -> Iterator[Sample]:
    """The samples below the paths (below `samples/channels` by default), in order of name."""
    root = workspace.folder / "samples" / "channels"
    wanted = [p.resolve() for p in paths or [root]]
    for folder in sorted(p for p in root.glob("*/*") if p.is_dir()):
        if any(folder == w or w in folder.parents or folder in w.parents for w in wanted):
            yield Sample(folder, folder.parent.name)


def fate(sample: Sample, recipe: Recipe) -> dict[str, bytes]:
    """What became of the sample's messages: the files that should stand beside its input, by name.

    `<destination>.<suffix>` for the first delivery, `<destination>.2.<suffix>` for the second …; `faults.txt`,
    `warnings.txt` and `filtered.txt` with a line each.
    """
    context = sample.context()
    made: dict[str, bytes] = {}
    lines: dict[str, list[str]] = {word: [] for word in TOLD}
    counts: dict[str, int] = {}
    messages = list(_messages(sample, recipe))
    for number, message in enumerate(messages, 1):
        prefix = f"message {number}: " if len(messages) > 1 else ""
        result = _result(message, recipe, context)
        lines["faults"] += [prefix + f.line() for f in result.faults]
        lines["warnings"] += [prefix + f.line() for f in result.warnings]
        if result.state in ("filtered", "held"):
            lines[result.state].append(prefix + result.reason)
        for owed in result.owed:
            if not owed.faults:
                count = counts[owed.destination] = counts.get(owed.destination, 0) + 1
                part = f".{count}" if count > 1 else ""
                suffix = _SUFFIXES.get(owed.media_type, recipe.destinations[owed.destination].format.suffix.lstrip("."))
                made[f"{owed.destination}{part}.{suffix}"] = _readable(owed.payload, owed.media_type)
    return made | {f"{k}.txt": ("\n".join(v) + "\n").encode() for k, v in lines.items() if v}


def differences(sample: Sample, made: Mapping[str, bytes]) -> Iterator[Difference]:
    """Every file beside the input that differs from what became of it, is missing, or should not be there."""
    beside = sample.beside
    for name in sorted(beside.keys() | made.keys()):
        was = beside[name].read_bytes() if name in beside else b""
        now = made.get(name, b"")
        if was != now:
            yield Difference(sample.folder / name, _in_words(name, was, now))


def accept(sample: Sample, made: Mapping[str, bytes]) -> list[Path]:
    """Make what became of the sample its expectation; the files that changed."""
    changed = [d.file for d in differences(sample, made)]
    for file in changed:
        if file.name in made:
            file.write_bytes(made[file.name])
        else:
            file.unlink()
    return changed


def _is_given(name: str) -> bool:
    return name.startswith(("in.", ".")) or name in ("context.json", "README.md")


def _messages(sample: Sample, recipe: Recipe) -> Iterator[Message]:
    sequence = 0
    for file in sample.inputs:
        for piece in recipe.format.messages(recipe.format.unpack(file.read_bytes())):
            sequence += 1
            yield Message(
                message_ulid(0, b"sample", sequence), sequence, recipe.name, RECEIVED_AT, piece, {"source_name": file.name}
            )


def _result(message: Message, recipe: Recipe, context: Mapping[str, Any]) -> Result:
    opened = open_message(message, recipe)
    missing = _unanswered(opened, context)
    if missing is not None:
        return missing
    return process(opened, recipe, context)


def _unanswered(opened: Opened, context: Mapping[str, Any]) -> Result | None:
    for question in opened.questions:
        if context.get(question.name, MISSING) is MISSING and question.when_missing != "continue":
            says = f"{question.asked} does not know what this message asks for"
            state: Any = "held" if question.when_missing == "hold" else "rejected"
            return Result(state, f"{question.name} is missing", (Fault("C143", says, "see the answer of the system"),))
    return None


def _readable(payload: bytes, media_type: str) -> bytes:
    """JSON one value a line, so that a difference can be read; other payloads as they are."""
    if media_type != "application/json":
        return payload
    return msgspec.json.format(payload, indent=2) + b"\n"


def _in_words(name: str, was: bytes, now: bytes) -> str:
    try:
        before, after = was.decode("utf-8").splitlines(), now.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        return f"{name}: {len(was)} bytes expected, {len(now)} made, not the same"
    return "\n".join(difflib.unified_diff(before, after, f"{name} (expected)", f"{name} (made)", lineterm="", n=2))


def run(workspace: Workspace, sample: Sample) -> dict[str, bytes]:
    """What becomes of one sample in this workspace. Raises `Fault` or `Faults` for what is wrong with its channel."""
    return fate(sample, workspace.recipe(sample.channel))
