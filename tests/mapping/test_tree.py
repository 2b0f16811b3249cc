"""Tree: what paths find in JSON-like values, the code that finds it, and that a trace changes nothing but tells all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.document import MISSING
from interpres.fault import Fault, Place
from interpres.format import Loop, Scope
from interpres.mapping import tree
from interpres.path import Every, Field, Index, Key, Part, Path, Position, Step, Where

AT = Place("m.yaml", 1, 1)

DOCUMENT: Mapping[str, Any] = {
    "name": [{"family": "A", "given": ["x", "y"]}, {"family": "B", "given": []}, {"use": "old"}],
    "birth": {"place": {"code": "12"}},
    "nothing": None,
    "none": [],
    "grid": [[1, 2], [3]],
    "flag": False,
    "identifier": [{"system": "urn:a", "value": "1"}, {"system": "urn:b", "value": "2"}, {"system": "urn:a", "value": "3"}],
    "entry": [
        {"resource": {"type": "P", "name": [{"use": "usual", "text": "p"}]}},
        {"resource": {"type": "O", "name": [{"use": "old", "text": "o1"}, {"use": "usual", "text": "o2"}]}},
        {"resource": {"type": "O"}},
    ],
}


def path(*parts: Part | str, root: Any = "document") -> Path:
    return Path(root, "", tuple(Key(p) if isinstance(p, str) else p for p in parts), "the path", AT)


def equals(left: str, right: str) -> tuple[str, str]:
    """What stands for a condition here: the compiler's own is not needed to try the hook."""
    return left, right


def scope(names: dict[str, Any] | None = None) -> Scope:
    def condition(test: tuple[str, str], item: str, chosen: Path) -> str:
        left = tree.tree_value_code(item, path(test[0]), Scope("document", here=Loop(item, "", chosen)))
        return f"{left} == {test[1]!r}"

    return Scope("document", condition=condition)


def find(*parts: Part | str) -> Any:
    return run(tree.tree_value_code("document", path(*parts), scope()))


def every(*parts: Part | str) -> Any:
    return run(tree.tree_items_code("document", path(*parts), scope()))


def run(code: str, document: Any = DOCUMENT, functions: Mapping[str, Any] = tree.RUNTIME) -> Any:
    return eval(code, {**functions, "document": document})


def where(left: str, right: str, *, many: bool = False) -> Where:
    return Where((left, right), many)


@pytest.mark.parametrize(
    ("parts", "value"),
    [
        (("birth", "place", "code"), "12"),
        (("name", "family"), "A"),
        (("name", Index(1), "family"), "B"),
        (("name", "given"), "x"),
        (("name", "given", Index(1)), "y"),
        (("name", Index(1), "given"), MISSING),
        (("name", Index(9), "family"), MISSING),
        (("birth", Index(0), "place", "code"), "12"),
        (("birth", Index(1)), MISSING),
        (("nothing",), None),
        (("nothing", "more"), MISSING),
        (("nothing", Index(0)), MISSING),
        (("none",), MISSING),
        (("flag",), False),
        (("flag", "more"), MISSING),
        (("grid",), 1),
        (("grid", Index(1)), 3),
        (("absent",), MISSING),
        (("name", Every(), "family"), ["A", "B", MISSING]),
        (("name", Every(), "given", Every()), ["x", "y"]),
        (("none", Every()), []),
        (("nothing", Every()), []),
        (("grid", Every()), [1, 3]),
        (("birth", Every(), "place"), [{"code": "12"}]),
        (("identifier", where("system", "urn:a"), "value"), "1"),
        (("identifier", where("system", "urn:z"), "value"), MISSING),
        (("identifier", where("system", "urn:a", many=True), "value"), ["1", "3"]),
        (("entry", Every(), "resource", "name", where("use", "usual"), "text"), ["p", "o2", MISSING]),
        (
            (
                "entry",
                where("none", "x"),
            ),
            MISSING,
        ),
    ],
)
def test_the_first_way_is_taken_at_each_step(parts: tuple[Part | str, ...], value: Any) -> None:
    assert find(*parts) == value


@pytest.mark.parametrize(
    ("parts", "items"),
    [
        (("name", "family"), ["A", "B"]),
        (("name", "given"), ["x", "y"]),
        (("name", Index(0), "given"), ["x", "y"]),
        (("name", "given", Index(0)), ["x"]),
        (("birth",), [{"place": {"code": "12"}}]),
        (("nothing",), []),
        (("absent", "more"), []),
        (("grid",), [[1, 2], [3]]),
        (("identifier", where("system", "urn:a"), "value"), ["1"]),
        (("identifier", where("system", "urn:a", many=True), "value"), ["1", "3"]),
        (("entry", "resource", "name", where("use", "usual"), "text"), ["p", "o2"]),
        (("entry", Every(), "resource", "name", "text"), ["p", "o1", "o2"]),
    ],
)
def test_a_loop_goes_all_ways(parts: tuple[Part | str, ...], items: list[Any]) -> None:
    assert every(*parts) == items


