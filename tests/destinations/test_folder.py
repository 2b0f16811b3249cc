"""Files that are there whole or not at all: order of the disk's steps, names, full disks (reliability.md 5.4, F12)."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from interpres import filing
from interpres.destinations.folder import FolderSettings
from interpres.fault import Fault, TryAgain
from tests.conformance import DestinationSuite, run


class TestFolder(DestinationSuite):
    word = "folder"

    def settings(self, folder: Path) -> dict[str, Any]:
        return {"path": "out", "name": "{received_on}/{message_id}{suffix}"}

    def received(self, folder: Path) -> list[bytes]:
        return [p.read_bytes() for p in sorted((folder / "out").rglob("*")) if p.is_file()]

    def test_the_file_is_called_as_told(self, tmp_path: Path) -> None:
        self.sent(self.made(tmp_path), self.parcel())
        assert (tmp_path / "out/2026-11-04/01J0000000000000000000000A.json").read_bytes() == b'{"a":1}'

    def test_written_synced_renamed_and_the_folder_synced(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        steps: list[str] = []
        fsync, replace = os.fsync, Path.replace

        def synced(descriptor: int) -> None:
            steps.append("sync " + Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
            fsync(descriptor)

        def renamed(self: Path, target: Path) -> Path:
            steps.append(f"rename {self.name} {target.name}")
            return replace(self, target)

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(Path, "replace", renamed)
        self.sent(self.made(tmp_path, name="day/x.json"), self.parcel())
        made = [f"sync {tmp_path.name}", "sync out"]  # the folder itself, then the one in it
        assert steps == [*made, "sync .x.json.part", "rename .x.json.part x.json", "sync day"]

    def test_other_content_under_the_same_name_is_refused_or_replaced_as_told(self, tmp_path: Path) -> None:
        one, two = self.parcel(b"one", "k1"), self.parcel(b"two", "k2")
        first, second = self.sent(self.made(tmp_path, name="x"), one, two)
        assert (first.state, second.state, [f.code for f in second.faults]) == ("delivered", "refused", ["N253"])
        assert self.received(tmp_path) == [b"one"]
        assert self.sent(self.made(tmp_path, name="x", when_exists="replace"), two)[0].state == "delivered"
        assert self.received(tmp_path) == [b"two"]

    def test_names_from_messages_never_leave_the_folder(self, tmp_path: Path) -> None:
        names = ["../../etc/passwd", "/abs", "..\\x", "CON", "a\nb", "លេខ", "x" * 300]
        parcels = [self.parcel(b"%d" % n, visit=name) for n, name in enumerate(names)]
        assert {o.state for o in self.sent(self.made(tmp_path, name="{visit}"), *parcels)} == {"delivered"}
        assert sorted(self.received(tmp_path)) == [b"%d" % n for n in range(len(names))]
        assert [p.name for p in tmp_path.iterdir()] == ["out"]

    def test_a_message_without_the_value_is_refused(self, tmp_path: Path) -> None:
        (outcome,) = self.sent(self.made(tmp_path, name="{visit}.json"), self.parcel(visit=""))
        assert (outcome.state, [f.code for f in outcome.faults]) == ("refused", ["N251"])

    def test_links_below_the_folder_lead_nowhere(self, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "other").mkdir()
        (tmp_path / "out/day").symlink_to(tmp_path / "other")
        (outcome,) = self.sent(self.made(tmp_path, name="day/x.json"), self.parcel())
        assert (outcome.state, [f.code for f in outcome.faults]) == ("refused", ["N254"])
        assert list((tmp_path / "other").iterdir()) == []

    @pytest.mark.parametrize(
        ("number", "says"),
        [
            (errno.ENOSPC, "no file can be written to out: the disk is full"),
            (errno.EACCES, "no file can be written to out: the rights do not allow it"),
            (errno.EIO, "no file can be written to out: the disk failed"),
        ],
    )
    def test_a_disk_that_will_not_have_it_is_tried_again_and_nothing_is_left(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, says: str
    ) -> None:
        destination = self.made(tmp_path, name="x.json")
        fsync = os.fsync
        failing = [True]

        def failed(descriptor: int) -> None:
            if failing[0] and os.readlink(f"/proc/self/fd/{descriptor}").endswith(".part"):
                raise OSError(number, os.strerror(number))
            fsync(descriptor)

        monkeypatch.setattr(filing.os, "fsync", failed)
        with pytest.raises(TryAgain) as caught:
            self.sent(destination, self.parcel())
        assert (caught.value.says, caught.value.uncertain) == (says, False)
        assert self.received(tmp_path) == []
        failing[0] = False
        assert self.sent(destination, self.parcel())[0].state == "delivered"

    def test_what_a_crash_left_beside_is_written_over(self, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out/.x.json.part").write_bytes(b"half of something much longer")
        self.sent(self.made(tmp_path, name="x.json"), self.parcel())
        assert self.received(tmp_path) == [b'{"a":1}']

    def test_a_file_where_the_folder_should_be_is_a_fault(self, tmp_path: Path) -> None:
        (tmp_path / "out").write_bytes(b"")
        with pytest.raises(Fault) as caught:
            run(self.made(tmp_path).open())
        assert caught.value.code == "E112"


def test_settings() -> None:
    assert FolderSettings.model_validate("var/out").path == Path("var/out")
    with pytest.raises(ValidationError, match="leads out of the folder"):
        FolderSettings(path=Path("x"), name="/etc/{message_id}")
