"""Pipeline: the pure middle — one message and its context in, what is owed to whom out; no clock, disk or network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from interpres.channel import DestinationRecipe, Enrichment, Formula, Recipe
from interpres.document import MISSING, Document
from interpres.fault import Fault, Faults
from interpres.message import Message

State = Literal["processed", "filtered", "rejected", "held"]


@dataclass(frozen=True, slots=True)
class Owed:
    """What one destination is owed; born refused where it has faults. `part` counts from 1."""

    destination: str
    part: int
    payload: bytes
    media_type: str
    lane: str | None
    tree: Any = None
    faults: tuple[Fault, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """The whole result of processing: written in one transaction."""

    state: State
    reason: str = ""
    faults: tuple[Fault, ...] = ()
    warnings: tuple[Fault, ...] = ()
    owed: tuple[Owed, ...] = ()


Question: TypeAlias = Enrichment
"""One call that `enrich` asks for, its parameters worked out."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A message read as far as its channel can without asking anybody; `result` is set where its fate is already clear."""

    message: Message
    document: Document | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    lane: str | None = None
    questions: tuple[Question, ...] = ()
    result: Result | None = None
    warnings: tuple[Fault, ...] = ()


def open_message(message: Message, channel: Recipe) -> Opened:
    """Decode, `accepts`, `keep`, keys, lane and the questions of `enrich`. Never raises for what a message holds."""
    try:
        document = channel.format.decode(message.body)
    except (Fault, Faults) as wrong:
        return Opened(message, result=Result("rejected", "it could not be read", _all(wrong)))
    warnings: list[Fault] = []
    names: dict[str, Any] = {**context_of(message)}
    keys = _keys(channel, document, names, warnings)
    opened = Opened(message, document, keys, warnings=tuple(warnings))
    if channel.accepts is not None:
        found = [_in_source(f) for f in channel.accepts.checker.faults(document)]
        warnings += [f for f in found if f.level == "warning"]
        if refused := tuple(f for f in found if f.level == "fault"):
            reason = f"{channel.accepts.name} does not accept it"
            return replace(opened, result=Result("rejected", reason, refused, tuple(warnings)))
    names |= keys
    try:
        if channel.keep is not None and channel.keep(document.tree, names) is not True:
            reason = f"keep at {channel.places['keep']} is not true"
            return replace(opened, result=Result("filtered", reason, warnings=tuple(warnings)))
        # The lane comes before the questions: a message that is held for want of an answer holds its lane too.
        opened = replace(opened, lane=_lane(channel, document, names, warnings), warnings=tuple(warnings))
        return replace(opened, questions=tuple(_questions(channel, document, names)))
    except Fault as wrong:
        state: State = "held" if wrong.code == "C142" else "rejected"
        return replace(opened, result=Result(state, "the channel could not read it", (wrong,), tuple(warnings)))


def process(opened: Opened, channel: Recipe, context: Mapping[str, Any]) -> Result:
    """The message's whole result for this context. Pure: the same arguments give the same result, byte for byte.

    A fault of one destination's mapping is that delivery's alone; the message is rejected when no delivery could be made
    or when a destination marked `must` could not.
    """
    if opened.result is not None:
        return opened.result
    assert opened.document is not None
    everything = given(opened, channel, context)
    owed: list[Owed] = []
    warnings = list(opened.warnings)
    for destination in channel.destinations.values():
        owed += _owed_to(destination, opened, channel, everything, warnings)
    refused = tuple(f for o in owed for f in o.faults)
    must_fail = any(o.faults and channel.destinations[o.destination].common.must for o in owed)
    if owed and (must_fail or all(o.faults for o in owed)):
        return Result("rejected", "no delivery could be made of it", refused, tuple(warnings))
    if not owed:
        return Result("filtered", "nothing to send", warnings=tuple(warnings))
    return Result("processed", faults=refused, warnings=tuple(warnings), owed=tuple(owed))


def given(opened: Opened, channel: Recipe, context: Mapping[str, Any]) -> dict[str, Any]:
    """Every name that a mapping may read beside the document: what comes with the message, its keys, and what was asked for."""
    # What was asked for and is not there is missing: that is no mistake of the channel, and nothing to warn of.
    asked = dict.fromkeys((e.name for e in channel.enrich), MISSING)
    return {**context_of(opened.message), **opened.keys, **asked, **context}


