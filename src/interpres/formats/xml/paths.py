"""Paths: steps through elements as XPath writes them, `/ClinicalDocument/id/@root`, indexes from 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from interpres.document import MISSING
from interpres.fault import Fault, did_you_mean
from interpres.format import Grammar, Paths, Scope, Trace
from interpres.mapping.tree import Code, Find, Leaf, first, start_of
from interpres.path import Field, Index, Key, Part, Path, Position, Step

XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
BUILT_IN: Final = {"xsi": XSI, "xml": "http://www.w3.org/XML/1998/namespace"}
_NIL: Final = f"{{{XSI}}}nil"


class Top:
    """What stands above a root element, where absolute paths begin."""

    __slots__ = ("root",)

    def __init__(self, root: Any) -> None:
        self.root = root


def value(node: Any, *finds: Find) -> Any:
    """The text of the first that is found. An element without text is MISSING, one with xsi:nil="true" is None."""
    return text_of(next(walk(node, finds), MISSING))


def each(node: Any, *finds: Find) -> list[Any]:
    """All that is found, in the document's order: elements, and texts of attributes."""
    return node if node.__class__ is list else list(walk(node, finds))


def lists(node: Any, *finds: Find) -> list[list[Any]]:
    """The same by the place that each was found from: what `[condition]` takes the first of."""
    last = len(finds) - (2 if len(finds) > 1 and isinstance(finds[-1], int) else 1)
    return [list(walk(n, finds[last:])) for n in walk(node, finds[:last])] if finds else [[node]]


def walk(node: Any, finds: Sequence[Find]) -> Iterator[Any]:
    """Everything that the steps lead to; an index counts, from 1, what its step found from one place."""
    if not finds:
        if node is not MISSING:
            yield node
        return
    found: Any = [node] if isinstance(finds[0], int) else _step(node, finds[0])
    rest = finds if isinstance(finds[0], int) else finds[1:]
    if rest and isinstance(rest[0], int):
        found, rest = list(found)[rest[0] - 1 : rest[0]] if rest[0] > 0 else [], rest[1:]
    if not rest:
        yield from found
        return
    for inner in found:
        yield from walk(inner, rest)


def _step(node: Any, step: str) -> Iterator[Any] | Sequence[Any]:
    """A name without a prefix means the namespace of the element around it, or none; of a root element, any."""
    if isinstance(node, str) or not (node.__class__ is Top or hasattr(node, "iterchildren")):
        return ()
    if step[0] == "@":
        element = node.root if node.__class__ is Top else node
        text = element.get(step[1:])
        return () if text is None else (text,)
    if step[:2] == "//":
        return _descendants(node, step[2:])
    if node.__class__ is Top:
        return (node.root,) if node.root.tag == step or _local(node.root.tag) == step else ()
    return node.iterchildren(step, _space(node.tag) + step) if step[0] != "{" else node.iterchildren(step)  # type: ignore[no-any-return]


def _descendants(node: Any, name: str) -> Iterator[Any]:
    top = node.__class__ is Top
    every = node.root.iter if top else node.iterdescendants
    for element in every(name if name[0] == "{" else f"{{*}}{name}"):
        around = element.getparent()
        if name[0] == "{" or around is None or _space(element.tag) in ("", _space(around.tag)):
            yield element


def _space(tag: str) -> str:
    return tag[: tag.index("}") + 1] if tag[0] == "{" else ""


def _local(tag: str) -> str:
    return tag[tag.index("}") + 1 :] if tag[0] == "{" else tag


def text_of(found: Any) -> Any:
    """An attribute's text or an element's, that of all elements in it joined; blank is MISSING."""
    if found is MISSING:
        return MISSING
    if not isinstance(found, str):
        if found.get(_NIL) in ("true", "1"):
            return None
        found = "".join(found.itertext()) if len(found) else found.text or ""
    return found if found and not found.isspace() else MISSING


def place_of(element: Any) -> str:
    """Where an element stands: `/a/b[2]`, numbers only where there are several, prefixes as the document writes them."""
    around = element.getparent()
    name = f"{element.prefix}:{_local(element.tag)}" if element.prefix else _local(element.tag)
    if around is None:
        return f"/{name}"
    alike = list(around.iterchildren(element.tag))
    return f"{place_of(around)}/{name}{f'[{alike.index(element) + 1}]' if len(alike) > 1 else ''}"


class Tracks:
    """The same functions, telling a trace of every value read and where it stood."""

    def __init__(self, trace: Trace, namespaces: Mapping[str, str]) -> None:
        self._trace = trace
        self._prefixes = {f"{{{uri}}}": f"{prefix}:" for prefix, uri in namespaces.items()}

    def value(self, node: Any, *finds: Find) -> Any:
        found, path = next(self._walk(node, finds), (MISSING, f"{self._place(node)}{self._asked(finds)}"))
        text = text_of(found)
        self._trace.read(path, None if text is MISSING else "null" if text is None else text)
        return text

    def each(self, node: Any, *finds: Find) -> list[Any]:
        if node.__class__ is list:
            return node
        return [Leaf(found, path) if isinstance(found, str) else found for found, path in self._walk(node, finds)]

    def lists(self, node: Any, *finds: Find) -> list[list[Any]]:
        last = len(finds) - (2 if len(finds) > 1 and isinstance(finds[-1], int) else 1)
        return [self.each(found, *finds[last:]) for found, _ in self._walk(node, finds[:last])] if finds else [[node]]

    def _walk(self, node: Any, finds: Sequence[Find]) -> Iterator[tuple[Any, str]]:
        """What is found, with its path. Only the last step can be an attribute, whose owner says where it stands."""
        if finds and isinstance(finds[-1], str) and finds[-1].startswith("@"):
            for owner in walk(_bare(node), finds[:-1]):
                for text in _step(owner, finds[-1]):
                    yield text, f"{self._place(owner)}/{self._shown(finds[-1])}"
            return
        for found in walk(_bare(node), finds):
            yield found, node.path if node.__class__ is Leaf and not finds else self._place(found)

    def _shown(self, find: Find) -> str:
        """A step as a path writes it."""
        if isinstance(find, int):
            return f"[{find}]"
        axis, brace, rest = find.partition("{")
        return f"{axis}{self._prefixes.get(_space(brace + rest), '')}{_local(brace + rest)}" if brace else find

    def _asked(self, finds: Sequence[Find]) -> str:
        return "".join(self._shown(f) if isinstance(f, int) or f.startswith("//") else f"/{self._shown(f)}" for f in finds)

    def _place(self, node: Any) -> str:
        if node.__class__ is Leaf:
            return str(node.path)
        return place_of(node) if hasattr(node, "iterchildren") else ""


