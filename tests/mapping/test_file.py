"""Mapping files: what the loader makes of extends, parts, tables and the head, and what it reads from where."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpres.fault import Faults, Place
from interpres.format import Grammar
from interpres.mapping.picture import Block, Constant, Items, Mapping, Node, Worked
from interpres.mapping.reading.file import load
from interpres.path import Field
from interpres.path import Path as DocumentPath

GRAMMARS: dict[str, Grammar] = {"hl7v2": "segments", "json": "tree", "csv": "columns", "xml": "xml"}


def loaded(files: dict[str, str], name: str, tmp_path: Path, *, overlay: bool = False) -> Mapping:
    """The mapping out of files written down, or out of an overlay over an empty folder."""
    folder = tmp_path / "mappings"
    folder.mkdir(exist_ok=True)
    if overlay:
        return load(name, folder, GRAMMARS.__getitem__, {f"mappings/{path}": text for path, text in files.items()})
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return load(name, folder, GRAMMARS.__getitem__)


def under(node: Node | None, *keys: str | int) -> Node:
    for key in keys:
        if isinstance(node, Block):
            node = next(entry.value for entry in node.entries if entry.key == key)
        else:
            assert isinstance(node, Items) and isinstance(key, int)
            node = node.items[key]
    assert node is not None
    return node


BASE = """
about: the base
from: hl7v2
to: npca/visit
needs: [beneficiary]
timezone: Asia/Phnom_Penh
tables: {sex: {M: M}, ward: {A: B}}
let: {code: =PV1-19.1, doctor: =PV1-7.2}
output:
  visits:
    - code: =code
      patient: {name: =PID-5.2, sex: =PID-8 | table(sex)}
drops: {NK1: no place for relatives}
"""


def test_extends_overrides_what_the_file_names(tmp_path: Path) -> None:
    over = """
extends: base
needs: [booking]
tables: {sex: {1: M}}
let: {doctor: =PV1-8.2, ward: =PV1-3.1}
output:
  visits[0].patient.phone: =PID-14
  visits[0].patient:
    name: =PID-5.3
  visits[0].source: clinic 7
  version: 2
drops: {PD1: not asked for}
"""
    mapping = loaded({"base.yaml": BASE, "over.yaml": over}, "over", tmp_path)
    assert (mapping.about, mapping.from_format, mapping.to, mapping.timezone) == (
        "the base",
        "hl7v2",
        "npca/visit",
        "Asia/Phnom_Penh",
    )
    assert mapping.needs == ("beneficiary", "booking")
    assert [list(table.rows) for table in mapping.tables.values()] == [["1"], ["A"]]
    assert [entry.key for entry in mapping.let] == ["code", "doctor", "ward"]
    assert [drop.what for drop in mapping.drops] == ["NK1", "PD1"]
    patient = under(mapping.output, "visits", 0, "patient")
    assert isinstance(patient, Block) and [entry.key for entry in patient.entries] == ["name", "sex", "phone"]
    name, sex = under(patient, "name"), under(patient, "sex")
    assert isinstance(name, Worked) and (name.text, name.at) == ("PID-5.3", Place("mappings/over.yaml", 9, 11))
    assert isinstance(sex, Worked) and sex.at.file == "mappings/base.yaml"
    assert under(mapping.output, "visits", 0, "source") == Constant("clinic 7", Place("mappings/over.yaml", 10, 21))
    assert under(mapping.output, "version") == Constant(2, Place("mappings/over.yaml", 11, 12))
    assert mapping.files == ("mappings/over.yaml", "mappings/base.yaml")


def test_the_nearest_part_is_meant_and_a_full_name_is_a_path(tmp_path: Path) -> None:
    files = {
        "parts/line.yaml": "output: {where: root}",
        "npca/parts/line.yaml": "output: {where: npca}",
        "his/parts/only.yaml": "needs: [code, house?]\noutput: {where: =code}",
        "npca/deep/visit.yaml": """
from: json
output:
  a: {$use: line}
  b: {$use: parts/line}
  c: {$use: only, $let: {code: =x}}
