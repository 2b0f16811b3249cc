"""System: a party we speak to, as `schemas/<system>/system.yaml` and `openapi.yaml` say it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from interpres import catalog, yaml
from interpres.environment import PLACEHOLDER, missing, not_set
from interpres.fault import Fault, Faults, Place, did_you_mean
from interpres.mapping.checking.check_formula import check_formula
from interpres.mapping.compiling.compile import compile_formula
from interpres.openapi import Operation, read_operations
from interpres.settings import model_from_yaml
from interpres.system_file import Limits, SystemFile
from interpres.transform import builtins

State = Literal["delivered", "hold", "refused", "missing"]
Formula = Callable[[Any, Mapping[str, Any]], Any]
_T = TypeVar("_T")

ANSWER_NAMES: Final = ("http", "item")
"""What formulas of `answers` may name beside the answer itself: `http.status`, `http.headers`, and `item` of a batch."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Meaning:
    """One formula of `answers`. `reads_status`: it names `http`, and so may overrule a status that says try again."""

    state: State
    true_for: Formula
    reads_status: bool
    at: Place


@dataclass(frozen=True, slots=True)
class SignInRecipe:
    """The sign-in's word and its settings as written, `${…}` unexpanded."""

    word: str
    written: Mapping[str, Any] = field(repr=False)
    at: Place = field(repr=False)


@dataclass(frozen=True, slots=True)
class System:
    """A system ready to be opened. Nothing in it is expanded: `${NAME}` stands wherever a secret or an address will.

    `meanings` holds the formulas of `answers` by operation; `placeholders` each name and where it stands first.
    """

    name: str
    file: str
    about: str
    base_url: str
    sign_in: SignInRecipe | None
    headers: Mapping[str, str]
    limits: Limits
    operations: Mapping[str, Operation]
    meanings: Mapping[str, tuple[Meaning, ...]]
    standard: str
    status: str
    placeholders: Mapping[str, Place]

    def not_set(self, environment: Mapping[str, str]) -> list[Fault]:
        """A fault E104 for each name that this environment does not have: a note for `check`, the end of `run`."""
        return [not_set(name, self.placeholders[name]) for name in missing(self.placeholders, environment)]


def read_system(name: str, schemas: Path) -> System:
    """The system whose files lie in `schemas/<name>/`.

    Raises `Faults`: C16x, what settings and YAML find (C1xx, Y1xx), and M… for the formulas of `answers`.
    """
    return _Reading(name, schemas).system()


class _Reading:
    """One system on its way from its two files; collects every fault before it gives up."""

    def __init__(self, name: str, schemas: Path) -> None:
        self.name = name
        self.folder = schemas / name
        self.file = f"{schemas.name}/{name}/system.yaml"
        self.openapi = f"{schemas.name}/{name}/openapi.yaml"
        self.faults: list[Fault] = []

    def system(self) -> System:
        node = self.attempt(lambda: yaml.read(_bytes(self.folder / "system.yaml", self.file), self.file))
        operations = self.attempt(self.read_openapi) or {}
        written = self.attempt(lambda: model_from_yaml(node, SystemFile)) if node is not None else None
        if node is None or written is None:
            raise Faults(self.faults)
        self.check_address(written.base_url, yaml.place(node, ["base_url"]))
        self.check_headers(written, node)
        sign_in = self.attempt(lambda: _sign_in(_under(node, "sign_in"), written))
        operations = self.with_facts(operations, written, node)
        meanings = {key: self.meanings(key, node) for key in written.answers}
        if self.faults:
            raise Faults(sorted(self.faults, key=lambda f: f.at or Place("")))
        return System(
            name=self.name,
            file=self.file,
            about=written.about,
            base_url=written.base_url,
            sign_in=sign_in,
            headers=MappingProxyType(dict(written.headers)),
            limits=written.limits,
            operations=MappingProxyType(operations),
            meanings=MappingProxyType(meanings),
            standard=written.standard,
            status=written.status,
            placeholders=MappingProxyType(_placeholders(node)),
        )

    def attempt(self, work: Callable[[], _T]) -> _T | None:
        try:
            return work()
        except Fault as wrong:
            self.faults.append(wrong)
        except Faults as wrong:
            self.faults += wrong
        return None

    def read_openapi(self) -> dict[str, Operation]:
        return read_operations(
            yaml.read(_bytes(self.folder / "openapi.yaml", self.openapi), self.openapi, strict=False), self.name
        )

    def check_address(self, base_url: str, at: Place) -> None:
        if not PLACEHOLDER.search(base_url) and (wrong := address_fault(base_url)):
            self.faults.append(wrong.within(at=at))

    def check_headers(self, written: SystemFile, node: yaml.Node) -> None:
        for name, value in written.headers.items():
            if not _TOKEN.fullmatch(name) or any(c in value for c in "\r\n\0"):
                at = yaml.key_place(node, ["headers", name])
                self.faults.append(
                    Fault("C161", "this cannot be a header", "headers are one line each, named in ASCII without spaces", at=at)
                )

    def with_facts(self, operations: Mapping[str, Operation], written: SystemFile, node: yaml.Node) -> dict[str, Operation]:
        """The operations with what `operations:` says of them; names of operations that are none are faults."""
        for section in ("answers", "operations"):
            for key in getattr(written, section):
                if operations and key not in operations:
                    hint = did_you_mean(key, operations) or f"it has {', '.join(operations)}"
                    says = f"{self.openapi} has no operation '{key}'"
                    self.faults.append(Fault("C162", says, hint, at=yaml.key_place(node, [section, key])))
        known = {key: vars(facts) for key, facts in written.operations.items()}
        return {key: operation.with_facts(given=written.headers, **known.get(key, {})) for key, operation in operations.items()}

    def meanings(self, operation: str, node: yaml.Node) -> tuple[Meaning, ...]:
        formulas = _under(node, "answers", operation)
        if not isinstance(formulas, yaml.Branch):
            return ()
        found = [self.attempt(lambda e=entry: _meaning(*e)) for entry in formulas.entries]  # type: ignore[misc]
        return tuple(m for m in found if m is not None)


