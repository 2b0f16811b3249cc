"""Check of a lone formula: what cannot be right in one that stands in a channel or a system file, without a message."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from interpres.fault import Fault
from interpres.format import Format
from interpres.mapping.checking.infer import Reader
from interpres.mapping.checking.sight import Name, Sight
from interpres.mapping.checking.value import ANY
from interpres.mapping.reading import grammar
from interpres.transform import Transform
from interpres.yaml import Leaf


def check_formula(
    leaf: Leaf, format: Format, names: Collection[str], transforms: Mapping[str, Transform], *, is_test: bool = False
) -> list[Fault]:
    """Every fault and warning of the formula, with its place; `names` are what it may name beside the document.

    With `is_test` its value must be a yes or no. Faults as `check_mapping` finds them: M101 to M107, and M110 to M119 for
    what cannot be read.
    """
    try:
        worked = grammar.worked(leaf, format.paths.grammar)
    except Fault as unreadable:
        return [unreadable]
    found: list[Fault] = []
    reader = Reader(format.paths, transforms, found.append)
    sight = Sight(names={name: Name(ANY, leaf.at, "context") for name in names})
    if is_test:
        reader.yes_or_no(worked.formula, sight)
    else:
        reader.value(worked.formula, sight)
    return list(dict.fromkeys(found))
