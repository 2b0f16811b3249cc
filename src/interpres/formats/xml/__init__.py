"""xml: hardened reading, paths as XPath writes them, elements from trees; C-CDA and its kin are this and a schema."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from lxml import etree
from pydantic import BaseModel, Field, StringConstraints

from interpres.document import Document, Tree
from interpres.fault import Fault
from interpres.format import Format, Paths
from interpres.formats.xml.edits import Changes
from interpres.formats.xml.paths import BUILT_IN, ElementPaths
from interpres.formats.xml.reading import edited_parser, encoding_of, parsed, parser
from interpres.formats.xml.writing import DECLARATION, Builder, serialised
from interpres.mapping.tree import bare
from interpres.path import Path
from interpres.settings import Settings

Prefix = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]


class XmlSettings(Settings):
    """How XML is read and written."""

    namespaces: dict[Prefix, str] = Field(default={}, description="prefixes for paths and for output, such as h: urn:hl7-org:v3")
    null: Literal["empty", "nil"] = Field(
        "empty", description='how null is written: an empty element, or one with xsi:nil="true"'
    )
    max_depth: int = Field(256, ge=1, le=256, description="how deep elements may stand in one another")
    max_size: int = Field(256 << 20, ge=1, description="the largest document, in bytes")


class Xml(Format):
    """XML 1.0 with namespaces. A document is its root element (lxml); no DOCTYPE, no entities, no XInclude, no network.

    Faults L001 to L009 when reading, L020 and L021 when writing, L030 and L031 in edits.
    """

    Settings: ClassVar[type[BaseModel]] = XmlSettings
    media_type: ClassVar[str] = "application/xml"
    suffix: ClassVar[str] = "xml"

    def __init__(self, settings: BaseModel) -> None:
        super().__init__(settings)
        assert isinstance(settings, XmlSettings)
        self._settings = settings
        self._parser = parser()
        self.paths: Paths = ElementPaths(settings.namespaces)

    def decode(self, body: bytes) -> Document:
        return Document(self.name, parsed(body, self._parser, self._settings.max_depth, self._settings.max_size), body)

    def encode(self, tree: Tree) -> bytes:
        """An element as it is, a tree of maps as elements; UTF-8 with a declaration."""
        if isinstance(tree, dict):
            root = Builder(self._settings.namespaces, self._settings.null == "nil").document(tree)
            written: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=False)
            return DECLARATION + written + b"\n"
        if not etree.iselement(tree):
            raise Fault("L020", "an XML document has exactly one root element", "let output: have a single key, the root element")
        body: bytes | None = getattr(tree, "body", None)
        return serialised(tree) if body is None else body

    def edit(self, document: Document, sets: Sequence[tuple[Path, Any]], drops: Sequence[str], keep: Any = None) -> Tree:
        """See `Format.edit`: a target without an index is the first that is found, and `drops:` takes out all."""
        mark, encoding = encoding_of(document.body)
        text = document.body[len(mark) :].decode(encoding)
        changes = Changes.of(text, document.tree, {**BUILT_IN, **self._settings.namespaces})
        for path, value in sets:
            changes.put(path, value)
        for what in drops:
            changes.drop_path(what)
        if keep is not None:
            changes.keep(bare(keep))
        body = mark + changes.written().encode(encoding, "xmlcharrefreplace")
        root = parsed(body, edited_parser(), self._settings.max_depth, self._settings.max_size)
        root.body = body
        return root

    def readable(self, body: bytes) -> bytes:
        try:
            root: Any = self.decode(body).tree
        except Fault:
            return body
        etree.indent(root)
        return serialised(root)
