"""Mapping: an ADT of 45 mapped fields and more, bytes in and document out, against a split-only floor and the peers, in one run.

    .venv/bin/python benchmarks/mapping.py [--rounds 15] [--json]

Rates are of one core. What counts are the ratios: everything is measured in turn in every round, and medians are compared.
Before any time is taken, the peers' reads are compared with the mapping's output, message by message.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from interpres import catalog
from interpres.format import Format
from interpres.mapping.compiling.compile import Compiled, compile_mapping
from interpres.mapping.reading.file import load
from interpres.transform import builtins

MAPPING = """\
about: the fields of an ADT, as a visit has them
from: hl7v2
timezone: Asia/Phnom_Penh
tables:
  sex: {M: male, F: female, O: other}
  class: {I: IPD, O: OPD, E: Emergency}
  marital: {M: Married, S: Single, W: Widowed, D: Divorced}
let:
  visit: =PV1-19.1
  patient: =PID-3[5 = 'PI'].1
output:
  message: {id: =MSH-10, event: =MSH-9.2, version: =MSH-12, sent_at: =MSH-7 | datetime, from: =MSH-3, to: =MSH-5}
  facility: =MSH-4.1
  event: {recorded_at: =EVN-2 | datetime, by: =EVN-5.1}
  visit:
    code: =visit
    patient_code: =patient
    type: =PV1-2 | table(class)
    ward: =PV1-3.1
    room: =PV1-3.2
    bed: =PV1-3.3
    admission: =PV1-4
    doctor: {code: =PV1-7.1, surname: =PV1-7.2, name: =PV1-7.3}
    service: =PV1-10
    source: =PV1-14
    admitted_at: =coalesce(PV1-44, EVN-2) | datetime
    discharged_at: =PV1-45 | datetime
    payer: =PV1-20.1
    encounter: =visit & '-E1'
  patient:
    code: =patient
    card: =PID-3[5 = 'HEF'].1
    surname: =PID-5.1
    name: =PID-5.2
    mother: =PID-6.1
    birthdate: =PID-7 | date
    sex: =PID-8 | table(sex)
    street: =PID-11.1
    city: =PID-11.3
    province: =PID-11.4
    country: =PID-11.6
    area: =PID-11.9
    phone: =PID-13.1
    language: =PID-15.1
    marital: =PID-16 | table(marital)
    religion: =PID-17.1
    account: =PID-18.1
  kin: {surname: =NK1-2.1, name: =NK1-2.2, relation: =NK1-3.1, phone: =NK1-5.1}
  diagnosis: {code: =DG1-3.1, name: =DG1-3.2}
