"""Channel: the recipe that joins source, format, mapping and destinations, read top to bottom as a message travels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from interpres.document import Document
from interpres.duration import Duration
from interpres.fault import Place
from interpres.format import Format
from interpres.memory import Memory, RememberFile
from interpres.schema import Schema
from interpres.settings import Settings

Answer = Literal["accepted", "processed", "delivered"]


CONTEXT_NAMES = ("message_id", "received_at", "received_on", "channel", "source_name")
"""What every mapping may name in `needs:` without an `enrich`: all of it is stored with the message."""


class EnrichFile(Settings):
    """Something asked between arrival and mapping, of a system (`call`) or of what was remembered earlier (`recall`); the answer
    is stored with the message under this name."""

    call: str | None = Field(default=None, description="The system and operation to call.", examples=["npca/searchBeneficiary"])
    recall: str | None = Field(
        default=None,
        min_length=1,
        description="Instead of `call`: the collection in which a destination's `remember` kept it.",
        examples=["npca.visits"],
    )
    key: str | None = Field(default=None, description="With `recall`: a formula, the key to look under.", examples=["=visit"])
    for_at_most: Duration = Field(
        default=3 * 86400.0,
        description="With `recall` and `when_missing: hold`: how long the message waits for the key before it is rejected.",
    )
    with_: dict[str, str | int | bool] = Field(
        default_factory=dict, alias="with", description="The operation's parameters: text as it stands, or =FORMULA."
    )
    take: str | None = Field(
        default=None, description="A formula over the answer: what is kept of it. Without it, all.", examples=["=data"]
    )
    keep_for: Duration = Field(default=0.0, description="How long an answer serves later messages that ask the same.")
    when_missing: Literal["continue", "hold", "reject"] = Field(
        default="hold",
        description="What to do when there is no such thing. What waits for a `recall` goes on by itself once its key is there.",
    )
    when_failed: Literal["hold", "reject"] = Field(default="hold", description="What to do after a failure that will not pass.")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        """Exactly one of call and recall, each with its own settings."""
        if (self.call is None) == (self.recall is None):
            raise ValueError("one of call: and recall: is wanted here — call: asks a system, recall: what was remembered")
        others = ("with_", "keep_for", "when_failed") if self.recall else ("key", "for_at_most")
        for name in others:
            if name in self.model_fields_set:
                word = name.rstrip("_")
                raise ValueError(f"'{word}' says nothing beside {'recall' if self.recall else 'call'} — take it out")
        if self.recall and self.key is None:
            raise ValueError("recall: needs a key — write the formula of what to look under, as in key: =visit")
        return self


class SourceCommon(Settings):
    """What every source may say beside its own settings: when, and how soon, it tells its peer yes."""

    answer: Answer = Field(default="processed", description="How far a message must have come before its peer is told yes.")
    answer_within_seconds: float = Field(
        default=10.0, gt=0, description="What takes longer and is stored is answered yes, marked as answered early."
    )


class BatchFile(Settings):
    """How deliveries of several lanes are gathered into one request: the lists under `join` of their payloads become one list."""

    count: int = Field(ge=2, le=10_000, description="How many deliveries go into one request at most.")
    seconds: float = Field(default=2.0, gt=0, le=3600, description="How long the first waits for so many to come.")
    join: str = Field(min_length=1, description="The list in each payload, by its key.", examples=["visits"])
    each: str = Field(
        default="",
        description="The list in the answer that has an entry for each entry sent, by its key; without it all end alike.",
        examples=["data"],
    )


class DestinationCommon(Settings):
    """What every destination may say beside its own settings."""

    mapping: str | None = Field(
        default=None, description="The mapping that makes the payload; without it the message goes on as it came."
    )
    must: bool = Field(default=False, description="Whether a message that cannot be made ready for this destination is rejected.")
    after_refused: Literal["continue", "stop"] = Field(
        default="continue", description="Whether a lane goes on after a delivery that was refused."
    )
    attempts: int = Field(
        default=0, ge=0, description="How often a passing failure is tried before the delivery is dead; 0: no limit."
    )
    for_at_most: Duration = Field(
        default=3 * 86400.0,
        description="How long a delivery is tried before it is dead. While a destination is away, no delivery dies of its age.",
    )
    batch: BatchFile | None = Field(
        default=None, description="Several deliveries in one request: `{count: 50, seconds: 2, join: LIST, each: LIST}`."
    )
    remember: RememberFile | None = Field(
        default=None, description="What is kept of its answer, for `recall`: `{in: COLLECTION, key: =FORMULA, value: =FORMULA}`."
    )


class Retention(Settings):
    """How long what came through a channel is kept, counted from its arrival; `0.0`: for ever.

    What is open is kept however old it is, and so is what troubles somebody (`interpres problems`) until he has seen to it.
    """

    content: Duration = Field(
        default=0.0,
        description="The bytes that arrived, what was sent and answered. What became of each message is told without them.",
        examples=["90d"],
    )
    metadata: Duration = Field(
        default=0.0, description="Every trace of a message, and the content with it; it is only counted then.", examples=["400d"]
    )

    @model_validator(mode="after")
    def _content_goes_first(self) -> Self:
        """Content without a message that it belongs to would be nobody's."""
        if self.metadata and self.content > self.metadata:
            raise ValueError("content cannot be kept longer than metadata — make content: shorter, or metadata: longer")
        return self


