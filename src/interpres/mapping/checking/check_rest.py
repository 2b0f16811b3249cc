"""Check, the rest: what a mapping edits, leaves behind, declares without need and does not promise."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from interpres.fault import Fault, Place
from interpres.mapping import picture
from interpres.mapping.checking.infer import Reader
from interpres.mapping.checking.sight import Name, Sight
from interpres.mapping.picture import Block, Items, Worked
from interpres.mapping.reading.grammar import parse_path
from interpres.table import Table

WILD: Final = re.compile(r"[A-Z][A-Z0-9]{0,2}\*\Z")
"""What `drops:` may name beside paths: all segments that begin so (`Z*`)."""

DECLARED: Final = {"needs": "context", "let": "name", "$let": "name"}


def rest_of(
    mapping: picture.Mapping,
    reader: Reader,
    sight: Sight,
    names: Mapping[str, Sequence[Name]],
    tables: Mapping[Place, Table],
) -> Iterator[Fault]:
    """What is left to be said once the output has been gone through: the order matters, for names are marked as they are read."""
    found: list[Fault] = []
    for edit in mapping.edits:
        found += _edit(edit, reader, sight)
    yield from found
    yield from _drops(mapping, reader)
    yield from _unused(mapping, reader, names, tables)
    yield from _hidden(reader, names)
    yield from _promise(mapping)


def _edit(edit: picture.Edit, reader: Reader, sight: Sight) -> Iterator[Fault]:
    """What is set in a copy of the document: a path of its own, and one value."""
    reader.choices(edit.target, sight)
    for fault in reader.paths.check(edit.target, []):
        yield fault if fault.at else fault.but(at=edit.at)
    kinds = _kinds(edit, reader, sight)
    if kinds and kinds <= {"list", "block"} and reader.paths.grammar != "tree":
        says = f"{edit.target.text} takes one value, and this is {'a list' if 'list' in kinds else 'a block'}"
        hint = "make one text of it with | join('~')" if isinstance(edit.value, Worked) else "set its parts one by one"
        yield Fault("M106", says, hint, at=edit.value.at)


def _kinds(edit: picture.Edit, reader: Reader, sight: Sight) -> frozenset[str]:
    match edit.value:
        case Worked(formula):
            return reader.value(formula, sight).all_kinds()
        case Items():
            return frozenset({"list"})
        case Block():
            return frozenset({"block"})
    return frozenset()


def _drops(mapping: picture.Mapping, reader: Reader) -> Iterator[Fault]:
    """What is left behind must be something that the format can have, and that nothing here reads."""
    reads = reader.document_names
    for drop in mapping.drops:
        if WILD.match(drop.what) and reader.paths.grammar == "segments":
            continue
        try:
            path = parse_path(drop.what, drop.at, reader.paths.grammar)
        except Fault as wrong:
            yield wrong
            continue
        for fault in reader.paths.check(path, []):
            yield fault if fault.at else fault.but(at=drop.at)
        if not path.parts and path.name in reads and not mapping.edits:
            says = f"'{drop.what}' is left behind here and read in line {reads[path.name].line}"
            hint = "name the fields that are left behind, or take this line out"
            yield Fault("M144", says, hint, at=drop.at, level="warning")


def _unused(
    mapping: picture.Mapping, reader: Reader, names: Mapping[str, Sequence[Name]], tables: Mapping[Place, Table]
) -> Iterator[Fault]:
    """M140, for what this very file or a part declares: a base may keep more names than one that extends it reads."""
    declared = [(name, n) for name, several in names.items() for n in several]
    idle = [(f"the {DECLARED[n.kind]} '{name}'", n.at) for name, n in declared if n.kind in DECLARED and not n.used]
    idle += [(f"the table '{t.name}'", at) for at, t in tables.items() if at not in reader.used_tables]
    for what, at in idle:
        if at.file == mapping.file or "/parts/" in at.file:
            yield Fault("M140", f"nothing reads {what}", "take it out, or see where it was meant", at=at, level="warning")


def _hidden(reader: Reader, names: Mapping[str, Sequence[Name]]) -> Iterator[Fault]:
    """M142: a declared name that the document has too, as far as this mapping itself tells."""
    for name, at in reader.document_names.items():
        for named in names.get(name, ()):
            if named.kind != "loop" and named.at != at:
                says = f"'{name}' is a name here and is read from the document in line {at.line}"
                hint = f"the name wins where both are; $.{name} is always the document's own"
                yield Fault("M142", says, hint, at=named.at, level="warning")


def _promise(mapping: picture.Mapping) -> Iterator[Fault]:
    if mapping.to is None and mapping.to_format is None and mapping.output is not None:
        at = mapping.places.get("output") or Place(mapping.file)
        hint = "write to: and the name of a schema, such as npca/visit"
        yield Fault("M143", "nothing is promised about this output", hint, at=at, level="note")
