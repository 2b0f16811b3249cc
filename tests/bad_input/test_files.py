"""Files that nobody should drop where a real engine watches, and disks that will not take what it writes: F1 to F12."""

from __future__ import annotations

import errno
import io
import json
import os
import threading
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bad_input.clinic import HL7_FILES, NAME, Clinic, message, story

GOOD = b"id,name,born\n7,%s,19910322\n" % NAME.encode()


def watched(clinic: Clinic, channel: str, told: Callable[[Clinic], Awaitable[None]], body: bytes = GOOD) -> None:
    """Run a story; afterwards a good file is taken as if nothing had been."""

    async def whole(running: Clinic) -> None:
        await told(running)
        running.drop(channel, "after", body)
        assert (await running.receipt(channel, "after"))["in"] == "done"
        assert (await running.settled())[-1].state == "processed"

    story(clinic, whole, channel)


def faults_of(receipt: dict[str, Any]) -> list[tuple[str, str]]:
    return [(f["code"], f["source"]) for f in receipt["faults"]]


NAMES = [
    b"C:\\..\\etc\\passwd",
    b"CON",
    b"NUL.hl7",
    b'line\nbreak {"event": "forged"}.hl7',
    b";rm -rf x",
    b"$(id)",
    b"`id`",
    b"-rf",
    b"x" * 255,
    b"\xff\xfe.hl7",
    "\u202etxt.exe".encode(),
    b"InterPartner~CELR~TX~A~B~STOP~x.txt",
    b"a#b (F).txt",
    b"!notempty",
    "លេខករណី.csv".encode(),
    b"%2e%2e%2fx",
    b"<script>alert(1)</script>"[:9],
    b"{{7*7}}{message_id}",
    b"\x1b[31mred",
]


def test_f1_a_name_is_data_on_the_way_in_and_on_the_way_out(clinic: Clinic) -> None:
    clinic.write("channels/hl7_files.yaml", HL7_FILES.replace("{message_id}.hl7", "{source_name}/{message_id}.hl7"))
    bodies = {name: message(f"NTE|{n}") for n, name in enumerate(NAMES)}

    async def told(running: Clinic) -> None:
        for name, body in bodies.items():
            running.drop("hl7_files", name, body)
        for name in NAMES:
            assert (await running.receipt("hl7_files", os.fsdecode(name)) if len(name) < 200 else {"in": "done"})["in"] == "done"
        stored = {s.record.envelope["source_name"]: s for s in await running.settled()}
        assert len(stored) == len(NAMES)
        for name, body in bodies.items():
            one = stored[name.decode("utf-8", "backslashreplace")]
            assert one.body == body and one.fates == {"copy": "delivered"} and one.record.id.isalnum()

    watched(clinic, "hl7_files", told, message())
    copies = clinic.folder / "var/copy"
    places = [f.relative_to(copies) for f in copies.rglob("*") if f.is_file()]
    assert len(places) == len(NAMES) + 1 and all(len(place.parts) == 2 for place in places)
    assert all(part.isprintable() and not part.startswith((".", "-")) and "\\" not in part for p in places for part in p.parts)
    assert sorted(p.name for p in clinic.folder.iterdir()) == ["channels", "mappings", "var"]
    assert all(json.loads(line) for line in clinic.log().splitlines())


def test_f2_what_is_no_file_of_its_own_is_left_counted_and_logged(clinic: Clinic) -> None:
    clinic.write("secret", NAME)

    async def told(running: Clinic) -> None:
        root = running.inbox("hl7_files")
        (root / "link.hl7").symlink_to(clinic.folder / "secret")
        os.link(clinic.folder / "secret", root / "hard.hl7")
        os.mkfifo(root / "pipe.hl7")
        (root / "folder.hl7").mkdir()
        running.drop("hl7_files", "good.hl7", message())
        assert (await running.receipt("hl7_files", "good.hl7"))["state"] == "accepted"
        assert [s.body for s in await running.settled()] == [message()]
        await running.counted(processed=1, refused=3)
        told = json.loads((root / "rejected/link.hl7.receipt.json").read_text("utf-8"))
        assert (told["state"], faults_of(told)) == ("rejected", [("N122", "link.hl7")])

    watched(clinic, "hl7_files", told, message("PV1"))
    assert clinic.log().count('"N122"') == 3
    assert (clinic.folder / "secret").read_text("utf-8") == NAME


