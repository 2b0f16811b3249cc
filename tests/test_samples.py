"""Everything under samples/channels is run as production runs it, and every value of every output can say where it came from."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from interpres.fault import Fault, Faults
from interpres.samples import Sample, differences, run, samples_in
from interpres.workspace import Workspace
from tests.conftest import ROOT

HERE = Workspace(ROOT)
SAMPLES = list(samples_in(HERE))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.name)
def test_a_sample_becomes_what_stands_beside_it(sample: Sample) -> None:
    assert [d.words for d in differences(sample, run(HERE, sample))] == []


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The path and value of every leaf; what is empty is a leaf too."""
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(tree, list) and tree:
        for number, value in enumerate(tree):
            yield from leaves(value, f"{path}[{number}]")
    else:
        yield path, tree


def written_at(at: str) -> str:
    """What stands in a recipe at `file:line:column`."""
    file, line, column = at.rsplit(":", 2)
    return (ROOT / file).read_text("utf-8").splitlines()[int(line) - 1][int(column) - 1 :]


def says_where_it_came_from(leaf: Any) -> bool:
    """A formula's value names what it read, unless it is one of the formula's own constants; a constant stands in the file."""
    if written_at(leaf.at).lstrip("\"'").startswith("="):
        return bool(leaf.formula) and (bool(leaf.source) or f"'{leaf.value}'" in leaf.formula or "$index" in leaf.formula)
    return bool(leaf.formula)


MADE = [s for s in SAMPLES if any(f.name.startswith("npca") for f in s.folder.iterdir())]


@pytest.mark.parametrize("sample", MADE, ids=lambda s: s.name)
def test_every_leaf_names_source_text_formula_and_place(sample: Sample) -> None:
    recipe = HERE.recipe(sample.channel)
    bodies = [b for f in sample.inputs for b in recipe.format.messages(recipe.format.unpack(f.read_bytes()))]
    documents = []
    for body in bodies:
        with contextlib.suppress(Fault, Faults):
            documents.append(recipe.format.decode(body))
    compiled: Any = recipe.destinations["npca"].mapping
    for document in documents:
        made = compiled(document, sample.context())
        explained = compiled.explain(document, sample.context())
        assert explained.made == made
        told = {leaf.target: leaf for leaf in explained.leaves}
        wanted = {target: value for tree in made.documents for target, value in leaves(tree)}
        assert set(wanted) <= set(told)
        assert [t for t, v in wanted.items() if v not in ([], {}) and not says_where_it_came_from(told[t])] == []
    assert documents
