"""Messages and short hands for the tests of hl7v2."""

from __future__ import annotations

from typing import Any

from interpres.document import Document
from interpres.fault import Fault
from interpres.formats.hl7v2 import Hl7v2
from interpres.formats.hl7v2.segments import Segments
from tests.mapping.drafts import draft as draft_of
from tests.mapping.drafts import made, one
from tests.mapping.drafts import value as value_of

HL7 = Hl7v2(Hl7v2.Settings())


def message(*segments: str, msh: str = r"MSH|^~\&|LAB|KH01|INT|X|20261104083000||ORU^R01^ORU_R01|M1|P|2.5.1") -> bytes:
    """The bytes of a message with these segments behind a header."""
    return ("\r".join((msh, *segments)) + "\r").encode()


def tree(body: bytes, **settings: Any) -> Segments:
    """What a message says."""
    decoded = Hl7v2(Hl7v2.Settings(**settings)).decode(body).tree
    assert isinstance(decoded, Segments)
    return decoded


def document(body: bytes | Document) -> Document:
    return body if isinstance(body, Document) else HL7.decode(body)


def value(formula: str, body: bytes | Document, head: str = "") -> Any:
    """What one formula gives of a message, plain and explained alike; the text `missing` for what is missing."""
    return value_of(formula, document(body), head=f"from: hl7v2\n{head}")


def output(text: str, body: bytes | Document) -> Any:
    """What a mapping's `output:` gives of a message."""
    return one(f"from: hl7v2\noutput:\n{text}", document(body))


def edited(text: str, body: bytes) -> list[bytes]:
    """The copies that `edits:` and `drops:` make of a message."""
    result = made(draft_of(f"from: hl7v2\n{text}"), document(body))
    assert not result.faults, [str(f) for f in result.faults]
    return [HL7.encode(copy) for copy in result.documents]


def sources(formula: str, body: bytes) -> list[tuple[str, str | None]]:
    """The paths and texts that explain names for a formula."""
    text = formula.replace("'", "''")
    explained = draft_of(f"from: hl7v2\noutput:\n  v: '={text}'").explain(document(body), {})
    return [(leaf.source, leaf.text) for leaf in explained.leaves]


def refused(body: bytes, **settings: Any) -> Fault:
    """The fault that a body is refused with."""
    try:
        tree(body, **settings)
    except Fault as wrong:
        return wrong
    raise AssertionError("this was read, and ought to be refused")
