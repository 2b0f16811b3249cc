"""Station: a workspace made ready to run — recipes, environment, sandboxes, store, calls and the engine that joins them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from interpres import catalog
from interpres.calls import Calls
from interpres.channel import Recipe
from interpres.engine import Engine
from interpres.environment import Environment, read_environment
from interpres.fault import Fault, Faults
from interpres.sandbox import Running, start
from interpres.settings import model_from_values
from interpres.store.sqlite import SqliteStore
from interpres.workspace import Workspace

STORE = "store.sqlite"


class Station:
    """Everything that runs when a workspace runs. Use it as a context: what it started, it stops."""

    def __init__(self, workspace: Workspace, channels: Iterable[str] = ()) -> None:
        """Raises `Fault` or `Faults` for what is wrong with the channels (all of them by default) and what they name."""
        self.workspace = workspace
        self.recipes = _recipes(workspace, tuple(channels) or tuple(workspace.names("channels")))
        self.systems = {name: workspace.system(name) for name in sorted(set(_systems_of(self.recipes.values())))}
        self.environment: Environment = read_environment(workspace.folder)
        self.sandboxes: dict[str, Running] = {}
        self._things = ExitStack()

    def __enter__(self) -> Station:
        return self

    def __exit__(self, *_: object) -> None:
        self._things.close()

    def start_sandboxes(self, **settings: Any) -> None:
        """Simulate every system that has a sandbox, and let the environment lead there."""
        for name in self.systems:
            if name in catalog.names("sandboxes"):
                self.sandboxes[name] = self._things.enter_context(start(self._sandbox(name, settings)))
                self.environment = self.environment.with_values(self.sandboxes[name].environment)

    def _sandbox(self, name: str, settings: Mapping[str, Any]) -> Any:
        part = catalog.part("sandboxes", name)
        state = self.workspace.var / "sandboxes" / f"{name}.sqlite"
        state.parent.mkdir(parents=True, exist_ok=True)
        return part(model_from_values({"state": str(state), **settings}, part.Settings), self.workspace.folder / "schemas")

    def listen_anywhere(self) -> None:
        """Let every listening source take a free port instead of its own."""
        for name, recipe in self.recipes.items():
            if hasattr(recipe.source_settings, "port"):
                anywhere = recipe.source_settings.model_copy(update={"port": 0})
                self.recipes[name] = replace(recipe, source_settings=anywhere)

    def missing(self) -> list[Fault]:
        """A fault E104 for each secret or address that is not set; where all are, what is wrong with them: E102, E105, E106."""
        not_set = [fault for system in self.systems.values() for fault in system.not_set(self.environment)]
        return not_set or list(self.calls().unready())

    def calls(self) -> Calls:
        """What speaks to the systems; whoever asks for it closes it."""
        return Calls(self.systems, self.environment)

    def engine(self, calls: Calls, **options: Any) -> Engine:
        """The engine over this workspace's store, not yet started."""
        store = SqliteStore(self.workspace.var / STORE)
        return Engine(
            self.recipes, store, calls, self.workspace.folder, self.workspace.var, environment=self.environment, **options
        )


def store_file(workspace: Workspace) -> Path:
    """Where a workspace's store lies."""
    return workspace.var / STORE


def _recipes(workspace: Workspace, names: Sequence[str]) -> dict[str, Recipe]:
    found: dict[str, Recipe] = {}
    wrong: list[Fault] = []
    for name in names:
        try:
            found[name] = workspace.recipe(name)
        except Faults as faults:
            wrong += faults
        except Fault as fault:
            wrong.append(fault)
    wrong += workspace.between(names)
    if wrong:
        raise Faults(wrong)
    return found


def _systems_of(recipes: Iterable[Recipe]) -> Iterator[str]:
    """The names of the systems that these channels call."""
    for recipe in recipes:
        yield from (e.call.partition("/")[0] for e in recipe.enrich if e.call)
        for destination in recipe.destinations.values():
            if destination.word == "call":
                yield str(destination.settings.operation).partition("/")[0]  # type: ignore[attr-defined]
