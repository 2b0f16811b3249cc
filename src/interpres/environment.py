"""Environment: secrets and addresses, from the process, from files that it names, or from the workspace's `.env`."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from interpres.fault import Fault, Faults, Place

PLACEHOLDER: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
LARGEST_SECRET_BYTES: Final = 64 * 1024
_LINE = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(.*?)[ \t]*\Z")
_QUOTED = re.compile(r"""(?P<quote>['"])(?P<text>.*)(?P=quote)(?:[ \t]+#.*)?\Z""")


class Environment(Mapping[str, str]):
    """Names and values. Where `NAME` is not set and `NAME_FILE` is, the value is what that file holds. Prints names only."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        if name in self._values:
            return self._values[name]
        if file := self._values.get(f"{name}_FILE"):
            return _secret_in(name, Path(file))
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return name in self._values or bool(self._values.get(f"{name}_FILE"))

    def __iter__(self) -> Iterator[str]:
        yield from self._values

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Environment({len(self)} names)"

    def with_values(self, values: Mapping[str, str]) -> Environment:
        """These values before those (what `run --sandboxes` supplies)."""
        return Environment({**self._values, **values})


def read_environment(workspace: Path, process: Mapping[str, str] | None = None) -> Environment:
    """The process's environment before the workspace's `.env`.

    Raises `Faults`: E101 where others can read `.env`, E102 where it cannot be read, E103 for a line that is none.
    """
    given = os.environ if process is None else process
    return Environment({**_dotenv(workspace / ".env"), **given})


def placeholders(value: Any) -> Iterator[str]:
    """The names of all `${NAME}` in a tree's texts, in order."""
    if isinstance(value, str):
        yield from PLACEHOLDER.findall(value)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from placeholders(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from placeholders(inner)


def expand(value: Any, environment: Mapping[str, str]) -> Any:
    """A copy of the tree with every `${NAME}` replaced. The value is not read again: a secret may hold `${`.

    Raises `Fault` E104 where a name is not set; E102 where the file that holds it cannot be read.
    """
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda found: _value_of(found[1], environment), value)
    if isinstance(value, Mapping):
        return {key: expand(inner, environment) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [expand(inner, environment) for inner in value]
    return value


def missing(names: Iterable[str], environment: Mapping[str, str]) -> list[str]:
    """Which of the names are not set, each once, in order."""
    return [name for name in dict.fromkeys(names) if name not in environment]


def not_set(name: str, at: Place | None = None) -> Fault:
    """What is said of a name that is not set: a note for `check`, the end of `run`."""
    hint = f"set it in the environment, put the name of a file that holds it in {name}_FILE, or write it into .env"
    return Fault("E104", f"{name} is not set", hint, at=at)


def _value_of(name: str, environment: Mapping[str, str]) -> str:
    if name not in environment:
        raise not_set(name)
    return environment[name]


def _secret_in(name: str, file: Path) -> str:
    """What a file holds that `NAME_FILE` names, without the line end that editors put there."""
    try:
        with file.open("rb") as opened:
            held = opened.read(LARGEST_SECRET_BYTES + 1)
        if len(held) > LARGEST_SECRET_BYTES:
            raise Fault("E102", f"the file that {name}_FILE names is too large", "it should hold one value and nothing else")
        return held.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise Fault("E102", f"the file that {name}_FILE names is not UTF-8", "it should hold one value as text") from None
    except (OSError, ValueError) as error:
        raise Fault(
            "E102", f"the file that {name}_FILE names cannot be read: {_reason(error)}", "see its path and rights"
        ) from None


def _dotenv(file: Path) -> dict[str, str]:
    try:
        with file.open("rb") as opened:
            status = os.fstat(opened.fileno())
            if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o077:
                hint = "chmod 600 .env, and change what it holds if others may have seen it"
                raise Faults([Fault("E101", "other users can read .env, and it holds secrets", hint, at=Place(".env"))])
            text = opened.read().decode("utf-8-sig")
    except FileNotFoundError:
        return {}
    except OSError as error:
        says = f".env cannot be read: {_reason(error)}"
        raise Faults([Fault("E102", says, "it must be a file that you own", at=Place(".env"))]) from None
    except UnicodeDecodeError:
        raise Faults(
            [Fault("E103", ".env is not written in UTF-8", "save it again with the encoding UTF-8", at=Place(".env"))]
        ) from None
    return _lines(text)


def _lines(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    faults: list[Fault] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        written = line.strip(" \t")
        if not written or written.startswith("#"):
            continue
        if (found := _LINE.fullmatch(written)) is None:
            faults.append(
                Fault("E103", "this line is no NAME=value", "write NAME=value, or # before a remark", at=Place(".env", number, 1))
            )
            continue
        values[found[1]] = _unquoted(found[2])
    if faults:
        raise Faults(faults)
    return values


def _unquoted(value: str) -> str:
    """The text inside quotes as it stands; without quotes up to a remark. Nothing is expanded or escaped."""
    if quoted := _QUOTED.fullmatch(value):
        return quoted["text"]
    return re.split(r"[ \t]+#", value, maxsplit=1)[0]


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) and error.strerror else "its name is not one").lower()
