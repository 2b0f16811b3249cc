"""Anew: what a workspace says when it is read while its channels run: which of them may go over to it, and why others may not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from interpres import yaml
from interpres.calls import Calls
from interpres.channel import Recipe
from interpres.environment import PLACEHOLDER, Environment, read_environment
from interpres.fault import Fault, Faults
from interpres.system import System
from interpres.workspace import Workspace
from interpres.workspace.neighbours import between

T = TypeVar("T")

Supply = Callable[[Iterable[str]], Mapping[str, str]]
"""What somebody else says of the environment of these systems: where they are simulated."""


@dataclass(frozen=True, slots=True)
class Found:
    """`recipes` are the channels that may run as the files say, `refused` the others with their faults; `systems` those that can
    be spoken to, `environment` what names stand for now."""

    recipes: dict[str, Recipe]
    refused: dict[str, Faults]
    systems: dict[str, System]
    environment: Environment = field(repr=False)


@dataclass(frozen=True, slots=True)
class Known:
    """What runs: the recipes by channel, and the environment as it was read last."""

    recipes: Mapping[str, Recipe]
    environment: Environment = field(repr=False)


def read_anew(workspace: Workspace, wanted: Collection[str], known: Known, supply: Supply) -> Found:
    """The channels of a workspace (those that are wanted; all, where none is named), a fault of one being that one's alone.

    Raises `Fault` C172 where there is no channel at all: that is a workspace that is not there, and no wish to end them.
    """
    names = [n for n in workspace.names("channels") if not wanted or n in wanted]
    if not names:
        hint = "see that the workspace is there as a whole; to run nothing, stop the engine"
        raise Fault("C172", "there is no channel left in channels/", hint)
    recipes, refused = _each(names, workspace.recipe)
    named = sorted(set(systems_of((*recipes.values(), *known.recipes.values()))))
    environment, unreadable = _environment(workspace.folder, known, supply(named))
    systems, broken = _each(named, lambda name: _ready(workspace.system(name), environment, unreadable))
    for name, recipe in list(recipes.items()):
        wrong = [f for system in systems_of([recipe]) for f in broken.get(system, ())]
        if PLACEHOLDER.search(recipe.files[recipe.file]):
            wrong += unreadable
        if wrong:
            refused[name] = Faults(dict.fromkeys(wrong))
            del recipes[name]
    for name, faults in _at_odds(workspace.folder, recipes, known.recipes).items():
        refused[name] = faults
        del recipes[name]
    return Found(recipes, refused, systems, environment)


def systems_of(recipes: Iterable[Recipe]) -> Iterator[str]:
    """The names of the systems that these channels call."""
    for recipe in recipes:
        yield from (e.call.partition("/")[0] for e in recipe.enrich if e.call)
        for destination in recipe.destinations.values():
            if destination.word == "call":
                yield str(destination.settings.operation).partition("/")[0]  # type: ignore[attr-defined]


def _each(names: Iterable[str], work: Callable[[str], T]) -> tuple[dict[str, T], dict[str, Faults]]:
    found: dict[str, T] = {}
    refused: dict[str, Faults] = {}
    for name in names:
        try:
            found[name] = work(name)
        except Faults as wrong:
            refused[name] = wrong
        except Fault as wrong:
            refused[name] = Faults([wrong])
    return found, refused


def _environment(folder: Path, known: Known, supplied: Mapping[str, str]) -> tuple[Environment, tuple[Fault, ...]]:
    """The environment as it is now; where `.env` is at fault, as it was, with the faults."""
    try:
        return read_environment(folder).with_values(supplied), ()
    except Faults as wrong:
        return known.environment.with_values(supplied), wrong.faults


def _ready(system: System, environment: Environment, unreadable: tuple[Fault, ...]) -> System:
    """The system, where it can be spoken to. Raises `Faults` E101 to E106."""
    wrong = [*(unreadable if system.placeholders else ())] or system.not_set(environment)
    if wrong := wrong or list(Calls({system.name: system}, environment).unready()):
        raise Faults(wrong)
    return system


def _at_odds(folder: Path, recipes: Mapping[str, Recipe], running: Mapping[str, Recipe]) -> dict[str, Faults]:
    """The channels whose change brings two onto one port or folder, or closes a circle of folders (see `neighbours.between`).

    Whoever did not change is not to blame; where all changes together are sound, none is.
    """
    nodes = {name: _node(recipe) for name, recipe in recipes.items()}
    stays = {name: _node(recipe) for name, recipe in running.items() if name not in recipes}
    refused: dict[str, Faults] = {}
    while list(between({**stays, **nodes}, folder)):
        there = dict(stays)
        for name in sorted(nodes, key=lambda n: (n not in running or recipes[n].digest != running[n].digest, n)):
            before = set(between(there, folder))
            if wrong := [f for f in between({**there, name: nodes[name]}, folder) if f not in before]:
                refused[name] = Faults(wrong)
                del nodes[name]
                if name in running:
                    stays[name] = _node(running[name])
                break
            there[name] = nodes[name]
        else:
            break
    return refused


def _node(recipe: Recipe) -> yaml.Node:
    return yaml.read(recipe.files[recipe.file].encode("utf-8", "surrogateescape"), recipe.file, faults=[])
