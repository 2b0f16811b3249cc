"""Settings: how HL7 v2 is read and written where a message does not say it itself."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from interpres.fault import Fault
from interpres.formats.hl7v2.charset import codec_of
from interpres.formats.hl7v2.lines import LineFeed
from interpres.settings import Settings


def _known(name: str) -> str:
    try:
        codec_of(name)
    except Fault as wrong:
        raise ValueError(f"{wrong.says} — {wrong.hint}") from None
    return name


Charset = Annotated[str, AfterValidator(_known)]


class Hl7v2Settings(Settings):
    """Every key is optional: a message declares its delimiters and its charset."""

    charset: Charset | None = Field(
        None, description="whatever MSH-18 says: a name of HL7 table 0211 (8859/1, UNICODE UTF-8), windows-1258, VISCII, TCVN"
    )
    fallback_charset: Charset | None = Field(
        None, description="what is tried where bytes are no text in the charset that is meant"
    )
    line_feed: LineFeed = Field(
        "auto", description="a line feed alone: data, the end of a segment (ends), or what the message's first line shows (auto)"
    )
