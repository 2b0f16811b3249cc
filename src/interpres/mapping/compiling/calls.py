"""Calls: the functions of the language itself — choosing, going through lists, asking tables, documents inside documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from interpres.fault import Fault, did_you_mean
from interpres.format import Loop, Paths
from interpres.mapping.compiling.express import Code, Coder
from interpres.mapping.compiling.invoke import invoke, invoke_by_name
from interpres.mapping.compiling.scope import VALUES, Around, Kind, Sight
from interpres.mapping.formula import Arrow, Call, Formula, Listing, Read, Text
from interpres.table import Table


def call(coder: Coder, formula: Call, sight: Sight) -> Code:
    """A call as an expression. Raises `Fault` M105 for a name that nothing has, M107 for arguments it does not take."""
    special = SPECIAL.get(formula.name)
    if special is not None:
        least, most, usage, write = special
        if not least <= len(formula.arguments) <= (most or len(formula.arguments)):
            raise Fault(
                "M107", f"{formula.name} is given {_several(len(formula.arguments))}", f"write it as {usage}", at=formula.at
            )
        return write(coder, formula, sight)
    plain_arguments(formula)
    transform = coder.transforms.get(formula.name)
    if transform is None:
        known = [*coder.transforms, *SPECIAL]
        hint = did_you_mean(formula.name, known) or "see interpres transforms, or write it in transforms/*.py"
        raise Fault("M105", f"there is no transform '{formula.name}'", hint, at=formula.at)
    return invoke(coder, transform, formula, sight)


def plain_arguments(formula: Call) -> Sequence[Formula]:
    """The arguments where none may be an arrow. Raises `Fault` M107."""
    plain = [a for a in formula.arguments if not isinstance(a, Arrow)]
    if len(plain) < len(formula.arguments):
        raise Fault("M107", f"{formula.name} takes no '->'", "only case() has arrows", at=formula.at)
    return plain


def table_of(formula: Call, sight: Sight, arguments: Sequence[Formula | Arrow]) -> Table:
    """The table that `table(name)` names. Raises `Fault` M105 or M107."""
    named = arguments[-1] if arguments else None
    if isinstance(named, Text):
        name = named.text
    elif isinstance(named, Read) and named.path.root in ("name", "tick") and not named.path.parts:
        name = named.path.name
    else:
        raise Fault("M107", "table() wants the name of a table", "write it as CODE | table(sex)", at=formula.at)
    if name not in sight.tables:
        hint = (
            did_you_mean(name, sight.tables) or f"the tables here are {', '.join(sight.tables) or 'none: add one under tables:'}"
        )
        raise Fault("M105", f"there is no table '{name}'", hint, at=formula.at)
    return sight.tables[name]


def _several(number: int) -> str:
    return {0: "nothing", 1: "one argument"}.get(number, f"{number} arguments")


def _if(coder: Coder, formula: Call, sight: Sight) -> Code:
    test, then, *otherwise = plain_arguments(formula)
    chosen = coder.code(then, sight)
    other = coder.code(otherwise[0], sight) if otherwise else MISSING_CODE
    text = f"({chosen.text} if {coder.truth(coder.code(test, sight))} else {other.text})"
    return Code(text, common([chosen, other] if otherwise else [chosen]))


def _coalesce(coder: Coder, formula: Call, sight: Sight) -> Code:
    """The first that is neither missing nor null; else null if one was."""
    codes = [coder.code(a, sight) for a in plain_arguments(formula)]
    if not sight.walrus:
        return Code(f"_first_of({', '.join(f'lambda: {c.text}' for c in codes)})", common(codes))
    variables = [coder.room.fresh("t") for _ in codes]
    asked = [
        f"{v} if ({v} := {c.text}).__class__ is str" if c.kind == "text" else f"{v} if _there({v} := {c.text})"
        for v, c in zip(variables, codes, strict=True)
    ]
    nulls = " or ".join(f"{v} is None" for v in variables)
    return Code(f"({' else '.join(asked)} else None if {nulls} else MISSING)", common(codes))


def _case(coder: Coder, formula: Call, sight: Sight) -> Code:
    """`case(x, 'A' -> 1, ['B', 'C'] -> 2, else -> 3)`; what nothing matches and no else takes is missing."""
    subject, *arrows = formula.arguments
    if isinstance(subject, Arrow) or not all(isinstance(a, Arrow) for a in arrows):
        raise Fault("M107", "case() wants a value and then arrows", f"write it as {SPECIAL['case'][2]}", at=formula.at)
    asked = [a for a in arrows if isinstance(a, Arrow)]
    last = next((i for i, a in enumerate(asked) if a.match is None), len(asked) - 1)
    if last != len(asked) - 1:
        raise Fault("M107", "nothing can be chosen after else", "put else -> last", at=asked[last].at)
    code = coder.code(subject, sight)
    results = [coder.code(a.result, sight) for a in asked]

    def body(first: str, again: str) -> str:
        text = ""
        for number, (arrow, result) in enumerate(zip(asked, results, strict=True)):
            if arrow.match is None:
                return f"{text}{result.text}" if text else result.text
            seen = Code(again if number else first, code.kind)
            text += f"{result.text} if {_fits(coder, seen, arrow.match, sight)} else "
        return text + "MISSING"

    return Code(f"({coder.let(code.text, sight, body)})", common(results))


def _fits(coder: Coder, subject: Code, match: Formula, sight: Sight) -> str:
    if isinstance(match, Listing):
        return coder.among(subject, match, sight)
    return coder.compare("=", subject, coder.code(match, sight))


def _try(coder: Coder, formula: Call, sight: Sight) -> Code:
    work, *instead = (coder.code(a, sight) for a in plain_arguments(formula))
    other = instead[0] if instead else MISSING_CODE
    warn = f"lambda e: _warn(W, e, {sight.leaf})"
    return Code(f"_attempt(lambda: {work.text}, lambda: {other.text}, {warn})", common([work, other] if instead else [work]))


def _expect(coder: Coder, formula: Call, sight: Sight) -> Code:
    value, test, sentence = plain_arguments(formula)
    if not isinstance(sentence, Text):
        raise Fault("M107", "expect() wants its sentence written out", f"write it as {SPECIAL['expect'][2]}", at=sentence.at)
    code = coder.code(value, sight)
    says = sentence.text.rstrip(". ")
    return Code(f"_expect({code.text}, {coder.truth(coder.code(test, sight))}, {says!r})", code.kind)


def _each(coder: Coder, formula: Call, sight: Sight) -> Code:
    """A list with `.` bound to each item; what stands in a comprehension's iterable must not bind variables."""
    several, work = plain_arguments(formula)
    quiet = replace(sight, walrus=False)
    item, index = coder.room.fresh("i"), coder.room.fresh("j")
    if isinstance(several, Read) and not (
        several.path.root == "name" and several.path.name in sight.names and not several.path.parts
    ):
        items, taken = coder.items(several.path, quiet)
        around = Around(Loop(item, index, several.path), taken.paths, taken.scope.document)
    else:
        items = f"_sequence({coder.code(several, quiet).text})"
        around = Around(Loop(item, index), VALUES, sight.document)
    body = coder.code(work, sight.inside(around)).text
    counted = f"_bound(N, {items})"
    if index in body:
        return Code(f"[{body} for {index}, {item} in enumerate({counted}, 1)]", "gathered")
    return Code(f"[{body} for {item} in {counted}]", "gathered")