@pytest.mark.parametrize("channel", ["hl7_files", "tables", "xml"])
def test_f4_a_file_that_says_nothing_is_kept_and_refused(clinic: Clinic, channel: str) -> None:
    nothing = {"zero": b"", "bom": b"\xef\xbb\xbf", "lines": b"\r\n\n", "blanks": b" \t "}
    good = {"hl7_files": message(), "tables": GOOD, "xml": b"<patient><id>7</id></patient>"}[channel]

    async def told(running: Clinic) -> None:
        for name, body in nothing.items():
            running.drop(channel, name, body)
        for name, body in nothing.items():
            receipt = await running.receipt(channel, name)
            assert (receipt["in"], receipt["state"], receipt["rejected"]) == ("rejected", "rejected", 1), name
            assert (running.inbox(channel) / "rejected" / name).read_bytes() == body
        stored = await running.settled()
        assert sorted(s.body for s in stored) == sorted(nothing.values())
        assert all(s.state == "rejected" and len(s.codes) == 1 for s in stored)

    watched(clinic, channel, told, good)


def test_f5_the_same_bytes_are_taken_once_under_whatever_name(clinic: Clinic) -> None:
    body = message()

    async def told(running: Clinic) -> None:
        for name, place, state in (
            ("one.hl7", "one.hl7", "accepted"),
            ("two.hl7", "two.hl7", "duplicate"),
            ("one.hl7", "one.2.hl7", "duplicate"),
        ):
            running.drop("hl7_files", name, body)
            receipt = await running.receipt("hl7_files", place)
            assert (receipt["file"], receipt["state"]) == (name, state)
        await running.counted(processed=1, duplicate=2)
        running.drop("hl7_files", "one.hl7", message("PV1|other"))
        assert (await running.receipt("hl7_files", "one.3.hl7"))["state"] == "accepted"

    watched(clinic, "hl7_files", told, message("PV1"))


def test_f7_many_files_are_stored_in_order_of_name(clinic: Clinic) -> None:
    bodies = [message(f"PV1|{n:03d}") for n in range(40)]

    async def told(running: Clinic) -> None:
        for n in sorted(range(40), key=lambda n: n * 37 % 40):
            (running.inbox("hl7_files") / f"{n:03d}.hl7").write_bytes(bodies[n])
        await running.receipt("hl7_files", "039.hl7")
        assert [s.body for s in await running.settled()] == bodies

    text = HL7_FILES.replace("renamed: true", "stable_seconds: 0.4")
    clinic.write("channels/hl7_files.yaml", text)
    watched(clinic, "hl7_files", told, message())


HEADER = b"id,name,born\n"
TABLES: dict[str, tuple[bytes, str, list[tuple[str, str]]]] = {
    "nul": (HEADER + b"1,a\0b,19910322\n2,c,19910323\n", "partial", [("T009", "line 2: name")]),
    "quote": (HEADER + b'1,"open,19910322\n2,c,19910323\n', "partial", [("T008", "line 2")]),
    "returns": (HEADER.replace(b"\n", b"\r") + b"1,a,19910322\r2,c,19910323\r", "accepted", []),
    "large cell": (HEADER + b"1," + b"x" * 200_000 + b",19910322\n2,c,19910323\n", "accepted", []),
    "huge cell": (HEADER + b"1," + b"x" * 1_200_000 + b",19910322\n2,c,19910323\n", "partial", [("T010", "line 2: name")]),
    "header twice": (b"id,name,name\n1,a,19910322\n", "rejected", [("T003", "header: name")]),
    "header missing": (b"1,a,19910322\n2,c,19910323\n", "rejected", [("M233", "line 2: id")]),
    "one more": (HEADER + b"1,a,19910322,more\n2,c,19910323\n", "partial", [("T006", "line 2")]),
    "one less": (HEADER + b"1,a,19910322\n2,c\n", "partial", [("T007", "line 3: born")]),
    "utf-16": ((HEADER + "3,សុភា,19910322\n".encode()).decode().encode("utf-16"), "accepted", []),
    "semicolons": (b"id;name;born\n1;a;19910322\n", "accepted", []),
    "tabs": (b"id\tname\tborn\n1\ta\t19910322\n", "accepted", []),
    "mixed": (
        HEADER + b"1,a,19910322\n,b,19910322\n3,\xff,19910322\n4,%s,20230231\n5,e,19910322\n" % NAME.encode(),
        "partial",
        [("M233", "line 3: id"), ("T002", "line 4"), ("M222", "line 5: born")],
    ),
}


