"""Targets of `edits:` with conditions in brackets: what is meant is chosen in the document that came."""

from __future__ import annotations

from pathlib import Path

from interpres.workspace import Workspace


def workspace(folder: Path, mapping: str) -> Workspace:
    """A workspace of its own, with this mapping as `m`."""
    for name in ("channels", "mappings"):
        (folder / name).mkdir()
    (folder / "mappings" / "m.yaml").write_text(mapping, "utf-8")
    return Workspace(folder)


def edited(folder: Path, mapping: str, body: bytes) -> bytes:
    """What the mapping makes of the bytes; the explaining variant makes the same."""
    loaded = workspace(folder, mapping).mapping("m")
    document = loaded.from_format.decode(body)
    made, explained = loaded.compiled(document, {}), loaded.compiled.explain(document, {})
    assert not made.faults
    written = [loaded.to_format.encode(tree) for tree in made.documents]
    assert written == [loaded.to_format.encode(tree) for tree in explained.made.documents]
    return b"\n".join(written)


JSON = """
from: json
edits:
  name[use = 'old' and since = $.year].family: =name[0].family & '!'
  name[* where use != 'old'].checked: true
drops:
  telecom: not wanted
"""


def test_json(tmp_path: Path) -> None:
    names = b'[{"use":"new", "family":"A"}, {"use":"old", "since": 1999, "family":"B"}]'
    body = b'{"year": 1999, "name": ' + names + b',  "telecom": [1], "n": 0.10}'
    wanted = body.replace(b'"B"', b'"A!"').replace(b'"A"}', b'"A","checked":true}').replace(b'  "telecom": [1],', b"")
    assert edited(tmp_path, JSON, body) == wanted


XML = """
from: {xml: {namespaces: {h: 'urn:hl7-org:v3'}}}
edits:
  //h:value[@xsi:type = 'CD']/@code: =/ClinicalDocument/id/@root
  /ClinicalDocument/entry[./obs/@code = 'b']/obs/@seen: 'yes'
"""


def test_xml(tmp_path: Path) -> None:
    body = (
        b'<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><id root="1"/>'
        b"<entry><obs code='a'/></entry> <entry><obs code='b'><value xsi:type='PQ'/><value xsi:type='CD' code=''/></obs></entry>"
        b"</ClinicalDocument>"
    )
    wanted = body.replace(b"code=''", b'code="1"').replace(b"<obs code='b'", b"<obs seen=\"yes\" code='b'")
    assert edited(tmp_path, XML, body) == wanted


EACH = """
from: json
edits:
  $each: orders
  number: =$index
"""


def test_one_copy_for_each(tmp_path: Path) -> None:
    made = edited(tmp_path, EACH, b'{"orders": [{"a": 1}, {"a": 2}], "number": 0}')
    assert made == b'{"orders": [{"a": 1}], "number": 1}\n{"orders": [ {"a": 2}], "number": 2}'


def test_a_copy_for_a_mere_text_or_number_is_refused(tmp_path: Path) -> None:
    """Equal numbers cannot be told apart once they are read."""
    loaded = workspace(tmp_path, EACH).mapping("m")
    made = loaded.compiled(loaded.from_format.decode(b'{"orders": [1, 1]}'), {})
    assert [fault.code for fault in made.faults] == ["J030"]
