"""Building: a list of blocks whose keys are places becomes a message; values are escaped, so that data is never structure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from interpres.document import MISSING
from interpres.fault import Fault
from interpres.formats.hl7v2.charset import codec_of, encoded
from interpres.formats.hl7v2.delimiters import HEADERS, STANDARD, Delimiters
from interpres.formats.hl7v2.places import Place, joined, put, written
from interpres.formats.hl7v2.reading import signs_of

_KEY: Final = re.compile(
    r"(?P<name>[A-Z][A-Z0-9]{1,2})(?:-(?P<field>[1-9][0-9]{0,2})(?:\[(?P<repetition>[1-9][0-9]{0,2})\])?"
    r"(?P<positions>(?:\.[1-9][0-9]{0,2}){0,2}))?"
)
_POSITIONS: Final = re.compile(r"\.?([1-9][0-9]{0,2}(?:\.[1-9][0-9]{0,2})?)")


def build(tree: Any, charset: str) -> bytes:
    """The bytes of a message: segments in the order of the list, ended by carriage returns.

    A block's keys are places of one segment: `PID-3.1`, `PID-3[2].5`, the bare `PV1` for a segment without fields. A list under a
    key is the field's repetitions; a block in it has `1` or `4.2` as its keys. MSH-1 and MSH-2 may be given, and are `|^~\\&` by
    default. The charset is MSH-18's, else the setting's, else UTF-8. Raises `Fault` H030 (no list of blocks), H031 (a key that is
    no place, or of another segment), H032 to H034 (values that cannot be written).
    """
    blocks = list(_blocks(tree))
    signs = _signs(blocks[0])
    lines = [_segment(block, signs) for block in blocks]
    if not lines[0].startswith(("MSH", "FHS", "BHS")):
        raise Fault("H030", "a message begins with MSH, and this list does not", "write - {MSH-3: …, MSH-9.1: ADT, …} first")
    text = "\r".join(lines) + "\r"
    return encoded(text, _codec(blocks, charset))


def _blocks(tree: Any) -> Iterator[Mapping[str, Any]]:
    """The blocks, lists within the list laid flat."""
    found = False
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += reversed(node)
        elif isinstance(node, dict) and node:
            found = True
            yield node
        elif node is not None and node is not MISSING and node != {}:
            raise Fault("H030", "this is no list of segments", "write a list of blocks: - {PID-3.1: =mrn, PID-3.5: MR}")
    if not found:
        raise Fault("H030", "there is no segment to write", "write a list of blocks: - {MSH-9.1: ADT}")


def _signs(block: Mapping[str, Any]) -> Delimiters:
    if "MSH-1" not in block and "MSH-2" not in block:
        return STANDARD
    separator, encoding = block.get("MSH-1", STANDARD.field), block.get("MSH-2", STANDARD.encoding)
    if not isinstance(separator, str) or not isinstance(encoding, str) or len(separator) != 1:
        raise Fault("H003", "MSH-1 is one sign and MSH-2 up to five", "leave them out: they are | and ^~\\& then", source="MSH-2")
    return signs_of(f"MSH{separator}{encoding}{separator}")


def _codec(blocks: list[Mapping[str, Any]], charset: str) -> str:
    label = next((value for key, value in blocks[0].items() if key in ("MSH-18", "MSH-18.1", "MSH-18[1]") and value), charset)
    if isinstance(label, list):
        label = label[0] if label else charset
    return codec_of(label) if isinstance(label, str) and label else "utf-8"


def _segment(block: Mapping[str, Any], signs: Delimiters) -> str:
    """One segment's text."""
    name = ""
    fields: list[str] = []
    for key, value in block.items():
        found = _KEY.fullmatch(key) if isinstance(key, str) else None
        if found is None or (name and found["name"] != name):
            says = f"'{key}' is no place of {name}" if found else f"'{key}' is no place in a segment"
            raise Fault("H031", says, "a block's keys are places of one segment: PID-3.1, PID-3.5", target=str(key))
        if not name:
            name = found["name"]
            fields = [name, signs.field, signs.encoding] if name in HEADERS else [name]
        if found["field"] and not (name in HEADERS and int(found["field"]) < 3):
            place = Place(int(found["field"]), int(found["repetition"] or 0), _numbers(found["positions"]))
            try:
                _set(fields, place, value, signs)
            except Fault as wrong:
                raise wrong.within(target=key) from None
    return joined(fields, signs)


def _set(fields: list[str], place: Place, value: Any, signs: Delimiters) -> None:
    """A value, or a list of repetitions, or a block of components."""
    if isinstance(value, list) and not place.positions:
        for number, one in enumerate(value, place.repetition or 1):
            _set(fields, Place(place.field, number), one, signs)
    elif isinstance(value, dict):
        for key, inner in value.items():
            found = _POSITIONS.fullmatch(str(key))
            if not found:
                raise Fault("H031", f"'{key}' is no component", "the keys below a field are 1, 2 or 4.2", target=str(key))
            _set(fields, Place(place.field, place.repetition, (*place.positions, *_numbers(found[1]))), inner, signs)
    elif len(place.positions) > 2:
        raise Fault("H031", f"nothing lies below a subcomponent ({place})", "write it as in PID-3.4.2")
    else:
        put(fields, place, written(value, signs), signs)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part)
