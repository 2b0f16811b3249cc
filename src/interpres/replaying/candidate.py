"""Candidate: recipes in which a mapping stands in for those that make the same document of the same format."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from interpres.channel import CONTEXT_NAMES, DestinationRecipe, Recipe
from interpres.fault import Fault, did_you_mean

if TYPE_CHECKING:
    from interpres.workspace import Loaded, Workspace


def recipes(
    workspace: Workspace, channels: Collection[str], targets: Collection[str] | None, candidate: str | None
) -> Mapping[str, Recipe]:
    """Today's recipes of these channels, with those destinations only that are compared.

    With a candidate: those whose mapping it is, or else those whose mapping makes the same of the same. Raises `Fault` C162 where
    no destination would take it, C131 where it needs what a channel does not supply; `Faults` for what is wrong with the files.
    """
    loaded = workspace.mapping(candidate) if candidate else None
    named = _by_name(workspace, channels, candidate)
    found = {}
    for name in channels:
        recipe = workspace.recipe(name)
        chosen = dict(_chosen(workspace, recipe, targets, loaded, named))
        if chosen:
            found[name] = replace(recipe, destinations=chosen)
    if loaded is not None and not found:
        says = f"no destination of these channels makes {loaded.picture.to or 'anything'} of {loaded.picture.from_format}"
        hint = "name the channel with --channel, the destination with --to, or see from: and to: in the candidate"
        raise Fault("C162", says, hint)
    return found


def _by_name(workspace: Workspace, channels: Collection[str], candidate: str | None) -> bool:
    """Whether the candidate is in use under its own name: then it stands in for itself alone."""
    used = {d.common.mapping for name in channels for d in workspace.recipe(name).destinations.values()}
    return candidate in used


def _chosen(
    workspace: Workspace, recipe: Recipe, targets: Collection[str] | None, loaded: Loaded | None, named: bool
) -> Iterator[tuple[str, DestinationRecipe]]:
    for name, destination in recipe.destinations.items():
        if targets is not None and name not in targets:
            continue
        if loaded is None:
            yield name, destination
            continue
        if destination.common.mapping is None:
            continue
        today = workspace.mapping(destination.common.mapping).picture
        stands_in = (today.from_format, today.to) == (loaded.picture.from_format, loaded.picture.to)
        if today.name == loaded.picture.name or (stands_in and not named):
            yield name, _with(destination, loaded, recipe)


def _with(destination: DestinationRecipe, loaded: Loaded, recipe: Recipe) -> DestinationRecipe:
    given = {*CONTEXT_NAMES, *recipe.keys, *(e.name for e in recipe.enrich)}
    for need in loaded.picture.needs:
        if need not in given:
            says = f"{loaded.picture.name} needs '{need}', which channel {recipe.name} does not supply"
            raise Fault("C131", says, did_you_mean(need, given) or "take it out of the mapping's needs:, or enrich the channel")
    return replace(destination, mapping=loaded.compiled, format=loaded.to_format, promise=loaded.promise)
