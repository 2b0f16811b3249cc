"""phones: telephone numbers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from interpres.fault import Fault

_FORMS: Final = {"e164": 0, "international": 1, "national": 2}


def phone(x: str, region: str, form: str = "e164") -> str:
    """A telephone number in one form: `e164`, `international` or `national`; `region` is the country of numbers without a prefix.

    A number that cannot exist in its country's plan, by its length, is fault M228.

    >>> phone('012 908 811', 'KH')
    '+85512908811'
    >>> phone('+85512908811', 'KH', 'international')
    '+855 12 908 811'
    """
    if form not in _FORMS:
        raise Fault("M225", f"there is no form '{form}' of telephone numbers", f"write {', '.join(_FORMS)}")
    return _phone(x, region, form)


@lru_cache(maxsize=4096)
def _phone(x: str, region: str, form: str) -> str:
    import phonenumbers  # 40 MB of plans: only where a mapping asks for them

    plans: Any = phonenumbers
    if region not in plans.SUPPORTED_REGIONS:
        raise Fault("M225", f"there is no country '{region}' with telephone numbers", "write two capital letters: KH, VN, KE")
    try:
        found = plans.parse(x, region)
    except plans.NumberParseException:
        hint = "ask with matches first, or pass it on as it came"
        raise Fault("M228", "this is no telephone number", hint, value=x) from None
    if not plans.is_possible_number(found):
        hint = "it is too long or too short for its country: have the sender look at it, or pass it on as it came"
        raise Fault("M228", "no telephone has this number", hint, value=x)
    text: str = plans.format_number(found, _FORMS[form])
    return text