def test_f8_tables_of_every_damage_name_the_row_and_the_good_rows_go_on(clinic: Clinic) -> None:
    async def told(running: Clinic) -> None:
        for name, (body, _, _) in TABLES.items():
            running.drop("tables", f"{name}.csv", body)
        for name, (body, state, faults) in TABLES.items():
            receipt = await running.receipt("tables", f"{name}.csv")
            assert (receipt["state"], faults_of(receipt)) == (state, faults), name
            rows = body.decode("utf-16").count("\n") - 1 if name == "utf-16" else body.replace(b"\r", b"\n").count(b"\n") - 1
            filed = (running.inbox("tables") / receipt["in"] / f"{name}.csv").read_bytes()
            assert filed == body and (receipt["processed"] + receipt["rejected"] == rows or state == "rejected")
        stored = await running.settled()
        assert sum(s.state == "processed" for s in stored) == 14
        assert {s.body for s in stored if s.codes == ["M222"]} == {HEADER + b"4,%s,20230231\n" % NAME.encode()}

    watched(clinic, "tables", told)
    back = (clinic.inbox("tables") / "rejected/mixed.csv.rejected.csv").read_text("utf-8-sig").splitlines()
    assert [row.split(",")[:5] for row in back] == [
        ["id", "name", "born", "line", "field"],
        ["", "b", "19910322", "3", "id"],
        ["3", "\ufffd", "19910322", "4", ""],
        ["4", NAME, "20230231", "5", "born"],
    ]
    assert sorted(p["id"] for p in clinic.patients()) == sorted("221212221311157")


def test_f8_one_line_without_an_end_is_read_in_linear_time(clinic: Clinic) -> None:
    async def told(running: Clinic) -> None:
        running.drop("tables", "line.csv", b"x" * 4_000_000)
        receipt = await running.receipt("tables", "line.csv")
        assert (receipt["in"], receipt["state"]) == ("rejected", "rejected")
        assert {code for code, _ in faults_of(receipt)} <= {"T010", "T014", "T001", "T011"}, faults_of(receipt)

    watched(clinic, "tables", told)


def test_f8_of_several_messages_the_receipt_says_which_is_wrong(clinic: Clinic) -> None:
    async def told(running: Clinic) -> None:
        running.drop("hl7_files", "batch.hl7", message() + b"MSH|^~\\&\r" + message("PV1"))
        receipt = await running.receipt("hl7_files", "batch.hl7")
        assert (receipt["in"], receipt["state"], receipt["processed"]) == ("rejected", "partial", 2)
        assert faults_of(receipt) == [("H002", "message 2: MSH")]

    watched(clinic, "hl7_files", told, message("PV1|1"))


def test_f9_what_a_spreadsheet_would_run_passes_unchanged(clinic: Clinic) -> None:
    cells = ["=cmd|' /C calc'!A0", "@SUM(1)", "+1", "-1", "=HYPERLINK(1)"]

    async def told(running: Clinic) -> None:
        running.drop("tables", "x.csv", HEADER + "".join(f"{n},{cell},\n" for n, cell in enumerate(cells)).encode())
        assert (await running.receipt("tables", "x.csv"))["state"] == "accepted"
        await running.settled()
        assert [p["name"] for p in sorted(running.patients(), key=lambda p: p["id"])] == cells

    watched(clinic, "tables", told)


