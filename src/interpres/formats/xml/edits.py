"""Edits: a copy of an XML text with elements and attributes set, added and taken out; all else stays as it was written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final
from xml.sax.saxutils import escape

from lxml import etree

from interpres.document import MISSING
from interpres.fault import Fault, Place
from interpres.formats.xml.paths import Top, qualified, walk
from interpres.formats.xml.tags import ATTRIBUTE, Tag, tags
from interpres.formats.xml.writing import Builder
from interpres.mapping.tree import meant
from interpres.path import Every, Index, Part, Path, Step, Where

_DROP: Final = re.compile(r"(?P<axis>//?@?|@)(?P<name>[\w.:-]+)|\[(?P<index>[1-9][0-9]*)\]|(?P<every>\[\*\])")
_ILLEGAL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(slots=True)
class Changes:
    """The pieces of text to put in place of others; an element's new attributes and content are gathered first."""

    text: str
    root: Any
    namespaces: Mapping[str, str]
    places: dict[Any, Tag]
    pieces: list[tuple[int, int, str]] = field(default_factory=list)
    added: dict[Any, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, root: Any, namespaces: Mapping[str, str]) -> Changes:
        return cls(text, root, namespaces, dict(zip(root.iter("*"), tags(text), strict=True)))

    def put(self, path: Path, value: Any) -> None:
        """Sets what a target path means. Fault L030 where it cannot be set."""
        self._put(Top(self.root), path.parts, value, path)

    def _put(self, node: Any, parts: Sequence[Part], value: Any, path: Path) -> None:
        step = parts[0] if parts else None
        if not isinstance(step, Step):
            raise _cannot(path, "does not lead to an element or an attribute", "write it as /name/name or /name/@name")
        if step.axis == "/@":
            self._put_attribute(node.root if isinstance(node, Top) else node, step.name, value, path)
            return
        rest = parts[1:]
        chooser = rest[0] if rest and not isinstance(rest[0], Step) else None
        rest = rest[1:] if chooser else rest
        found = list(chosen(node, step, chooser, self.namespaces, path))
        for element in found:
            if rest:
                self._put(element, rest, value, path)
            else:
                self._put_element(element, value, path)
        if not found and value is not MISSING and not isinstance(chooser, Every | Where):
            self._add(node, step, chooser, rest, value, path)

    def _put_element(self, element: Any, value: Any, path: Path) -> None:
        if value is MISSING:
            self.drop(element)
            return
        if not isinstance(value, dict) and len(element.xpath("*")):
            raise _cannot(path, "holds elements, and a text would take their place", "set one of them, or give a block")
        if isinstance(value, dict):
            for key, text in value.items():
                if key.startswith("@"):
                    self._put_attribute(element, key[1:], text, path)
        self._fill(self.places[element], self._content(element, value, path))

    def _fill(self, tag: Tag, content: str) -> None:
        """New content for an element; one that is written as <a/> gets an end tag."""
        if tag.empty:
            self.pieces.append((tag.end - 2, tag.end, f">{content}</{tag.name}>"))
        else:
            self.pieces.append((tag.inside, tag.close, content))

    def _put_attribute(self, element: Any, name: str, value: Any, path: Path) -> None:
        tag, written = self.places[element], self._written(element, name, path, attribute=True)
        at = tag.start + 1 + len(tag.name)
        for found in ATTRIBUTE.finditer(self.text, at, tag.inside):
            if found["name"] == written:
                gone = value is MISSING or value is None
                start, end = found.span() if gone else found.span("value")
                self.pieces.append((start, end, "" if gone else _quoted(value, path)))
                return
        if value is not MISSING and value is not None:
            self.pieces.append((at, at, f" {written}={_quoted(value, path)}"))

    def _add(self, node: Any, step: Step, chooser: Part | None, rest: Sequence[Part], value: Any, path: Path) -> None:
        """A new last child. The path must say all that is needed to make it."""
        plain = all(isinstance(p, Step) and p.axis != "//" for p in (step, *rest)) and not (
            isinstance(chooser, Index) and chooser.number > 1
        )
        if isinstance(node, Top) or not plain:
            raise _cannot(
                path, "does not lead to an element that is there", "only children of elements that are there can be added"
            )
        name = self._written(node, step.name, path)
        content, attributes = self._content(node, value, path), self._attributes(node, value, path)
        for later in reversed(rest):
            assert isinstance(later, Step)
            if later.axis == "/@":
                content, attributes = "", f" {self._written(node, later.name, path, attribute=True)}={_quoted(value, path)}"
            else:
                inner = self._written(node, later.name, path)
                content, attributes = f"<{inner}{attributes}>{content}</{inner}>", ""
        self.added.setdefault(node, []).append(f"<{name}{attributes}>{content}</{name}>")

    def _attributes(self, element: Any, value: Any, path: Path) -> str:
        if not isinstance(value, dict):
            return ""
        named = {key[1:]: text for key, text in value.items() if key.startswith("@") and text is not MISSING and text is not None}
        return "".join(f" {self._written(element, n, path, attribute=True)}={_quoted(t, path)}" for n, t in named.items())

    def _content(self, element: Any, value: Any, path: Path) -> str:
        """What stands inside an element that holds this value."""
        if value is None:
            return ""
        if not isinstance(value, dict):
            return escape(_text(value, path), {"\r": "&#13;"})
        around: dict[str | None, str] = {**element.nsmap}
        inner = {key: one for key, one in value.items() if not key.startswith("@")}
        return _inside(Builder(self.namespaces).element(etree.QName(element).localname, inner, around, path.text))

    def _written(self, element: Any, name: str, path: Path, *, attribute: bool = False) -> str:
        """A name as the text of this element must write it: the namespace of the path's prefix by the document's own prefix."""
        full = qualified(name, self.namespaces, path)
        if full[0] != "{":
            return name if attribute or not element.prefix else f"{element.prefix}:{name}"
        uri, local = full[1:].split("}")
        for prefix, declared in element.nsmap.items():
            if declared == uri and (prefix or not attribute):
                return f"{prefix}:{local}" if prefix else local
        if uri.endswith("/namespace") and name.startswith("xml:"):
            return name
        raise _cannot(
            path, "has a prefix whose namespace the document does not declare there", "declare it on the root element first"
        )

    def drop(self, element: Any) -> None:
        """Takes an element out, with the blanks that put it on a line of its own."""
        if element is self.root:
            raise Fault("L030", "the root element cannot be taken out", "filter the message instead: keep: in the channel")
        tag = self.places[element]
        start = len(self.text[: tag.start].rstrip())
        alone = "\n" in self.text[start : tag.start] and self.text[start - 1] == ">"
        self.pieces.append((start if alone else tag.start, tag.end, ""))

    def drop_path(self, what: str) -> None:
        """Takes out what a path under `drops:` means: all of it, where no index is given."""
        nowhere = Path("document", "", (), what, Place(""))
        parts = list(_parts(what))
        for node in walk_parts(Top(self.root), parts, self.namespaces, nowhere):
            if isinstance(node, tuple):
                self._put_attribute(node[0], node[1], MISSING, nowhere)
            else:
                self.drop(node)

    def keep(self, item: Any) -> None:
        """Drops the elements that stand where the item does in the shape of the document, and holders left empty. Fault L030."""
        if not etree.iselement(item):
            says = "a copy for each attribute or text cannot be made"
            raise Fault("L030", says, "let $each go through the elements that hold them")
        chain = _chain(item)
        kept = {item, *item.iterancestors()}
        dropped = {e for e in self.root.iter(item.tag) if e is not item and _chain(e) == chain}
        for holder in {a for e in dropped for a in e.iterancestors()} - kept:
            if all(inner in dropped for inner in holder.iter(item.tag)) and not any(
                _speaks(e, dropped) for e in holder.iter("*")
            ):
                dropped.add(holder)
        for element in dropped:
            if not dropped.intersection(element.iterancestors()):
                self.drop(element)

    def written(self) -> str:
        """The text with the changes in it; what lies inside something that is taken out goes with it."""
        for element, more in self.added.items():
            tag = self.places[element]
            if tag.empty:
                self._fill(tag, "".join(more))
            else:
                self.pieces.append((tag.close, tag.close, "".join(more)))
        out: list[str] = []
        at = 0
        for start, end, new in sorted(self.pieces, key=lambda piece: (piece[0], -piece[1])):
            if start >= at:
                out += [self.text[at:start], new]
                at = end
        return "".join([*out, self.text[at:]])


