"""Infer calls: what functions of the language and transforms may give, and what is wrong with what they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from interpres.fault import Fault, Place, did_you_mean
from interpres.mapping.checking.value import ANY, CAME, MADE, WORDS, Known, Value, any_of, list_of, told
from interpres.mapping.compiling.calls import SPECIAL
from interpres.mapping.compiling.invoke import takes, words
from interpres.mapping.formula import Arrow, Call, Formula, Read, Text
from interpres.table import Table
from interpres.transform import Transform
from interpres.values.time_patterns import SERIALS, time_pattern

if TYPE_CHECKING:
    from interpres.mapping.checking.infer import Reader
    from interpres.mapping.checking.sight import Sight

MOMENTS: Final = {"date": "date", "datetime": "date-time", "time": "time"}
"""Transforms whose text is known to be a date or time, and JSON Schema's word for it."""

ELSEWHERE: Final = {
    "upcase": "upper",
    "uppercase": "upper",
    "downcase": "lower",
    "lowercase": "lower",
    "strip": "trim",
    "substring": "part",
    "substr": "part",
    "concat": "join",
    "lookup": "table",
    "translate": "table",
    "length": "count",
    "size": "count",
    "int": "integer",
    "float": "number",
    "ifnull": "default",
    "switch": "case",
    "foreach": "each",
}
"""What other languages call what ours has."""

PATTERNED: Final = frozenset({"date", "datetime", "time", "midnight", "time_as"})
"""Transforms whose second value says how a date or time is written."""

RECKONED: Final = frozenset({"sum"})
"""Transforms of a list whose items must be numbers, though their signature takes any list."""

PASSING: Final[Mapping[str, int]] = {"default": 2, "required": 1}
"""Transforms whose result is one of their arguments, and of how many."""


