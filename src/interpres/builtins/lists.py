"""lists: lists and maps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from interpres.document import MISSING, Missing
from interpres.fault import Fault
from interpres.transform import meets_missing
from interpres.values.numerals import whole


def first(items: list[Any]) -> Any | Missing:
    """The first item that is there.

    >>> first(['a', 'b'])
    'a'
    """
    return next(_there(items), MISSING)


def last(items: list[Any]) -> Any | Missing:
    """The last item that is there.

    >>> last(['a', 'b'])
    'b'
    """
    return next(_there(reversed(items)), MISSING)


def item(items: list[Any], number: int) -> Any | Missing:
    """One item of a list, counted from 1; missing where there are fewer.

    >>> item(['a', 'b', 'c'], 2)
    'b'
    """
    if (number := whole(number)) < 1:
        raise Fault("M226", "items are counted from 1", "the last one is: list | last")
    return items[number - 1] if number <= len(items) else MISSING


@meets_missing
def count(items: Any) -> int:
    """How many items a list has, missing ones left out; 0 where there is no list, 1 for a single value.

    >>> count(['a', 'b'])
    2
    """
    if isinstance(items, tuple | list):
        return sum(1 for _ in _there(items))
    return 0 if items is MISSING or items is None else 1


def unique(items: list[Any]) -> list[Any]:
    """A list without repetitions, each item where it stood first.

    >>> unique(['b', 'a', 'b'])
    ['b', 'a']
    """
    seen: set[str] = set()
    found = []
    for one in _there(items):
        key = _key(one)
        if key not in seen:
            seen.add(key)
            found.append(one)
    return found


def sort(items: list[Any], key: str = "") -> list[Any]:
    """A list in ascending order: numbers, or text by its characters' code points; blocks by the key named, those without it last.

    >>> sort(['b', 'a'])
    ['a', 'b']
    >>> sort([3, 1.5])
    [Decimal('1.5'), 3]
    """
    found = [*_there(items)]
    values = [_under(one, key) for one in found]
    kinds = {"text" if isinstance(v, str) else "number" if _is_number(v) else "other" for v in values if v is not MISSING}
    if len(kinds) > 1 or "other" in kinds:
        hint = "make all of one kind first: each(list, . | number); for blocks name the key: sort('code')"
        raise Fault("M232", "a list is sorted by numbers or by text, not by both or by blocks", hint)
    order = sorted((i for i, v in enumerate(values) if v is not MISSING), key=lambda i: values[i])
    return [found[i] for i in order] + [found[i] for i, v in enumerate(values) if v is MISSING]


def reverse(items: list[Any]) -> list[Any]:
    """A list from its end to its beginning.

    >>> reverse(['a', 'b'])
    ['b', 'a']
    """
    return items[::-1]


def concat(*lists: list[Any]) -> list[Any]:
    """Several lists one behind the other.

    >>> concat(['a'], ['b', 'c'])
    ['a', 'b', 'c']
    """
    return [one for several in lists for one in several]


def entries(block: dict[str, Any]) -> list[Any]:
    """A block as a list of `{key, value}`, in its order.

    >>> entries(from_entries([['a', 1]]))
    [{'key': 'a', 'value': 1}]
    """
    return [{"key": key, "value": value} for key, value in block.items()]


def from_entries(items: list[Any]) -> dict[str, Any]:
    """A block out of a list of `{key, value}`, or of pairs `[key, value]`. A key that repeats or is no text is fault M232.

    >>> from_entries([['a', 1], ['b', 2]])
    {'a': 1, 'b': 2}
    """
    found: dict[str, Any] = {}
    for one in _there(items):
        key, value = _pair(one)
        if value is MISSING:
            continue
        if key in found:
            raise Fault("M232", "a key repeats among these entries", "keep one of each: unique, or a condition", value=key)
        found[key] = value
    return found


def _pair(entry: Any) -> tuple[str, Any]:
    if isinstance(entry, dict) and isinstance(entry.get("key"), str):
        return entry["key"], entry.get("value", MISSING)
    if isinstance(entry, tuple | list) and len(entry) == 2 and isinstance(entry[0], str):
        return entry[0], entry[1]
    hint = "write each entry as a block with key and value, or as a pair [key, value]"
    raise Fault("M232", "from_entries() is given something that is no entry", hint)


def _there(items: Iterable[Any]) -> Iterator[Any]:
    return (one for one in items if one is not MISSING and one is not None)


def _under(one: Any, key: str) -> Any:
    if not key:
        return one
    if not isinstance(one, dict):
        raise Fault("M232", "sort() by a key is given something that is no block", "leave the key out for texts and numbers")
    found = one.get(key, MISSING)
    return MISSING if found is None else found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _key(one: Any) -> str:
    """The same text for equal items: `1` and `1.0` are equal, `1` and `'1'` are not."""
    if _is_number(one):
        return f"number {Decimal(one).normalize()}"
    return json.dumps(one, sort_keys=True, default=lambda number: f"decimal {number.normalize()}")
