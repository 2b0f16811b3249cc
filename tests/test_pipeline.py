"""The pure middle: what becomes of a message, and that the same arguments always give the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpres.message import Message, message_ulid
from interpres.pipeline import Result, open_message, process
from interpres.workspace import Workspace

CHANNEL = """about: Registrations become records.
source:
  http: {port: 0, path: /in}
format: json
keep: =kind != 'test'
keys: {patient: =id}
lane: =id
destinations:
  records:
    mapping: clinic/record
    folder: {path: out, name: "{message_id}.json"}
    must: MUST
  copy:
    folder: {path: copy, name: "{message_id}.json"}
"""
MAPPING = """about: A registration becomes a record.
from: json
to: clinic/record
output:
  id: =id
  born: =born | date
"""
SCHEMA = """{"type": "object", "required": ["id", "born"], "additionalProperties": false,
 "properties": {"id": {"type": "string"}, "born": {"type": "string", "format": "date"}}}"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for file, text in (
        ("channels/in.yaml", CHANNEL.replace("MUST", "false")),
        ("mappings/clinic/record.yaml", MAPPING),
        ("schemas/clinic/record.json", SCHEMA),
    ):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, "utf-8")
    return tmp_path


def result(place: Path, body: bytes) -> Result:
    channel = Workspace(place).recipe("in")
    message = Message(message_ulid(0, b"", 1), 1, "in", "2026-11-04T08:30:00.000Z", body)
    first, second = (process(open_message(message, channel), channel, {}) for _ in range(2))
    assert first == second
    return first


def test_every_destination_is_owed_its_own(place: Path) -> None:
    made = result(place, b'{"id": "P1", "born": "1991-03-22", "kind": "new"}')
    assert made.state == "processed"
    assert [(o.destination, o.part, o.payload) for o in made.owed] == [
        ("records", 1, b'{"id":"P1","born":"1991-03-22"}'),
        ("copy", 1, b'{"id": "P1", "born": "1991-03-22", "kind": "new"}'),
    ]
    assert {o.lane for o in made.owed} == {"P1"}


def test_what_is_not_wanted_is_filtered_with_the_reason(place: Path) -> None:
    made = result(place, b'{"id": "P1", "kind": "test"}')
    assert (made.state, made.owed) == ("filtered", ())
    assert made.reason == "keep at channels/in.yaml:5:7 is not true"


def test_what_cannot_be_read_is_rejected(place: Path) -> None:
    made = result(place, b'{"id": ')
    assert (made.state, made.owed) == ("rejected", ())
    assert [f.code[0] for f in made.faults] == ["J"]


def test_a_fault_of_one_destination_is_its_own(place: Path) -> None:
    made = result(place, b'{"id": "P1", "born": "22.3.91"}')
    assert made.state == "processed"
    assert {o.destination: bool(o.faults) for o in made.owed} == {"records": True, "copy": False}


def test_a_destination_that_must_be_served_rejects_the_message(place: Path) -> None:
    channel = place / "channels" / "in.yaml"
    channel.write_text(channel.read_text("utf-8").replace("must: false", "must: true"), "utf-8")
    made = result(place, b'{"id": "P1", "born": "22.3.91"}')
    assert (made.state, made.owed) == ("rejected", ())
    assert [f.code[0] for f in made.faults] == ["M"]


def test_a_mapping_that_finds_nothing_of_what_it_reads_has_lost_something(place: Path) -> None:
    made = result(place, b'{"name": "x"}')
    assert [f.code for o in made.owed for f in o.faults] == ["M213"]


def test_a_mapping_that_may_make_nothing_filters(place: Path) -> None:
    mapping = place / "mappings" / "clinic" / "record.yaml"
    mapping.write_text(mapping.read_text("utf-8").replace("output:\n", "output:\n  $when: =id exists\n"), "utf-8")
    channel = place / "channels" / "in.yaml"
    channel.write_text(channel.read_text("utf-8").split("  copy:")[0], "utf-8")
    made = result(place, b'{"name": "x"}')
    assert (made.state, made.reason) == ("filtered", "nothing to send")


def test_a_broken_promise_is_a_fault_and_nothing_leaves(place: Path) -> None:
    made = result(place, b'{"id": "P1"}')
    assert [(f.code, f.target) for o in made.owed for f in o.faults] == [("V101", "born")]
    assert [o.payload for o in made.owed if o.faults] == [b""]
