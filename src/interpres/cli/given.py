"""Given: the files that map and explain are given, message by message, with the context that stands beside them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from interpres.document import Document
from interpres.fault import Fault, Faults
from interpres.workspace import Loaded


@dataclass(frozen=True, slots=True)
class Given:
    """One message of a file: `document` or the `faults` that say why it could not be read."""

    name: str
    document: Document | None
    context: dict[str, Any]
    faults: tuple[Fault, ...] = ()


def given_messages(files: list[str], context_file: str | None, loaded: Loaded) -> Iterator[Given]:
    """Every message of the files, in order. Raises `Fault` E111 for a file that cannot be read."""
    for name in files:
        body = sys.stdin.buffer.read() if name == "-" else _bytes_of(Path(name))
        context = _context(name, context_file)
        format_ = loaded.from_format
        try:
            pieces = list(format_.messages(format_.unpack(body)))
        except Fault as closed:
            yield Given(name, None, context, (closed,))
            continue
        for number, piece in enumerate(pieces, 1):
            called = name if len(pieces) == 1 else f"{name} message {number}"
            try:
                yield Given(called, format_.decode(piece), context)
            except (Fault, Faults) as wrong:
                yield Given(called, None, context, wrong.faults if isinstance(wrong, Faults) else (wrong,))


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Fault("E111", f"{file} cannot be read: {error.strerror}", "see the name, and whether you may read it") from None


def _context(name: str, context_file: str | None) -> dict[str, Any]:
    """What is given for the mapping's needs; it says itself what it misses."""
    if context_file is not None:
        return _json_of(Path(context_file))
    beside = Path(name).parent / "context.json"
    return _json_of(beside) if name != "-" and beside.is_file() else {}


def _json_of(file: Path) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(_bytes_of(file))
    except msgspec.DecodeError as error:
        raise Fault("E112", f"{file} is not JSON: {error}", "a context is one JSON object: a value for each name") from None
    if not isinstance(found, dict):
        raise Fault("E112", f"{file} is no JSON object", "a context is one JSON object: a value for each name")
    return found
