"""Memories: what a destination's `remember:` says, checked and compiled, each slip with its place."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from interpres import yaml
from interpres.fault import Fault, Faults, did_you_mean
from interpres.mapping.compiling.lives import paths_in
from interpres.mapping.reading import grammar
from interpres.memory import ANSWER, Formula, Memory, RememberFile

if TYPE_CHECKING:
    from interpres.workspace import Workspace


def read_memory(workspace: Workspace, node: yaml.Node, written: RememberFile, names: Collection[str], timezone: str) -> Memory:
    """The memory that this part of a channel file describes. Raises `Faults`: M… and C121, all of it at once.

    `names` are the keys of the channel and what stands with every message; beside them there is `answer`, a JSON document.
    """
    reader = _Reader(workspace, (*names, ANSWER), timezone)
    assert isinstance(node, yaml.Branch), "its model was read before"
    parts = {key.text: value for key, value in node.entries}
    key, value = reader.key(parts["key"]), reader.part(parts["value"])
    if key is None or reader.faults:
        raise Faults(reader.faults)
    return Memory(written.in_, key, value, node.at)


class _Reader:
    """Goes on after each fault."""

    def __init__(self, workspace: Workspace, names: Collection[str], timezone: str) -> None:
        self.workspace = workspace
        self.names = names
        self.timezone = timezone
        self.faults: list[Fault] = []

    def key(self, node: yaml.Node) -> Formula | None:
        if isinstance(node, yaml.Leaf) and not node.text.startswith("="):
            says = "the key is not a formula: every message would have the same"
            self.faults.append(Fault("C121", says, f"begin it with '=', as in ={node.text}", at=node.at))
            return None
        found = self.part(node)
        return found if callable(found) else None

    def part(self, node: yaml.Node) -> Any:
        """A formula, a constant, or a tree of them."""
        if isinstance(node, yaml.Branch):
            return {key.text: self.part(inner) for key, inner in node.entries}
        if isinstance(node, yaml.Row):
            return [self.part(inner) for inner in node.items]
        return self.formula(node) if isinstance(node.value, str) and node.text.startswith("=") else node.value

    def formula(self, leaf: yaml.Leaf) -> Formula | None:
        try:
            self._only_names(leaf)
            return self.workspace.formula(leaf, self.workspace.format("json"), self.names, self.timezone)
        except Faults as wrong:
            self.faults += wrong
        except Fault as wrong:
            self.faults.append(wrong.within(at=leaf.at))
        return None

    def _only_names(self, leaf: yaml.Leaf) -> None:
        """There is no document here: what the message said stands in its keys, what the peer said in `answer`."""
        json = self.workspace.format("json")
        for path, is_left in paths_in(grammar.worked(leaf, json.paths.grammar).formula):
            if not is_left and path.root == "name" and path.name not in self.names:
                hint = did_you_mean(path.name, self.names) or f"what the peer answered begins with {ANSWER}, as in {ANSWER}.data"
                raise Fault("M105", f"there is no name '{path.name}' here", hint, at=path.at)
