"""YAML: recipe files as a tree with the place of every word, in the small part of YAML that nobody can misread."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml import events as yaml_events
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from interpres.fault import Fault, Faults, Place
from interpres.yaml import unreadable
from interpres.yaml.tree import Branch, Leaf, Node, Row, key_place, leaves, place, plain, within

__all__ = ["Branch", "Leaf", "Node", "Row", "key_place", "leaves", "place", "plain", "read", "within"]

LARGEST_BYTES: Final = 2 * 1024 * 1024
DEEPEST: Final = 64

_WORDS: Final = {"true": True, "false": False, "null": None}
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_SAME_AGAIN = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]*[1-9]\Z")
_YAML_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)?(?:\.[0-9]+|(?:\.[0-9]*)?[eE][-+]?[0-9]{1,3}|\.)\Z")
_REFUSED_CHARACTER = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read(text: str | bytes, file: str, *, strict: bool = True, faults: list[Fault] | None = None) -> Node:
    """The tree of a file; `file` is its name as the workspace says it, for places.

    `strict` is how mappings are read: no text over several lines, and a decimal is a number only where it would be written
    back the same. Otherwise (schemas) blocks of text are allowed and `1.0`, `1e3` are exact decimals. Anchors, aliases, tags,
    merge keys, several documents and keys given twice are never allowed. Raises `Faults` Y1xx: all of the file at once, as far
    as YAML can read it. Where `faults` is given, those that do not hinder the reading go there, so that what the file says can
    be checked beside them.
    """
    return _Reading(_decoded(text, file), file, strict).tree(faults)


def _decoded(text: str | bytes, file: str) -> str:
    if len(text) > LARGEST_BYTES:
        size = f"{len(text) / 1024 / 1024:.1f} MB"
        raise Faults(
            [Fault("Y102", f"the file is too large ({size})", "recipes are small; put long tables into CSV", at=Place(file))]
        )
    text = text if isinstance(text, str) else _from_utf8(text, file)
    text = text.removeprefix("\ufeff")
    if found := _REFUSED_CHARACTER.search(text):
        at = _place_of(text, found.start(), file)
        says = f"a control character (U+{ord(found[0]):04X}) stands here"
        raise Faults([Fault("Y101", says, "delete it; it came in by copying, and no editor shows it", at=at)])
    return text


def _from_utf8(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = Place(file, content.count(b"\n", 0, error.start) + 1, 1)
        raise Faults([Fault("Y101", "the file is not in UTF-8", "save it again with the encoding UTF-8", at=at)]) from None


def _place_of(text: str, index: int, file: str) -> Place:
    return Place(file, text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))


class _Reading:
    """One file on its way from YAML's events to a tree; iterative, so that depth is ours to limit."""

    def __init__(self, text: str, file: str, strict: bool) -> None:
        self.text = text
        self.file = file
        self.strict = strict
        self.faults: list[Fault] = []
        self.open: list[_Open] = []
        self.root: Node | None = None
        self.last: Any = None

    def tree(self, aside: list[Fault] | None) -> Node:
        broken = True
        try:
            for event in YAML(typ="safe", pure=True).parse(self.text):
                self._take(event)
            broken = self.root is None
        except MarkedYAMLError as error:
            self._explain(error)
        except (YAMLError, ValueError) as error:
            self.faults.append(Fault("Y100", "YAML cannot read this file", str(error).split("\n")[0], at=Place(self.file)))
        if self.root is None and not self.faults:
            self._fault("Y120", "the file is empty", "write at least one 'key: value' line", Place(self.file, 1, 1))
        found = sorted(set(self.faults), key=lambda fault: fault.at or Place(self.file))
        if found and (broken or aside is None):
            raise Faults(found)
        assert self.root is not None
        if aside is not None:
            aside += found
        return self.root

    def _explain(self, error: MarkedYAMLError) -> None:
        fault = unreadable.explain(error, self.text, self.file, self.last)
        self.faults = [f for f in self.faults if (f.at and fault.at and f.at.line < fault.at.line - 1) or f.code not in _GUESSES]
        known = [f.at.line for f in self.faults if f.at and f.at.column]
        if not (fault.at and fault.at.line in known and fault.code in ("Y100", "Y117")):
            self.faults.append(fault)

    def _fault(self, code: str, says: str, hint: str, at: Place) -> None:
        self.faults.append(Fault(code, says, hint, at=at))

    def _take(self, event: Any) -> None:
        at = Place(self.file, event.start_mark.line + 1, event.start_mark.column + 1)
        match event:
            case yaml_events.ScalarEvent():
                self._decorations(event, at)
                self._add(self._leaf(event, at), event)
                self.last = event
            case yaml_events.MappingStartEvent() | yaml_events.SequenceStartEvent():
                self._decorations(event, at)
                self._begin(event, at)
            case yaml_events.MappingEndEvent() | yaml_events.SequenceEndEvent():
                self._add(self.open.pop().closed(), event)
            case yaml_events.AliasEvent():
                self._alias(event, at)
            case yaml_events.DocumentStartEvent() if self.root is not None:
                hint = "keep one; a line '---' begins another"
                self._fault("Y115", "the file holds more than one document", hint, at)
                raise Faults(self.faults)

    def _begin(self, event: Any, at: Place) -> None:
        if len(self.open) >= DEEPEST:
            self._fault("Y102", f"blocks are nested more than {DEEPEST} deep", "split the file into parts", at)
            raise Faults(self.faults)
        is_map = isinstance(event, yaml_events.MappingStartEvent)
        self.open.append(_Open(at, is_map, bool(event.flow_style)))

    def _alias(self, event: Any, at: Place) -> None:
        name = self.text[event.start_mark.index : event.end_mark.index].strip(":* ")
        if name:
            self._fault("Y111", f"'*{name}' is a YAML alias", "write the value out, or give it a name under let:", at)
        else:
            self._fault("Y109", "a text that begins with '*' needs quotes", "write '*'", at)
        self._add(Leaf("*", "*", True, at), event)

    def _decorations(self, event: Any, at: Place) -> None:
        if event.anchor:
            hint = "write the value out where it is needed, or give it a name under let:"
            self._fault("Y111", f"'&{event.anchor}' is a YAML anchor", hint, at)
        tag = getattr(event, "ctag", None)
        if tag is not None and str(tag):
            written = self.text[event.start_mark.index :].split(maxsplit=1)[0]
            self._fault("Y112", f"'{written}' is a YAML tag", "take it away; a text that begins with ! needs quotes", at)

    def _leaf(self, event: Any, at: Place) -> Leaf:
        written = self.text[event.start_mark.index : event.end_mark.index]
        if event.style in ("|", ">"):
            if self.strict:
                hint = "write it on one line; a long formula can be split into names under let:"
                self._fault("Y114", f"'{event.style}' begins a text over several lines", hint, at)
        elif self.strict and event.end_mark.line > event.start_mark.line:
            hint = "write it on one line; a text is not folded, and a key below belongs under the key above"
            self._fault("Y114", "the text that begins here goes on in the next line", hint, at)
        is_plain = event.style is None
        if is_plain and event.value.startswith("="):
            self._formula(event, at)
        value = self._constant(event.value) if is_plain else event.value
        return Leaf(value, event.value, is_plain, at, written)

    def _constant(self, text: str) -> str | int | Decimal | bool | None:
        if not text:
            return None
        if text in _WORDS:
            return _WORDS[text]
        if _WHOLE.match(text) and text != "-0" and len(text) <= 4000:
            return int(text)
        if _SAME_AGAIN.match(text) or (not self.strict and _YAML_FLOAT.match(text) and text != "."):
            return Decimal(text)
        return text

    def _formula(self, event: Any, at: Place) -> None:
        rest = self.text[event.end_mark.index :].split("\n", 1)[0].lstrip(" ")
        # A formula has # only inside a text, so what it cuts off leaves a quote open; behind a whole formula it is a comment.
        if rest.startswith("#") and unreadable.unbalanced(event.value):
            hint = 'put the whole formula in double quotes ("=…"), so that the # belongs to it'
            self._fault("Y108", "' #' cuts this formula short: YAML takes the rest as a comment", hint, at)
        elif self.open and self.open[-1].flow and (sign := unreadable.unbalanced(event.value)):
            self.faults.append(unreadable.cut_short(at, sign))

    def _add(self, node: Node, event: Any) -> None:
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        if not parent.is_map:
            parent.items.append(node)
        elif parent.key is None:
            parent.key = self._key(node, parent)
            parent.key_ends = event.end_mark.index
        else:
            if parent.flow and isinstance(node, Leaf) and not node.text and node.plain:
                self._has_colon(parent, event)
            if isinstance(node, Leaf) and not node.written:
                node = Leaf(None, "", True, parent.key.at)
            parent.entries.append((parent.key, node))
            parent.key = None

    def _has_colon(self, parent: _Open, event: Any) -> None:
        assert parent.key is not None
        if ":" not in self.text[parent.key_ends : event.start_mark.index + 1]:
            if any(f.code == "Y107" and f.at and f.at.line == parent.key.at.line for f in self.faults):
                return
            hint = "inside { } every ',' begins a new 'key: value'; a text with a comma needs quotes"
            self._fault("Y121", f"'{parent.key.text}' has no value", hint, parent.key.at)

    def _key(self, node: Node, parent: _Open) -> Leaf:
        if not isinstance(node, Leaf):
            hint = "a key is a word or a text in quotes; a text that begins with [, { or ? needs quotes"
            self._fault("Y116", "a list or a map cannot be a key", hint, node.at)
            return Leaf("", f"\0{len(parent.entries)}", True, node.at)
        if node.text == "<<" and node.plain:
            self._fault("Y113", "'<<' merges maps in YAML", "write the keys out, or share them with $use or extends", node.at)
        first = parent.keys.setdefault(node.text, node.at)
        if first is not node.at and first != node.at:
            hint = f"it is there already in line {first.line}: keep one of the two"
            self._fault("Y110", f"the key '{node.text}' is given twice", hint, node.at)
        return Leaf(node.text, node.text, node.plain, node.at, node.written)


_GUESSES = frozenset({"Y107", "Y114", "Y121"})
"""Faults that a later refusal by YAML itself explains better, when it comes on the same or the next line."""


class _Open:
    """A map or list whose end has not been met."""

    __slots__ = ("at", "entries", "flow", "is_map", "items", "key", "key_ends", "keys")

    def __init__(self, at: Place, is_map: bool, flow: bool) -> None:
        self.at = at
        self.is_map = is_map
        self.flow = flow
        self.key: Leaf | None = None
        self.key_ends = 0
        self.keys: dict[str, Place] = {}
        self.entries: list[tuple[Leaf, Node]] = []
        self.items: list[Node] = []

    def closed(self) -> Branch | Row:
        return Branch(tuple(self.entries), self.at) if self.is_map else Row(tuple(self.items), self.at)