class ChannelFile(Settings):
    """A channel file. Parts' own settings stand under their word: `source: {mllp: {…}}`, `destinations: {npca: {call: …}}`."""

    about: str = Field(description="One sentence: what travels here, from whom to whom.")
    source: dict[str, Any] = Field(description="Where messages come from: one of the sources, with its settings.")
    format: str | dict[str, Any] = Field(description="The format of what arrives, with its settings where it has any.")
    timezone: str = Field(
        default="UTC", description="For names of files and times without an offset.", examples=["Asia/Phnom_Penh"]
    )
    accepts: str | None = Field(default=None, description="A schema or message profile that the document must satisfy.")
    keep: str | None = Field(default=None, description="A formula; a message for which it is not true is filtered.")
    keys: dict[str, str] = Field(default_factory=dict, description="What a message can be found by: a formula each.")
    lane: str | None = Field(default=None, description="A formula; deliveries of one lane keep their order.")
    duplicates_within: Duration = Field(default=7 * 86400.0, description="How long a duplicate is recognised.")
    retention: Retention = Field(
        default=Retention(), description="How long messages are kept: `{content: 90d, metadata: 400d}`. Without it, for ever."
    )
    on_conflict: Literal["process", "refuse"] | None = Field(
        default=None, description="What to do with a known id and other bytes: MLLP processes and flags, HTTP refuses."
    )
    enrich: dict[str, EnrichFile] = Field(default_factory=dict, description="What is asked of systems before mapping.")
    destinations: dict[str, dict[str, Any]] = Field(min_length=1, description="Who is owed what.")


Formula = Callable[[Any, Mapping[str, Any]], Any]
"""A compiled formula: document tree and names in, value or MISSING out; raises `Fault`."""

Mapped = Callable[[Document, Mapping[str, Any]], Any]
"""A compiled mapping: document and context in, `Made` out."""


@dataclass(frozen=True, slots=True)
class Enrichment:
    """`enrich:` made ready: a parameter is a constant or a formula, or worked out where a message asks; `take` says what is kept
    of the answer. A `recall` names a collection in place of a call, and has one parameter, `key`."""

    name: str
    call: str
    parameters: Mapping[str, Any]
    take: Formula | None
    keep_for_seconds: float
    when_missing: Literal["continue", "hold", "reject"]
    when_failed: Literal["hold", "reject"]
    recall: str = ""
    for_at_most_seconds: float = 0.0

    @property
    def asked(self) -> str:
        """Who is asked, for people."""
        return f"the collection {self.recall}" if self.recall else self.call

    def kept(self, answer: Any) -> Any:
        """What is stored with the message under this name; MISSING where the answer lacks it. Raises `Fault`."""
        return answer if self.take is None else self.take(answer, {})


@dataclass(frozen=True, slots=True)
class DestinationRecipe:
    """One destination made ready. `format` writes the payload; `promise` checks the document before it is written.

    `always_makes`: its mapping promises a document and has no `$when` or `$each` at its root, so that making none is a loss.
    """

    name: str
    word: str
    settings: BaseModel
    common: DestinationCommon
    format: Format
    mapping: Mapped | None = None
    promise: Schema | None = None
    at: Place | None = None
    always_makes: bool = False
    memory: Memory | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """A channel made ready. `digest` is the hash over every file it was made of and the engine's version; `files` names them."""

    name: str
    file: str
    about: str
    source_word: str
    source_settings: BaseModel
    source_common: SourceCommon
    format: Format
    timezone: str
    duplicates_within_seconds: float
    on_conflict: str | None
    accepts: Schema | None
    keep: Formula | None
    keys: Mapping[str, Formula]
    lane: Formula | None
    enrich: tuple[Enrichment, ...]
    destinations: Mapping[str, DestinationRecipe]
    retention: Retention = field(default_factory=Retention)
    places: Mapping[str, Place] = field(default_factory=dict)
    digest: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
