"""HL7 v2: a message is of the types that are taken, and holds the segments and fields that somebody relies on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from interpres.catalog import part
from interpres.checkers.hl7v2.places import Asked, ask_places
from interpres.checkers.hl7v2.structure import structure_faults
from interpres.document import Document
from interpres.fault import Fault
from interpres.schema import Checker, Written
from interpres.settings import Settings, model_from_values


class Hl7v2File(Settings):
    """What `schemas/hl7v2/adt.yaml` says."""

    checker: str
    messages: list[str] = Field(
        default_factory=list,
        description="The types that are taken: message code and trigger event, as MSH-9 has them.",
        examples=[["ADT^A01", "ADT^A08"]],
    )
    segments: dict[str, str] = Field(default_factory=dict, description="Segments that must be there, each with what it is for.")
    needs: dict[str, str] = Field(
        default_factory=dict, description="Places that every such segment must fill, each with what it is for."
    )
    values: dict[str, list[str]] = Field(default_factory=dict, description="Places that hold one of these codes, if anything.")
    structure: Literal["ignore", "warning", "fault"] = Field(
        default="ignore", description="Whether hl7apy checks the message structure of MSH-9 too; it takes about 20 ms a message."
    )


class Hl7v2Schema(Checker):
    """Segments and places by our own reader, which is fast; the structures of the standard by hl7apy, on a copy, on request."""

    def __init__(self, written: Written) -> None:
        """Raises `Fault` or `Faults` C1xx, C331 and M1xx for a file that says what cannot be."""
        said = model_from_values(written.contents, Hl7v2File, written.place)
        if written.member:
            says = f"{written.place.file} has no parts, so there is no '{written.name}'"
            raise Fault("C331", says, "name the file alone", at=written.place)
        word = part("formats", "hl7v2")
        self._format = word(word.Settings())
        self._structure = said.structure
        self._ask = ask_places(said.messages, said.segments, said.needs, said.values, self._format, written.place)

    def faults(self, document: Document) -> Iterator[Fault]:
        """V1xx, `source` the place in the message (`PID-3.1`, `OBX[2]-11`)."""
        found: list[Asked] = list(self._ask(document.tree))
        for asked in found:
            yield Fault(asked.code, asked.says, asked.hint, source=asked.source, value=asked.value)
        if self._structure != "ignore" and not found:
            yield from self._structural(document.tree)

    def _structural(self, tree: Any) -> Iterator[Fault]:
        for fault in structure_faults(self._format.encode(tree)):
            yield fault.but(level="warning") if self._structure == "warning" else fault
