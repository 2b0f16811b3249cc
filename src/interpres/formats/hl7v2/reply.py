"""Reply: the acknowledgement of what arrived (HL7 v2.8.2, 2.9), however little of it can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from interpres.fault import Fault
from interpres.format import Verdict
from interpres.formats.hl7v2.charset import encoded, text_of
from interpres.formats.hl7v2.delimiters import NEVER, STANDARD, Delimiters
from interpres.formats.hl7v2.escape import escape
from interpres.formats.hl7v2.reading import signs_of
from interpres.formats.hl7v2.splitting import slices

Level = Literal["accept", "application"]

MOST_ERRORS: Final = 50
"""ERR segments in one answer; what is wrong more often than that is told in the store."""

_HEADER: Final = re.compile(r"(?:\A|[\r\n])\s*(MSH[^\r\n]*)")
_BATCH: Final = re.compile(r"(?:\A|[\r\n])\s*[BF]HS[^A-Za-z0-9\s]")
_UNANSWERED: Final = frozenset({"ACK", "MCF"})
_FRAMING: Final = str.maketrans("", "", "\v\x1c")
_PLACE: Final = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:-(\d+)(?:\[(\d+)\])?(?:\.(\d+))?(?:\.(\d+))?)?", re.ASCII)
_ABSENT: Final = ("101", "Required field missing")
_CONDITIONS: Final = {
    "H": ("100", "Segment sequence error"),
    "V101": _ABSENT,
    "M233": _ABSENT,
    "M201": ("103", "Table value not found"),
}
_DATA: Final = ("102", "Data type error")
_INTERNAL: Final = ("207", "Application internal error")
_TYPEWRITER: Final = str.maketrans({"\u2014": "-", "\u2026": "..."})
"""Signs of ours that ASCII lacks: a sender that names no charset reads nothing else (HL7 table 0211)."""


def acknowledgement(
    body: bytes, verdict: Verdict, at: datetime, control_id: str, charset: str, fallback: str, level: Level | None = None
) -> bytes | None:
    """The answer to an intake; None where none is wanted: an acknowledgement came, or MSH-15 and MSH-16 ask for none.

    In enhanced mode (either of the two is filled) it is the accept acknowledgement where MSH-15 asks for one, else the
    application's where MSH-16 does; `level` asks for one of them alone. A batch is answered by a batch. Bytes that nothing can be
    read from are answered AR with an empty MSA-2.
    """
    text, codec, mark = _text(body, charset, fallback)
    verdicts = verdict.each or (verdict,)
    if len(verdicts) == 1 and not _BATCH.match(text[:8]):
        lines = _answer(text, verdicts[0], at, control_id, level)
    else:
        lines = list(_batch(body, verdicts, at, control_id, charset, fallback, level))
    if not lines:
        return None
    return mark + _written("\r".join(lines) + "\r", codec)


def _text(body: bytes, charset: str, fallback: str) -> tuple[str, str, bytes]:
    """As much as can be read: by the message's charset, else byte by byte."""
    try:
        return text_of(body, charset, fallback)
    except Fault:
        return body.decode("latin-1"), "ascii", b""


def _written(text: str, codec: str) -> bytes:
    try:
        return encoded(text, codec)
    except Fault:
        return text.encode("ascii", "replace")


def _batch(
    body: bytes, verdicts: tuple[Verdict, ...], at: datetime, control_id: str, charset: str, fallback: str, level: Level | None
) -> Iterator[str]:
    """BHS, an answer for each message that wants one, BTS."""
    answers: list[str] = []
    count = 0
    for number, (start, end) in enumerate(slices(body)):
        verdict = verdicts[number] if number < len(verdicts) else verdicts[-1]
        text = _text(body[start:end], charset, fallback)[0]
        lines = _answer(text, verdict, at, verdict.message_id or f"{control_id}-{number + 1}", level)
        answers += lines
        count += bool(lines)
    if answers:
        yield f"BHS|^~\\&|||||{_stamp(at)}||||{control_id}"
        yield from answers
        yield f"BTS|{count}"


@dataclass(frozen=True, slots=True)
class _Header:
    """What of a MSH can be read: its fields as they stand (`fields[9]` is MSH-9), in delimiters to write with."""

    fields: list[str]
    signs: Delimiters

    def first(self, number: int, component: int = 1) -> str:
        parts = self.fields[number].split(self.signs.component)
        return parts[component - 1].split(self.signs.subcomponent)[0] if len(parts) >= component else ""

    @property
    def version(self) -> tuple[int, ...]:
        """MSH-12.1 as numbers; 2.5 where it is none."""
        found = re.match(r"(\d{1,3})(?:\.(\d{1,3}))?(?:\.(\d{1,3}))?", self.first(12), re.ASCII)
        return tuple(int(part) for part in found.groups() if part) if found else (2, 5)


