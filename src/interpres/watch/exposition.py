"""Exposition: figures as text that Prometheus reads (text format 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from interpres.watch.histogram import Histogram

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Kind = Literal["counter", "gauge", "histogram"]
Labels = tuple[str, ...]
Key = str | Labels
"""The values of a sample's labels, in the order of their names."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name and unit, a sentence, the names of its labels, and its samples by their values (`Key`)."""

    name: str
    kind: Kind
    about: str
    labels: Labels = ()
    samples: Mapping[Any, float | Histogram] = field(default_factory=dict)


def text_of(families: Iterable[Family]) -> str:
    """Each family once: what it is, its type, then its samples in the order of their labels."""
    return "".join(line + "\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.about}"
    yield f"# TYPE {family.name} {family.kind}"
    for key in sorted(family.samples, key=_values):
        value = family.samples[key]
        labels = list(zip(family.labels, _values(key), strict=True))
        if isinstance(value, Histogram):
            yield from _histogram(family.name, labels, value)
        else:
            yield f"{family.name}{_written(labels)} {_number(value)}"


def _histogram(name: str, labels: list[tuple[str, str]], value: Histogram) -> Iterator[str]:
    for bound, count in value.up_to():
        yield f"{name}_bucket{_written([*labels, ('le', _number(bound))])} {count}"
    yield f"{name}_sum{_written(labels)} {_number(value.sum)}"
    yield f"{name}_count{_written(labels)} {value.count}"


def _values(key: Key) -> Labels:
    return (key,) if isinstance(key, str) else key


def _written(labels: Iterable[tuple[str, str]]) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if float(value).is_integer() else repr(float(value))
