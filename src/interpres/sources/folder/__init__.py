"""folder: takes complete files from a watched folder, and files each in done/ or rejected/ with a receipt."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from datetime import UTC, datetime
from typing import ClassVar, Final

from pydantic import BaseModel

from interpres.fault import Fault
from interpres.filing import in_words
from interpres.message import Intake
from interpres.source import Accept, Receipt, Setting, Source
from interpres.sources.folder.cabinet import Cabinet
from interpres.sources.folder.claim import ChangedError, Claim, UnreadableError
from interpres.sources.folder.inbox import Inbox
from interpres.sources.folder.receipt import FileReceipt, file_receipt
from interpres.sources.folder.settings import FolderSettings

IN_HAND: Final = 16
"""How many files may wait for the engine's word at once; they are handed in one after the other, in order of name."""
IN_HAND_BYTES: Final = 64 << 20
NOTHING: Final = b"\xef\xbb\xbf\r\n\t \x00"
"""What a file may hold and yet say nothing: a byte order mark, line ends, blanks."""
REST_SECONDS: Final = 10.0
"""How long a file is left alone that could not be read or stored."""
DRAIN_SECONDS: Final = 5.0
"""How long the end waits for files in hand: less than the engine has, so that what is being delivered has the rest. A file that
waits for a system that is away stays claimed, and is filed after the next start."""


