"""Schema files: JSON or YAML on disk as a tree whose numbers are exact."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from interpres import yaml
from interpres.fault import Fault, Place


def read_schema_file(file: Path, root: Path) -> Any:
    """The tree of a `.json`, `.yaml` or `.yml` file under `root`. Raises `Fault` C310 or `Faults` Y1xx."""
    named = f"{root.name}/{file.relative_to(root).as_posix()}"
    if file.suffix in (".yaml", ".yml"):
        return yaml.plain(yaml.read(file.read_bytes(), named, strict=False))
    try:
        return json.loads(file.read_bytes(), parse_float=Decimal, object_pairs_hook=_no_key_twice)
    except json.JSONDecodeError as wrong:
        at = Place(named, wrong.lineno, wrong.colno)
        raise Fault("C310", "this is not JSON", f"it cannot go on here: {wrong.msg}", at=at) from None
    except (UnicodeDecodeError, RecursionError):
        raise Fault("C310", "this is not JSON in UTF-8", "save the file as UTF-8", at=Place(named)) from None
    except _KeyTwiceError as wrong:
        raise Fault("C310", f"the key '{wrong}' is given twice in one object", "keep one of them", at=Place(named)) from None


class _KeyTwiceError(Exception):
    pass


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        raise _KeyTwiceError(next(n for n in names if names.count(n) > 1))
    return made
