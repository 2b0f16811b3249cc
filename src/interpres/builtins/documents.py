"""documents: documents inside documents."""

from __future__ import annotations

import base64
import binascii

from interpres.fault import Fault


def base64_encode(x: str) -> str:
    """Text in UTF-8 as base64 (RFC 4648, 4), on one line.

    >>> base64_encode('សុភា')
    '4Z6f4Z674Z6X4Z62'
    """
    return base64.b64encode(x.encode("utf-8", "surrogatepass")).decode("ascii")


def base64_decode(x: str) -> str:
    """The text in UTF-8 that base64 holds; line ends in it do not count. Anything else is fault M231.

    >>> base64_decode('4Z6f4Z674Z6X4Z62')
    'សុភា'
    """
    try:
        content = base64.b64decode("".join(x.split()), validate=True)
    except (binascii.Error, ValueError):
        hint = "it has A-Z, a-z, 0-9, + and / only, filled up with = to groups of four"
        raise Fault("M231", "this is no base64", hint, value=x[:200]) from None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        hint = "a picture or a PDF stays base64: pass it on as it came"
        raise Fault("M231", "what this base64 holds is no text in UTF-8", hint) from None