def test_a_path_begins_where_its_root_says() -> None:
    loops = (Loop("outer", "i", name="order"), Loop("item", "j"))
    around = Scope("document", loops)
    assert tree.start_of(path("a", root="item"), around)[0] == "item"
    named = replace(path("a", root="name"), name="order")
    assert tree.start_of(named, around) == ("outer", replace(named, root="item", name=""))
    assert tree.start_of(replace(named, root="tick"), around)[0] == "document"
    other = replace(path("a", root="name"), name="other")
    assert tree.start_of(other, around) == ("document", replace(other, parts=(Key("other"), Key("a"))))
    assert tree.start_of(path("a"), around)[0] == "document"
    chosen = replace(around, here=Loop("chosen", ""))
    assert tree.start_of(path("a", root="here"), chosen)[0] == "chosen"


@pytest.mark.parametrize("part", [Field(5), Position(1), Step("/", "a"), Step("/@", "a")])
def test_what_other_standards_write_is_refused(part: Part) -> None:
    with pytest.raises(Fault) as raised:
        tree.tree_value_code("document", path("a", part), scope())
    assert raised.value.code == "M104" and raised.value.at == AT and raised.value.hint


class Told:
    """A trace that keeps what it is told."""

    def __init__(self) -> None:
        self.reads: list[tuple[str, str | None]] = []

    def read(self, path: str, text: str | None) -> None:
        self.reads.append((path, text))


def told(code: str, document: Any = DOCUMENT) -> tuple[Any, list[tuple[str, str | None]]]:
    trace = Told()
    return run(code, document, tree.runtime("tree", trace)), trace.reads


@pytest.mark.parametrize(
    ("parts", "reads"),
    [
        (("name", "given"), [("$.name[0].given[0]", "x")]),
        (("birth", "place", "code"), [("$.birth.place.code", "12")]),
        (("birth", "two words"), [("$.birth.`two words`", None)]),
        (("nothing",), [("$.nothing", "null")]),
        (("flag",), [("$.flag", "false")]),
        (("birth", "place"), [("$.birth.place", "{1 keys}")]),
        (("name", Every(), "given", Every()), [("$.name[0].given[0]", "x"), ("$.name[0].given[1]", "y")]),
        (
            ("identifier", where("system", "urn:b"), "value"),
            [("$.identifier[0].system", "urn:a"), ("$.identifier[1].system", "urn:b"), ("$.identifier[1].value", "2")],
        ),
    ],
)
def test_a_trace_is_told_the_concrete_path_and_the_text(
    parts: tuple[Part | str, ...], reads: list[tuple[str, str | None]]
) -> None:
    assert told(tree.tree_value_code("document", path(*parts), scope()))[1] == reads


def test_a_trace_follows_items_that_are_mere_texts() -> None:
    givens = tree.tree_items_code("document", path("name", "given"), scope())
    code = f"[{tree.tree_value_code('item', path(), scope())} for item in {givens}]"
    assert told(code) == (["x", "y"], [("$.name[0].given[0]", "x"), ("$.name[0].given[1]", "y")])


KEYS = st.sampled_from(["a", "b"])
NODES = st.recursive(
    st.none() | st.integers(0, 2) | st.sampled_from(["x", "y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=20,
)
PARTS = st.lists(
    KEYS.map(Key)
    | st.integers(0, 2).map(Index)
    | st.just(Every())
    | st.builds(lambda many: where("a", "x", many=many), st.booleans()),
    max_size=5,
)


@given(NODES, PARTS)
@settings(max_examples=300, deadline=None)
def test_a_trace_changes_nothing(document: Any, parts: list[Part]) -> None:
    value = tree.tree_value_code("document", path(*parts), scope())
    assert told(value, document)[0] == run(value, document)
    items = (
        f"[{tree.tree_value_code('item', path(), scope())} for item in {tree.tree_items_code('document', path(*parts), scope())}]"
    )
    assert told(items, document)[0] == run(items, document)


@given(NODES, PARTS)
@settings(max_examples=200, deadline=None)
def test_the_value_is_that_of_the_first_way(document: Any, parts: list[Part]) -> None:
    """Where the first item is taken at each step, following each step by hand comes to the same."""
    if any(isinstance(p, Where | Every) for p in parts):
        return
    node = document
    for part in parts:
        if isinstance(part, Index):
            node = (node if isinstance(node, list) else [] if node in (None, MISSING) else [node])[part.number : part.number + 1]
            node = node[0] if node else MISSING
            continue
        while isinstance(node, list):
            node = node[0] if node else MISSING
        assert isinstance(part, Key)
        node = node.get(part.name, MISSING) if isinstance(node, dict) else MISSING
    while isinstance(node, list):
        node = node[0] if node else MISSING
    assert run(tree.tree_value_code("document", path(*parts), scope()), document) == node
