"""Pinning: everything that decides what a channel makes of a message, and one hash over all of it."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from interpres import __version__
from interpres.channel import Recipe

VERSIONS: Final = ".versions.json"
"""Under this name the versions stand among a recipe's files; no file of a workspace that a recipe is made of is called so."""

JUDGES: Final = (
    "fhir.resources", "hl7apy", "jinja2", "jsonschema-rs", "lxml", "msgspec", "phonenumbers", "python-calamine", "tzdata",
    "ucumvert",
)  # fmt: skip
"""Libraries whose rules, dictionaries or writing may make another payload or another verdict of the same recipe."""


def pinned(recipe: Recipe, names: Iterable[str], read: Callable[[str], bytes]) -> Recipe:
    """The recipe with the content of every file that it was made of, as it stands, and the hash over them and the versions.

    Nothing is expanded: `${NAME}` stays what it is. Bytes that are no UTF-8 are kept as lone surrogates (PEP 383).
    """
    files = {name: read(name).decode("utf-8", "surrogateescape") for name in sorted(set(names))}
    files[VERSIONS] = json.dumps(versions(), sort_keys=True)
    digests = {name: hashlib.sha256(bytes_of(text)).hexdigest() for name, text in files.items()}
    digest = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
    return replace(recipe, digest=digest, files=files)


def bytes_of(text: str) -> bytes:
    """A pinned file's own bytes."""
    return text.encode("utf-8", "surrogateescape")


@cache
def versions() -> dict[str, str]:
    """The engine's version, Python's, and those of the libraries that judge, as far as they are here."""
    found = {"interpres": __version__, "python": ".".join(platform.python_version_tuple()[:2])}
    for name in JUDGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue  # what is not here judges nothing
    return found