def address_fault(base_url: str) -> Fault | None:
    """What is wrong with an address that calls are to go to: http or https, a host, and nothing that is secret or in the way."""
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in base_url):
        return Fault("C160", "the address is not one of http or https", "write it as in https://host/root")
    if parts.username is not None or parts.password is not None:
        return Fault("C160", "the address holds credentials", "take them out and name them under sign_in")
    if parts.query or parts.fragment:
        return Fault("C160", "the address goes on behind its path", "end it before '?' and '#'")
    return None


def _meaning(state: yaml.Leaf, formula: yaml.Node) -> Meaning | None:
    if not isinstance(formula, yaml.Leaf) or formula.value is None:
        return None
    if not formula.text.startswith("="):
        raise Fault("C121", f"{state.text} is not a formula", f"begin it with '=', as in ={formula.text}", at=formula.at)
    json = catalog.part("formats", "json")
    reader = json(json.Settings())
    if wrong := [f for f in check_formula(formula, reader, ANSWER_NAMES, builtins(), is_test=True) if f.level == "fault"]:
        raise Faults(wrong)
    compiled = compile_formula(formula, format=reader, names=ANSWER_NAMES, transforms=builtins(), timezone="UTC")
    reads_status = re.search(r"(?<![\w.'\"])http\.", formula.text) is not None
    return Meaning(cast(State, state.text), compiled, reads_status, formula.at)


def _sign_in(node: yaml.Node | None, written: SystemFile) -> SignInRecipe | None:
    """The sign-in and its settings, checked as they stand: a secret must come from outside."""
    if written.sign_in is None or not isinstance(node, yaml.Branch):
        return None
    if len(node.entries) != 1:
        known = ", ".join(catalog.names("sign_ins"))
        raise Fault("C111", "sign_in names no sign-in, or more than one", f"name one of {known}", at=node.at)
    word, settings = node.entries[0]
    try:
        model: type[BaseModel] = catalog.part("sign_ins", word.text).Settings
    except Fault as wrong:
        raise wrong.within(at=word.at) from None
    checked = model_from_yaml(settings, model)
    open_secrets = list(_open_secrets(checked, settings))
    if open_secrets:
        raise Faults(open_secrets)
    return SignInRecipe(word.text, MappingProxyType(yaml.plain(settings) or {}), word.at)


def _open_secrets(settings: BaseModel, node: yaml.Node) -> Iterator[Fault]:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr) and not PLACEHOLDER.search(value.get_secret_value()):
            hint = f"write ${{NAME}} and set NAME in the environment or in .env; take it that this {name} is known by now"
            yield Fault("C163", f"the {name} stands in the file", hint, at=yaml.place(node, [name]))


def _placeholders(node: yaml.Node) -> dict[str, Place]:
    """Each name and the place where it stands first."""
    found: dict[str, Place] = {}
    for leaf in yaml.leaves(node):
        for name in PLACEHOLDER.findall(leaf.text):
            found.setdefault(name, leaf.at)
    return found


def _under(node: yaml.Node, *keys: str) -> yaml.Node | None:
    found: yaml.Node | None = node
    for key in keys:
        found = found.get(key) if isinstance(found, yaml.Branch) else None
    return found


def _bytes(file: Path, named: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        hint = "a system is a folder with system.yaml and openapi.yaml"
        raise Fault(
            "C164", f"{named} cannot be read: {(error.strerror or 'not a file').lower()}", hint, at=Place(named)
        ) from None
