"""Text: how faults, names and trees are written into the ledger's columns, and read from them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from interpres.fault import Fault

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


def json_text(value: Any) -> str:
    """JSON with exact decimals."""
    return _encoder.encode(value).decode()


def json_value(text: str | bytes) -> Any:
    """What `json_text` wrote: numbers are `int` or `Decimal`."""
    return _decoder.decode(text)


def names_text(names: Mapping[str, Any]) -> str | None:
    """A mapping, or null where it is empty."""
    return json_text(dict(names)) if names else None


def names_value(text: str | None) -> dict[str, Any]:
    """What `names_text` wrote."""
    found: dict[str, Any] = json_value(text) if text else {}
    return found


def tree_blob(tree: Any) -> bytes | None:
    """A tree, compressed; null where there is none."""
    return zlib.compress(_encoder.encode(tree), 1) if tree else None


def tree_value(blob: bytes | None) -> Any:
    """What `tree_blob` wrote."""
    return json_value(zlib.decompress(blob)) if blob else None


def note_text(reason: str = "", faults: Iterable[Fault] = (), warnings: Iterable[Fault] = (), says: str = "") -> str | None:
    """Why something is as it is; null where there is nothing to say."""
    note = {
        "reason": reason,
        "faults": [f.as_dict() for f in faults],
        "warnings": [f.as_dict() for f in warnings],
        "says": says,
    }
    kept = {k: v for k, v in note.items() if v}
    return json_text(kept) if kept else None


def note_value(text: str | None) -> dict[str, Any]:
    """What `note_text` wrote."""
    return names_value(text)


def faults_in(note: Mapping[str, Any], kind: str = "faults") -> tuple[Fault, ...]:
    """The faults (or warnings) of a note."""
    return tuple(Fault.from_dict(facts) for facts in note.get(kind, ()))