"""

READS: dict[str, tuple[str, int, int, int]] = {
    "message.id": ("MSH", 10, 0, 1),
    "message.event": ("MSH", 9, 0, 2),
    "message.version": ("MSH", 12, 0, 1),
    "message.sent_at": ("MSH", 7, 0, 1),
    "message.from": ("MSH", 3, 0, 1),
    "facility": ("MSH", 4, 0, 1),
    "message.to": ("MSH", 5, 0, 1),
    "event.recorded_at": ("EVN", 2, 0, 1),
    "event.by": ("EVN", 5, 0, 1),
    "visit.code": ("PV1", 19, 0, 1),
    "visit.patient_code": ("PID", 3, 0, 1),
    "visit.type": ("PV1", 2, 0, 1),
    "visit.ward": ("PV1", 3, 0, 1),
    "visit.room": ("PV1", 3, 0, 2),
    "visit.bed": ("PV1", 3, 0, 3),
    "visit.admission": ("PV1", 4, 0, 1),
    "visit.doctor.code": ("PV1", 7, 0, 1),
    "visit.doctor.surname": ("PV1", 7, 0, 2),
    "visit.doctor.name": ("PV1", 7, 0, 3),
    "visit.service": ("PV1", 10, 0, 1),
    "visit.source": ("PV1", 14, 0, 1),
    "visit.admitted_at": ("PV1", 44, 0, 1),
    "visit.discharged_at": ("PV1", 45, 0, 1),
    "visit.payer": ("PV1", 20, 0, 1),
    "visit.encounter": ("PV1", 19, 0, 1),
    "patient.code": ("PID", 3, 0, 1),
    "patient.card": ("PID", 3, 1, 1),
    "patient.surname": ("PID", 5, 0, 1),
    "patient.name": ("PID", 5, 0, 2),
    "patient.mother": ("PID", 6, 0, 1),
    "patient.birthdate": ("PID", 7, 0, 1),
    "patient.sex": ("PID", 8, 0, 1),
    "patient.street": ("PID", 11, 0, 1),
    "patient.city": ("PID", 11, 0, 3),
    "patient.province": ("PID", 11, 0, 4),
    "patient.country": ("PID", 11, 0, 6),
    "patient.area": ("PID", 11, 0, 9),
    "patient.phone": ("PID", 13, 0, 1),
    "patient.language": ("PID", 15, 0, 1),
    "patient.marital": ("PID", 16, 0, 1),
    "patient.religion": ("PID", 17, 0, 1),
    "patient.account": ("PID", 18, 0, 1),
    "kin.surname": ("NK1", 2, 0, 1),
    "kin.name": ("NK1", 2, 0, 2),
    "kin.relation": ("NK1", 3, 0, 1),
    "kin.phone": ("NK1", 5, 0, 1),
    "diagnosis.code": ("DG1", 3, 0, 1),
    "diagnosis.name": ("DG1", 3, 0, 2),
}
"""The same fields for the peers: segment, field, repetition from 0, component from 1."""


def adt(number: int, chance: random.Random) -> bytes:
    """One synthetic ADT^A01 of about 900 bytes; no two are alike."""

    def day() -> str:
        return f"20{chance.randrange(10, 26)}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}"

    def moment() -> str:
        return f"{day()}{chance.randrange(24):02}{chance.randrange(60):02}{chance.randrange(60):02}"

    digits = f"{chance.randrange(10**6):06}"
    surname, name = chance.choice(["CHAN", "SOK", "KEO", "PHAN"]), chance.choice(["SOPHEA", "DARA", "BOPHA", "VIBOL"])
    patient = {1: "1", 3: f"P{digits}^^^KH^PI~H{digits}^^^GOV^HEF", 5: f"{surname}^{name}", 6: f"{surname}A^MARY", 7: day()}
    patient |= {8: chance.choice("MFO"), 11: f"{digits} STREET {number}^^PHNOM PENH^PP^12000^KHM^H^^120101"}
    patient |= {13: f"0{digits}99^PRN^PH", 15: "KHM^Khmer", 16: chance.choice("MSWD"), 17: "BUD^Buddhist", 18: f"A{digits}^^^KH"}
    visit = {1: "1", 2: chance.choice("IOE"), 3: f"W{digits[0]}^R{digits[1]}^B{digits[2]}^KH", 4: "R", 10: "MED", 14: "7"}
    visit |= {7: f"D{digits[3:]}^SOK^DARA^^^DR", 19: f"V{digits}{number}^^^KH", 20: "HEF^20200101", 36: "01", 39: "KH"}
    lines = [
        f"MSH|^~\\&|HIS|KH{digits[:4]}|INTERPRES|NPCA|{moment()}||ADT^A01^ADT_A01|M{number:08}|P|2.5|||AL|NE||UNICODE UTF-8",
        segment("EVN", {1: "A01", 2: moment(), 5: f"U{digits}^SMITH^ANN"}),
        segment("PID", patient),
        segment("NK1", {1: "1", 2: f"{surname}^{name[::-1]}", 3: "SPO^Spouse", 5: f"0{digits}11^PRN^PH"}),
        segment("PV1", visit | {44: moment(), 45: moment()}),
        segment("PV2", {3: "^Fever and headache", 22: "N"}),
        segment("AL1", {1: "1", 2: "DA", 3: "7980^Penicillin^L", 4: "SV", 5: "Rash"}),
        segment("DG1", {1: "1", 3: f"A{digits[:2]}^Diarrhoea and gastroenteritis^I10", 5: moment(), 6: "A"}),
        segment("OBX", {1: "1", 2: "NM", 3: "8310-5^Body temperature^LN", 5: f"3{digits[0]}.{digits[1]}", 6: "Cel", 11: "F"}),
        segment("OBX", {1: "2", 2: "NM", 3: "8867-4^Heart rate^LN", 5: digits[:2], 6: "/min", 11: "F", 14: moment()}),
        segment("IN1", {1: "1", 2: "HEF^Health Equity Fund", 3: "NPCA", 4: "National Payment Agency", 36: f"H{digits}"}),
    ]
    return "\r".join(lines).encode() + b"\r"


def segment(name: str, fields: Mapping[int, str]) -> str:
    """A segment with these fields, counted from 1."""
    return "|".join([name, *(fields.get(number, "") for number in range(1, max(fields) + 1))])


def finish(target: str, text: str) -> str:
    """What the mapping does with a field beside reading it, for the peers' output to be comparable."""
    tables = {
        "patient.sex": {"M": "male", "F": "female", "O": "other"},
        "visit.type": {"I": "IPD", "O": "OPD", "E": "Emergency"},
        "patient.marital": {"M": "Married", "S": "Single", "W": "Widowed", "D": "Divorced"},
    }
    if target in tables:
        return tables[target][text]
    if target.endswith("_at"):
        return f"{text[:4]}-{text[4:6]}-{text[6:8]}T{text[8:10]}:{text[10:12]}:{text[12:14]}+07:00"
    if target == "patient.birthdate":
        return f"{text[:4]}-{text[4:6]}-{text[6:8]}"
    return text + "-E1" if target == "visit.encounter" else text


