"""Mappings written inside tests: a text becomes a compiled mapping over JSON documents, with a schema where one is given."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from interpres import catalog
from interpres.document import Document
from interpres.format import Format
from interpres.mapping.compiling.compile import Compiled, Explained, Made, compile_mapping
from interpres.mapping.compiling.explain import leaves_of
from interpres.mapping.reading.file import load
from interpres.promises.schemas import find_schema
from interpres.schema import Shape
from interpres.transform import Transform, builtins


def formats(word: str, settings: Mapping[str, Any]) -> Format:
    """The format of that word, as a workspace finds it."""
    part = catalog.part("formats", word)
    made: Format = part(part.Settings.model_validate(settings))
    return made


@cache
def shape_of(schema: str) -> Shape:
    """The shape of a JSON Schema given as text."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test").mkdir()
        (Path(folder) / "test" / "it.json").write_text(schema, encoding="utf-8")
        shape = find_schema("test/it", Path(folder)).shape()
    assert shape is not None
    return shape


def draft(
    text: str,
    schema: Mapping[str, Any] | None = None,
    transforms: Mapping[str, Transform] | None = None,
    others: Mapping[str, str] | None = None,
) -> Compiled:
    """The mapping that a text says; `from: json` and an `about` are put in front where the text has none."""
    head = "" if "from:" in text else "from: json\n"
    files = {"mappings/draft.yaml": f"about: a draft\n{head}{text}", **(others or {})}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "mappings").mkdir()
        mapping = load("draft", Path(folder) / "mappings", lambda word: formats(word, {}).paths.grammar, files)
    shape = shape_of(json.dumps(schema)) if schema is not None else None
    return compile_mapping(mapping, formats, {**builtins(), **(transforms or {})}, shape)


def made(compiled: Compiled, tree: Any, context: Mapping[str, Any] | None = None) -> Made:
    """What a mapping makes of a document, after seeing that explain makes the very same and accounts for every leaf."""
    document = tree if isinstance(tree, Document) else Document(compiled.picture.from_format, tree)
    plain = compiled(document, context or {})
    explained = compiled.explain(document, context or {})
    assert explained.made == plain
    assert [list(d) if isinstance(d, dict) else d for d in explained.made.documents] == [
        list(d) if isinstance(d, dict) else d for d in plain.documents
    ]
    if not plain.faults and not compiled.picture.edits:
        assert_accounted(explained)
    return plain


def assert_accounted(explained: Explained) -> None:
    """Every leaf of every document has exactly one row, with the value that stands there."""
    told = sorted((leaf.document, leaf.target, repr(leaf.value)) for leaf in explained.leaves)
    there = sorted((n, path, repr(v)) for n, d in enumerate(explained.made.documents, 1) for path, v in leaves_of(d))
    assert told == there


def one(text: str, tree: Any, context: Mapping[str, Any] | None = None, **more: Any) -> Any:
    """The one document that a mapping makes; no faults."""
    result = made(draft(text, **more), tree, context)
    assert not result.faults, [str(f) for f in result.faults]
    assert len(result.documents) == 1
    return result.documents[0]


def value(formula: str, tree: Any = None, context: Mapping[str, Any] | None = None, head: str = "") -> Any:
    """What one formula gives, in a block with a constant; the text `missing` where nothing is written."""
    quoted = formula.replace("'", "''")
    document = one(f"{head}\noutput:\n  keep: me\n  kept: {{$when: '=true', v: '={quoted}'}}", tree or {}, context)
    return document["kept"].get("v", "missing")


def faults(text: str, tree: Any, context: Mapping[str, Any] | None = None, **more: Any) -> list[str]:
    """The faults of a message, as lines."""
    return [str(f) for f in made(draft(text, **more), tree, context).faults]


def number(text: str) -> Decimal:
    """An exact decimal."""
    return Decimal(text)
