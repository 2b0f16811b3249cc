"""Writing: XML from elements, and from trees whose keys are elements, `@name` attributes and `$text` text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, cast

from lxml import etree

from interpres.document import MISSING, Tree
from interpres.fault import Fault
from interpres.formats.xml.paths import BUILT_IN, XSI

DECLARATION: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes elements of trees. `namespaces` are the prefixes of the settings; `nil` writes null as xsi:nil="true"."""

    namespaces: Mapping[str, str]
    nil: bool = False

    def document(self, tree: Tree) -> Any:
        """The root element of a tree with one key. Faults L020 (a tree that is no document), L021 (what XML cannot say)."""
        roots = [name for name, value in tree.items() if value is not MISSING] if isinstance(tree, dict) else []
        if len(roots) != 1 or roots[0][:1] in ("@", "$") or isinstance(tree[roots[0]], list):
            hint = "let output: have a single key, the root element, and all else below it"
            raise Fault("L020", "an XML document has exactly one root element", hint)
        declared = {p: u for p, u in self.namespaces.items() if p not in BUILT_IN or p == "xsi"}
        used: dict[str | None, str] = {p: u for p, u in declared.items() if _uses(tree, p)}
        if self.nil:
            used["xsi"] = XSI
        return self.element(roots[0], tree[roots[0]], used, roots[0])

    def element(self, name: str, value: Any, around: Mapping[str | None, str], at: str) -> Any:
        """One element. `around` are the prefixes declared here and above, None being the default namespace."""
        spaces: dict[str | None, str] = {**around}
        members = value if isinstance(value, dict) else {"$text": value}
        for key, uri in members.items():
            if key == "@xmlns" or key.startswith("@xmlns:"):
                spaces[key[7:] or None] = self._text(uri, f"{at}.{key}")
        try:
            made = etree.Element(self._name(name, spaces, at), nsmap=cast(Any, spaces))
        except ValueError:
            raise Fault(
                "L021", f"'{name}' cannot be an element's name", "names begin with a letter and hold no blanks", target=at
            ) from None
        if value is None and self.nil:
            made.set(f"{{{XSI}}}nil", "true")
        for key, inner in members.items():
            if inner is not MISSING and key != "@xmlns" and not key.startswith("@xmlns:"):
                self._member(made, key, inner, spaces, f"{at}.{key}")
        return made

    def _member(self, element: Any, key: str, value: Any, spaces: Mapping[str | None, str], at: str) -> None:
        try:
            if key == "$text":
                element.text = (None if value is None else self._text(value, at)) or None
            elif key.startswith("@"):
                if value is not None:
                    element.set(self._name(key[1:], {**spaces, None: ""}, at), self._text(value, at))
            elif key.startswith("$"):
                raise Fault("L020", f"'{key}' means nothing in XML", "$text is an element's text, @name an attribute", target=at)
            else:
                for number, one in enumerate(value if isinstance(value, list) else [value]):
                    if one is not MISSING:
                        element.append(self.element(key, one, spaces, f"{at}[{number}]" if isinstance(value, list) else at))
        except ValueError:
            says = "a text or a name holds a character that XML does not allow"
            raise Fault(
                "L021", says, "control characters cannot be written in XML 1.0: replace them in the mapping", target=at
            ) from None

    def _name(self, name: str, spaces: Mapping[str | None, str], at: str) -> str:
        prefix, colon, local = name.rpartition(":")
        if not colon:
            return f"{{{spaces[None]}}}{name}" if spaces.get(None) else name
        uri = spaces.get(prefix) or self.namespaces.get(prefix) or BUILT_IN.get(prefix)
        if uri is None:
            hint = f'declare it: to: {{xml: {{namespaces: {{{prefix}: urn:…}}}}}}, or "@xmlns:{prefix}" on an element around it'
            raise Fault("L020", f"no namespace is declared for the prefix '{prefix}'", hint, target=at)
        return f"{{{uri}}}{local}"

    def _text(self, value: Any, at: str) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, Decimal):
            return format(value, "f")
        if isinstance(value, str | int):
            return str(value)
        raise Fault(
            "L020",
            "a text or a number is wanted where an element or an attribute holds text",
            "see what the formula gives",
            target=at,
        )


def _uses(tree: Any, prefix: str) -> bool:
    """Whether any name in a tree has this prefix."""
    if isinstance(tree, dict):
        return any(key.lstrip("@").startswith(f"{prefix}:") or _uses(value, prefix) for key, value in tree.items())
    return isinstance(tree, list) and any(_uses(item, prefix) for item in tree)


def serialised(element: Any) -> bytes:
    """The bytes of an element as a document of its own, UTF-8; what stood around a decoded root (comments) is kept."""
    whole = element.getroottree() if element.getparent() is None else element
    written: bytes = etree.tostring(whole, encoding="UTF-8", xml_declaration=False, with_tail=False)
    return DECLARATION + written + b"\n"