def chosen(node: Any, step: Step, chooser: Part | None, namespaces: Mapping[str, str], path: Path) -> Iterator[Any]:
    """The elements that one step of a target path means, with what stands in brackets behind it."""
    find = ("//" if step.axis == "//" else "") + qualified(step.name, namespaces, path)
    found = list(walk(node, (find,)))
    if isinstance(chooser, Index):
        yield from found[chooser.number - 1 : chooser.number]
    elif isinstance(chooser, Every):
        yield from found
    elif isinstance(chooser, Where):
        fitting = [element for element in found if meant(chooser, element)]
        yield from fitting if chooser.many else fitting[:1]
    else:
        yield from found[:1]


def walk_parts(node: Any, parts: Sequence[Part], namespaces: Mapping[str, str], path: Path) -> Iterator[Any]:
    """Every element that parts lead to, or (element, attribute name)."""
    if not parts:
        yield node
        return
    step = parts[0]
    assert isinstance(step, Step)
    if step.axis == "/@":
        yield node, step.name
        return
    chooser: Part = parts[1] if len(parts) > 1 and isinstance(parts[1], Index | Every) else Every()
    rest = parts[2:] if len(parts) > 1 and isinstance(parts[1], Index | Every) else parts[1:]
    for element in chosen(node, step, chooser, namespaces, path):
        yield from walk_parts(element, rest, namespaces, path)