def _header(text: str) -> _Header:
    found = _HEADER.search(text)
    line = (found.group(1) if found else "").translate(_FRAMING)
    separator = line[3:4] or "|"
    fields = line.split(separator)
    fields.insert(1, separator)
    fields += [""] * (26 - len(fields))
    try:
        return _Header(fields, signs_of(line))
    except Fault:
        return _Header([_plain(field, STANDARD) for field in fields], STANDARD)


def _answer(text: str, verdict: Verdict, at: datetime, control_id: str, level: Level | None) -> list[str]:
    """The segments of one answer; none where none is wanted."""
    header = _header(text)
    if header.first(9) in _UNANSWERED:
        return []
    level = _level(header, verdict, level)
    if level is None:
        return []
    signs = header.signs
    code = ("C" if level == "accept" and _enhanced(header) else "A") + _grade(verdict)
    problems = [] if verdict.accepted else [f for f in verdict.faults if f.level == "fault"][:MOST_ERRORS]
    said = _plain(problems[0].says, signs) if problems and header.version < (2, 5) else ""
    return [
        _msh(header, at, control_id),
        signs.field.join(["MSA", code, header.fields[10], said]).rstrip(signs.field),
        *(_err(fault, header, verdict) for fault in problems),
    ]


def _enhanced(header: _Header) -> bool:
    return bool(header.fields[15] or header.fields[16])


def _level(header: _Header, verdict: Verdict, asked: Level | None) -> Level | None:
    """Which answer is wanted (HL7 table 0155: AL always, NE never, ER on error, SU on success); original mode has but one."""
    if not _enhanced(header):
        return "application" if asked in (None, "application") else None
    wanted = {"AL": True, "ER": not verdict.accepted, "SU": verdict.accepted}
    levels: tuple[tuple[Level, int], ...] = (("accept", 15), ("application", 16))
    for level, number in levels:
        if asked in (None, level) and wanted.get(header.first(number), False):
            return level
    return None


def _grade(verdict: Verdict) -> str:
    """A accepted, E refused for what it says, R refused unread or for a reason that is ours (HL7 table 0008)."""
    if verdict.accepted:
        return "A"
    unread = verdict.cannot_store or any(fault.code[:1] in "HXN" for fault in verdict.faults)
    return "R" if unread else "E"


def _msh(header: _Header, at: datetime, control_id: str) -> str:
    """MSH with the two sides exchanged; delimiters, version, processing id and charset are the sender's."""
    came, signs = header.fields, header.signs
    trigger = header.first(9, 2)
    kind = ["ACK"]
    if trigger and header.version >= (2, 3, 1):
        kind += [trigger, "ACK"] if header.version >= (2, 4) else [trigger]
    fields = ["", came[5], came[6], came[3], came[4], _stamp(at), "", signs.component.join(kind), _plain(control_id, signs)]
    fields += [came[11] or "P", came[12] or "2.5", "", "", "", "", "", came[18]]
    return (f"MSH{signs.field}{signs.encoding}" + signs.field.join(fields)).rstrip(signs.field)


def _stamp(at: datetime) -> str:
    return at.strftime("%Y%m%d%H%M%S%z")


def _err(fault: Fault, header: _Header, verdict: Verdict) -> str:
    """Where and why, for the sender's support desk: no value of the message is in it (ERR since v2.5, and as it was before)."""
    signs = header.signs
    number, name = _condition(fault, verdict)
    found = _PLACE.fullmatch(fault.source)
    segment, sequence, field, repetition, *inner = found.groups() if found else (None,) * 6
    if header.version < (2, 5):
        code = signs.subcomponent.join([number, name, "HL70357"]) if signs.subcomponent != NEVER else number
        place = [segment or "", (sequence or "1") if segment else "", field or "", code]
        return signs.field.join(["ERR", signs.component.join(place)])
    place = [
        segment or "",
        (sequence or "1") if segment else "",
        field or "",
        (repetition or "1") if field else "",
        *(p or "" for p in inner),
    ]
    where = signs.component.join(place).rstrip(signs.component)
    # Where no place of the message is known, the place in what was to be made of it says which value is meant.
    named = fault.source or fault.target
    says = fault.says + (f" ({named})" if named and not found else "") + (f" — {fault.hint}" if fault.hint else "")
    code = signs.component.join([number, name, "HL70357"])
    return signs.field.join(["ERR", "", where, code, "E", _plain(fault.code, signs), "", "", _plain(says, signs)])


def _condition(fault: Fault, verdict: Verdict) -> tuple[str, str]:
    """HL7 table 0357. 207 tells a sender that it may try again, so it is kept for what is not the message's fault."""
    if verdict.cannot_store or fault.code[:1] in "XNE":
        return _INTERNAL
    return _CONDITIONS.get(fault.code, _CONDITIONS.get(fault.code[:1], _DATA))


def _plain(text: str, signs: Delimiters) -> str:
    """A text as a field holds it; where no escape sign is declared, blanks stand for what would be structure."""
    text = text.translate(_TYPEWRITER)
    try:
        return escape(text, signs)
    except Fault:
        return "".join(" " if c in signs.field + signs.encoding + "\r\n" else c for c in text)
