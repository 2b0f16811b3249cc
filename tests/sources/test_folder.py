"""Watched folders with real files: reliability.md 5.4, F1 to F9; claiming, receipts, and what a crash leaves behind."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from interpres.fault import Fault, Faults
from interpres.settings import model_from_yaml
from interpres.source import Fate, Receipt, Setting, Source
from interpres.sources.folder import Folder
from interpres.sources.folder import inbox as inbox_module
from interpres.sources.folder.settings import FolderSettings
from interpres.yaml import read
from tests.conformance import Door, Echo, Running, SourceSuite, accepted, cannot_store, rejected, run, until

STABLE = {"stable_seconds": 0.05}


class Tabled(Echo):
    """Gives the refused slices back, one a line."""

    def rejected(self, body: bytes, refused: Iterable[tuple[int, int, Sequence[Fault]]]) -> bytes:
        return b"".join(body[start:end] + b"," + faults[0].code.encode() + b"\n" for start, end, faults in refused)


class TestFolder(SourceSuite):
    word = "folder"

    def settings(self, folder: Path) -> dict[str, Any]:
        return {"path": "in", "complete": STABLE, "scan_seconds": 0.05}

    async def send(self, source: Source, body: bytes) -> None:
        assert isinstance(source, Folder)
        (source.root / "one.hl7").write_bytes(body)

    def told(self, tmp_path: Path, story: Any, door: Door | None = None, **settings: Any) -> Door:
        """Run a story with the folder watched; it ends when the story does."""
        door = door or Door()

        async def whole() -> None:
            source = self.made(tmp_path, door, **settings)
            async with Running(source, door):
                assert isinstance(source, Folder)
                await story(source.root, source)

        run(whole())
        return door

    def receipt(self, file: Path) -> dict[str, Any]:
        made = json.loads(file.read_text("utf-8"))
        assert set(made) == {"file", "sha256", "received_at", "state", "processed", "filtered", "held", "rejected", "faults"}
        assert isinstance(made, dict)
        return made

    def test_a_file_that_was_taken_lies_in_done_with_its_receipts(self, tmp_path: Path) -> None:
        async def story(root: Path, source: Folder) -> None:
            (root / "visit.hl7").write_bytes(b"MSH|1")
            await until(lambda: (root / "done/visit.hl7").exists() and source.idle())
            assert sorted(p.name for p in root.iterdir()) == [".claimed", "done", "rejected"]
            assert list((root / ".claimed").iterdir()) == []

        door = self.told(tmp_path, story)
        done = tmp_path / "in/done"
        receipt = self.receipt(done / "visit.hl7.receipt.json")
        assert (receipt["file"], receipt["state"], receipt["processed"]) == ("visit.hl7", "accepted", 1)
        assert receipt["sha256"] == hashlib.sha256(b"MSH|1").hexdigest()
        assert "visit.hl7\ntaken by channel visits" in (done / "visit.hl7.receipt.txt").read_text("utf-8")
        assert door.taken[0].envelope == {"source_name": "visit.hl7"}

    def test_a_file_that_was_refused_lies_in_rejected_and_its_receipt_names_no_value(self, tmp_path: Path) -> None:
        async def story(root: Path, source: Folder) -> None:
            (root / "visit.hl7").write_bytes(b"MSH|1")
            await until(lambda: (root / "rejected/visit.hl7").exists())

        self.told(tmp_path, story, Door(answer=lambda intake: rejected()))
        receipt = self.receipt(tmp_path / "in/rejected/visit.hl7.receipt.json")
        assert (receipt["state"], receipt["rejected"], receipt["faults"][0]["code"]) == ("rejected", 1, "V001")
        page = (tmp_path / "in/rejected/visit.hl7.receipt.txt").read_text("utf-8")
        assert "V001 it breaks a promise" in page and "drop it into the folder again" in page
        assert "secret" not in page + json.dumps(receipt)

    def test_a_table_may_succeed_in_part(self, tmp_path: Path) -> None:
        answer = Receipt(
            True,
            (
                Fate("A", "processed", (), 0, 2),
                Fate("B", "rejected", (Fault("T001", "no", source="line 2: sex"),), 2, 4),
                Fate("C", "filtered", (), 4, 6),
            ),
        )

        async def story(root: Path, source: Folder) -> None:
            (root / "visits.csv").write_bytes(b"a\nb\nc\n")
            await until(lambda: (root / "done/visits.csv").exists())

        door = Door(answer=lambda intake: answer)
        source = self.made(tmp_path, door)
        setting = Setting("visits", Tabled(), tmp_path, tmp_path / "var", refused=door.refused.append)

        async def whole() -> None:
            tabled = Folder(source.settings, setting)
            async with Running(tabled, door):
                await story(tabled.root, tabled)

        run(whole())
        assert (tmp_path / "in/rejected/visits.csv.rejected.csv").read_bytes() == b"b\n,T001\n"
        receipt = self.receipt(tmp_path / "in/done/visits.csv.receipt.json")
        assert (receipt["state"], receipt["processed"], receipt["filtered"], receipt["rejected"]) == ("partial", 1, 1, 1)
        page = (tmp_path / "in/done/visits.csv.receipt.txt").read_text("utf-8")
        assert "T001 line 2: sex: no" in page and "rejected/visits.csv.rejected.csv" in page

    def test_what_succeeds_in_part_and_cannot_be_given_back_wants_a_person(self, tmp_path: Path) -> None:
        answer = Receipt(True, (Fate("A", "processed"), Fate("B", "rejected", (Fault("H001", "no"),))))

        async def story(root: Path, source: Folder) -> None:
            (root / "batch.hl7").write_bytes(b"MSH|1\rMSH|2\r")
            await until(lambda: (root / "rejected/batch.hl7").exists())

        self.told(tmp_path, story, Door(answer=lambda intake: answer))
        assert self.receipt(tmp_path / "in/rejected/batch.hl7.receipt.json")["state"] == "partial"

    def test_f1_names_are_data_and_never_paths(self, tmp_path: Path) -> None:
        names = [
            b"C:\\..\\etc\\passwd",
            b"CON",
            b"line\nbreak.hl7",
            b";rm -rf x",
            b"$(id)",
            b"-rf",
            b"x" * 255,
            b"\xff\xfe.hl7",
            "\u202etxt.exe".encode(),
            b"InterPartner~CELR~TX~A~B~STOP~x.txt",
            b"a#b (F).txt",
            b"!notempty",
            "លេខករណី.csv".encode(),
            b"%2e%2e%2fx",
        ]

        async def story(root: Path, source: Folder) -> None:
            for name in names:
                (root / os.fsdecode(name)).write_bytes(b"MSH|" + name)
            await until(lambda: len(door.taken) == len(names) and source.idle())

        door = Door()
        self.told(tmp_path, story, door)
        done = {os.fsencode(p.name) for p in (tmp_path / "in/done").iterdir()}
        assert set(names) <= done
        assert sorted(p.name for p in tmp_path.iterdir()) == ["in"]
        for intake in door.taken:
            said = intake.envelope["source_name"]
            said.encode("utf-8")  # text, whatever the name's bytes were
            assert intake.body == b"MSH|" + said.encode("utf-8") or "\\x" in said
        assert len([n for n in done if n.endswith(b".receipt.json")]) == len(names)

    def test_f2_what_is_no_file_of_its_own_is_left_alone_and_told_once(self, tmp_path: Path) -> None:
        (tmp_path / "other").write_bytes(b"root:x:0")

        async def story(root: Path, source: Folder) -> None:
            (root / "link.hl7").symlink_to("/etc/passwd")
            os.link(tmp_path / "other", root / "hard.hl7")
            os.mkfifo(root / "pipe.hl7")
            (root / "folder.hl7").mkdir()
            (root / "plain").mkdir()
            (root / "good.hl7").write_bytes(b"MSH|1")
            await until(lambda: (root / "done/good.hl7").exists() and len(door.refused) == 4)
            await asyncio.sleep(0.2)
            assert source.idle()

        door = Door()
        self.told(tmp_path, story, door, pattern="*.hl7")
        assert door.bodies == [b"MSH|1"]
        assert {(f.code, f.source) for f in door.refused} == {
            ("N122", name) for name in ("link.hl7", "hard.hl7", "pipe.hl7", "folder.hl7")
        }
        assert len(door.refused) == 4
        root = tmp_path / "in"
        assert (root / "link.hl7").is_symlink() and (root / "folder.hl7").is_dir() and (root / "pipe.hl7").exists()
        assert (
            self.receipt(root / "rejected/link.hl7.receipt.json")["faults"][0]["says"] == "this is a link, and no file of its own"
        )

    def test_f3_a_file_is_taken_whole_or_not_at_all(self, tmp_path: Path) -> None:
        async def story(root: Path, source: Folder) -> None:
            with (root / "slow.hl7").open("wb", buffering=0) as file:
                for n in range(8):
                    file.write(b"%d" % n)
                    await asyncio.sleep(0.03)
                    assert not source.idle()
            await until(lambda: door.taken and source.idle())
            (root / "gone.hl7").write_bytes(b"MSH|gone")
            await asyncio.sleep(0.02)
            (root / "gone.hl7").unlink()
            (root / "swap.hl7").write_bytes(b"MSH|old")
            when = os.stat(root / "swap.hl7").st_mtime_ns
            await asyncio.sleep(0.02)
            (root / "new").write_bytes(b"MSH|new")
            os.utime(root / "new", ns=(when, when))
            (root / "new").rename(root / "swap.hl7")
            await until(lambda: len(door.taken) == 2 and source.idle())

        door = Door()
        self.told(tmp_path, story, door, complete={"stable_seconds": 0.15})
        assert door.bodies == [b"01234567", b"MSH|new"]

    def test_f3_a_file_that_changes_while_it_is_read_goes_back_and_is_taken_later(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        original = inbox_module.os.fstat
        looks = []

        def growing(descriptor: int) -> os.stat_result:
            if len(looks) == 1:
                os.truncate(f"/proc/self/fd/{descriptor}", 3)
            looks.append(descriptor)
            return original(descriptor)

        async def story(root: Path, source: Folder) -> None:
            monkeypatch.setattr(inbox_module.os, "fstat", growing)
            (root / "x.hl7").write_bytes(b"MSH|long")
            await until(lambda: door.taken)

        door = Door()
        self.told(tmp_path, story, door)
        assert door.bodies == [b"MSH"]

    @pytest.mark.parametrize("body", [b"", b"\xef\xbb\xbf", b"\r\n\n"])
    def test_f4_a_file_that_says_nothing_is_handed_in_or_ignored_as_told(self, tmp_path: Path, body: bytes) -> None:
        async def story(root: Path, source: Folder) -> None:
            (root / "nothing.hl7").write_bytes(body)
            await until(lambda: any((root / f / "nothing.hl7").exists() for f in ("done", "rejected")))

        assert self.told(tmp_path / "one", story, Door(answer=lambda intake: rejected())).bodies == [body]
        assert (tmp_path / "one/in/rejected/nothing.hl7").exists()
        assert self.told(tmp_path / "two", story, empty="ignore").bodies == []
        assert (tmp_path / "two/in/done/nothing.hl7").exists()

    def test_f5_a_copy_of_what_was_taken_is_told_as_one(self, tmp_path: Path) -> None:
        async def story(root: Path, source: Folder) -> None:
            (root / "again.hl7").write_bytes(b"MSH|1")
            await until(lambda: (root / "done/again.hl7").exists())

        self.told(tmp_path, story, Door(answer=lambda intake: accepted(duplicate=True)))
        assert self.receipt(tmp_path / "in/done/again.hl7.receipt.json")["state"] == "duplicate"

    def test_f6_a_name_that_is_taken_in_done_gets_a_number(self, tmp_path: Path) -> None:
        async def story(root: Path, source: Folder) -> None:
            for n in (1, 2, 3):
                (root / "x.hl7").write_bytes(b"MSH|%d" % n)
                await until(lambda n=n: len(door.taken) == n and source.idle())  # type: ignore[misc]

        door = Door()
        self.told(tmp_path, story, door)
        done = tmp_path / "in/done"
        assert [(done / n).read_bytes() for n in ("x.hl7", "x.2.hl7", "x.3.hl7")] == [b"MSH|1", b"MSH|2", b"MSH|3"]
        assert self.receipt(done / "x.3.hl7.receipt.json")["file"] == "x.hl7"

    def test_f6_a_file_that_cannot_be_filed_is_taken_once_and_filed_later(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        full = [True]
        original = os.rename

        def rename(source: Any, place: Any) -> None:
            if full[0] and "done" in str(place):
                raise OSError(errno.ENOSPC, "No space left on device")
            original(source, place)

        async def story(root: Path, source: Folder) -> None:
            monkeypatch.setattr(os, "rename", rename)
            (root / "x.hl7").write_bytes(b"MSH|1")
            await until(lambda: door.refused)
            await asyncio.sleep(0.2)
            full[0] = False
            await until(lambda: (root / "done/x.hl7").exists())

        door = Door()
        self.told(tmp_path, story, door)
        assert door.bodies == [b"MSH|1"]
        assert [(f.code, f.says) for f in door.refused] == [
            ("N125", "a file cannot be moved to done/ or rejected/: the disk is full")
        ]

    def test_f6_a_file_that_cannot_be_read_is_put_back_and_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        original = os.open

        def refusing(path: Any, *more: Any, **facts: Any) -> int:
            if str(path).endswith("x.hl7"):
                raise PermissionError(errno.EACCES, "Permission denied")
            return original(path, *more, **facts)

        async def story(root: Path, source: Folder) -> None:
            monkeypatch.setattr(os, "open", refusing)
            (root / "x.hl7").write_bytes(b"MSH|1")
            await until(lambda: door.refused)
            await asyncio.sleep(0.3)
            assert (root / "x.hl7").exists() and len(door.refused) == 1 and source.idle()
            monkeypatch.setattr(os, "open", original)
            os.utime(root / "x.hl7")
            await until(lambda: door.taken)

        door = Door()
        assert self.told(tmp_path, story, door).bodies == [b"MSH|1"]
        assert (
            str(door.refused[0]) == "N124 a file cannot be read: the rights do not allow it [x.hl7] — see its rights and the disk"
        )

    def test_what_the_engine_cannot_store_goes_back_where_it_lay(self, tmp_path: Path) -> None:
        async def story(root: Path, source: Folder) -> None:
            (root / "x.hl7").write_bytes(b"MSH|1")
            await until(lambda: door.refused)
            await asyncio.sleep(0.2)
            assert (root / "x.hl7").read_bytes() == b"MSH|1" and len(door.taken) == 1
            assert list((root / ".claimed").iterdir()) == []

        door = Door(answer=lambda intake: cannot_store())
        self.told(tmp_path, story, door)
        assert [f.code for f in door.refused] == ["E120"]

    def test_f7_many_files_are_taken_in_order_of_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inbox_module, "AT_ONCE", 7)
        root = tmp_path / "in"
        root.mkdir()
        for n in range(60):
            (root / f"{(n * 37) % 60:03d}.hl7").write_bytes(b"MSH|%03d" % ((n * 37) % 60))

        async def story(root: Path, source: Folder) -> None:
            await until(lambda: len(door.taken) == 60 and source.idle())

        door = Door()
        self.told(tmp_path, story, door)
        assert door.bodies == [b"MSH|%03d" % n for n in range(60)]

    def test_f8_a_file_beyond_the_limit_is_not_read(self, tmp_path: Path) -> None:
        async def story(root: Path, source: Folder) -> None:
            with (root / "huge.hl7").open("wb") as file:
                file.truncate(5 << 30)
            await until(lambda: (root / "rejected/huge.hl7").exists())
            assert (root / "rejected/huge.hl7").stat().st_size == 5 << 30

        door = self.told(tmp_path, story)
        assert door.taken == []
        fault = self.receipt(tmp_path / "in/rejected/huge.hl7.receipt.json")["faults"][0]
        assert (fault["code"], fault["says"]) == ("N123", "the file is larger than the limit of 268435456 bytes")

    def test_f9_what_a_spreadsheet_would_run_is_not_changed(self, tmp_path: Path) -> None:
        body = b"=cmd|' /C calc'!A0,@SUM(1),+1,-1\n"

        async def story(root: Path, source: Folder) -> None:
            (root / "x.csv").write_bytes(body)
            await until(lambda: door.taken)

        door = Door()
        assert self.told(tmp_path, story, door).bodies == [body]

    def test_a_marker_says_that_a_file_is_complete(self, tmp_path: Path) -> None:
        async def story(root: Path, source: Folder) -> None:
            (root / "a.hl7").write_bytes(b"MSH|a")
            (root / "b.hl7").write_bytes(b"MSH|b")
            (root / "c.hl7").write_bytes(b"MSH|c")
            await asyncio.sleep(0.15)
            assert door.taken == [] and source.idle()
            (root / "b.hl7.ok").touch()
            (root / "c.ok").touch()
            await until(lambda: len(door.taken) == 2 and source.idle())
            assert {p.name for p in root.iterdir()} == {".claimed", "done", "rejected", "a.hl7"}

        door = Door()
        assert self.told(tmp_path, story, door, complete={"marker": ".ok"}).bodies == [b"MSH|b", b"MSH|c"]

    def test_what_is_renamed_into_place_is_taken_at_once(self, tmp_path: Path) -> None:
        async def story(root: Path, source: Folder) -> None:
            (root / ".x.hl7.part").write_bytes(b"MSH|1")
            await asyncio.sleep(0.1)
            assert door.taken == []
            (root / ".x.hl7.part").rename(root / "x.hl7")
            await until(lambda: door.taken)

        door = Door()
        assert self.told(tmp_path, story, door, complete={"renamed": True}).bodies == [b"MSH|1"]

    def test_our_own_files_and_what_is_hidden_are_never_taken(self, tmp_path: Path) -> None:
        async def story(root: Path, source: Folder) -> None:
            for name in (".hidden", "x.receipt.json", "x.receipt.txt", "X.REJECTED.CSV", "done/y.hl7", "rejected/z.hl7"):
                (root / name).write_bytes(b"MSH|no")
            await asyncio.sleep(0.25)
            assert source.idle()

        assert self.told(tmp_path, story, recursive=True).taken == []

    def test_folders_below_are_taken_where_that_is_asked(self, tmp_path: Path) -> None:
        async def story(root: Path, source: Folder) -> None:
            (root / "ward/2").mkdir(parents=True)
            (root / "ward/2/x.HL7").write_bytes(b"MSH|1")
            (root / "ward/2/x.txt").write_bytes(b"no")
            await until(lambda: (root / "done/ward/2/x.HL7").exists())
            assert (root / "done/ward/2/x.HL7.receipt.json").exists()

        door = self.told(tmp_path, story, recursive=True, pattern=["*.hl7", "*.csv"])
        assert [(i.body, i.envelope["source_name"]) for i in door.taken] == [(b"MSH|1", "ward/2/x.HL7")]

    def test_what_a_crash_left_claimed_is_taken_up_first(self, tmp_path: Path) -> None:
        held = tmp_path / "in/.claimed/00000000000000000001-000000/ward"
        held.mkdir(parents=True)
        (held / "x.hl7").write_bytes(b"MSH|1")

        async def story(root: Path, source: Folder) -> None:
            await until(lambda: (root / "done/ward/x.hl7").exists() and not list((root / ".claimed").iterdir()))

        door = Door(answer=lambda intake: accepted(duplicate=True))
        self.told(tmp_path, story, door)
        assert self.receipt(tmp_path / "in/done/ward/x.hl7.receipt.json")["state"] == "accepted"

    def test_a_crash_between_putting_back_and_letting_go_leaves_one_file(self, tmp_path: Path) -> None:
        held = tmp_path / "in/.claimed/00000000000000000001-000000"
        held.mkdir(parents=True)
        (held / "x.hl7").write_bytes(b"MSH|1")
        os.link(held / "x.hl7", tmp_path / "in/x.hl7")

        async def story(root: Path, source: Folder) -> None:
            await until(lambda: door.taken and source.idle())

        door = Door()
        assert self.told(tmp_path, story, door).bodies == [b"MSH|1"]
        assert door.refused == []

    def test_a_file_in_hand_is_filed_before_the_source_ends(self, tmp_path: Path) -> None:
        async def late() -> Receipt:
            await asyncio.sleep(0.2)
            return accepted()

        async def story(root: Path, source: Folder) -> None:
            (root / "x.hl7").write_bytes(b"MSH|1")
            await until(lambda: door.taken)

        door = Door(answer=lambda intake: late())
        self.told(tmp_path, story, door)
        assert (tmp_path / "in/done/x.hl7").exists()

    def test_our_own_mistake_leaves_the_file_claimed(self, tmp_path: Path) -> None:
        def broken(intake: Any) -> Receipt:
            raise ZeroDivisionError

        async def story(root: Path, source: Folder) -> None:
            (root / "x.hl7").write_bytes(b"MSH|1")
            await until(lambda: door.refused)
            (root / "y.hl7").write_bytes(b"MSH|2")
            await until(lambda: len(door.taken) == 2)

        door = Door(answer=broken)
        self.told(tmp_path, story, door)
        assert {f.code for f in door.refused} == {"X001"}
        assert len(list((tmp_path / "in/.claimed").rglob("*.hl7"))) == 2

    def test_a_folder_that_goes_away_is_told_once_and_taken_up_again(self, tmp_path: Path) -> None:
        async def story(root: Path, source: Folder) -> None:
            root.rename(tmp_path / "away")
            await until(lambda: door.refused)
            await asyncio.sleep(0.2)
            (tmp_path / "away").rename(root)
            (root / "x.hl7").write_bytes(b"MSH|1")
            await until(lambda: door.taken)

        door = Door()
        assert self.told(tmp_path, story, door).bodies == [b"MSH|1"]
        assert [f.code for f in door.refused] == ["N126"]

    def test_a_place_that_is_no_folder_is_a_fault(self, tmp_path: Path) -> None:
        (tmp_path / "in").write_bytes(b"")
        with pytest.raises(Fault) as caught:
            run(self.made(tmp_path, Door()).open())
        assert caught.value.code == "E112"


def test_settings_say_what_is_wrong_with_them() -> None:
    assert FolderSettings.model_validate("var/in").path == Path("var/in")
    with pytest.raises(Faults) as caught:
        model_from_yaml(read("path: in\ncomplete: {marker: .ok, renamed: true}\n", "c"), FolderSettings)
    says = "one way to know that a file is complete is wanted"
    assert [str(f) for f in caught.value] == [f"c:2:11 C104 {says} — write stable_seconds, marker or renamed: true"]
