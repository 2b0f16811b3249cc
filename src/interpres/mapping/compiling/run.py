"""Run: the functions that a compiled mapping calls where a plain Python operator would not say what the language means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NoReturn

from interpres.document import MISSING
from interpres.fault import Fault, Faults
from interpres.format import Format
from interpres.mapping.compiling.compare import (
    among,
    any_fits,
    at_least,
    at_most,
    equal,
    exists,
    kind_of,
    less,
    matches,
    more,
    told,
    truth,
    unequal,
)
from interpres.mapping.compiling.reckon import add, constant, divide, join, multiply, subtract
from interpres.table import Row, Table
from interpres.values.numerals import plain

MOST_ITEMS: Final = 1_000_000
"""Values that one message may make in a mapping's loops: what goes past it is a loop over loops that got out of hand."""


def code_of(value: Any, table: str) -> str:
    """The text by which a table is asked: text as it is, a number as it is written."""
    if isinstance(value, str):
        return value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return plain(value)
    raise Fault("M204", f"table {table} is asked with {kind_of(value)}", "choose the code in it")


def in_table(value: Any, table: Table) -> bool:
    """`x in table(t)`: whether there is a row for this very code."""
    if value is MISSING or value is None:
        return False
    return table.holds(code_of(value, table.name))


class Codes(dict[Any, Any]):
    """A table made ready: `codes[value]` is what the code becomes, missing for missing, null for null; else M201."""

    def __init__(self, table: Table, used: Callable[[Table, Row], None] | None = None) -> None:
        super().__init__({MISSING: MISSING, None: None})
        self._table = table
        self._used = used
        if used is None:
            self.update((code, row.to) for code, row in table.rows.items() if code != "*")

    def __missing__(self, value: Any) -> Any:
        code = code_of(value, self._table.name)
        row = self._table.row(code)
        if row is None:
            says = f"table {self._table.name} has no row for this code"
            hint = f"add the code to {self._table.name} ({self._table.file or self._table.at}), or a row '*' for all others"
            raise Fault("M201", says, hint, value=code)
        if self._used:
            self._used(self._table, row)
        return row.to


def look(codes: Codes, value: Any) -> Any:
    """`codes[value]` where the value may be anything."""
    return codes[code_of(value, codes._table.name) if value.__class__ in (list, dict, bool) else value]


# choosing


def first_of(*choices: Callable[[], Any]) -> Any:
    """`coalesce`: the first that is neither missing nor null; else null if one was, else missing."""
    nothing: Any = MISSING
    for choice in choices:
        value = choice()
        if value is None:
            nothing = None
        elif value is not MISSING and value != []:
            return value
    return nothing


def there(value: Any) -> bool:
    """Whether `coalesce` takes a value."""
    return value is not MISSING and value is not None and value != []


def attempt(work: Callable[[], Any], instead: Callable[[], Any], warn: Callable[[Fault], None]) -> Any:
    """`try`: the value, or what is to stand instead, the fault kept as a warning."""
    try:
        return work()
    except Fault as wrong:
        warn(wrong)
        return instead()


def expect(value: Any, test: bool, sentence: str) -> Any:
    """`expect`: the value, and M202 with the mapping's own sentence where the test fails."""
    if not test:
        raise Fault("M202", sentence, "the mapping expects this (expect); see the values it compares", value=told(value))
    return value


# documents inside documents


def parse(reader: Format, value: Any) -> Any:
    """The tree of a document that stands in a value. Raises what the format's `decode` raises, several faults as the first."""
    if not isinstance(value, str | bytes):
        raise Fault("M210", f"parse takes text, and this is {kind_of(value)}", "choose the text in it", value=told(value))
    try:
        return reader.decode(value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value).tree
    except Faults as wrong:
        raise wrong.faults[0] from None


def write(writer: Format, tree: Any) -> str:
    """A tree as text in a format. Raises what the format's `encode` raises, several faults as the first."""
    try:
        return writer.encode(tree).decode("utf-8")
    except Faults as wrong:
        raise wrong.faults[0] from None
    except UnicodeDecodeError:
        raise Fault("M210", f"what {writer.name} writes here is no text in UTF-8", "write it in UTF-8") from None


# calling


def call(function: Callable[..., Any], *values: Any) -> Any:
    """A transform, unless a value is missing or null: then that."""
    nothing: Any = ...
    for value in values:
        if value is MISSING:
            return MISSING
        if value is None:
            nothing = None
    return function(*values) if nothing is ... else None


def listed(gathered: Any) -> Any:
    """What was gathered, without what is missing; missing where nothing is left."""
    if gathered.__class__ is not list:
        return gathered
    return [item for item in gathered if item is not MISSING] or MISSING


def tidy(value: Any) -> Any:
    """A value of any kind as it may stand in an output: a list without missing items, missing where only those were in it."""
    if value.__class__ is list and MISSING in value:
        return listed(value)
    return value


def sequence(value: Any) -> Sequence[Any]:
    """What `each` goes through: a list's items, none for missing or null, and one value as a list of one."""
    if value is MISSING or value is None:
        return ()
    return value if isinstance(value, list | tuple) else (value,)


def bound(count: list[int], items: Sequence[Any]) -> Sequence[Any]:
    """The items, counted: past `MOST_ITEMS` the message is given up."""
    count[0] += len(items)
    if count[0] > MOST_ITEMS:
        too_many()
    return items


def too_many() -> NoReturn:
    says = f"the loops of this mapping go round more than {MOST_ITEMS:,} times for one message"
    raise TooMuch("M208", says, "look for a loop inside a loop over the same long list")


class TooMuch(Fault):
    """A fault that ends the whole message: going on would only repeat it."""


def guarded(name: str, where: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A workspace's transform whose slips are faults that name it."""

    def work(*values: Any) -> Any:
        try:
            return function(*values)
        except Fault:
            raise
        except Exception as error:
            says = f"transform {name} broke off with {type(error).__name__}"
            hint = f"mend it in transforms/{where}.py: a transform raises Fault for what it cannot do"
            raise Fault("M211", says, hint) from error

    return work


def wrong_kind(name: str, wanted: str, value: Any) -> NoReturn:
    """M210: a transform was given a kind of value that it does not take."""
    hints = {
        "text": "choose the text in it",
        "a number": "add '| number' before it",
        "a list": "give it a list: a path with [*], or each()",
    }
    says = f"{name} takes {wanted}, and this is {kind_of(value)}"
    raise Fault("M210", says, hints.get(wanted, "see interpres transforms " + name), value=told(value))


_FUNCTIONS: Final = (
    (truth, equal, unequal, less, at_most, more, at_least, any_fits, among, exists, matches),
    (join, constant, add, subtract, multiply, divide),
    (in_table, look, first_of, there, attempt, expect, parse, write),
    (call, listed, tidy, sequence, bound, wrong_kind),
)

RUNTIME: Final[Mapping[str, Any]] = {
    "MISSING": MISSING,
    "Fault": Fault,
    **{f"_{function.__name__}": function for several in _FUNCTIONS for function in several},
}
"""Everything that generated code calls, by name."""
