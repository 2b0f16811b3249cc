"""Memory: what is kept of a destination's answer under a collection and a key, for messages that come later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from pydantic import Field

from interpres.document import MISSING
from interpres.fault import Fault, Place
from interpres.settings import Settings

ANSWER: Final = "answer"
"""What formulas of `remember` call the destination's answer."""

Formula = Callable[[Any, Mapping[str, Any]], Any]


class RememberFile(Settings):
    """What a destination keeps once it has delivered, in the same transaction; `recall` under `enrich` reads it."""

    in_: str = Field(
        alias="in", min_length=1, description="The collection, for all channels of this store.", examples=["npca.visits"]
    )
    key: str = Field(description="A formula over names of `keys:` and over `answer`.", examples=["=visit"])
    value: Any = Field(
        description="A formula, or keys and values with formulas among them.",
        examples=["=answer.data[0].visit_ulid", {"visit_ulid": "=answer.data[0].visit_ulid"}],
    )


@dataclass(frozen=True, slots=True)
class Memory:
    """`remember:` made ready. `value` is a formula, a constant, or a tree of them; `at` is where it stands."""

    collection: str
    key: Formula
    value: Any
    at: Place

    def worked(self, answer: Any, names: Mapping[str, Any]) -> tuple[str, Any]:
        """The key and the value that an answer gives (MISSING: there was none).

        Raises `Fault` N308, a warning, where one of them is missing: then nothing is kept, not even a part of it. A name without
        a value is missing too.
        """
        known = {name: MISSING if value == "" else value for name, value in names.items()} | {ANSWER: answer}
        key = key_text(self.key(None, known))
        if key is None:
            raise self._nothing("there is no value for its key")
        return key, self._filled(self.value, known, "its value")

    def _filled(self, part: Any, names: Mapping[str, Any], which: str) -> Any:
        if callable(part):
            found = part(None, names)
            if found is MISSING or found is None:
                raise self._nothing(f"the answer has nothing for {which}")
            return found
        if isinstance(part, dict):
            return {key: self._filled(inner, names, key) for key, inner in part.items()}
        return [self._filled(inner, names, which) for inner in part] if isinstance(part, list) else part

    def _nothing(self, why: str) -> Fault:
        hint = "see what the destination answered, and the formulas of its remember:"
        return Fault("N308", f"nothing was kept in {self.collection}: {why}", hint, at=self.at, level="warning")


def key_text(value: Any) -> str | None:
    """A key as text; None for what is none: missing, empty, yes or no, several things."""
    if isinstance(value, bool):
        return None
    return (str(value) or None) if isinstance(value, str | int | Decimal) else None
