"""Reading: XML without document types, entities, network or surprises; what is wrong is worded with line and column."""

from __future__ import annotations

import codecs
import re
from typing import Any, Final

from lxml import etree

from interpres.fault import Fault

_DECLARATION: Final = re.compile(rb"<\?xml\s[^>]*?\bencoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._-]*)[\"'][^>]*\?>")
_PROLOG: Final = re.compile(rb"(?:\s++|<\?(?:[^?]|\?(?!>))*+\?>|<!--(?:[^-]|-(?!->))*+-->)*+")
_ENCODINGS: Final = re.compile(
    r"utf-?8|utf-?16(-?[lb]e)?|us-ascii|ascii|iso-?8859-\d+|windows-(125\d|874)|tis-620|koi8-r|gb18030|gbk|gb2312|big5|shift_jis|euc-(jp|kr)"
)
"""Encodings in which every character has one spelling in bytes. UTF-7 and its like hide markup from whoever looks first."""

_WORDS: Final[dict[int, tuple[str, str]]] = {
    4: ("there is no XML element here", "the text must begin with <; was another format sent?"),
    5: ("more follows the end of the document", "one message is one XML document: nothing may stand behind its root element"),
    9: ("a character stands here that XML does not allow", "control characters cannot be written in XML 1.0, not even as &#1;"),
    38: ("'<' stands in an attribute's value", "write &lt;"),
    39: ("an attribute's value does not stand in quotes", 'write name="value"'),
    41: ("an attribute has no value", 'write name="value"'),
    42: ("an element has the same attribute twice", "keep one of the two"),
    63: ("a CDATA section is not closed", "was the message cut off on its way?"),
    68: ("'&' or '<' stands here as text", "write &amp; or &lt;"),
    73: ("a tag is not closed with >", "was the message cut off on its way?"),
    76: ("an element is closed by another element's end tag", "each element must end inside the one that holds it"),
    77: ("the document ends inside an element", "was the message cut off on its way?"),
    81: ("a byte here does not belong to the document's encoding", "the declaration must name the encoding that the file has"),
}  # fmt: skip


def parser() -> etree.XMLParser:
    """A parser that resolves nothing, fetches nothing and keeps libxml2's limits (depth 256, 10 MB for one text)."""
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        strip_cdata=False,
        recover=False,
    )


class Edited(etree.ElementBase):
    """An element of an edited document; the root knows how the document is written, as long as somebody holds it."""

    body: bytes | None = None


def edited_parser() -> etree.XMLParser:
    """The same parser, making elements that can hold their document's bytes."""
    reader = parser()
    reader.set_element_class_lookup(etree.ElementDefaultClassLookup(element=Edited))
    return reader


def parsed(body: bytes, reader: etree.XMLParser, max_depth: int, max_size: int) -> Any:
    """The root element. Faults L001 to L009, their source `line 3, column 14`."""
    if len(body) > max_size:
        raise Fault("L009", f"the document has more than {max_size} bytes", "the format's setting max_size allows more")
    text = in_utf8(body)
    begins = _PROLOG.match(text)
    assert begins
    if begins.end() == len(text):
        raise Fault("L001", "there is no XML here", "see why the sender wrote an empty document", source="line 1, column 1")
    if text.startswith(b"<!", begins.end()):
        raise _doctype(text, begins.end())
    try:
        root = etree.fromstring(text, reader)
    except etree.XMLSyntaxError as wrong:
        raise _worded(wrong) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise _doctype(text, begins.end())
    if text.count(b"<") > max_depth and not _within(root, max_depth):
        raise _too_deep(max_depth)
    return root


def in_utf8(body: bytes) -> bytes:
    """The document's text in UTF-8, without a mark. Faults L002: an encoding that is not read, or bytes that are none of it."""
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if body.startswith(mark):
            return _decoded(body[len(mark) :], encoding)
    declared = _DECLARATION.match(body)
    return _decoded(body, declared[1].decode().lower() if declared else "utf-8")


def encoding_of(body: bytes) -> tuple[bytes, str]:
    """The mark before the text and the encoding, for who writes it back."""
    for mark, encoding in ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if body.startswith(mark):
            return mark, encoding
    declared = _DECLARATION.match(body)
    return b"", declared[1].decode().lower() if declared else "utf-8"


def _decoded(body: bytes, encoding: str) -> bytes:
    if not _ENCODINGS.fullmatch(encoding) or (b"\0" in body and not encoding.startswith("utf-16")):
        hint = "send UTF-8; UTF-16 needs its byte order mark"
        raise Fault(
            "L002", "the document's encoding is not one that is read here", hint, source="line 1, column 1", value=encoding
        )
    try:
        text = body.decode(encoding)
    except (UnicodeDecodeError, LookupError) as wrong:
        before = body[: wrong.start] if isinstance(wrong, UnicodeDecodeError) else b""
        source = f"line {before.count(10) + 1}"
        raise Fault("L002", "a byte here does not belong to the document's encoding", _WORDS[81][1], source=source) from None
    return body if encoding in ("utf-8", "utf8") else text.encode("utf-8")


def _doctype(text: bytes, at: int) -> Fault:
    hint = "ask the sender to leave it out: it can make a reader fetch files or fill its memory, and no health message needs it"
    source = f"line {text.count(10, 0, at) + 1}" if at else "line 1"
    return Fault("L003", "a document type declaration (DOCTYPE) stands before the document", hint, source=source)


def _worded(wrong: etree.XMLSyntaxError) -> Fault:
    """libxml2's messages quote what it read, so the sentence is ours and theirs goes where values go."""
    line, column = wrong.position
    code: int = getattr(wrong, "code", 0) or 0
    source, value = f"line {line}, column {max(column, 1)}", str(wrong.msg)
    if "depth" in value:
        return _too_deep(256).but(source=source)
    if any(word in value for word in ("too long", "too big", "size limit", "Huge", "HUGE")):
        hint = "send large attachments beside the document; one text may have 10,000,000 characters"
        return Fault("L007", "one text or tag is too large", hint, source=source)
    if code == 26:
        hint = "only &amp; &lt; &gt; &quot; &apos; and numbers as &#233; have a meaning without a DOCTYPE"
        return Fault("L008", "an entity is used that nothing declares", hint, source=source, value=value)
    if code == 201:
        return Fault(
            "L005", "a prefix is used that no xmlns declares", "declare it on the root element", source=source, value=value
        )
    says, hint = _WORDS.get(code, ("this is not well-formed XML", "see what stands here and just before: tags, quotes, & and <"))
    return Fault("L004", says, hint, source=source, value=value)


def _too_deep(depth: int) -> Fault:
    return Fault(
        "L006",
        f"elements stand more than {depth} deep in one another",
        "ask the sender whether this is meant: no health document is so deep",
    )


def _within(root: Any, depth: int) -> bool:
    """Whether elements stand at most `depth` deep, level by level."""
    level = [root]
    while level and depth:
        depth -= 1
        level = [inner for element in level for inner in element]
    return not level
