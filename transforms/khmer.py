"""Khmer: what Cambodian hospitals write their own way."""

from interpres.fault import Fault

_DIGITS = str.maketrans("០១២៣៤៥៦៧៨៩", "0123456789")


def khmer_digits(text: str) -> str:
    """The text with Khmer digits (Unicode U+17E0 to U+17E9) written as 0 to 9; spreadsheets in Khmer often hold both.

    Raises M260 where one number mixes the two, which is a slip more often than it is meant.

    >>> khmer_digits('០៤/១១/២០២៦')
    '04/11/2026'
    >>> khmer_digits('8000')
    '8000'
    """
    khmer = any("០" <= c <= "៩" for c in text)
    if khmer and any("0" <= c <= "9" for c in text):
        raise Fault("M260", "Khmer and Latin digits are mixed in one value", "write it with one kind of digits", value=text)
    return text.translate(_DIGITS)
