"""hl7v2: HL7 version 2 messages in their delimited encoding (chapter 2), read losslessly and only as far as asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel

from interpres.document import Document, Tree
from interpres.fault import Fault
from interpres.format import Format, Paths, Verdict
from interpres.formats.hl7v2.paths import SegmentPaths
from interpres.formats.hl7v2.reading import read
from interpres.formats.hl7v2.reply import acknowledgement
from interpres.formats.hl7v2.segments import Segments
from interpres.formats.hl7v2.settings import Hl7v2Settings
from interpres.formats.hl7v2.splitting import oddities, slices


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
        if isinstance(tree, Segments):
            return tree.body
        raise Fault("H030", "this is no list of segments", "write a list of blocks: - {PID-3.1: …}")

    def reply(self, body: bytes, verdict: Verdict, at: datetime, control_id: str) -> bytes | None:
        """See `reply.acknowledgement`."""
        return acknowledgement(body, verdict, at, control_id, self._charset, self._fallback)

    def readable(self, body: bytes) -> bytes:
        return body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
