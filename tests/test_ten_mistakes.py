"""Ten different mistakes in a mapping, a table, channels and a system file are told in one run of check, each at its line."""

from __future__ import annotations

from pathlib import Path

from interpres.workspace import Workspace
from interpres.workspace.reference import copy_reference

MISTAKES = [
    ("mappings/npca/visit_from_adt.yaml", "surgeries:", "surgerys:", "M101"),
    ("mappings/npca/visit_from_adt.yaml", "DG1-3.1 | icd10", "DG1-3.1 | icd11", "M105"),
    ("mappings/npca/visit_from_adt.yaml", "payment_type: =payment_type", "payment_type: =paymnt_type", "M1"),
    ("mappings/npca/visit_from_adt.yaml", "paid: false", "paid: no", "M103"),
    ("mappings/npca/visit_from_adt.yaml", "started_at: =PR1-5 | datetime", "started_at: =PR1-5", "M103"),
    ("mappings/npca/parts/patient_from_pid.yaml", "birthdate: =PID-7 | date", "birthdate: =PID-7 | date |", "M11"),
    ("mappings/npca/tables/sex.csv", "F,F,", "F,X,", "M103"),
    ("channels/csv_to_npca.yaml", "destinations:", "destinatons:", "C101"),
    ("channels/fhir_to_npca.yaml", "npca/searchBeneficiary", "npca/searchBeneficary", "C132"),
    ("schemas/npca/system.yaml", "in_flight: 4", "in_flight: four", "C103"),
]


def planted(place: Path) -> list[tuple[str, int, str]]:
    """Plants the mistakes; the file, line and code at which each must be told."""
    told = []
    for file, right, wrong, code in MISTAKES:
        path = place / file
        before, found, after = path.read_text("utf-8").partition(right)
        assert found, f"{file} does not hold {right!r} any more: plant another mistake"
        path.write_text(before + wrong + after, "utf-8")
        told.append((file, before.count("\n") + 1, code))
    return told


def test_the_reference_workspace_is_without_fault() -> None:
    here = Workspace.find(Path(__file__))
    assert [f.line() for f in here.check() if f.level != "note"] == []


def test_all_are_told_at_once_each_at_its_line(tmp_path: Path) -> None:
    copy_reference(tmp_path)
    wanted = planted(tmp_path)
    found = [(f.at.file, f.at.line, f.code) for f in Workspace(tmp_path).check() if f.at and f.level == "fault"]
    missed = [w for w in wanted if not any(f[:2] == w[:2] and f[2].startswith(w[2]) for f in found)]
    assert missed == [], f"found only {found}"
