"""Reading: what a workspace says when it is read anew while its channels run, and what came of that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from interpres.channel import Recipe
from interpres.fault import Faults


@dataclass(frozen=True, slots=True)
class Reading:
    """`recipes` are the channels without a fault, `refused` the others; a channel in neither has left the workspace.

    `environment` is what `${NAME}` in sources' settings stands for now.
    """

    recipes: Mapping[str, Recipe]
    refused: Mapping[str, Faults] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


Anew = Callable[[Mapping[str, Recipe]], Awaitable[Reading]]
"""Reads the workspace anew; it is given the recipes that run. Raises `Fault` or `Faults` where nothing can be read at all."""


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What a reload did, by the names of channels: `kept` as they are, `swapped` to a new recipe, `opened` and `closed`.

    `refused` keep what they had, with the faults that say why; those of them that are new do not run: `left_out`.
    """

    kept: tuple[str, ...] = ()
    swapped: tuple[str, ...] = ()
    opened: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    refused: Mapping[str, Faults] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