""",
    }
    mapping = loaded(files, "npca/deep/visit", tmp_path)
    used = [b.use.part for key in "abc" if isinstance(b := under(mapping.output, key), Block) and b.use]
    assert [part.name for part in used] == ["npca/parts/line", "parts/line", "his/parts/only"]
    assert used[2].needs == {"code": False, "house": True}
    assert "mappings/his/parts/only.yaml" in mapping.files


def test_a_parts_need_may_come_from_the_mappings_own_needs(tmp_path: Path) -> None:
    files = {
        "parts/card.yaml": "needs: [card]\noutput: {n: =card.number}",
        "m.yaml": "from: json\nneeds: [card]\noutput: {$use: card}",
    }
    assert loaded(files, "m", tmp_path).needs == ("card",)


def test_tables_from_csv_keep_their_other_columns_and_lines(tmp_path: Path) -> None:
    files = {
        "tables/t.csv": '\ufefffrom,to,note,khmer\nM,Male,,ប្រុស\n"a, b",08,x,\n*,U,,\n',
        "m.yaml": "from: json\ntables: {t: tables/t.csv}\noutput: {a: =x | table(t)}",
    }
    mapping = loaded(files, "m", tmp_path)
    table = mapping.tables["t"]
    assert {code: (row.to, row.at.line) for code, row in table.rows.items()} == {
        "M": ("Male", 2),
        "a, b": ("08", 3),
        "*": ("U", 4),
    }
    assert table.rows["M"].more == {"note": "", "khmer": "ប្រុស"}
    assert mapping.files == ("mappings/m.yaml", "mappings/tables/t.csv")


def test_constants_of_inline_tables_keep_their_kind(tmp_path: Path) -> None:
    mapping = loaded({"m.yaml": "from: json\ntables: {t: {Y: true, 08: 1, z: null, w: '1'}}\noutput: {a: 1}"}, "m", tmp_path)
    assert {code: row.to for code, row in mapping.tables["t"].rows.items()} == {"Y": True, "08": 1, "z": None, "w": "1"}


def test_an_overlay_stands_in_place_of_files(tmp_path: Path) -> None:
    files = {
        "m.yaml": "from: json\ntables: {t: t.csv}\noutput: {$use: p}",
        "parts/p.yaml": "output: {a: 1}",
        "t.csv": "from,to\nA,B\n",
    }
    mapping = loaded(files, "m", tmp_path, overlay=True)
    assert mapping.files == ("mappings/m.yaml", "mappings/t.csv", "mappings/parts/p.yaml")


@pytest.mark.parametrize(
    ("head", "found"),
    [
        ("to: npca/visit", ("npca/visit", None, {})),
        ("to: {format: xml}", (None, "xml", {})),
        ("to: {text: {template: a.txt}}", (None, "text", {"template": "a.txt"})),
        ("to: {format: {csv: {delimiter: ';'}}}", (None, "csv", {"delimiter": ";"})),
        ("to: {schema: his/visit, format: xml}", ("his/visit", "xml", {})),
        ("about: nothing promised", (None, None, {})),
    ],
)
def test_what_the_output_promises(head: str, found: tuple[object, ...], tmp_path: Path) -> None:
    mapping = loaded({"m.yaml": f"from: json\n{head}\noutput: {{a: 1}}"}, "m", tmp_path)
    assert (mapping.to, mapping.to_format, mapping.to_settings) == found


def test_settings_of_the_source_format_and_how_times_are_written(tmp_path: Path) -> None:
    head = """
from: {csv: {group_by: [Visit No]}}
timezone: Asia/Phnom_Penh
times: {zone: utc, precision: milliseconds}
output: {a: 1}
"""
    mapping = loaded({"m.yaml": head}, "m", tmp_path)
    assert (mapping.from_format, mapping.from_settings) == ("csv", {"group_by": ["Visit No"]})
    assert (mapping.timezone, mapping.times, mapping.precision) == ("Asia/Phnom_Penh", "utc", "milliseconds")
    assert loaded({"m.yaml": "from: csv\ntimes: utc\noutput: {a: 1}"}, "m", tmp_path).times == "utc"


def test_edits_are_paths_with_what_is_set_there(tmp_path: Path) -> None:
    text = """
from: hl7v2
edits:
  $each: OBR
  MSH-10: =MSH-10 & '-' & $index
  PID-3[5 = 'MRN'].4: NEW AUTH
drops:
  Z*: refused there
"""
    mapping = loaded({"m.yaml": text}, "m", tmp_path)
    assert mapping.output is None
    assert [edit.target.text for edit in mapping.edits] == ["MSH-10", "PID-3[5 = 'MRN'].4"]
    assert mapping.edits[0].target.parts == (Field(10),)
    assert len(mapping.each) == 1 and isinstance(mapping.each[0].over, DocumentPath)
    assert [(drop.what, drop.reason) for drop in mapping.drops] == [("Z*", "refused there")]


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "lost", "a\0b"])
def test_a_mapping_that_is_not_there(name: str, tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text("from: json")
    with pytest.raises(Faults) as caught:
        loaded({"here.yaml": "from: json\noutput: {a: 1}"}, name, tmp_path)
    assert [fault.code for fault in caught.value] == ["M129"]