def split_only(body: bytes) -> list[list[str]]:
    """The floor: lines and fields, nothing read, nothing made."""
    return [line.split("|") for line in body.decode().split("\r")]


def by_python_hl7(body: bytes) -> dict[str, str]:
    import hl7

    message = hl7.parse(body.decode())
    found = {}
    for target, (segment, field, repetition, component) in READS.items():
        whole = message.segment(segment)(field)
        text = str(whole[repetition]) if len(whole) > repetition else ""
        parts = text.split("^")
        found[target] = finish(target, parts[component - 1] if len(parts) >= component else "")
    return found


def hl7apy_parsed(body: bytes) -> Any:
    from hl7apy.parser import parse_message

    return parse_message(body.decode())


def by_hl7apy(body: bytes) -> dict[str, str]:
    from hl7apy.parser import parse_message

    message = parse_message(body.decode(), find_groups=False)
    found = {}
    for target, (segment, field, repetition, component) in READS.items():
        parts = getattr(getattr(message, segment.lower()), f"{segment}_{field}".lower())[repetition].to_er7().split("^")
        found[target] = finish(target, parts[component - 1] if len(parts) >= component else "")
    return found


def formats(word: str, settings: Mapping[str, Any]) -> Format:
    part = catalog.part("formats", word)
    made: Format = part(part.Settings.model_validate(settings))
    return made


def compiled() -> Compiled:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "mappings").mkdir()
        files = {"mappings/benchmark.yaml": MAPPING}
        mapping = load("benchmark", Path(folder) / "mappings", lambda word: formats(word, {}).paths.grammar, files)
    return compile_mapping(mapping, formats, builtins())


def flat(tree: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict):
        return {path: tree}
    return {k: v for key, value in tree.items() for k, v in flat(value, f"{path}.{key}" if path else key).items()}


def per_second(work: Callable[[bytes], Any], messages: list[bytes]) -> float:
    """Messages a second of this thread's CPU time."""
    begin = time.thread_time()
    for message in messages:
        work(message)
    return len(messages) / max(time.thread_time() - begin, 1e-9)


def measured(rounds: int) -> dict[str, float]:
    chance = random.Random(20261104)
    messages = [adt(number, chance) for number in range(400)]
    reader, mapping = formats("hl7v2", {}), compiled()

    def mapped(body: bytes) -> Any:
        return mapping(reader.decode(body), {})

    def explained(body: bytes) -> Any:
        return mapping.explain(reader.decode(body), {})

    warnings.simplefilter("ignore")
    for message in messages[:50]:
        ours = mapped(message)
        assert not ours.faults, ours.faults
        mine = flat(ours.documents[0])
        assert mine == by_python_hl7(message) == by_hl7apy(message), "the peers read something else"
        assert explained(message).made == ours, "explain made something else"
        assert len(mine) >= 45
    works: dict[str, tuple[Callable[[bytes], Any], int]] = {
        "split only (floor)": (split_only, 400),
        "parse + map": (mapped, 400),
        "parse alone": (reader.decode, 400),
        "explain": (explained, 100),
        "python-hl7, parse + same reads": (by_python_hl7, 20),
        "hl7apy, parse alone": (hl7apy_parsed, 2),
        "hl7apy, parse + same reads": (by_hl7apy, 2),
    }
    rates: dict[str, list[float]] = {name: [] for name in works}
    gc.collect()
    gc.disable()
    for number in range(rounds + 1):
        for name, (work, count) in works.items():
            rate = per_second(work, messages[:count])
            if number:  # the first round warms up
                rates[name].append(rate)
        gc.collect()
    return {name: statistics.median(found) for name, found in rates.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rates = measured(options.rounds)
    ours, floor = rates["parse + map"], rates["split only (floor)"]
    if options.json:
        print(json.dumps({"rates": rates, "of_floor": ours / floor, "explain_times_plain": ours / rates["explain"]}))
        return
    size = len(adt(1, random.Random(1)))
    print(f"ADT of {size} bytes, {len(READS)} fields mapped; medians of {options.rounds} interleaved rounds")
    print(f"{'':34}{'messages/s':>12}{'parse + map is':>18}")
    for name, rate in rates.items():
        if name not in ("explain", "parse alone"):
            print(f"{name:34}{rate:12,.0f}{ours / rate:16.3g} x")
    print(f"\nparse + map reaches {ours / floor:.3f} of the floor (must 0.15, reach for 0.25)")
    print(f"\n{'':34}{'messages/s':>12}{'time, of plain':>18}")
    for name in ("parse + map", "explain", "parse alone"):
        print(f"{name:34}{rates[name]:12,.0f}{ours / rates[name]:16.2f} x")
    print("\nexplain: must be at most 4 x, reach for 2 x")


if __name__ == "__main__":
    main()
