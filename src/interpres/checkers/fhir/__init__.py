"""FHIR: a tree is what the FHIR models of one release say, and its codes are of the lists that bind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from interpres.checkers.fhir.elements import Models
from interpres.checkers.fhir.shape import ElementShape
from interpres.checkers.fhir.walk import faults_in, refused_by_model
from interpres.document import Document
from interpres.fault import Fault, did_you_mean
from interpres.schema import Checker, Written
from interpres.settings import Settings, model_from_values


class FhirFile(Settings):
    """What `schemas/fhir/r4.yaml` says."""

    checker: str
    release: str = Field("R4B", pattern="^(R4B|STU3)$", description="The release whose models are used.")
    bindings: dict[str, list[str]] = Field(
        default_factory=dict, description="The codes that an element may hold, where the models do not list them all."
    )


class FhirSchema(Checker):
    """One resource type of a release: `fhir/r4/Bundle`. Checks the carrier's own tree, which keeps decimals as they came.

    fhir.resources is asked twice: its models say which elements there are, of what kind and how often, and that is held against
    the tree with every fault at once; then the model itself reads a copy, for the rest of what it knows.
    """

    def __init__(self, written: Written) -> None:
        """Raises `Fault` C321 for a resource type that the release does not have, `Faults` C1xx for the file's own settings."""
        said = model_from_values(written.contents, FhirFile, written.place)
        models = Models(said.release, said.bindings)
        if not models.is_resource(written.member):
            says = (
                f"FHIR {said.release} has no resource type '{written.member}'" if written.member else "which resource is meant?"
            )
            hint = did_you_mean(written.member, models.names()) or f"name one: {written.name.rstrip('/')}/Bundle"
            raise Fault("C321", says, hint, at=written.place)
        self._shape = ElementShape.of_model(models, written.member)
        self._name = written.member

    def faults(self, document: Document) -> Iterator[Fault]:
        """V1xx, `target` a FHIRPath-like expression from the resource's own type (`Bundle.entry[2].resource.birthDate`)."""
        tree: Any = document.tree
        found = list(faults_in(tree, self._shape, self._name))
        yield from found or refused_by_model(tree, self._shape, self._name)

    def shape(self) -> ElementShape:
        return self._shape