def archive(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return out.getvalue()


ARCHIVES = {
    "slip.xlsx": archive({"../../evil.txt": b"x", "xl/workbook.xml": b"<workbook/>"}),
    "absolute.xlsx": archive({"/etc/cron.d/x": b"x", "xl/workbook.xml": b"<workbook/>"}),
    "windows.xlsx": archive({"..\\evil.txt": b"x", "xl/workbook.xml": b"<workbook/>"}),
    "zeros.xlsx": archive({"xl/workbook.xml": b"<workbook/>", "xl/worksheets/sheet1.xml": b"\0" * (300 << 20)}),
    "members.xlsx": archive({f"m{n}": b"" for n in range(2000)}),
    "nested.xlsx": archive({"a.zip": archive({"b.zip": archive({"c": b"\0" * 1000})})}),
    "truncated.xlsx": archive({"xl/workbook.xml": b"<workbook/>" * 100})[:-40],
    "program.xlsx": b"MZ\x90\x00" + b"\0" * 400,
    "old.xlsx": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 400,
}


def test_f10_archives_made_to_do_harm_are_kept_and_refused_unopened(clinic: Clinic) -> None:
    async def told(running: Clinic) -> None:
        for name, body in ARCHIVES.items():
            running.drop("tables", name, body)
        for name, body in ARCHIVES.items():
            receipt = await running.receipt("tables", name)
            assert (receipt["in"], receipt["state"], len(receipt["faults"])) == ("rejected", "rejected", 1), name
            assert (running.inbox("tables") / "rejected" / name).read_bytes() == body
        stored = await running.settled()
        assert sorted(s.body for s in stored) == sorted(ARCHIVES.values())
        assert {s.state for s in stored} == {"rejected"}

    watched(clinic, "tables", told)
    assert list(clinic.folder.parent.rglob("evil.txt")) == []


def test_f12_a_name_from_a_message_makes_no_folders(clinic: Clinic) -> None:
    text = HL7_FILES.replace("{message_id}.hl7", "{patient}/{message_id}.hl7").replace(
        "destinations:", "keys: {patient: =PID-3.1}\ndestinations:"
    )
    clinic.write("channels/hl7_files.yaml", text)
    hostile = ["../../../x", "/abs", "..", ".", "a/b", "\\R\\root", "nul", "x" * 300, "a\\E\\b", "\u202e"]

    async def told(running: Clinic) -> None:
        for n, name in enumerate(hostile):
            running.drop("hl7_files", f"{n}.hl7", message(f"PV1|{n}").replace(b"P7", name.encode()))
        for n in range(len(hostile)):
            assert (await running.receipt("hl7_files", f"{n}.hl7"))["state"] == "accepted"
        assert {s.fates["copy"] for s in await running.settled()} == {"delivered"}

    watched(clinic, "hl7_files", told, message())
    copies = clinic.folder / "var/copy"
    places = [f.relative_to(copies) for f in copies.rglob("*") if f.is_file()]
    assert len(places) == len(hostile) + 1 and all(len(p.parts) == 2 for p in places)
    assert sorted(p.name for p in clinic.folder.iterdir()) == ["channels", "mappings", "var"]


def test_f12_another_file_of_the_name_is_not_overwritten(clinic: Clinic) -> None:
    clinic.write("channels/hl7_files.yaml", HL7_FILES.replace("{message_id}.hl7", "same.hl7"))
    clinic.write("var/copy/same.hl7", "what was there")

    async def told(running: Clinic) -> None:
        running.drop("hl7_files", "x.hl7", message())
        await running.receipt("hl7_files", "x.hl7")
        one = await running.only()
        assert one.fates == {"copy": "refused"} and [f.code for f in one.deliveries[0].faults] == ["N253"]

    watched(clinic, "hl7_files", told, message("PV1"))
    assert [f.name for f in (clinic.folder / "var/copy").iterdir()] == ["same.hl7"]
    assert clinic.copies() == [b"what was there"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_f12_what_the_disk_will_not_take_is_delivered_whole_once_it_does(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The disk fails when all is written but the sync; nothing of it may be seen."""
    well = threading.Event()
    real = os.fsync

    def failing(descriptor: int) -> None:
        place = os.readlink(f"/proc/self/fd/{descriptor}")
        if not well.is_set() and "/var/copy" in place:
            assert place.endswith((".part", "/copy")), "what is not synced has its own name already"
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", failing)

    async def told(running: Clinic) -> None:
        running.drop("hl7_files", "x.hl7", message())
        await running.receipt("hl7_files", "x.hl7")
        one = await waiting(running)
        assert one.tries >= 1 and list((clinic.folder / "var/copy").iterdir()) == []
        story_ = await running.engine.store.story(1)
        assert story_ and story_.deliveries[0].attempts[0].says.startswith("no file can be written to var/copy: ")
        well.set()
        assert [s.fates for s in await running.settled()] == [{"copy": "delivered"}]
        assert running.copies() == [message()]

    watched(clinic, "hl7_files", told, message("PV1"))


async def waiting(running: Clinic) -> Any:
    """The delivery, once it was tried and waits."""
    import asyncio

    async with asyncio.timeout(10):
        while True:
            found = await running.engine.store.deliveries(1)
            if found and found[0].state == "waiting" and found[0].tries:
                return found[0]
            await asyncio.sleep(0.005)


def test_f12_a_folder_that_is_gone_is_made_again(clinic: Clinic) -> None:
    async def told(running: Clinic) -> None:
        (clinic.folder / "var/copy").rmdir()
        running.drop("hl7_files", "x.hl7", message())
        await running.receipt("hl7_files", "x.hl7")
        assert [s.fates for s in await running.settled()] == [{"copy": "delivered"}]

    watched(clinic, "hl7_files", told, message("PV1"))


def test_f12_a_place_that_is_no_folder_is_told_when_the_engine_starts(clinic: Clinic, tmp_path: Path) -> None:
    clinic.write("var/copy", "a file")

    async def told(running: Clinic) -> None:
        raise AssertionError("it must not start")

    with pytest.raises(Exception) as caught:  # noqa: PT011
        story(clinic, told, "hl7_files")
    assert getattr(caught.value, "code", "") == "E112"