class Folder(Source):
    """A file is claimed by a rename, read once, handed in, and filed when its fate is known; what an earlier run had claimed and
    not filed is taken up first. A file that the engine cannot store goes back to where it lay."""

    Settings: ClassVar[type[BaseModel]] = FolderSettings
    hurried: ClassVar[bool] = False
    settings: FolderSettings

    def __init__(self, settings: BaseModel, setting: Setting) -> None:
        super().__init__(settings, setting)
        self.root = setting.workspace / self.settings.path
        self._inbox = Inbox(self.root, self.settings)
        self._cabinet = Cabinet(self._inbox, setting.channel)
        self._unfiled: list[tuple[Claim, FileReceipt, bytes]] = []
        self._stranded: list[tuple[Claim, float]] = []
        self._in_hand = 0
        self._bytes_in_hand = 0
        self._looked = False
        self._taken_up = False
        self._room = asyncio.Event()

    async def open(self) -> str:
        """Make its folders. Raises `Fault` E112 where that cannot be."""
        try:
            await asyncio.to_thread(self._inbox.make)
        except OSError as wrong:
            hint = f"make {self.settings.path} a folder that the engine may write to"
            raise Fault("E112", f"the folder {self.settings.path} cannot be watched: {in_words(wrong)}", hint) from None
        return f"watches {self.settings.path}"

    async def run(self, accept: Accept) -> None:
        """Take files until cancelled; those in hand are filed before it ends, as far as `DRAIN_SECONDS` allow."""
        from interpres.sources.folder.watch import Watch

        watch = Watch(self.root)
        if note := await asyncio.to_thread(watch.start):
            self.setting.notes.append(note)
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    await self._round(accept, group)
                    await watch.wait(self._pause())
        finally:
            watch.stop()

    def idle(self) -> bool:
        """Whether no file is in hand, settling, or about to be taken."""
        return self._looked and not self._in_hand and not self._inbox.settling and not self._inbox.anything()

    def _pause(self) -> float:
        stable = self.settings.complete.stable_seconds
        return min(self.settings.scan_seconds, stable or 1.0) if self._inbox.settling else self.settings.scan_seconds

    async def _round(self, accept: Accept, group: asyncio.TaskGroup) -> None:
        """One look through the folder: what could not be filed is tried again, what is complete is taken."""
        await self._take_up(accept, group)
        await self._file_again()
        await self._take_stranded(accept, group)
        ready, faults = await asyncio.to_thread(self._inbox.look)
        for fault in faults:
            await self._tell(fault)
        for name in ready:
            if len(self._unfiled) >= IN_HAND:
                break  # done/ or rejected/ takes nothing: more would only pile up
            if claim := await asyncio.to_thread(self._inbox.claim, name):
                await self._take(claim, accept, group)
        self._looked = True

    async def _take_up(self, accept: Accept, group: asyncio.TaskGroup) -> None:
        """What an earlier run had claimed and not filed, once, as soon as the folder can be looked into."""
        if self._taken_up:
            return
        with contextlib.suppress(OSError):
            claims = await asyncio.to_thread(self._inbox.claimed)
            self._taken_up = True
            for claim in claims:
                await self._take(claim, accept, group)

    async def _take(self, claim: Claim, accept: Accept, group: asyncio.TaskGroup) -> None:
        """Read a claimed file and hand it in; its fate is waited for beside the next file."""
        received_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        try:
            body = await asyncio.to_thread(self._inbox.read, claim)
        except ChangedError:
            await self._return(claim, None)
            return
        except UnreadableError as wrong:
            await self._return(claim, wrong.fault)
            return
        except Fault as wrong:
            await self._file(claim, file_receipt(claim.said, "", received_at, Receipt(False, faults=(wrong,))), b"")
            return
        while self._in_hand >= IN_HAND or (self._in_hand and self._bytes_in_hand + len(body) > IN_HAND_BYTES):
            self._room.clear()
            await self._room.wait()
        self._in_hand += 1
        self._bytes_in_hand += len(body)
        group.create_task(self._shielded(claim, body, received_at, accept))

    async def _shielded(self, claim: Claim, body: bytes, received_at: str, accept: Accept) -> None:
        """Let a file that was handed in be filed also when the engine is stopping."""
        work = asyncio.ensure_future(self._hand_in(claim, body, received_at, accept))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(work, DRAIN_SECONDS)
            raise
        finally:
            self._in_hand -= 1
            self._bytes_in_hand -= len(body)
            self._room.set()

    async def _hand_in(self, claim: Claim, body: bytes, received_at: str, accept: Accept) -> None:
        try:
            ignored = self.settings.empty == "ignore" and not body.strip(NOTHING)
            intake = Intake(self.setting.channel, body, {"source_name": claim.said})
            receipt = Receipt(True) if ignored else await accept(intake)
            digest, rows = await asyncio.to_thread(self._findings, body, receipt, again=claim.again)
        except Exception as bug:
            # Our own mistake: the file stays claimed, where the next start of the engine finds it.
            says = f"our own mistake while a file was taken in: {type(bug).__name__}"
            self.setting.refused(Fault("X001", says, "report it with the time and the channel", source=claim.said))
            return
        if receipt.cannot_store:
            await self._return(claim, next(iter(receipt.faults), None))
        else:
            await self._file(claim, file_receipt(claim.said, digest, received_at, receipt, again=claim.again), rows)

    def _findings(self, body: bytes, receipt: Receipt, *, again: bool) -> tuple[str, bytes]:
        """The file's hash, and what of it is to be mended and dropped again.

        A duplicate gave that back the first time, unless it is the very same file, taken up `again` after a crash.
        """
        digest = hashlib.sha256(body).hexdigest()
        refused = [(fate.start, fate.end, fate.faults) for fate in receipt.fates if not fate.accepted]
        if not refused or (receipt.duplicate and not again):
            return digest, b""
        try:
            return digest, self.setting.format.rejected(self.setting.format.unpack(body), refused)
        except Fault:  # a container that cannot be opened, as its own fault says: the file itself is handed back
            return digest, b""

    async def _file(self, claim: Claim, receipt: FileReceipt, rows: bytes) -> None:
        try:
            await asyncio.to_thread(self._cabinet.file, claim, receipt, rows)
        except OSError as wrong:
            hint = "it was taken and is not taken again; make room or set the rights, and it is filed by itself"
            says = f"a file cannot be moved to done/ or rejected/: {in_words(wrong)}"
            self.setting.refused(Fault("N125", says, hint, source=claim.said))
            self._unfiled.append((claim, receipt, rows))

    async def _file_again(self) -> None:
        """What could not be filed, tried again without being told again."""
        waiting, self._unfiled = self._unfiled, []
        for number, (claim, receipt, rows) in enumerate(waiting):
            try:
                await asyncio.to_thread(self._cabinet.file, claim, receipt, rows)
            except OSError:
                self._unfiled += waiting[number:]
                return

    async def _return(self, claim: Claim, fault: Fault | None) -> None:
        """Put a file back that changed, cannot be read, or cannot be stored now, and leave it alone for a while."""
        if fault is not None:
            self.setting.refused(fault.but(source=fault.source or claim.said))
            self._inbox.rest(claim, REST_SECONDS)
        if not await asyncio.to_thread(self._inbox.put_back, claim):
            self._stranded.append((claim, asyncio.get_running_loop().time() + REST_SECONDS))

    async def _take_stranded(self, accept: Accept, group: asyncio.TaskGroup) -> None:
        """What could not go back, for another file has its place, is taken from where it is."""
        waiting, self._stranded = self._stranded, []
        for claim, until in waiting:
            if asyncio.get_running_loop().time() < until:
                self._stranded.append((claim, until))
            else:
                await self._take(claim, accept, group)

    async def _tell(self, fault: Fault) -> None:
        """Refuse what is no file: it is left where it is, and the reason put where people look."""
        self.setting.refused(fault)
        if not fault.source:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        said = fault.source.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        receipt = file_receipt(said, "", now, Receipt(False, faults=(fault.but(source=said),)))
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._cabinet.tell, fault.source, receipt)
