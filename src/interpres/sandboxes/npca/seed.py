"""Seed: what the agency knows before anybody calls — beneficiaries, facilities, code lists."""

from __future__ import annotations

import csv
import importlib.resources
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from interpres.fault import Fault

LISTS: Final[Mapping[str, str]] = {
    "marital_statuses": "marital_status",
    "admission_types": "admission_type",
    "visit_types": "visit_type",
    "discharge_types": "discharge_type",
    "visit_outcomes": "visit_outcome",
    "diagnosis_types": "diagnosis_type",
    "payment_types": "payment_type",
}
"""The types of standard data that `schemas/npca/codes.csv` holds, and the name of the list there."""

SEEDED: Final[Mapping[str, str]] = {
    "card_types": "card_types",
    "nationalities": "nationalities",
    "diagnoses": "diagnoses",
    "health_facilities": "facilities",
    "medications": "medications",
}
"""The types of standard data that the seed holds, and the key there."""


@dataclass(frozen=True, slots=True)
class Seed:
    """`not_covered` are pairs of payment and visit type for which an invoice is only partly accepted."""

    beneficiaries: Sequence[Mapping[str, Any]]
    facilities: frozenset[str]
    not_covered: frozenset[tuple[str, str]]
    lists: Mapping[str, Sequence[Mapping[str, Any]]]

    @classmethod
    def read(cls, file: Path | None, codes: Path) -> Seed:
        """The seed of a JSON file (the shipped one for None) and the code lists. Raises `Fault` E192 where one cannot be read."""
        facts = _facts(file)
        with codes.open(encoding="utf-8", newline="") as rows:
            written = list(csv.DictReader(rows))
        lists = {kind: [_entry(row) for row in written if row["list"] == name] for kind, name in LISTS.items()}
        return cls(
            facts["beneficiaries"],
            frozenset(f["code"] for f in facts["facilities"]),
            frozenset((p["payment_type"], p["visit_type"]) for p in facts["not_covered"]),
            lists | {kind: facts[key] for kind, key in SEEDED.items()},
        )

    def beneficiary(self, card_code: str, card_type: str | None) -> Mapping[str, Any] | None:
        """Whom this card belongs to; a card of another type is another card."""
        for known in self.beneficiaries:
            if known["card_code"] == card_code and card_type in (None, known["card_type"]):
                return known
        return None


def _facts(file: Path | None) -> dict[str, Any]:
    text = file.read_bytes() if file else importlib.resources.files(__package__).joinpath("seed.json").read_bytes()
    facts: dict[str, Any] = msgspec.json.decode(text)
    missing = {"beneficiaries", "not_covered", *SEEDED.values()} - facts.keys()
    if missing:
        hint = "take the shipped sandboxes/npca/seed.json as a model"
        raise Fault("E192", f"the seed lacks {', '.join(sorted(missing))}", hint)
    return facts


def _entry(row: Mapping[str, str]) -> dict[str, Any]:
    return {"code": row["code"], "name": row["value"], "description": row["khmer"]}
