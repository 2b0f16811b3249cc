"""Duration: a length of time as people write it in recipes: `45s`, `30m`, `1h`, `7d`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_WRITTEN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)", re.ASCII)


def seconds(written: Any) -> float:
    """Seconds of `1h`; raises `ValueError` for anything but a number and one of ms, s, m, h, d."""
    match = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise ValueError("a length of time is wanted, such as 45s, 30m, 1h or 7d")
    return float(match[1]) * _UNITS[match[2]]


def words(length_seconds: float) -> str:
    """`1h`, `30m`, `45s`: the largest unit that divides the length, for messages and docs."""
    for unit in ("d", "h", "m", "s"):
        if length_seconds >= _UNITS[unit] and length_seconds % _UNITS[unit] == 0:
            return f"{int(length_seconds / _UNITS[unit])}{unit}"
    return f"{length_seconds:g}s"


def about(length_seconds: float) -> str:
    """`3 days`, `5 h`, `20 min`, `40 s`: a length of time as people say it, rounded down to one or two figures."""
    for unit, of in (("days", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if length_seconds >= 2 * of:
            return f"{int(length_seconds / of)} {unit}"
    return f"{int(length_seconds)} s"


Duration = Annotated[
    float,
    BeforeValidator(seconds),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$", "examples": ["30s", "1h", "7d"]}),
]
"""Seconds, written as `1h` in recipes."""
