"""clinical: codes and units that have a form of their own."""

from __future__ import annotations

import re

from interpres.fault import Fault
from interpres.values.units import wrong_with

_ICD10 = re.compile(r"([A-Z][0-9][0-9A-Z])\.?([0-9A-Z]{0,4})\Z")


def icd10(x: str) -> str:
    """An ICD-10 code in its written form, capitals and the dot behind the third character; what has not that form is fault M229.

    The form alone is checked (WHO ICD-10 volume 2, 2.4; national extensions of up to seven characters): whether there is such a
    code, a table knows.

    >>> icd10('b349')
    'B34.9'
    >>> icd10('A09')
    'A09'
    """
    found = _ICD10.match(x.strip(" ").upper()) if len(x) < 40 and x.isascii() else None
    if not found:
        raise Fault("M229", "this has not the form of an ICD-10 code", _icd10_hint(x), value=x)
    return f"{found[1]}.{found[2]}" if found[2] else found[1]


def _icd10_hint(x: str) -> str:
    if any(sign in x for sign in "†*+"):
        return "it carries a dagger or an asterisk: take it away with replace(), and send the pair as two diagnoses"
    if any(sign in x for sign in ",;/ ") and len(x.strip()) > 6:
        return "it seems to hold several codes: take one with piece(x, ',', 1), or loop with $each over split(x, ',')"
    return "it begins with a letter and two digits, as in B34.9; translate local codes with a table"


def ucum(x: str) -> str:
    """A unit of measure, proven to be written in UCUM's case-sensitive codes (UCUM 2.1); else fault M230.

    >>> ucum('mg/dL')
    'mg/dL'
    >>> ucum('10*9/L')
    '10*9/L'
    """
    if wrong := wrong_with(x):
        raise Fault("M230", f"this is no UCUM unit: {wrong}", "translate local units with a table, as in table(units)", value=x)
    return x
