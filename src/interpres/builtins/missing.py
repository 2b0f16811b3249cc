"""missing: what to do about values that are not there."""

from __future__ import annotations

from typing import Any

from interpres.document import MISSING
from interpres.fault import Fault
from interpres.transform import meets_missing


@meets_missing
def default(x: Any, instead: Any) -> Any:
    """The value, or another one where it is missing or null.

    >>> default('a', 'b')
    'a'
    >>> default(null, 'b')
    'b'
    """
    return instead if x is MISSING or x is None else x


@meets_missing
def required(x: Any, says: str = "") -> Any:
    """The value; fault M233 where it is missing or null, with a sentence of your own if you give one.

    >>> required('V26110487')
    'V26110487'
    """
    if x is MISSING or x is None:
        hint = "ask the sender to fill it, or write default(…) where there is a lawful other value"
        raise Fault("M233", says or "a value that is required here is missing", hint)
    return x


@meets_missing
def null_as_missing(x: Any) -> Any:
    """The value, null taken for missing: for senders that write null where they mean nothing.

    >>> null_as_missing('a')
    'a'
    """
    return MISSING if x is None else x
