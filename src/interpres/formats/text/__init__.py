"""text: plain text in, and out by a template of the configuration's author."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Sequence
from typing import ClassVar, Final, Literal

from pydantic import BaseModel, Field, field_validator

from interpres.document import Document, Tree
from interpres.fault import Fault, Place
from interpres.format import Format, Paths
from interpres.formats.text.template import Template
from interpres.mapping.tree import TreePaths
from interpres.settings import Settings

_LINE_END: Final = re.compile(r"\r\n|\r|\n")


class TextSettings(Settings):
    """How text is read and written."""

    template: str | None = Field(None, description="the Jinja template that writes the output, as the workspace names the file")
    escape: Literal["none", "markup"] = Field("none", description="markup: values are escaped for XML and HTML")
    encoding: str = Field("utf-8", description="such as windows-1258")
    max_size: int = Field(16 << 20, ge=1, description="the most characters that are read or written")

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            "".encode(value)  # refuses codecs that are none of text
            return codecs.lookup(value).name
        except LookupError:
            raise ValueError("this encoding is not known — write utf-8, utf-16, windows-1252 or the like") from None


class Text(Format):
    """A document is `{"text": all of it, "lines": its lines}`; a mark before it is not part of the text.

    Written is what the template makes of the tree, whose keys are its names (`document` is the whole); without a template a
    tree `{"text": …}` or a text as it is. Faults K001 to K021.
    """

    Settings: ClassVar[type[BaseModel]] = TextSettings
    media_type: ClassVar[str] = "text/plain"
    suffix: ClassVar[str] = "txt"
    paths: Paths = TreePaths("text")

    def __init__(self, settings: BaseModel) -> None:
        super().__init__(settings)
        assert isinstance(settings, TextSettings)
        self._settings = settings
        self._template: Template | None = None

    def load(self, read: Callable[[str], bytes]) -> Sequence[str]:
        if self._settings.template is None:
            return ()
        self._template = Template(self._settings.template, read, escape=self._settings.escape == "markup")
        return self._template.files

    def decode(self, body: bytes) -> Document:
        """Faults K020: bytes of another encoding, or too many."""
        try:
            text = body.decode(self._settings.encoding).removeprefix("\ufeff")
        except UnicodeError:
            says = f"the bytes are no {self._settings.encoding}"
            raise Fault("K020", says, "declare the sender's own encoding in the format's settings: encoding:") from None
        if len(text) > self._settings.max_size:
            says = f"the text has more than {self._settings.max_size} characters"
            raise Fault("K020", says, "the format's setting max_size allows more")
        return Document(self.name, {"text": text, "lines": _lines(text)})

    def encode(self, tree: Tree) -> bytes:
        """Faults K010 to K013 of the template, K021 where there is no text or the encoding lacks a sign of it."""
        text = self._text(tree)
        try:
            return text.encode(self._settings.encoding)
        except UnicodeEncodeError:
            says = f"the text holds a sign that {self._settings.encoding} does not have"
            raise Fault("K021", says, "write encoding: utf-8 where the receiver can read it") from None

    def _text(self, tree: Tree) -> str:
        if self._template is not None:
            return self._template.render(tree, self._settings.max_size)
        if self._settings.template is not None:
            raise Fault(
                "K021", "the template was not read", "this is the engine's own mistake", at=Place(self._settings.template)
            )
        text = tree.get("text") if isinstance(tree, dict) else tree
        if not isinstance(text, str):
            hint = "name a template, as in to: {text: {template: mappings/letters/visit.txt}}, or let output: be {text: …}"
            raise Fault("K021", "there is no text to write", hint)
        return text


def _lines(text: str) -> list[str]:
    """The lines without their ends (LF, CR or CR LF); a last one that is empty does not count."""
    found = _LINE_END.split(text)
    return found[:-1] if found[-1] == "" else found
