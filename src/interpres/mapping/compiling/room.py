"""Room: the lines, variables and objects of one generated function; nothing of a file's text ever becomes a name in it."""

from __future__ import annotations

import linecache
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from types import CodeType, FunctionType
from typing import Any, Final

from interpres.fault import Fault, Place

_TOO_DEEP: Final = ("too many", "too deep", "too complex", "recursion", "overflow")


class Room:
    """Where code is written: lines with indentation, names from counters, and the objects that the code calls by name."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.objects: dict[str, Any] = {}
        self._depth = 0
        self._count = 0
        self._kept: dict[int, str] = {}

    def fresh(self, prefix: str) -> str:
        """A variable that is used nowhere else."""
        self._count += 1
        return f"{prefix}{self._count}"

    def keep(self, value: Any, prefix: str = "k") -> str:
        """The name under which the code finds an object; the same object always under the same name."""
        if id(value) not in self._kept:
            self._kept[id(value)] = self.fresh(prefix)
            self.objects[self._kept[id(value)]] = value
        return self._kept[id(value)]

    def constant(self, value: Any) -> str:
        """A constant as Python writes it; what Python cannot write as a literal becomes an object of the room."""
        if value is None or isinstance(value, str | bool) or (isinstance(value, int) and value.bit_length() < 64):
            return repr(value)
        if value == [] or value == {}:
            return repr(value)
        return self.keep(value)

    def add(self, line: str) -> int:
        """Writes a line; its number can be given to `set` later."""
        self.lines.append(" " * self._depth + line)
        return len(self.lines) - 1

    def set(self, number: int, line: str) -> None:
        """Replaces what stands on a line, indentation kept."""
        old = self.lines[number]
        self.lines[number] = old[: len(old) - len(old.lstrip(" "))] + line

    @contextmanager
    def indented(self) -> Iterator[None]:
        self._depth += 1
        yield
        self._depth -= 1

    def uses(self, name: str, since: int) -> bool:
        """Whether a variable is read or set on any line after `since`."""
        return any(name in line for line in self.lines[since + 1 :])


class Source:
    """Generated source text, so that a traceback through it can show its lines."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_source(self, name: str) -> str:
        return self.text


def compiled(lines: list[str], title: str, at: Place) -> CodeType:
    """The code object of the one function that the lines define. Raises `Fault` M119 for nesting that Python refuses."""
    text = "\n".join(lines) + "\n"
    name = f"{title} {sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"  # a reload must not show old lines
    try:
        module = compile(text, name, "exec", dont_inherit=True)
    except (SyntaxError, RecursionError, MemoryError) as error:
        if not isinstance(error, SyntaxError) or any(word in str(error) for word in _TOO_DEEP):
            says = "blocks, loops or formulas are nested too deep"
            raise Fault("M119", says, "split it: names under let: for formulas, parts for blocks", at=at) from None
        raise
    return next(c for c in module.co_consts if isinstance(c, CodeType))


def bound(code: CodeType, names: Mapping[str, Any], source: Source) -> FunctionType:
    """The function of a code object, with its own set of objects."""
    namespace = {"__name__": code.co_filename, "__loader__": source, **names}
    linecache.lazycache(code.co_filename, namespace)
    return FunctionType(code, namespace)