def _raw(coder: Coder, formula: Call, sight: Sight) -> Code:
    (argument,) = plain_arguments(formula)
    if not isinstance(argument, Read):
        raise Fault("M107", "raw() wants a path", "write it as raw(OBX-5)", at=formula.at)
    return coder.raw(argument.path, sight)


def _table(coder: Coder, formula: Call, sight: Sight) -> Code:
    value = coder.code(plain_arguments(formula)[0], sight)
    table = table_of(formula, sight, formula.arguments)
    codes = coder.codes(table)
    kind: Kind = "text" if all(isinstance(row.to, str) for row in table.rows.values()) else "any"
    if value.kind == "text":
        return Code(f"{codes}[{value.text}]", kind)
    return Code(f"_look({codes}, {value.text})", kind)


def _parse(coder: Coder, formula: Call, sight: Sight) -> Code:
    """`text | parse('xml')`: a document inside the document; paths go on in it where a name holds it."""
    value, word = plain_arguments(formula)
    reader = coder.room.keep(coder.format_of(word, formula))
    return invoke_by_name("_parse", reader, coder.code(value, sight), sight, coder)


def _write(coder: Coder, formula: Call, sight: Sight) -> Code:
    value, word = plain_arguments(formula)
    writer = coder.room.keep(coder.format_of(word, formula))
    return replace(invoke_by_name("_write", writer, coder.code(value, sight), sight, coder), kind="text")


def parsed_by(coder: Coder, formula: Formula) -> Paths | None:
    """Whose paths read on in a formula's value: the format's where the formula is `… | parse('xml')`."""
    if isinstance(formula, Call) and formula.name == "parse" and len(formula.arguments) == 2:
        word = formula.arguments[1]
        if isinstance(word, Text):
            paths = coder.format_of(word, formula).paths
            if paths not in coder.parsed:
                coder.parsed.append(paths)
            return paths
    return None


def common(codes: Sequence[Code]) -> Kind:
    """The kind of one of several values."""
    kinds = {c.kind for c in codes if c.kind != "null"}
    return kinds.pop() if len(kinds) == 1 else "any"


MISSING_CODE: Final = Code("MISSING", "any")

Write = Callable[[Coder, Call, Sight], Code]

SPECIAL: Final[dict[str, tuple[int, int | None, str, Write]]] = {
    "if": (2, 3, "if(test, then, else)", _if),
    "coalesce": (1, None, "coalesce(a, b)", _coalesce),
    "case": (2, None, "case(PV1-2, 'I' -> 'IPD', else -> 'OPD')", _case),
    "try": (1, 2, "try(x, instead)", _try),
    "expect": (3, 3, "expect(x, x > 0, 'the total is above zero')", _expect),
    "each": (2, 2, "each(FT1, FT1-10)", _each),
    "raw": (1, 1, "raw(OBX-5)", _raw),
    "table": (2, 2, "PID-8 | table(sex)", _table),
    "parse": (2, 2, "OBX-5 | parse('xml')", _parse),
    "write": (2, 2, "document | write('xml')", _write),
}
"""Least and most arguments, how it is written, and who writes its code."""
