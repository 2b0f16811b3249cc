"""Format: bytes to document and back (syntax), and how the document's paths are read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol

from pydantic import BaseModel

from interpres.document import Document, Tree
from interpres.fault import Fault
from interpres.path import Path

Grammar = Literal["segments", "tree", "xml", "columns"]
"""The variant of the formula grammar: hl7v2 and x12, json and fhir, xml, csv."""


class Trace(Protocol):
    """What the explain variant tells of every read: the concrete path (`PID-3[2].1`, `$.name[0].family`) and its text."""

    def read(self, path: str, text: str | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Loop:
    """One loop that generated code stands in. `item` and `index` are Python variables of the generated code.

    `path` is what the loop goes through (None when it is a formula's list); `name` as in `$each: {order: OBR}`.
    """

    item: str
    index: str
    path: Path | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What generated code can see where a path is read.

    `document` is the Python variable that holds the document's tree; `loops` the loops around, innermost last;
    `here` is set inside a condition: the variable that holds what is chosen from, and the path of it.
    `condition(where, item, chosen)` is the compiler's: Python code, true or false, of a condition for the item in that variable,
    whose left sides are read as `chosen` says. Where `binds` is set, the expression may bind variables (`:=`) whose names begin
    as the runtime's do.
    """

    document: str
    loops: tuple[Loop, ...] = ()
    here: Loop | None = None
    condition: Callable[[Any, str, Path], str] | None = None
    binds: bool = False


class Paths(ABC):
    """How paths into documents of one format are read: the compiler asks for Python expressions, which call `runtime`.

    A value is text (`str`), a number (`int`, `Decimal`), `bool`, None for null, or MISSING; an item is whatever the format
    wants `$each` to bind (a segment, a dict, an element). Expressions may use `scope`'s variables and the runtime's names only.
    """

    grammar: ClassVar[Grammar]

    @abstractmethod
    def value(self, path: Path, scope: Scope) -> str:
        """The expression for the first match's value, or for the list of all values where `path.many`."""

    @abstractmethod
    def items(self, path: Path, scope: Scope) -> str:
        """The expression for a sequence of items: every match, an omitted index meaning all."""

    def values(self, path: Path, scope: Scope) -> str:
        """The expression for a sequence of the values of every match, an omitted index meaning all, missing ones left out.

        Asked for the left side of a condition: "if the left finds several, any one that fits will do".
        """
        return f"({self.value(path, scope)},)"

    def raw(self, path: Path, scope: Scope) -> str:
        """The expression for the first match's text before any decoding: `raw(OBX-5)`."""
        raise Fault(
            "M107", "raw() reads undecoded text, and this format has no escapes", "read the path without raw()", at=path.at
        )

    @abstractmethod
    def runtime(self, trace: Trace | None) -> Mapping[str, Any]:
        """The functions that the expressions call, by name; with a trace, the same names bound to functions that record.

        Names begin with the format's own and an underscore, so that two formats can meet in one mapping.
        """

    def hoist(self, paths: Sequence[Path], document: str) -> Sequence[tuple[str, str]]:
        """Variables worth setting once at the start of the function: (name, expression). `value` may then use them."""
        return ()

    def check(self, path: Path, loops: Sequence[Path]) -> Iterator[Fault]:
        """What cannot be, statically: `PID-99: PID has 39 fields in v2.5` (M104), as warnings or faults at `path.at`."""
        return iter(())

    def kind(self, path: Path) -> Literal["text", "any"]:
        """What a value read by this path is before any transform: always text, or whatever the document holds."""
        return "text"

    def title(self, path: str) -> str:
        """The field's own name in its standard (`Patient Name`), for explain and hints; empty where there is none."""
        return ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be answered for one intake: a yes, or a no with the faults that say why.

    `each` holds the verdict of every message where the intake was several (a batch), in the order of `split`.
    """

    accepted: bool
    faults: tuple[Fault, ...] = ()
    message_id: str = ""
    cannot_store: bool = False
    each: tuple[Verdict, ...] = ()


class Format(ABC):
    """A format part: one settings model, split, decode, encode and paths.

    `decode` raises `Fault` or `Faults` and nothing else, whatever the bytes; `encode` likewise for trees it cannot write.
    """

    Settings: ClassVar[type[BaseModel]]
    media_type: ClassVar[str]
    suffix: ClassVar[str]
    paths: Paths

    def __init__(self, settings: BaseModel) -> None:
        self.settings = settings

    def load(self, read: Callable[[str], bytes]) -> Sequence[str]:
        """Reads the files that the settings name, once, before anything else; gives their names, for pinning.

        `read` takes a file's name as the workspace writes it, and raises `Fault` where there is none.
        """
        return ()

    def split(self, body: bytes) -> Iterator[tuple[int, int]]:
        """Where the messages of an intake begin and end, leaving no byte out; by default the whole is one.

        Never raises: what cannot be told apart is one slice, which `decode` refuses. Slices come in the order of their starts.
        """
        yield 0, len(body)

    def unpack(self, body: bytes) -> bytes:
        """What is split, stored and decoded of an intake: its bytes as they came, except where they are a container.

        An .xlsx workbook becomes the text of its sheet. Raises `Fault` where the container cannot be opened.
        `head`, `split`, `placed` and `rejected` take what this returned, and offsets count in it.
        """
        return body

    def head(self, body: bytes) -> bytes:
        """The first bytes of an intake that every message needs to be read alone: a table's header row; by default none.

        It is a prefix of `body`, and its bytes belong to the first slice. A message's bytes are its slice where that begins
        inside the head, else the head followed by the slice (see `messages`).
        """
        return b""

    def messages(self, body: bytes) -> Iterator[bytes]:
        """The bytes of each message of an unpacked intake, each of which `decode` can read alone."""
        head = self.head(body)
        for start, end in self.split(body):
            yield body[start:end] if start < len(head) else head + body[start:end]

    def oddities(self, body: bytes) -> Iterator[Fault]:
        """What is odd about an unpacked intake and keeps none of its messages from being read: warnings, kept with the first.

        Never raises.
        """
        return iter(())

    def placed(self, fault: Fault, body: bytes, start: int) -> Fault:
        """The same fault of the message whose slice begins at `start`, its source counted in the whole intake."""
        return fault

    def rejected(self, body: bytes, refused: Iterable[tuple[int, int, Sequence[Fault]]]) -> bytes:
        """What a folder hands back to be mended and dropped again: for a table the refused slices (start, end, faults) with
        the columns line, field, problem and hint; by default nothing, as the file itself is what is handed back."""
        return b""

    @abstractmethod
    def decode(self, body: bytes) -> Document:
        """The document that the bytes say. Lossless: `encode(decode(b).tree) == b` where the format promises it."""

    @abstractmethod
    def encode(self, tree: Tree) -> bytes:
        """The bytes of a tree: one this format decoded, or one that a mapping built."""

    def reply(self, body: bytes, verdict: Verdict, at: datetime, control_id: str) -> bytes | None:
        """What the sender of these bytes is answered, in this format; None where there is nothing to say to them.

        `body` may be damaged, cut short or empty. `at` and `control_id` are the answer's own time and name. Never raises.
        """
        return None

    def readable(self, body: bytes) -> bytes:
        """A message laid out for a person at a terminal (segments on lines of their own, trees indented); by default as it is."""
        return body

    def edit(self, document: Document, sets: Sequence[tuple[Path, Any]], drops: Sequence[str], keep: Any = None) -> Tree:
        """A copy with values set and parts taken out, everything else byte for byte (`edits:` in a mapping).

        `sets` holds (target path, value; MISSING empties it, None writes null), where the condition of a `Where` is a function
        that says of an item whether it is meant; `keep` is the item of a root `$each`: its siblings, what they hold and
        holders left empty are left out of the copy.
        """
        raise Fault("M106", f"documents of {self.name} cannot be edited in place", "write an output: instead")

    @property
    def name(self) -> str:
        """The word written in channel files: the module's own name."""
        return type(self).__module__.rsplit(".", 1)[-1]
