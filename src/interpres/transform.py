"""Transform: a pure function, value in, value out; its signature is its type check, its docstring's examples are its tests."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
import traceback
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from interpres.fault import Fault, Faults, Place

_F = TypeVar("_F", bound=Callable[..., Any])

_EXAMPLE = re.compile(r"^\s*>>> (?P<call>.+)\n\s*(?P<result>.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Example:
    """One `>>> call` of a docstring and the line below it."""

    call: str
    result: str


@dataclass(frozen=True, slots=True)
class Transform:
    """A named pure function. `takes` are its parameters' types (the last repeats where `variadic`), `gives` its result's.

    A transform given MISSING returns MISSING without being called, unless it `meets_missing` (`default`, `required`).
    `wants` are its keyword-only parameters, which a formula cannot write: whoever compiles hands in the mapping's own (`times`,
    an `interpres.values.times.Times`). `least` and `most` count what a formula may write.
    """

    name: str
    function: Callable[..., Any]
    about: str
    takes: tuple[Any, ...]
    gives: Any
    least: int
    most: int | None
    meets_missing: bool
    examples: tuple[Example, ...]
    module: str
    wants: frozenset[str] = frozenset()

    @classmethod
    def of(cls, name: str, function: Callable[..., Any]) -> Transform:
        """What the function's signature and docstring say of it."""
        signature = inspect.signature(function)
        hints = typing.get_type_hints(function)
        everything = list(signature.parameters.values())
        parameters = [p for p in everything if p.kind is not p.KEYWORD_ONLY]
        variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        text = inspect.getdoc(function) or ""
        fixed = [p for p in parameters if p.kind is not p.VAR_POSITIONAL]
        return cls(
            name=name,
            function=function,
            about=text.split("\n\n")[0].replace("\n", " "),
            takes=tuple(hints.get(p.name, Any) for p in parameters),
            gives=hints.get("return", Any),
            least=sum(p.default is p.empty for p in fixed),
            most=None if variadic else len(parameters),
            meets_missing=getattr(function, "meets_missing", False),
            examples=tuple(Example(m["call"], m["result"].strip()) for m in _EXAMPLE.finditer(text)),
            module=function.__module__,
            wants=frozenset(p.name for p in everything if p.kind is p.KEYWORD_ONLY),
        )


def meets_missing(function: _F) -> _F:
    """Marks a transform that is about missing values: it is called with MISSING too."""
    function.meets_missing = True  # type: ignore[attr-defined]
    return function


@cache
def builtins() -> Mapping[str, Transform]:
    """The transforms that ship: every public function defined in a module of `interpres.builtins`.

    A trailing underscore keeps a name from Python's own and is not part of the transform's name (`round_` is `round`).
    """
    package = importlib.import_module("interpres.builtins")
    found: dict[str, Transform] = {}
    for info in pkgutil.iter_modules(package.__path__):
        found.update(_public(importlib.import_module(f"interpres.builtins.{info.name}")))
    return found


def workspace_transforms(folder: Path) -> dict[str, Transform]:
    """The workspace's own transforms: every public function of `transforms/*.py`.

    Raises `Faults` C170 for each file that Python cannot run.
    """
    found: dict[str, Transform] = {}
    wrong: list[Fault] = []
    for file in sorted(folder.glob("*.py")):
        try:
            found.update(_public(_module(file)))
        except Exception as error:
            wrong.append(_cannot_run(error, file, f"{folder.name}/{file.name}"))
    if wrong:
        raise Faults(wrong)
    return found


def _module(file: Path) -> ModuleType:
    """The file run as it stands now: bytecode kept beside it could be that of another text of the same second and size."""
    name = f"interpres_workspace_transforms.{file.stem}"
    module = ModuleType(name)
    module.__file__ = str(file)
    sys.modules[name] = module
    exec(compile(file.read_bytes(), str(file), "exec"), module.__dict__)  # noqa: S102  (the workspace's own code)
    return module


def _cannot_run(error: Exception, file: Path, named: str) -> Fault:
    """What Python says, at the line of the file that it stumbled over."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)]
    line = (error.lineno if isinstance(error, SyntaxError) else None) or (lines[-1] if lines else None) or 0
    says = f"Python cannot run this file: {type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"
    return Fault("C170", says, "mend it, or take it out of transforms/: no mapping can be read without it", at=Place(named, line))


def _public(module: Any) -> dict[str, Transform]:
    return dict(_transforms_of(module))


def _transforms_of(module: Any) -> Iterator[tuple[str, Transform]]:
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if not name.startswith("_") and function.__module__ == module.__name__:
            yield name.rstrip("_"), Transform.of(name.rstrip("_"), function)