class Calls:
    """Goes through the calls that a reader of formulas meets; the reader is asked for the values of their arguments."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def call(self, formula: Call, sight: Sight) -> Value:
        """The value of a function of the language or of a transform."""
        special = SPECIAL.get(formula.name)
        if special is not None:
            least, most, usage, _ = special
            if not least <= len(formula.arguments) <= (most or len(formula.arguments)):
                says = f"{formula.name} is given {_several(len(formula.arguments))}"
                self.reader.report(Fault("M107", says, f"write it as {usage}", at=formula.at))
                return ANY
            return self._special(formula, sight)
        transform = self.reader.transforms.get(formula.name)
        values = [self.reader.value(a, sight) for a in self._plain(formula)]
        if transform is None:
            hint = _called_here(formula.name, [*self.reader.transforms, *SPECIAL])
            self.reader.report(Fault("M105", f"there is no transform '{formula.name}'", hint, at=formula.at))
            return ANY
        self._arguments(transform, formula, values)
        return _result(transform, values)

    def _plain(self, formula: Call) -> list[Formula]:
        plain = [a for a in formula.arguments if not isinstance(a, Arrow)]
        if len(plain) < len(formula.arguments):
            self.reader.report(Fault("M107", f"{formula.name} takes no '->'", "only case() has arrows", at=formula.at))
        return plain

    def _special(self, formula: Call, sight: Sight) -> Value:
        if formula.name == "case":
            return self._case(formula, sight)
        plain = self._plain(formula)
        if not plain:
            return ANY
        first, *rest = plain
        match formula.name:
            case "if":
                self.reader.yes_or_no(first, sight)
                return any_of([self.reader.value(f, sight) for f in rest])
            case "coalesce" | "try":
                return any_of([self.reader.value(f, sight) for f in (first, *rest)])
            case "expect":
                value = self.reader.value(first, sight)
                self.reader.yes_or_no(rest[0], sight)
                return value
            case "each":
                return self._each(first, rest[0], sight)
            case "table":
                return self._translated(formula, self.reader.value(first, sight), sight)
            case "raw":
                self.reader.value(first, sight)
                return CAME
            case "write":
                self.reader.value(first, sight)
                return MADE
        self.reader.value(first, sight)
        return ANY

    def _case(self, formula: Call, sight: Sight) -> Value:
        results: list[Value] = []
        subject, *arrows = formula.arguments
        if isinstance(subject, Arrow) or not all(isinstance(a, Arrow) for a in arrows):
            usage = SPECIAL["case"][2]
            self.reader.report(Fault("M107", "case() wants a value and then arrows", f"write it as {usage}", at=formula.at))
            return ANY
        self.reader.value(subject, sight)
        for arrow in arrows:
            assert isinstance(arrow, Arrow)
            if arrow.match is not None:
                self.reader.value(arrow.match, sight)
            results.append(self.reader.value(arrow.result, sight))
        return any_of(results)

    def _each(self, several: Formula, work: Formula, sight: Sight) -> Value:
        found = self.reader.items(several, sight)
        through_path = isinstance(several, Read) and not (several.path.root == "name" and several.path.name in sight.names)
        over = several.path if isinstance(several, Read) and through_path else None
        return list_of(self.reader.value(work, sight.inside(over, found)))

    def table(self, formula: Call, sight: Sight) -> Table | None:
        named = formula.arguments[-1] if formula.arguments else None
        if isinstance(named, Text):
            name, at = named.text, named.at
        elif isinstance(named, Read) and named.path.root in ("name", "tick") and not named.path.parts:
            name, at = named.path.name, named.at
        else:
            hint = "write it as CODE | table(sex)"
            self.reader.report(Fault("M107", "table() wants the name of a table", hint, at=formula.at))
            return None
        table = sight.tables.get(name)
        if table is None:
            there = f"the tables here are {', '.join(sight.tables) or 'none: add one under tables:'}"
            hint = did_you_mean(name, sight.tables) or there
            self.reader.report(Fault("M105", f"there is no table '{name}'", hint, at=at))
            return None
        self.reader.used_tables.add(table.at)
        return table

    def _translated(self, formula: Call, code: Value, sight: Sight) -> Value:
        table = self.table(formula, sight)
        if table is None:
            return ANY
        if code.certain and code.known:
            reachable = {str(k.value) for k in code.known}
            for row in table.rows.values():
                if row.code not in reachable and row.code != "*":
                    says = f"nothing can reach this row of table {table.name}"
                    hint = "what is looked up is only ever " + told(code.known)
                    self.reader.report(Fault("M141", says, hint, at=row.at, level="warning"))
        return Value(known=tuple(Known(row.to, row.at, table.name) for row in table.rows.values()))

    def _arguments(self, transform: Transform, formula: Call, values: Sequence[Value]) -> None:
        """M107 for a wrong number of arguments, M103 for one of a kind that the transform never takes."""
        number = len(values)
        if number < transform.least or (transform.most is not None and number > transform.most):
            most = "many" if transform.most is None else transform.most
            wanted = str(transform.least) if transform.least == transform.most else f"{transform.least} to {most}"
            says = f"{transform.name} takes {wanted} values, the one before '|' counted, and is given {number}"
            self.reader.report(Fault("M107", says, f"see interpres transforms {transform.name}", at=formula.at))
            return
        for index, value in enumerate(values):
            hint = transform.takes[min(index, len(transform.takes) - 1)] if transform.takes else Any
            argument = formula.arguments[index]
            self._argument(transform, value, hint, argument.at)
            if index == 1 and transform.name in PATTERNED and isinstance(argument, Text):
                self._pattern(argument)
            if transform.name in RECKONED and value.items and "text" in value.items.all_kinds():
                says = f"{transform.name} takes a list of numbers, and this is a list of text"
                self.reader.report(Fault("M103", says, "add | number to each of it", at=argument.at))

    def _pattern(self, written: Text) -> None:
        """M225 for a pattern that no message could be read by."""
        if written.text and written.text not in SERIALS:
            try:
                time_pattern(written.text)
            except Fault as wrong:
                self.reader.report(wrong.but(at=written.at))

    def _argument(self, transform: Transform, value: Value, hint: Any, at: Place) -> None:
        taken = takes(hint)
        if taken is None:
            return
        wrong = {k for k in value.all_kinds() if k != "any" and k not in taken}
        if wrong:
            says = f"{transform.name} takes {words(taken)} here, and this is {WORDS[min(wrong)]}"
            advice = "add | number" if "text" in wrong and "number" in taken else f"see interpres transforms {transform.name}"
            self.reader.report(Fault("M103", says, advice, at=at))
        elif value.items and "list" in value.all_kinds() and (inner := _item_hint(hint)) is not None:
            self._argument(transform, value.items, inner, at)


def _item_hint(hint: Any) -> Any:
    """The type of a list's items in a parameter's type, where it says one."""
    for part in (hint, *get_args(hint)):
        origin = get_origin(part)
        if isinstance(origin, type) and issubclass(list, origin):
            return get_args(part)[0]
    return None


def _result(transform: Transform, values: Sequence[Value]) -> Value:
    if transform.name in PASSING:
        return any_of(values[: PASSING[transform.name]])
    if transform.name in MOMENTS:
        return Value(frozenset({"text"}), frozenset({MOMENTS[transform.name]}))  # type: ignore[arg-type]
    kinds = takes(transform.gives)
    if kinds is None or not (known := kinds - {"null", "missing"}):
        return ANY
    origins = frozenset({"made"}) if "text" in known else frozenset()
    return Value(known, origins, whole=transform.gives is int)  # type: ignore[arg-type]


def _called_here(name: str, known: Sequence[str]) -> str:
    """What a transform that is not there is called here."""
    other = ELSEWHERE.get(name.casefold())
    if other in known:
        return f"did you mean '{other}'?"
    return did_you_mean(name, known) or "see interpres transforms, or write it in transforms/*.py"


def _several(number: int) -> str:
    return {0: "nothing", 1: "one argument"}.get(number, f"{number} arguments")
