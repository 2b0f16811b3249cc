"""Naming: `{received_on}/{message_id}.hl7` filled in, where what comes from a message can never be a path."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from interpres.fault import Fault, did_you_mean

LONGEST_NAME_BYTES: Final = 200
"""Room is left for `.`, `.part` and `.receipt.json` in the 255 bytes that file systems allow."""

_NAME = re.compile(r"\{([^{}]*)\}")
_KEPT_CATEGORIES = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Nl", "No"})
_KEPT_SIGNS = frozenset("-_.~+=,@#()[] ")
_DEVICES = frozenset({"CON", "PRN", "AUX", "NUL", *(f"{d}{n}" for d in ("COM", "LPT") for n in "123456789")})
_SUFFIXES: Final[Mapping[str, str]] = {
    "application/json": ".json",
    "application/fhir+json": ".json",
    "application/xml": ".xml",
    "application/hl7-v2": ".hl7",
    "x-application/hl7-v2+er7": ".hl7",
    "text/csv": ".csv",
    "text/xml": ".xml",
    "text/plain": ".txt",
}


def names_in(template: str) -> list[str]:
    """The names between braces, in order."""
    return _NAME.findall(template)


def template_problem(template: str) -> str:
    """Why this cannot be the name of a file below a folder, as `sentence — hint`; empty where it can."""
    if not template.strip():
        return "a name is wanted here — write it as in {message_id}.json"
    if "{" in _NAME.sub("", template) or "}" in _NAME.sub("", template):
        return "a brace is not closed or not opened — write names as in {message_id}"
    for name in names_in(template):
        if not name.isidentifier():
            return f"'{name}' is no name — write one between braces, as in {{message_id}}"
    if template.startswith(("/", "\\", "~")) or re.match(r"[A-Za-z]:", template):
        return "the name leads out of the folder — leave the beginning out, it is put below path"
    for part in template.split("/"):
        if part in ("", ".", "..") or part.startswith("."):
            return "a part of the name is empty or begins with a dot — such files are hidden, or lead elsewhere"
    return ""


def filled(template: str, names: Mapping[str, str]) -> str:
    """The template with its names' values. Raises `Fault` N251 for a name without a value, N252 for one that is not known."""

    def value(found: re.Match[str]) -> str:
        if found[1] not in names:
            hint = did_you_mean(found[1], names) or f"there are {', '.join(sorted(names))}"
            raise Fault("N252", f"there is no name '{found[1]}' here", hint)
        if not names[found[1]]:
            hint = "see keys: in the channel, or name the file by {message_id}"
            raise Fault("N251", f"this message has no value for {{{found[1]}}}", hint)
        return names[found[1]]

    return _NAME.sub(value, template)


def file_path(template: str, names: Mapping[str, str]) -> str:
    """A path below the folder: the template's own slashes make folders, those of values do not. Raises `Fault` as `filled`."""
    return "/".join(within_limits(filled(part, {k: file_name(v) for k, v in names.items()})) for part in template.split("/"))


def file_name(value: str) -> str:
    """A value as part of a file's name: letters, marks and digits of any script and a few signs are kept, the rest is `_`.

    Nothing hidden, no device of Windows, no sign that turns the direction of writing.
    """
    text = unicodedata.normalize("NFC", value)
    kept = "".join(c if c in _KEPT_SIGNS or unicodedata.category(c) in _KEPT_CATEGORIES else "_" for c in text)
    kept = kept.rstrip(". ")
    if kept.startswith((".", " ", "-")):
        kept = "_" + kept[1:]
    if kept.split(".")[0].upper() in _DEVICES:
        kept = "_" + kept
    return within_limits(kept) if kept else "_" * bool(value)


def suffix_of(media_type: str) -> str:
    """`.json` for application/json; `.dat` for what is not known."""
    return _SUFFIXES.get(media_type.partition(";")[0].strip().lower(), ".dat")


def within_limits(name: str) -> str:
    """A name too long for file systems is cut, and keeps apart from others by a hash of the whole."""
    encoded = name.encode("utf-8", "surrogateescape")
    if len(encoded) <= LONGEST_NAME_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    suffix = dot + suffix if dot and len(suffix) <= 8 and stem else ""
    digest = hashlib.sha256(encoded).hexdigest()[:12]
    room = LONGEST_NAME_BYTES - len(digest) - 1 - len(suffix.encode("utf-8", "surrogateescape"))
    return f"{encoded[:room].decode('utf-8', 'ignore')}~{digest}{suffix}"
