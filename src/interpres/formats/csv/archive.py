"""Archive: the members of a workbook's ZIP, looked at before anything is unpacked and never unpacked beyond a limit."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from typing import Final

from interpres.fault import Fault

_READ: Final = 1 << 16
_ENCRYPTED: Final = 1


def members(body: bytes, max_members: int, max_unpacked: int) -> dict[str, bytes]:
    """The members by name. Faults T020 (damaged, or no workbook), T021 (too much), T022 (encrypted), T023 (hostile names).

    Count and declared sizes are checked first; a member that unpacks to more than it declares is damaged, so that a lie about
    size gains nothing. The names are compared, never used as paths.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            entries = archive.infolist()
            _look(entries, len(body), max_members, max_unpacked)
            return {entry.filename: _unpacked(archive, entry) for entry in entries if not entry.is_dir()}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError, OverflowError):
        raise damaged() from None


def packed(found: dict[str, bytes]) -> bytes:
    """The same members as a ZIP that hides nothing: not compressed, each once."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in found.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def damaged() -> Fault:
    return Fault(
        "T020", "the workbook is damaged or is none", "open it in the spreadsheet program and save it as .xlsx again, or as CSV"
    )


def _look(entries: list[zipfile.ZipInfo], size: int, max_members: int, max_unpacked: int) -> None:
    if len(entries) > max_members:
        hint = "no spreadsheet has so many; the format's setting max_members allows more"
        raise Fault("T021", f"the workbook has more than {max_members} members", hint)
    if sum(entry.file_size for entry in entries) > max_unpacked:
        hint = "send the table as CSV, or in several files; the format's setting max_unpacked allows more"
        raise Fault("T021", f"the workbook unpacks to more than {max_unpacked} bytes", hint)
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise Fault(
            "T022", "the workbook is encrypted", "save it without a password: what protects it on its way is the connection"
        )
    if sum(entry.compress_size for entry in entries) > size:
        raise Fault("T023", "members of the workbook lie over one another", "this file was made to do harm: ask who sent it")
    if any(_hostile(entry) for entry in entries) or len({entry.filename for entry in entries}) < len(entries):
        raise Fault(
            "T023", "the workbook has members whose names lead out of it", "this file was made to do harm: ask who sent it"
        )


def _hostile(entry: zipfile.ZipInfo) -> bool:
    """Absolute names, drives, `..`, and links: nothing that a spreadsheet program writes."""
    name = entry.filename.replace("\\", "/")
    return name.startswith("/") or ":" in name or ".." in name.split("/") or stat.S_ISLNK(entry.external_attr >> 16)


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    content = bytearray()
    with archive.open(entry) as member:
        while piece := member.read(_READ):
            content += piece
            if len(content) > entry.file_size:
                raise zipfile.BadZipFile
    if len(content) != entry.file_size:
        raise zipfile.BadZipFile
    return bytes(content)
