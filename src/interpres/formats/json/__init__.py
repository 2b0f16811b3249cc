"""json: exact decimals and big integers; duplicate keys, NaN and half characters are faults with line and column."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final, Literal

import msgspec
from pydantic import BaseModel, Field

from interpres.document import Document, Tree
from interpres.fault import Fault
from interpres.format import Format, Paths
from interpres.formats.json.edits import Changes, Spot, dropped, parts_of
from interpres.formats.json.scan import decimal_of, position, scan
from interpres.mapping.tree import TreePaths, bare
from interpres.path import Path
from interpres.settings import Settings


class JsonSettings(Settings):
    """How JSON is read."""

    max_depth: int = Field(128, ge=1, le=400, description="how deep objects and lists may stand in one another")
    byte_order_mark: Literal["refuse", "skip"] = Field(
        "refuse", description="what to do with a UTF-8 byte order mark, which RFC 8259, 8.1 forbids senders to write"
    )


class Json(Format):
    """JSON as RFC 8259 has it, always UTF-8: `dict`, `list`, `str`, `int`, `Decimal` (1.00 stays 1.00), `bool`, None.

    Key order is kept. Faults J001 to J012, their source `line 3, column 14`. Numbers beyond 4300 digits or a power of ten
    beyond 9999 are refused (1e400 is exact and fine), since every later step would choke on them.
    """

    Settings: ClassVar[type[BaseModel]] = JsonSettings
    media_type: ClassVar[str] = "application/json"
    suffix: ClassVar[str] = "json"
    paths: Paths = TreePaths("json")

    def __init__(self, settings: BaseModel) -> None:
        super().__init__(settings)
        assert isinstance(settings, JsonSettings)
        self._max_depth = settings.max_depth
        self._skips_mark = settings.byte_order_mark == "skip"
        self._decoder = msgspec.json.Decoder(float_hook=decimal_of)
        self._encoder = msgspec.json.Encoder(decimal_format="number")

    def decode(self, body: bytes) -> Document:
        """The tree; the fast reader's word is taken only where nothing can have got lost (see `_certain`)."""
        if body.startswith(codecs.BOM_UTF8) and self._skips_mark:
            body = body[len(codecs.BOM_UTF8) :]
        try:
            tree = self._decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError):
            scan(text_of(body), self._max_depth)
            raise AssertionError("the strict reader accepts what the fast one refuses") from None
        if not self._certain(body, tree):
            scan(text_of(body), self._max_depth)
        return Document(self.name, tree, body)

    def encode(self, tree: Tree) -> bytes:
        """Compact UTF-8 in the tree's own order of keys. Faults J020 (a value JSON cannot hold), J021 (half a character)."""
        if isinstance(tree, EditedMap | EditedList):
            return tree.body
        try:
            written = self._encoder.encode(tree)
        except UnicodeEncodeError:
            says = "a text holds half a character (a lone surrogate), which UTF-8 cannot say"
            raise Fault("J021", says, "see which transform made it") from None
        except (TypeError, ValueError, RecursionError) as wrong:
            raise _unwritable(wrong) from None
        if b"NaN" in written or b"Infinity" in written:
            _refuse_no_numbers(tree)
        return written

    def edit(self, document: Document, sets: Sequence[tuple[Path, Any]], drops: Sequence[str], keep: Any = None) -> Tree:
        """See `Format.edit`: blanks, order and the spelling of numbers stay; a key that is not there is added at the end.

        Faults J030 (a target that cannot be set), J031 (what `drops:` names is no path).
        """
        text = text_of(document.body)
        top = Spot(scan(text, self._max_depth), document.tree)
        changes = Changes(text, lambda value: self.encode(value).decode())
        for path, value in sets:
            changes.put(top, parts_of(path), value, path)
        for what in drops:
            for spot in dropped(top, what):
                changes.drop(spot)
        if keep is not None:
            changes.keep(top, bare(keep))
        body = (text[: top.span.start] + changes.written(top.span) + text[top.span.end :]).encode()
        return _edited(self.decode(body).tree, body)

    def readable(self, body: bytes) -> bytes:
        try:
            self.decode(body)
        except Fault:
            return body
        return msgspec.json.format(body.removeprefix(codecs.BOM_UTF8), indent=2)

    def _certain(self, body: bytes, tree: Any) -> bool:
        """Whether no key can stand twice and nothing lies too deep.

        The fast reader keeps the last of two equal keys in silence, and the colon of each that it drops is then missing when the
        tree is written again. So equal counts of colons prove that none was dropped, unless a text spells a colon as an escape.
        """
        if body.count(b":") != self._encoder.encode(tree).count(b":") or b"\\u003" in body:
            return False
        few = body.count(b"[") + body.count(b"{") <= self._max_depth
        return few or _is_shallow(body, self._max_depth) or _within(tree, self._max_depth)