def context_of(message: Message) -> dict[str, Any]:
    """The names that come with every message; `received_on` is the UTC day of receipt, `source_name` a file's name as data."""
    return {
        "message_id": message.id,
        "received_at": message.received_at,
        "received_on": message.received_at[:10],
        "channel": message.channel,
        "source_name": message.envelope.get("source_name", MISSING),
    }


def _owed_to(
    destination: DestinationRecipe, opened: Opened, channel: Recipe, context: Mapping[str, Any], warnings: list[Fault]
) -> Iterator[Owed]:
    assert opened.document is not None
    # A key that this message does not fill is a name without a value, not an unknown one.
    names = dict.fromkeys(("source_name", *channel.keys), "") | {k: v for k, v in context.items() if isinstance(v, str)}
    empty = Owed(destination.name, 1, b"", destination.format.media_type, opened.lane, names=names)
    if destination.mapping is None:
        yield replace(empty, payload=opened.message.body)
        return
    made = destination.mapping(opened.document, context)
    warnings += made.warnings
    if made.faults:
        yield replace(empty, faults=tuple(made.faults))
        return
    if not made.documents and destination.always_makes:
        yield replace(empty, faults=(_nothing_made(destination),))
        return
    for part, tree in enumerate(made.documents, 1):
        faults = list(_broken_promises(destination, tree, warnings))
        payload = b""
        if not faults:
            try:
                payload = destination.format.encode(tree)
            except (Fault, Faults) as wrong:
                faults = list(_all(wrong))
        yield replace(empty, part=part, payload=payload, tree=tree, faults=tuple(faults))


def _nothing_made(destination: DestinationRecipe) -> Fault:
    says = f"nothing that the mapping for {destination.name} reads is in this message"
    hint = "see that the message is of the kind this channel is for; keep: or a $when at the mapping's root leaves others out"
    return Fault("M213", says, hint, at=destination.at)


def _broken_promises(destination: DestinationRecipe, tree: Any, warnings: list[Fault]) -> Iterator[Fault]:
    if destination.promise is None:
        return
    for fault in destination.promise.checker.faults(Document(destination.format.name, tree)):
        if fault.level == "fault":
            yield fault
        else:
            warnings.append(fault)


def _keys(channel: Recipe, document: Document, names: Mapping[str, Any], warnings: list[Fault]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, formula in channel.keys.items():
        text = _text(formula, document, names, warnings)
        if text is not None:
            found[name] = text
    return found


def _lane(channel: Recipe, document: Document, names: Mapping[str, Any], warnings: list[Fault]) -> str | None:
    if channel.lane is None:
        return ""
    lane = _text(channel.lane, document, names, warnings)
    if lane is None:
        at = channel.places["lane"]
        says = "this message has no value for its lane, so nothing keeps it in order with others"
        warnings.append(Fault("C140", says, "see that lane: names a field that every message fills", at=at, level="warning"))
    return lane


def _text(formula: Formula, document: Document, names: Mapping[str, Any], warnings: list[Fault]) -> str | None:
    """The formula's value as text; a fault in it is a warning, for a message must not be lost for want of a key."""
    try:
        value = formula(document.tree, names)
    except Fault as wrong:
        warnings.append(wrong.but(level="warning"))
        return None
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | Decimal) else None


def _questions(channel: Recipe, document: Document, names: Mapping[str, Any]) -> Iterator[Question]:
    """What there is to ask. A question without a value for one of its parameters is answered here: as `when_missing` says."""
    for e in channel.enrich:
        worked = {k: v(document.tree, names) if callable(v) else v for k, v in e.parameters.items()}
        absent = [k for k, v in worked.items() if v is MISSING or v is None]
        if not absent:
            yield replace(e, parameters=worked)
        elif e.when_missing != "continue":
            says = f"{e.asked} cannot be asked: this message has no value for {absent[0]}"
            hint = f"see why it is missing, or let the channel go on without an answer (when_missing: continue at {e.name})"
            raise Fault("C141" if e.when_missing == "reject" else "C142", says, hint, at=channel.places.get(f"enrich.{e.name}"))


def _in_source(fault: Fault) -> Fault:
    """What a checker calls a target is, on the way in, where the message itself is wrong."""
    return fault if fault.source else fault.but(source=fault.target, target="")


def _all(wrong: Fault | Faults) -> tuple[Fault, ...]:
    return wrong.faults if isinstance(wrong, Faults) else (wrong,)
