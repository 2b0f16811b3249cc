"""Filing disk: the file system as the folder parts see it, which forgets what was not synced when the power goes.

Content counts as kept once its file was synced; a name that was made, moved or removed once a folder that it concerns was. What
was not is undone at random, the latest first. Every operation is a step at which a life may end, before it and after it.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.ending import Ending

REAL = {name: getattr(os, name) for name in ("open", "fsync", "replace", "rename", "unlink", "link", "mkdir", "rmdir")}


@dataclass(frozen=True, slots=True)
class _Name:
    """A change of names, how to undo it, and the folders of which one has to be synced for it to stay."""

    folders: frozenset[str]
    undo: Callable[[], None]


class FilingDisk:
    """Takes the place of the functions of `os` that files are kept with, for the paths below `root`."""

    def __init__(self, root: Path, ending: Ending, chance: random.Random, *, honest: bool = True) -> None:
        self.root = os.fspath(root)
        self.ending = ending
        self.chance = chance
        self.honest = honest
        self.also: Callable[[str], None] = lambda folder: None
        """Told of each folder that the engine itself syncs."""
        self._unsynced: dict[int, None] = {}
        self._names: list[_Name] = []

    def install(self) -> None:
        """From now on, and until the process ends."""
        os.open, os.fsync = self._open, self._fsync
        os.replace = os.rename = self._move  # type: ignore[assignment]
        os.unlink = os.remove = self._unlink
        os.link, os.mkdir, os.rmdir = self._link, self._mkdir, self._rmdir  # type: ignore[assignment]

    def folder_synced(self, folder: str) -> None:
        """All names that were changed in it stay."""
        self._names = [name for name in self._names if os.path.abspath(folder) not in name.folders]

    def lose_power(self) -> None:
        """Undo some of what was not synced."""
        for name in reversed(tuple(self._names)):
            if self.chance.random() < 0.5:
                with contextlib.suppress(OSError):  # something that stayed stands in the way, so this stayed too
                    name.undo()
        for folder, _, files in os.walk(self.root):
            for file in files:
                path = os.path.join(folder, file)
                if os.lstat(path).st_ino in self._unsynced:
                    self._tear(path)

    def _tear(self, path: str) -> None:
        """All of it, nothing of it, its beginning, or sectors of zeros in between."""
        size = os.stat(path).st_size
        what = self.chance.randrange(4)
        if what == 1:
            os.truncate(path, 0)
        elif what == 2:
            os.truncate(path, min(size, 512 * self.chance.randrange(size // 512 + 1)))
        elif what == 3:
            file = REAL["open"](path, os.O_WRONLY)
            for start in range(0, size, 512):
                if self.chance.random() < 0.5:
                    os.pwrite(file, b"\0" * min(512, size - start), start)
            os.close(file)

    # the functions of os

    def _ours(self, path: Any) -> str:
        """The path where it is below our root and none of SQLite's files, else nothing."""
        whole = os.path.abspath(os.fsdecode(path)) if isinstance(path, str | bytes | os.PathLike) else ""
        return whole if whole.startswith(self.root) and ".db" not in os.path.basename(whole) else ""

    def _open(self, path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        ours = self._ours(path)
        if not ours or not flags & (os.O_WRONLY | os.O_RDWR):
            return int(REAL["open"](path, flags, mode, **more))
        with self.ending.step("file-open"):
            is_new = not os.path.lexists(ours)
            descriptor = int(REAL["open"](path, flags, mode, **more))
            self._unsynced[os.fstat(descriptor).st_ino] = None
            if is_new:
                self._names.append(_Name(_folders(ours), lambda: REAL["unlink"](ours)))
            return descriptor

    def _fsync(self, fd: Any) -> None:
        descriptor = fd if isinstance(fd, int) else fd.fileno()
        path = self._ours(os.readlink(f"/proc/self/fd/{descriptor}"))
        if not path:
            REAL["fsync"](descriptor)
            return
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        with self.ending.step("folder-sync" if is_folder else "file-sync"):
            REAL["fsync"](descriptor)
            if self.honest and is_folder:
                self.folder_synced(path)
                self.also(path)
            elif self.honest:
                self._unsynced.pop(os.fstat(descriptor).st_ino, None)

    def _move(self, source: Any, target: Any, **more: Any) -> None:
        before, after = self._ours(source), self._ours(target)
        if not before or not after:
            REAL["rename"](source, target, **more)
            return
        with self.ending.step("file-rename"):
            stood = _content(after)
            REAL["rename"](source, target, **more)
            self._names.append(_Name(_folders(before, after), lambda: _move_back(after, before, stood)))
        self.ending.reached("file-renamed")

    def _unlink(self, path: Any, **more: Any) -> None:
        ours = self._ours(path)
        if not ours:
            REAL["unlink"](path, **more)
            return
        with self.ending.step("file-unlink"):
            stood = _content(ours)
            REAL["unlink"](path, **more)
            self._names.append(_Name(_folders(ours), lambda: _put_back(ours, stood)))

    def _link(self, source: Any, target: Any, **more: Any) -> None:
        with self.ending.step("file-link"):
            REAL["link"](source, target, **more)
            if ours := self._ours(target):
                self._names.append(_Name(_folders(ours), lambda: REAL["unlink"](ours)))

    def _mkdir(self, path: Any, *more: Any, **named: Any) -> None:
        with self.ending.step("folder-make"):
            REAL["mkdir"](path, *more, **named)
            if ours := self._ours(path):
                self._names.append(_Name(_folders(ours), lambda: shutil.rmtree(ours)))

    def _rmdir(self, path: Any, **more: Any) -> None:
        with self.ending.step("folder-remove"):
            REAL["rmdir"](path, **more)
            if ours := self._ours(path):
                self._names.append(_Name(_folders(ours), lambda: REAL["mkdir"](ours)))


def _folders(*paths: str) -> frozenset[str]:
    return frozenset(os.path.dirname(path) for path in paths)


def _content(path: str) -> bytes | None:
    if not os.path.isfile(path):
        return None
    with open(path, "rb") as file:
        return file.read()


def _move_back(after: str, before: str, stood: bytes | None) -> None:
    if os.path.lexists(before):
        raise FileExistsError(before)
    REAL["rename"](after, before)
    if stood is not None:
        _put_back(after, stood)


def _put_back(path: str, stood: bytes | None) -> None:
    if stood is not None and not os.path.lexists(path):
        with open(path, "wb") as file:
            file.write(stood)
