"""Station: a workspace made ready to run — recipes, environment, sandboxes, store, calls and the engine that joins them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from interpres import catalog
from interpres.anew import Known, read_anew, systems_of
from interpres.calls import Calls
from interpres.channel import Recipe
from interpres.engine import Engine
from interpres.engine.reading import Reading
from interpres.environment import Environment, read_environment
from interpres.fault import Fault, Faults
from interpres.installation import read_installation
from interpres.installation_file import HealthSettings
from interpres.sandbox import Running, start
from interpres.settings import model_from_values
from interpres.store.sqlite import SqliteStore
from interpres.system import System
from interpres.watch import Watch
from interpres.workspace import Workspace
from interpres.workspace.settled import read_settled

STORE = "store.sqlite"


class Station:
    """Everything that runs when a workspace runs. Use it as a context: what it started, it stops."""

    def __init__(self, workspace: Workspace, channels: Iterable[str] = ()) -> None:
        """Raises `Fault` or `Faults` for what is wrong with the channels (all of them by default) and what they name."""
        self._wanted = tuple(channels)
        self.workspace, self.recipes, self.systems = read_settled(workspace.folder, workspace.var, self._read)
        self.environment: Environment = read_environment(workspace.folder)
        self.sandboxes: dict[str, Running] = {}
        self._simulated_with: dict[str, Any] | None = None
        self._anywhere = False
        self._things = ExitStack()

    def _read(self, workspace: Workspace) -> tuple[Workspace, dict[str, Recipe], dict[str, System]]:
        recipes = _recipes(workspace, self._wanted or tuple(workspace.names("channels")))
        return workspace, recipes, {name: workspace.system(name) for name in sorted(set(systems_of(recipes.values())))}

    def __enter__(self) -> Station:
        return self

    def __exit__(self, *_: object) -> None:
        self._things.close()

    def start_sandboxes(self, **settings: Any) -> None:
        """Simulate every system that has a sandbox, and let the environment lead there."""
        self._simulated_with = settings
        self.environment = self.environment.with_values(self._simulated(self.systems))

    def _simulated(self, systems: Iterable[str]) -> dict[str, str]:
        """What the sandboxes say of the environment; those of these systems are started where they are wanted and not there."""
        if self._simulated_with is not None:
            for name in systems:
                if name in catalog.names("sandboxes") and name not in self.sandboxes:
                    self.sandboxes[name] = self._things.enter_context(start(self._sandbox(name, self._simulated_with)))
        return {name: value for running in self.sandboxes.values() for name, value in running.environment.items()}

    def _sandbox(self, name: str, settings: Mapping[str, Any]) -> Any:
        part = catalog.part("sandboxes", name)
        state = self.workspace.var / "sandboxes" / f"{name}.sqlite"
        state.parent.mkdir(parents=True, exist_ok=True)
        return part(model_from_values({"state": str(state), **settings}, part.Settings), self.workspace.folder / "schemas")

    def listen_anywhere(self) -> None:
        """Let every listening source take a free port instead of its own."""
        self._anywhere = True
        self.recipes = _anywhere(self.recipes)

    def missing(self) -> list[Fault]:
        """A fault E104 for each secret or address that is not set; where all are, what is wrong with them: E102, E105, E106."""
        not_set = [fault for system in self.systems.values() for fault in system.not_set(self.environment)]
        return not_set or list(self.calls().unready())

    def calls(self) -> Calls:
        """What speaks to the systems; whoever asks for it closes it."""
        return Calls(self.systems, self.environment)

    def watch(self, health: str = "") -> Watch:
        """What looks on while the engine runs, as `interpres.yaml` says; `health` is where it answers instead of there.

        Its figures are to be the engine's meter. Raises `Faults` for what is wrong with that file.
        """
        here = read_installation(self.workspace.folder, self.environment)
        if health:
            here = replace(here, file=here.file.model_copy(update={"health": HealthSettings(listen=health)}))
        return Watch(here, self.workspace.var)

    def engine(self, calls: Calls, **options: Any) -> Engine:
        """The engine over this workspace's store, not yet started; its reloads renew what `calls` knows of systems."""
        return Engine(
            self.recipes,
            SqliteStore(self.workspace.var / STORE),
            calls,
            self.workspace.folder,
            self.workspace.var,
            environment=self.environment,
            anew=partial(self._anew, calls),
            **options,
        )

    async def _anew(self, calls: Calls, running: Mapping[str, Recipe]) -> Reading:
        """What the workspace says now. Systems are spoken to as it says from here on, whatever becomes of the channels."""
        known = Known(running, self.environment)
        found = await asyncio.to_thread(
            read_settled,
            self.workspace.folder,
            self.workspace.var,
            lambda workspace: read_anew(workspace, self._wanted, known, self._simulated),
        )
        await calls.renew(found.systems, found.environment)
        self.environment, self.systems = found.environment, {**self.systems, **found.systems}
        return Reading(_anywhere(found.recipes) if self._anywhere else found.recipes, found.refused, found.environment)


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


def _anywhere(recipes: Mapping[str, Recipe]) -> dict[str, Recipe]:
    """The same channels on free ports."""
    return {
        name: replace(r, source_settings=r.source_settings.model_copy(update={"port": 0}))
        if hasattr(r.source_settings, "port")
        else r
        for name, r in recipes.items()
    }