def _parts(what: str) -> Iterator[Part]:
    at = 0
    while at < len(what) or not what:
        found = _DROP.match(what, at)
        if found is None or (at == 0 and (found["axis"] not in ("/", "//"))):
            raise Fault("L031", f"'{what}' is no path into XML", "write it as /name/name, //name or /name/@name", target=what)
        at = found.end()
        if found["index"]:
            yield Index(int(found["index"]))
        elif found["every"]:
            yield Every()
        else:
            axis = found["axis"]
            yield Step("/@" if axis.endswith("@") else "//" if axis == "//" else "/", found["name"])


def _chain(element: Any) -> list[str]:
    return [element.tag, *(around.tag for around in element.iterancestors())]


def _speaks(element: Any, dropped: set[Any]) -> bool:
    """Whether an element says something by itself that is not dropped: text, or attributes."""
    if element in dropped or dropped.intersection(element.iterancestors()):
        return False
    return bool(element.attrib or (element.text or "").strip())


def _quoted(value: Any, path: Path) -> str:
    return '"' + escape(_text(value, path), {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}) + '"'


def _text(value: Any, path: Path) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | Decimal):
        raise _cannot(path, "holds text, and this is a list or a block", "see what the formula gives")
    text = format(value, "f") if isinstance(value, Decimal) else str(value)
    if _ILLEGAL.search(text):
        hint = "control characters cannot be written in XML 1.0: replace them in the mapping"
        raise Fault("L021", "a text holds a character that XML does not allow", hint, at=path.at, target=path.text)
    return text


def _inside(element: Any) -> str:
    """The content of a built element as text."""
    written: str = etree.tostring(element, encoding="unicode")
    if written.endswith("/>"):
        return ""
    return written[written.index(">") + 1 : written.rindex("</")]


def _cannot(path: Path, why: str, hint: str) -> Fault:
    return Fault("L030", f"'{path.text}' {why}", hint, at=path.at, target=path.text)
