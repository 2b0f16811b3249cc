"""hl7v2: HL7 version 2 messages in their delimited encoding (chapter 2), read losslessly and only as far as asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel

from interpres.document import Document, Tree
from interpres.fault import Fault
from interpres.format import Format, Paths, Verdict
from interpres.formats.hl7v2.building import build
from interpres.formats.hl7v2.editing import edited
from interpres.formats.hl7v2.paths import SegmentPaths
from interpres.formats.hl7v2.reading import read
from interpres.formats.hl7v2.reply import acknowledgement
from interpres.formats.hl7v2.segments import Segments
from interpres.formats.hl7v2.settings import Hl7v2Settings
from interpres.formats.hl7v2.splitting import oddities, slices
from interpres.path import Path


class Hl7v2(Format):
    """HL7 v2.1 to v2.9: any delimiters, charsets and line ends; what was decoded is written again to the same bytes."""

    Settings: ClassVar[type[BaseModel]] = Hl7v2Settings
    media_type: ClassVar[str] = "x-application/hl7-v2+er7"
    suffix: ClassVar[str] = "hl7"
    paths: Paths = SegmentPaths()

    def __init__(self, settings: BaseModel) -> None:
        super().__init__(settings)
        assert isinstance(settings, Hl7v2Settings)
        self._charset = settings.charset or ""
        self._fallback = settings.fallback_charset or ""
        self._line_feed = settings.line_feed

    def split(self, body: bytes) -> Iterator[tuple[int, int]]:
        """A slice for every message; FHS and BHS go with the message behind them, BTS and FTS with the one before."""
        return slices(body)

    def decode(self, body: bytes) -> Document:
        """The message's segments. Faults H001 to H007."""
        return Document("hl7v2", read(body, self._charset, self._fallback, self._line_feed), body)

    def encode(self, tree: Tree) -> bytes:
        """The very bytes of a decoded message; a list of blocks as `building.build` writes it. Faults H003, H030 to H034."""
        return tree.body if isinstance(tree, Segments) else build(tree, self._charset)

    def edit(self, document: Document, sets: Sequence[tuple[Path, Any]], drops: Sequence[str], keep: Any = None) -> Tree:
        """See `Format.edit` and `editing.edited`. Faults H032 to H034, H040, H041."""
        body = edited(document.tree, sets, drops, keep, self._line_feed)
        return read(body, self._charset, self._fallback, self._line_feed)

    def oddities(self, body: bytes) -> Iterator[Fault]:
        """Warnings H020 to H023: a batch that does not add up, a message without a control id."""
        return oddities(body)

    def reply(self, body: bytes, verdict: Verdict, at: datetime, control_id: str) -> bytes | None:
        """See `reply.acknowledgement`."""
        return acknowledgement(body, verdict, at, control_id, self._charset, self._fallback)

    def readable(self, body: bytes) -> bytes:
        return body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
