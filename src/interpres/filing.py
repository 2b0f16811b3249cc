"""Filing: files that are there whole or not at all, also after a power cut, and what a disk's refusal means in words."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Final, Literal

from interpres.fault import Fault

_IN_WORDS: Final = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EACCES: "the rights do not allow it",
    errno.EPERM: "the rights do not allow it",
    errno.EROFS: "the disk can only be read",
    errno.EIO: "the disk failed",
    errno.ENOENT: "it, or a folder above it, is not there",
    errno.ENOTDIR: "a file stands where a folder should be",
    errno.EISDIR: "a folder stands where a file should be",
    errno.ENOTEMPTY: "a folder stands where a file should be",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.ESTALE: "the network drive lost it",
}


def write_whole(
    root: Path, name: str, content: bytes, when_exists: Literal["refuse", "replace"]
) -> Literal["written", "there already"]:
    """Write a file below root: `.<name>.part`, synced, renamed, and its folder synced.

    `there already` where it holds this very content. Raises `Fault` N253 for a name that is taken, N254 for one that leads out of
    root, and OSError, after which nothing is left of it.
    """
    place = root / name
    make_folders(place.parent)
    if not place.parent.resolve().is_relative_to(root.resolve()):
        raise Fault("N254", "the file's name leads out of the folder", "see the links below the folder's path")
    if os.path.lexists(place) and _settled(place, content, when_exists):
        return "there already"
    part = place.parent / f".{place.name}.part"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o640)
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    sync_folder(place.parent)
    return "written"


def make_folders(folder: Path) -> None:
    """Make a folder, and those above it that are not there; each is on disk when this returns. Raises OSError."""
    new = [f for f in (folder, *folder.parents) if not f.is_dir()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in new:
        sync_folder(made.parent)


def sync_folder(folder: Path) -> None:
    """A new name is on disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def in_words(wrong: OSError) -> str:
    """What the disk said, for people; no path."""
    return _IN_WORDS.get(wrong.errno or 0, (wrong.strerror or "it failed").lower())


def _settled(place: Path, content: bytes, when_exists: str) -> bool:
    """Whether what stands there is the content; a crash may have come before its folder was synced."""
    is_file = place.is_file() and not place.is_symlink()
    same = is_file and place.stat().st_size == len(content) and place.read_bytes() == content
    if same:
        sync_folder(place.parent)
    elif when_exists == "refuse" or not is_file:
        raise Fault(
            "N253", "something else stands under the file's name", "put {message_id} into name:, or say when_exists: replace"
        )
    return same
