"""Tables: the committed facts about HL7 are what hl7apy's dictionaries say today."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from interpres.formats.hl7v2 import dictionary, tables


def test_the_committed_files_are_in_step(tmp_path: Path) -> None:
    tables.write(tmp_path)
    for name in ("dictionary.json", "structures.json"):
        committed = files("interpres.formats.hl7v2").joinpath(name).read_text(encoding="utf-8")
        assert committed == (tmp_path / name).read_text(encoding="utf-8"), f"run python -m {tables.__name__}"


def test_facts_that_everybody_knows() -> None:
    pid, obx = dictionary.segment("PID"), dictionary.segment("OBX")
    assert pid
    assert obx
    assert (pid.fields[5].type, pid.fields[3].type, obx.fields[5].components) == ("XPN", "CX", 0)
    assert pid.fields[19].title == "SSN Number Patient"
    assert dictionary.segment("ZZZ") is None
    held = {name: set(names.split()) for name, names in dictionary.structures()["ORU_R01"].items()}
    assert {"OBX", "NTE", "SPM", "TQ1", "FT1"} <= held["OBR"]
    assert held["SPM"] == {"OBX"}
    assert {"ORC", "OBR", "PV1", "NK1"} <= held["PID"]
    assert "OBR" not in json.dumps(dictionary.structures()["ADT_A01"])