def _bare(node: Any) -> Any:
    return node.value if node.__class__ is Leaf else node


@dataclass(frozen=True, slots=True)
class _XmlCode(Code):
    """Steps as the functions here take them, prefixes replaced by their namespaces."""

    namespaces: Mapping[str, str] = MISSING  # type: ignore[assignment]  # always given: dataclasses want a default here

    def _find(self, step: Part, path: Path) -> str:
        if isinstance(step, Index):
            return repr(step.number)
        if isinstance(step, Step):
            return repr({"/": "", "//": "//", "/@": "@"}[step.axis] + qualified(step.name, self.namespaces, path))
        raise next(_impossible(path, self.namespaces))


def qualified(name: str, namespaces: Mapping[str, str], path: Path) -> str:
    """`{urn:hl7-org:v3}id` for `h:id`; a name without a prefix as it is. Fault M104 for a prefix that nothing declares."""
    prefix, colon, local = name.rpartition(":")
    if not colon:
        return name
    if prefix not in namespaces:
        hint = did_you_mean(prefix, namespaces) or f"declare it: from: {{xml: {{namespaces: {{{prefix}: urn:…}}}}}}"
        raise Fault("M104", f"'{path.text}': no namespace is declared for the prefix '{prefix}'", hint, at=path.at)
    return f"{{{namespaces[prefix]}}}{local}"


class ElementPaths(Paths):
    """Steps `/name`, `//name`, `/@name`; an omitted index goes through all, and the first found is taken.

    A name without a prefix means the namespace of the element around it, or none; prefixes are the settings' own.
    """

    grammar: ClassVar[Grammar] = "xml"

    def __init__(self, namespaces: Mapping[str, str]) -> None:
        self._namespaces = {**BUILT_IN, **namespaces}
        self._code = _XmlCode("xml", namespaces=self._namespaces)

    def value(self, path: Path, scope: Scope) -> str:
        start, rest = self._start(path, scope)
        return self._code.value(start, rest, scope)

    def items(self, path: Path, scope: Scope) -> str:
        start, rest = self._start(path, scope)
        return self._code.items(start, rest, scope)

    def runtime(self, trace: Trace | None) -> Mapping[str, Any]:
        tracks = Tracks(trace, self._namespaces) if trace else None
        plain = {"value": value, "each": each, "items": each, "lists": lists}
        traced = {"value": tracks.value, "each": tracks.each, "items": tracks.each, "lists": tracks.lists} if tracks else plain
        return {
            **{f"xml_{name}": function for name, function in traced.items()},
            "xml_first": first,
            "xml_missing": MISSING,
            "xml_top": Top,
        }

    def check(self, path: Path, loops: Sequence[Path]) -> Iterator[Fault]:
        return _impossible(path, self._namespaces)

    def _start(self, path: Path, scope: Scope) -> tuple[str, Path]:
        if path.root in ("name", "tick") and not any(loop.name == path.name for loop in scope.loops):
            raise next(_impossible(path, self._namespaces))
        start, rest = start_of(path, scope)
        if path.root == "document" and path.parts:
            return f"xml_top({start})", rest
        return start, replace(rest, parts=rest.parts)


def _impossible(path: Path, namespaces: Mapping[str, str]) -> Iterator[Fault]:
    """What a path through elements cannot have (M104)."""
    if path.root in ("name", "tick"):
        hint = f"write /{path.name} for the root element, //{path.name} for any, ./{path.name} for a child of a loop's item"
        yield Fault("M104", f"'{path.text}': a path in XML begins with / or .", hint, at=path.at)
    for at, part in enumerate(path.parts):
        if isinstance(part, Key):
            yield Fault("M104", f"'{path.text}': a step to an element is written with /", f"write /{part.name}", at=path.at)
        elif isinstance(part, Field | Position):
            yield Fault(
                "M104", f"'{path.text}': numbers with - or . are written so in HL7 v2 only", "write /name/name", at=path.at
            )
        elif isinstance(part, Index) and part.number < 1:
            yield Fault("M104", f"'{path.text}': XML counts from 1", "write [1] for the first", at=path.at)
        elif isinstance(part, Step):
            if part.axis == "/@" and any(isinstance(later, Step) for later in path.parts[at + 1 :]):
                yield Fault(
                    "M104",
                    f"'{path.text}': nothing stands inside an attribute",
                    f"let the path end with @{part.name}",
                    at=path.at,
                )
            try:
                qualified(part.name, namespaces, path)
            except Fault as fault:
                yield fault
