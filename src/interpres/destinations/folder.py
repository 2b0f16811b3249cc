"""folder: writes each payload as a file that is there whole or not at all, also after a power cut."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from interpres.delivery import Outcome, Parcel
from interpres.destination import Destination, Target
from interpres.fault import Fault, TryAgain
from interpres.naming import file_path, suffix_of, template_problem
from interpres.settings import Settings

_IN_WORDS: Final = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EACCES: "we may not write there",
    errno.EPERM: "we may not write there",
    errno.EROFS: "the disk can only be read",
    errno.EIO: "the disk failed",
    errno.ENOENT: "a folder above it is gone",
    errno.ENOTDIR: "a file stands where a folder should be",
    errno.EISDIR: "a folder stands where the file should be",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.ESTALE: "the network drive lost it",
}


class FolderSettings(Settings):
    """Where files go and what they are called; `folder: var/out` is short for `folder: {path: var/out}`."""

    path: Path = Field(description="The folder, from the workspace's own. It is made where it is not there.")
    name: str = Field(
        default="{received_on}/{message_id}-{part}{suffix}",
        description="The file's name below it: {names} are filled in, slashes make folders.",
    )
    when_exists: Literal["refuse", "replace"] = Field(
        default="refuse", description="What to do where a file of that name holds something else."
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, written: Any) -> Any:
        return {"path": written} if isinstance(written, str) else written

    @field_validator("name")
    @classmethod
    def _below(cls, name: str) -> str:
        if problem := template_problem(name):
            raise ValueError(problem)
        return name


class Folder(Destination):
    """Written beside its place, synced, renamed, and the folder synced: then and only then it is delivered.

    The same content under the same name again is delivered again without being written, so a repetition has one effect.
    """

    Settings: ClassVar[type[BaseModel]] = FolderSettings
    settings: FolderSettings

    def __init__(self, settings: BaseModel, target: Target) -> None:
        super().__init__(settings, target)
        self._root = target.workspace / self.settings.path
        self._one_writer = asyncio.Lock()

    @property
    def honours_keys(self) -> bool:
        return True

    async def open(self) -> None:
        """Make the folder. Raises `Fault` E112 where that cannot be."""
        try:
            await asyncio.to_thread(self._root.mkdir, parents=True, exist_ok=True)
        except OSError as wrong:
            hint = f"make {self.settings.path} a folder that the engine may write to"
            raise Fault("E112", f"the folder {self.settings.path} cannot be used: {_in_words(wrong)}", hint) from None

    async def send(self, parcel: Parcel) -> Outcome:
        """One file. Raises `TryAgain` where the disk will not have it now; nothing is then left of it."""
        try:
            name = file_path(self.settings.name, {**parcel.names, "suffix": suffix_of(parcel.media_type)})
            async with self._one_writer:
                done = await asyncio.to_thread(write_whole, self._root, name, parcel.payload, self.settings.when_exists)
        except Fault as wrong:
            return Outcome("refused", faults=(wrong,))
        except OSError as wrong:
            raise TryAgain(f"the file cannot be written to {self.settings.path}: {_in_words(wrong)}") from None
        return Outcome("delivered", status=done)


def write_whole(root: Path, name: str, payload: bytes, when_exists: str) -> str:
    """Write a file below root, durably; `written`, or `there already` where it holds this very payload.

    Raises `Fault` N253 for a name that is taken, N254 for one that leads out of root, and OSError.
    """
    place = root / name
    _make_folders(root, place.parent)
    if not place.parent.resolve().is_relative_to(root.resolve()):
        raise Fault("N254", "the file's name leads out of the folder", "see the links below the destination's path")
    if os.path.lexists(place) and _settled(place, payload, when_exists):
        return "there already"
    part = place.parent / f".{place.name}.part"
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o640)
        with open(descriptor, "wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    _sync_folder(place.parent)
    return "written"


def _settled(place: Path, payload: bytes, when_exists: str) -> bool:
    """Whether what stands there is the payload; a crash may have come before its folder was synced."""
    same = place.is_file() and not place.is_symlink() and place.stat().st_size == len(payload) and place.read_bytes() == payload
    if same:
        _sync_folder(place.parent)
    elif when_exists == "refuse" or not place.is_file():
        hint = "put {message_id} into name:, or say when_exists: replace"
        raise Fault("N253", "something else stands under the file's name", hint)
    return same


def _make_folders(root: Path, folder: Path) -> None:
    new = [f for f in (folder, *folder.parents) if f != root and f.is_relative_to(root) and not f.is_dir()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in new:
        _sync_folder(made.parent)


def _sync_folder(folder: Path) -> None:
    """A new name is on disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _in_words(wrong: OSError) -> str:
    return _IN_WORDS.get(wrong.errno or 0, (wrong.strerror or "it failed").lower())
