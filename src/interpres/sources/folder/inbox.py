"""Inbox: which files of a watched folder are complete, and the claim by which one of them becomes ours."""

from __future__ import annotations

import contextlib
import fnmatch
import heapq
import itertools
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from interpres.fault import Fault
from interpres.filing import in_words, make_folders, sync_folder
from interpres.sources.folder.claim import ChangedError, Claim, Look, UnreadableError, not_a_file
from interpres.sources.folder.settings import FolderSettings

CLAIMED: Final = ".claimed"
OURS: Final = frozenset({"done", "rejected"})
OUR_ENDINGS: Final = (".receipt.json", ".receipt.txt", ".rejected.csv")
AT_ONCE: Final = 10_000
"""How many names one look keeps: of a million files those that come first."""


class Inbox:
    """The disk's side of a watched folder; every method may block and is called in a thread."""

    def __init__(self, root: Path, settings: FolderSettings) -> None:
        self.root = root
        self._settings = settings
        patterns = settings.pattern if isinstance(settings.pattern, list) else [settings.pattern]
        self._patterns = [p.casefold() for p in patterns]
        self._seen: dict[str, tuple[Look, float]] = {}
        self._told: dict[str, int] = {}
        self._resting: dict[str, tuple[Look, float]] = {}
        self._numbers = itertools.count()
        self._is_lost = False
        self.settling = False

    def make(self) -> None:
        """The folders that must be there. Raises OSError."""
        for folder in (self.root, self.root / CLAIMED, *(self.root / name for name in OURS)):
            make_folders(folder)
        probe = self.root / CLAIMED / ".probe"
        probe.touch()
        probe.unlink()

    def names(self) -> Iterator[str]:
        """Every name that the patterns take, in no order: never what is hidden or lies in our own folders."""
        yield from self._names_in(self.root, "")

    def _names_in(self, folder: Path, below: str) -> Iterator[str]:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or (not below and entry.name in OURS):
                    continue
                if entry.is_dir(follow_symlinks=False) and self._settings.recursive:
                    yield from self._names_in(folder / entry.name, f"{below}{entry.name}/")
                elif self._takes(entry.name, entry.is_dir(follow_symlinks=False)):
                    yield below + entry.name

    def _takes(self, name: str, is_folder: bool) -> bool:
        folded = name.casefold()
        if folded.endswith(OUR_ENDINGS) or (self._settings.complete.marker and folded.endswith(self._settings.complete.marker)):
            return False
        # A folder is not spoken of where everything is taken: only one that is named like a file.
        return any(fnmatch.fnmatchcase(folded, p) for p in self._patterns if not (is_folder and p == "*"))

    def anything(self) -> bool:
        """Whether a file lies here that is to be taken, complete or soon to be."""
        for name in self.names():
            if (
                name not in self._told
                and name not in self._resting
                and (not self._settings.complete.marker or self._marked(name))
            ):
                return True
        return False

    def rest(self, claim: Claim, seconds: float) -> None:
        """Leave a file that was put back alone for a while, unless it changes."""
        self._resting[claim.name] = (claim.look, time.monotonic() + seconds)

    def look(self) -> tuple[list[str], list[Fault]]:
        """The names that are complete, in order of name, and what is new of things that are no files."""
        ready: list[str] = []
        faults: list[Fault] = list(self._lost())
        now = time.monotonic()
        first = heapq.nsmallest(AT_ONCE, self.names())
        seen: dict[str, tuple[Look, float]] = {}
        for name in first:
            try:
                status = os.lstat(self.root / name)
            except OSError:
                continue
            if fault := not_a_file(status, name):
                if self._told.get(name) != status.st_ino:
                    faults.append(fault)
                self._told[name] = status.st_ino
                continue
            self._told.pop(name, None)
            look = Look.of(status)
            if self._rests(name, look, now):
                continue
            before, since = self._seen.get(name, (look, now))
            seen[name] = (look, since if before == look else now)
            if self._complete(name, seen[name][1], now):
                ready.append(name)
        self._seen = seen
        here = set(first)
        self._told = {name: inode for name, inode in self._told.items() if name in here}
        self._resting = {name: rest for name, rest in self._resting.items() if name in here}
        self.settling = len(ready) < len(seen) and self._settings.complete.marker is None
        return ready, faults

    def _lost(self) -> Iterator[Fault]:
        """Told once: the folder itself is not there any more, as when a network drive is."""
        here = self.root.is_dir()
        if not here and not self._is_lost:
            yield Fault("N126", "the watched folder is not there any more", "see the drive that it lies on; it is looked for on")
        self._is_lost = not here

    def _rests(self, name: str, look: Look, now: float) -> bool:
        before, until = self._resting.get(name, (look, now))
        if now < until and look.same_content(before):
            return True
        self._resting.pop(name, None)
        return False

    def _complete(self, name: str, since: float, now: float) -> bool:
        complete = self._settings.complete
        if complete.stable_seconds is not None:
            return now - since >= complete.stable_seconds
        return complete.renamed is True or self._marked(name)

    def _marked(self, name: str) -> bool:
        return any(os.path.lexists(self.root / marker) for marker in self._markers(name))

    def _markers(self, name: str) -> list[str]:
        """`visits.csv.ok` and `visits.ok`."""
        ending = self._settings.complete.marker or ""
        return [name + ending, os.path.splitext(name)[0] + ending]

    def claim(self, name: str) -> Claim | None:
        """Make the file ours by renaming it into a folder of its own; None where it is gone or another by now."""
        seen = self._seen.pop(name, None)
        held = self.root / CLAIMED / f"{time.time_ns():020d}-{next(self._numbers):06d}"
        place = held / name
        try:
            make_folders(place.parent)
            os.rename(self.root / name, place)
            sync_folder(place.parent)
            claim = Claim(place, name, Look.of(os.lstat(place)))
        except OSError:
            self._forget(place, held)
            return None
        if seen is not None and not claim.look.same_content(seen[0]):
            self.put_back(claim)
            return None
        for marker in self._markers(name) if self._settings.complete.marker else ():
            with contextlib.suppress(OSError):
                os.unlink(self.root / marker)
        return claim

    def read(self, claim: Claim) -> bytes:
        """The whole file, once. Raises `Fault` N122 to N124, `ChangedError` where somebody still writes to it."""
        try:
            descriptor = os.open(claim.place, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
            with open(descriptor, "rb") as file:
                before = os.fstat(file.fileno())
                if fault := not_a_file(before, claim.said):
                    raise fault
                limit = self._settings.file_bytes
                if before.st_size > limit:
                    hint = "drop it in parts, or raise file_bytes of the channel's folder source"
                    raise Fault("N123", f"the file is larger than the limit of {limit} bytes", hint)
                body = file.read(limit + 1)
                after = os.fstat(file.fileno())
        except OSError as wrong:
            raise UnreadableError(
                Fault("N124", f"a file cannot be read: {in_words(wrong)}", "see its rights and the disk")
            ) from None
        if len(body) != after.st_size or not Look.of(before).same_content(Look.of(after)):
            raise ChangedError
        return body

    def put_back(self, claim: Claim) -> bool:
        """The file where it lay, under its name; false where another has taken that place, so that it stays claimed."""
        place = self.root / claim.name
        try:
            make_folders(place.parent)
            os.link(claim.place, place)  # unlike a rename it never takes the place of another file
            os.unlink(claim.place)
        except FileExistsError:
            return False
        except OSError:
            if os.path.lexists(place):
                return False
            try:
                os.rename(claim.place, place)  # a disk without links
            except OSError:
                return False
        self.release(claim)
        return True

    def claimed(self) -> list[Claim]:
        """What an earlier run of the engine had claimed and not filed, in the order of the claims. Raises OSError."""
        found = []
        for held in sorted(os.listdir(self.root / CLAIMED)):
            for folder, _, files in os.walk(self.root / CLAIMED / held):
                for file in files:
                    place = Path(folder) / file
                    name = str(place.relative_to(self.root / CLAIMED / held))
                    claim = Claim(place, name, Look.of(os.lstat(place)), again=True)
                    if os.path.lexists(self.root / name) and os.path.samestat(os.lstat(place), os.lstat(self.root / name)):
                        os.unlink(place)  # the end came while it was put back
                        self.release(claim)
                    else:
                        found.append(claim)
        return found

    def held_by(self, claim: Claim) -> Path:
        """The folder of this one claim."""
        return self.root / CLAIMED / claim.place.relative_to(self.root / CLAIMED).parts[0]

    def release(self, claim: Claim) -> None:
        """Remove the claim's folder, once its file is filed elsewhere."""
        self._forget(claim.place, self.held_by(claim))

    def _forget(self, place: Path, held: Path) -> None:
        for folder in (place.parent, *place.parent.parents):
            with contextlib.suppress(OSError):
                folder.rmdir()
            if folder == held:
                return
