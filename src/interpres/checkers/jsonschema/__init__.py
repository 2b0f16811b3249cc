"""JSON Schema 2020-12: a tree of JSON values is what a schema file says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from interpres.checkers.jsonschema.library import Library
from interpres.checkers.jsonschema.sentences import Sentences
from interpres.checkers.jsonschema.shape import SchemaShape
from interpres.document import Document
from interpres.fault import Fault
from interpres.schema import Checker, Written


class JsonSchema(Checker):
    """One schema file (or one component of an OpenAPI file), its references resolved inside the workspace.

    Verdict and errors come from jsonschema-rs: exact for decimals and big integers, linear in time for patterns. Formats are
    asserted, not only noted (JSON Schema Validation 2020-12, 7.2.2).
    """

    def __init__(self, written: Written) -> None:
        """Raises `Fault` or `Faults` C310-C316 where the schema or what it refers to cannot be used."""
        library = Library(written)
        self.uri = library.uri_of(written)
        self.validator = library.validator(self.uri)
        self._files = tuple(library.read())
        self._shape = SchemaShape.at(library, self.uri)
        self._sentences = Sentences(self._shape)

    def keeps(self, document: Document) -> bool:
        """The verdict alone: about 2 µs a value."""
        return bool(self.validator.is_valid(document.tree))

    def faults(self, document: Document) -> Iterator[Fault]:
        """V1xx, one for every broken keyword, `target` the path of the value (`visits[0].patient.sex`)."""
        if not self.keeps(document):
            yield from self._sentences.all(self.validator.iter_errors(document.tree), document.tree)

    def shape(self) -> SchemaShape:
        return self._shape

    def reads(self) -> Iterator[Path]:
        return iter(self._files)