class EditedMap(dict[str, Any]):
    """An edited document: a tree like any other, which knows how it is written."""

    __slots__ = ("body",)
    body: bytes


class EditedList(list[Any]):
    """The same, where the document is a list."""

    __slots__ = ("body",)
    body: bytes


def _edited(tree: Tree, body: bytes) -> Tree:
    if not isinstance(tree, dict | list):
        return tree
    edited = EditedMap(tree) if isinstance(tree, dict) else EditedList(tree)
    edited.body = body
    return edited


def text_of(body: bytes) -> str:
    """The characters of JSON text. Faults J001 (nothing), J002 (not UTF-8), J003 (a byte order mark)."""
    if body.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        says = "a byte order mark stands before the text, which JSON forbids"
        hint = "save it as UTF-8 without BOM; the format's setting byte_order_mark: skip lets a mark of UTF-8 pass"
        raise Fault("J003", says, hint, source="line 1, column 1")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as wrong:
        before = body[: wrong.start].decode("utf-8")
        at = position(before, len(before))
        raise Fault(
            "J002", "a byte here is no UTF-8", "send JSON as UTF-8, whatever the sender's own code page is", source=at
        ) from None
    if not text.strip(" \t\n\r"):
        raise Fault(
            "J001", "there is nothing but blanks", "see why the sender wrote an empty document", source="line 1, column 1"
        )
    return text


_ONE_KIND: Final = bytes.maketrans(b"[]", b"{}")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b'{}[]"'))
_SOON: Final = 100_000


def _is_shallow(body: bytes, depth: int) -> bool:
    """Whether the brackets alone show that containers stand at most `depth` deep; no says nothing.

    Of brackets and quotes, quotes that stand next to each other are taken out: where none is left, an even number stood before
    every bracket, so none of these is inside a text. Then one level of brackets after the other is.
    """
    if b'\\"' in body:
        return False
    left = body.translate(_ONE_KIND, _NO_BRACKETS).replace(b'""', b"")
    if b'"' in left or len(left) > _SOON:
        return False
    while left and depth:
        depth -= 1
        left = left.replace(b"{}", b"")
    return not left


def _within(tree: Any, depth: int) -> bool:
    """Whether containers stand at most `depth` deep, level by level: no recursion, whatever came."""
    level = [tree] if isinstance(tree, dict | list) else []
    while level and depth:
        depth -= 1
        level = [
            v for n in level for v in (n.values() if n.__class__ is dict else n) if v.__class__ is dict or v.__class__ is list
        ]
    return not level


def _unwritable(wrong: Exception) -> Fault:
    if isinstance(wrong, RecursionError):
        return Fault("J020", "the tree holds itself or lies too deep to be written", "see which transform made it")
    if isinstance(wrong, ValueError):
        return Fault("J020", "a number has more than 4300 digits", "see which formula made it")
    return Fault(
        "J020",
        "a value is of a kind that JSON cannot say",
        "a transform may give text, numbers, true, false, null, lists and maps",
    )


def _refuse_no_numbers(tree: Any) -> None:
    """NaN and Infinity among the numbers, as `Decimal` can be; the words may stand in texts all the same."""
    level = [tree]
    while level:
        for found in level:
            if isinstance(found, Decimal) and not found.is_finite():
                raise Fault("J020", "a number is NaN or Infinity, which JSON cannot say", "see which formula made it")
        level = [v for n in level if isinstance(n, dict | list) for v in (n.values() if isinstance(n, dict) else n)]
