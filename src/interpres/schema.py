"""Schema: a promise about a tree (meaning), the shape that a mapping is checked against, and who checks it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from interpres.document import Document
from interpres.fault import Fault, Place

Kind = Literal["object", "array", "string", "number", "integer", "boolean", "null", "any"]


class Shape(Protocol):
    """One place in a promised tree, as `interpres check` walks it beside the mapping's picture.

    JSON Schema 2020-12 with `$ref`, `allOf`, `anyOf`, `oneOf` seen through; `any` where nothing is promised.
    """

    @property
    def kinds(self) -> frozenset[str]:
        """The JSON types allowed here (without `null`); empty when anything goes."""

    @property
    def nullable(self) -> bool:
        """Whether null is allowed here."""

    @property
    def required(self) -> Sequence[str]:
        """The keys that must be there, in the schema's order."""

    @property
    def keys(self) -> Sequence[str]:
        """The keys that the schema names, for `did you mean` and completion."""

    @property
    def open(self) -> bool:
        """Whether keys that the schema does not name are allowed."""

    @property
    def values(self) -> Sequence[Any] | None:
        """The only values allowed (`enum`, `const`), where they are listed."""

    @property
    def format(self) -> str:
        """The `format` that every text allowed here must have (`date`, `date-time`); empty where there is none."""

    @property
    def about(self) -> str:
        """The schema's `description`."""

    def key(self, name: str) -> Shape | None:
        """The shape under a key; None where the schema does not have it."""

    def item(self) -> Shape | None:
        """The shape of an array's items."""

    @property
    def either(self) -> Sequence[Sequence[str]]:
        """Groups of keys of which one must be there (FHIR's `medication[x]`)."""

    def form(self, constants: Mapping[str, Any]) -> Shape:
        """The shape that these constants choose where there are several (`resourceType: Patient`); else this one."""

    def refuses(self, value: Any) -> str:
        """Why a constant cannot stand here, in words (`'KHM' is not one of 'KH', …`); empty where it can."""


@dataclass(frozen=True, slots=True)
class Written:
    """A promise as a workspace writes it: what a checker part is made of.

    `name` is the whole name (`fhir/r4/Bundle`); `member` is what of it follows the file's own name (`Bundle`, or the `Visit` of
    `npca/openapi#Visit`); `contents` the parsed file; `root` the folder `schemas`, which no reference leaves.
    """

    name: str
    file: Path
    root: Path
    contents: Any
    member: str = ""

    @property
    def place(self) -> Place:
        """The file, as the workspace names it."""
        return Place(f"{self.root.name}/{self.file.relative_to(self.root).as_posix()}")


class Checker(ABC):
    """A checker part: holds one promise, says what in a document breaks it."""

    @abstractmethod
    def __init__(self, written: Written) -> None:
        """Raises `Fault` or `Faults` C3xx for a promise that cannot be held."""

    @abstractmethod
    def faults(self, document: Document) -> Iterator[Fault]:
        """Every fault and warning, `source` or `target` as a path in the document; nothing where the promise is kept."""

    def keeps(self, document: Document) -> bool:
        """The verdict alone, as fast as can be."""
        return next((f for f in self.faults(document) if f.level == "fault"), None) is None

    def shape(self) -> Shape | None:
        """The shape that mappings into it are checked against; None where the promise has none."""
        return None

    def reads(self) -> Iterator[Path]:
        """The files that it was made of beside the promise's own: whatever a reference leads to."""
        return iter(())


@dataclass(frozen=True, slots=True)
class Schema:
    """A named promise: `npca/visit`, `fhir/r4/Bundle`, `hl7v2/adt`. `files` are all that it was made of, as places name them."""

    name: str
    checker: Checker
    files: tuple[str, ...] = ()

    def shape(self) -> Shape | None:
        return self.checker.shape()
