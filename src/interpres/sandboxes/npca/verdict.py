"""Verdict: what the agency makes of a body of visits — refused at its fields, accepted, or accepted in part."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from interpres.catalog import part
from interpres.document import Document
from interpres.fault import Fault
from interpres.promises.schemas import find_schema
from interpres.sandboxes.npca.seed import Seed

ACCEPTED: Final = 1
PARTIAL: Final = 3

_INDEX = re.compile(r"\[([0-9]+)\]")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`refused` holds sentences by field, for the whole body; `partial` and `warnings` what is said of each visit."""

    refused: Mapping[str, Sequence[str]]
    partial: Sequence[Sequence[dict[str, str]]] = ()
    warnings: Sequence[Sequence[dict[str, str]]] = ()


class Judge:
    """Checks bodies against `schemas/npca/visit` and its rules, then against what the benefit programmes cover."""

    def __init__(self, schemas: Path, seed: Seed) -> None:
        format_ = part("formats", "json")
        self._json = format_(format_.Settings())
        self._visit = find_schema("npca/visit", schemas).checker
        self._seed = seed

    def read(self, body: bytes) -> Any:
        """The tree of a JSON body. Raises `Fault` or `Faults`."""
        return self._json.decode(body).tree

    def judge(self, tree: Any) -> Verdict:
        """The verdict on one body; nothing of it is kept where one field is refused."""
        found = list(self._visit.faults(Document("json", tree)))
        refused: dict[str, list[str]] = {}
        for fault in found:
            if fault.level == "fault":
                refused.setdefault(field_of(fault.target or fault.source), []).append(_sentence(fault))
        if refused:
            return Verdict(refused)
        warnings = [f for f in found if f.level == "warning"]
        visits = tree["visits"]
        return Verdict(
            {},
            [self._not_covered(number, visit) for number, visit in enumerate(visits)],
            [_of_visit(number, warnings) for number in range(len(visits))],
        )

    def _not_covered(self, number: int, visit: Mapping[str, Any]) -> list[dict[str, str]]:
        kind = visit["visit_type"]
        return [
            {
                "field": f"visits.{number}.invoices.{index}.payment_type",
                "message": f"payment_type is not covered for visit_type {kind}",
            }
            for index, invoice in enumerate(visit["invoices"])
            if (invoice["payment_type"], kind) in self._seed.not_covered
        ]


def field_of(path: str) -> str:
    """`visits.0.patient.sex` for `visits[0].patient.sex`; the root is `visits`, as a body that is no object has no field."""
    return _INDEX.sub(r".\1", path.removeprefix("$.").removeprefix("$")).removeprefix(".") or "visits"


def _sentence(fault: Fault) -> str:
    return f"{fault.says[:1].upper()}{fault.says[1:]}."


def _of_visit(number: int, warnings: Sequence[Fault]) -> list[dict[str, str]]:
    fields = [(field_of(w.target or w.source), w) for w in warnings]
    return [
        {"field": f, "message": _sentence(w)} for f, w in fields if f.startswith(f"visits.{number}.") or f == f"visits.{number}"
    ]
