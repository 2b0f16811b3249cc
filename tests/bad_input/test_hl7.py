"""HL7 v2 that nobody should send, through a socket and a real engine: reliability.md 5.4, H11 to H27."""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from interpres.fault import Fault, Faults
from interpres.format import Verdict
from interpres.framing import mllp_frame
from interpres.mapping.compiling.compile import Made
from interpres.workspace import Workspace
from tests.bad_input.clinic import NAME, Clinic, Stored, message, story

HEADER = "MSH|^~\\&|HIS|WARD|EHR|CLINIC|20261104083012||ADT^A04^ADT_A01|{0}|P|2.5"
BUILT = """\
about: The patient's name, built anew.
from: hl7v2
to: {format: hl7v2}
output:
  - {MSH-9: ADT, MSH-10: =MSH-10}
  - PID-5.1: =PID-5.1
    PID-8: =PID-8
"""


def about(control: object, *segments: str) -> bytes:
    """A message under a control id of its own."""
    return message(*segments, header=HEADER.format(control))


def born(control: object, date: str) -> bytes:
    return about(control).replace(b"19910322", date.encode())


def told(clinic: Clinic, bodies: list[bytes], look: Callable[[list[str], list[Stored]], None]) -> None:
    """Send these messages one after another and look at the answers and at what was stored: the bytes first of all."""

    async def sent(running: Clinic) -> None:
        answers = [await running.send(body) for body in bodies]
        stored = await running.settled()
        assert [s.body for s in stored] == bodies
        assert running.copies() == [] or sorted(running.copies()) == sorted(s.body for s in stored if s.state == "processed")
        look(answers, stored)

    story(clinic, sent, "adt")


def test_h11_a_message_that_ends_within_its_header_is_kept_and_refused(clinic: Clinic) -> None:
    def look(answers: list[str], stored: list[Stored]) -> None:
        assert [(s.state, s.codes) for s in stored[:4]] == [("rejected", ["H002"])] * 4
        for answer in answers[:4]:
            assert "\rMSA|AR" in answer and "\rERR||MSH^1|100^Segment sequence error^HL70357|E|H002|" in answer
        assert "\rMSA|AA|after" in answers[4] and stored[4].state == "processed"

    told(clinic, [b"MSH", b"MSH|", b"MSH|^~\\&", b"MSH|^~\\&\rPID|1", about("after")], look)


def test_h12_a_segment_without_fields_is_passed_on(clinic: Clinic) -> None:
    def look(answers: list[str], stored: list[Stored]) -> None:
        assert "\rMSA|AA|C1" in answers[0]
        assert stored[0].fates == {"copy": "delivered", "patient": "delivered"}

    told(clinic, [about("C1", "PV1", "OBX", "NTE|")], look)
    assert clinic.patients() == [{"control": "C1", "name": NAME, "sex": "F", "born": "1991-03-22"}]


def test_h13_segments_of_any_name_are_passed_on(clinic: Clinic) -> None:
    def look(answers: list[str], stored: list[Stored]) -> None:
        assert stored[0].state == "processed" and stored[0].fates["patient"] == "delivered"

    told(
        clinic,
        [about("C1", "pv1|1|I", "P2|x", "ZZZ|own|^^^", "QQQ|never heard of", "4AB|x", "|no name", "\u00c4\u00d6\u00dc|x")],
        look,
    )


def test_h14_delimiters_are_taken_where_they_are_distinct(clinic: Clinic) -> None:
    good = ["MSH|^~\\&#|", "MSH|^~\\|", "MSH|^~|", "MSH|^|", "MSH$%~\\&$", "MSH#:~\\&#", "MSH|^~\\&|"]
    bad = ["MSH|^^\\&|", "MSH|^~\\^|", "MSH|ab\\&|", "MSH||~\\&|", "MSH|^~\\&#!|", "MSH|^~\\ |", 'MSH|^~\\"|']

    def written(number: int, header: str) -> bytes:
        sign = header[3]
        fields = ["A", "B", "", "", "2026", "", f"ADT{header[4]}A04", f"{number}", "P", "2.7"]
        return f"{header}{sign.join(fields)}\rPID{sign}1{sign}{sign}P{number}\r".encode()

    def look(answers: list[str], stored: list[Stored]) -> None:
        assert [s.state for s in stored] == ["processed"] * len(good) + ["rejected"] * len(bad)
        assert all(s.codes == ["H003"] for s in stored[len(good) :])
        assert [s.record.keys["patient"] for s in stored[: len(good)]] == [f"P{n}" for n in range(len(good))]
        for number, (header, answer) in enumerate(zip(good, answers, strict=False)):
            sign = header[3]
            assert answer.startswith(header) and f"\rMSA{sign}AA{sign}{number}\r" in answer
        assert all(a.startswith("MSH|^~\\&|") and "\rMSA|AR" in a for a in answers[len(good) :])

    told(clinic, [written(n, header) for n, header in enumerate(good + bad)], look)


def test_h15_control_ids_that_are_missing_long_or_used_twice(clinic: Clinic) -> None:
    def look(answers: list[str], stored: list[Stored]) -> None:
        assert [s.state for s in stored] == ["processed"] * 5
        assert [s.warnings for s in stored] == [["H023"], ["H023"], [], [], ["N304"]]
        assert f"\rMSA|AA|{'9' * 200}\r" in answers[2]
        assert "\rMSA|AA|twice" in answers[3] and "\rMSA|AA|twice" in answers[4]
        assert answers[0].split("\r")[1] == "MSA|AA"

    told(clinic, [about(""), about("", "NTE|1"), about("9" * 200), about("twice"), about("twice", "PV1|1")], look)


def test_h16_an_acknowledgement_is_never_acknowledged(clinic: Clinic) -> None:
    ack = b"MSH|^~\\&|EHR|CLINIC|HIS|WARD|2026||ACK^A04^ACK|A1|P|2.5\rMSA|AA|C1\r"
    mcf = ack.replace(b"ACK^A04^ACK|A1", b"MCF|A2")
    other = about("C1").replace(b"ADT^A04^ADT_A01", b"ORU^^ORU_R01")

    async def sent(running: Clinic) -> None:
        (answer,) = await running.tell(mllp_frame(ack) + mllp_frame(mcf) + mllp_frame(other), 1)
        assert "\rMSA|AA|C1" in answer, "the first answer is that of the third message"
        assert "|ACK|" in answer.split("\r")[0]
        assert [(s.body, s.state) for s in await running.settled()] == [(b, "processed") for b in (ack, mcf, other)]

    story(clinic, sent, "adt")


def test_h17_any_version_is_read(clinic: Clinic) -> None:
    versions = [
        "2.3.z",
        "",
        "2.9",
        "2",
        "3.0",
        "\u00b2\u0663",
        "2.5.1^USA",
        "9" * 100,
        "2.5|||||||||||||||||||||||||||||||||||||x",
    ]

    def look(answers: list[str], stored: list[Stored]) -> None:
        assert {s.state for s in stored} == {"processed"}
        assert all(f"\rMSA|AA|V{n}\r" in a for n, a in enumerate(answers))

    told(clinic, [about(f"V{n}").replace(b"|P|2.5\r", f"|P|{v}\r".encode()) for n, v in enumerate(versions)], look)


def test_h18_every_message_of_a_batch_is_one_and_what_is_odd_is_flagged(clinic: Clinic) -> None:
    batches = {
        "H020": b"FHS|^~\\&|A\rBHS|^~\\&|A\r" + about(1) + about(2) + b"BTS|3\rFTS|1\r",
        "H021": b"BHS|^~\\&|A\r" + about(3) + about(4),
        "H022": b"BHS|^~\\&|A\r" + about(5) + b"BHS|^~\\&|B\r" + about(6) + b"BTS|1\r",
        "": b"".join(about(f"8-{n}") for n in range(8)),
        "half": about(7) + b"MSH|^~\\&\r" + about(8),
        "trailer": about(9) + b"BTS|1\r",
    }

    async def sent(running: Clinic) -> None:
        answers = [await running.send(batch) for batch in batches.values()]
        stored = await running.settled()
        found = {
            kind: [s for s in stored if s.record.intake == first]
            for kind, first in zip(batches, dict.fromkeys(s.record.intake for s in stored), strict=True)
        }
        assert {kind: b"".join(s.body for s in found[kind]) for kind in batches} == batches
        assert {kind: len(messages) for kind, messages in found.items()} == {
            "H020": 2, "H021": 2, "H022": 2, "": 8, "half": 3, "trailer": 1
        }  # fmt: skip
        for kind in ("H020", "H021", "H022"):
            assert found[kind][0].warnings == [kind], kind
        assert found["trailer"][0].warnings == ["H021"]
        assert [s.state for s in found["half"]] == ["processed", "rejected", "processed"]
        assert all(s.state == "processed" for kind, messages in found.items() for s in messages if kind != "half")
        assert [a.count("\rMSA|") for a in answers] == [2, 2, 2, 8, 3, 1]
        assert answers[0].startswith("BHS|") and answers[0].endswith("\rBTS|2\r")

    story(clinic, sent, "adt")


def test_h18_an_empty_batch_is_kept_and_refused(clinic: Clinic) -> None:
    def look(answers: list[str], stored: list[Stored]) -> None:
        assert [(s.state, s.codes) for s in stored] == [("rejected", ["H007"])]

    told(clinic, [b"BHS|^~\\&|A\rBTS|0\r"], look)


def test_h19_line_ends_of_every_kind_and_a_line_feed_that_is_data(clinic: Clinic) -> None:
    note = "NTE|1||first line\nsecond line"
    plain = [about(n, "PV1|1|I") for n in range(3)]
    bodies = [
        plain[0].replace(b"\r", b"\n"),
        plain[1].replace(b"\r", b"\r\n"),
        plain[2].replace(b"\rPID", b"\nPID").replace(b"\rPV1", b"\r\nPV1"),
        about("note", note, "PV1|1|I"),
    ]

    def look(answers: list[str], stored: list[Stored]) -> None:
        assert [s.fates["patient"] for s in stored] == ["delivered"] * 4

    told(clinic, bodies, look)
    patients = {p["control"]: p for p in clinic.patients()}
    assert all(patients[str(n)]["name"] == NAME for n in range(3))
    assert patients["note"]["notes"] == [{"text": "first line\nsecond line"}]


def test_h20_escapes_say_what_they_stand_for_and_are_never_read_twice(clinic: Clinic) -> None:
    written = {
        "a\\X0D\\PV1\\F\\x": "a\rPV1|x",
        "\\X000d\\": "\x00\r",
        "\\E\\R\\": "\\R\\",
        "\\E\\\\F\\": "\\|",
        "an unclosed \\ sign": "an unclosed \\ sign",
        "\\Zab..\\": "\\Zab..\\",
        "one\\.br\\two": "one\ntwo",
        "\\X0\\ \\Xzz\\ \\Q\\": "\\X0\\ \\Xzz\\ \\Q\\",
        "{{7*7}} ${x} %s {0.__globals__}": "{{7*7}} ${x} %s {0.__globals__}",
    }

    def look(answers: list[str], stored: list[Stored]) -> None:
        assert stored[0].fates["patient"] == "delivered"

    told(clinic, [about("C1", *(f"NTE|{n}||{text}" for n, text in enumerate(written, 1)))], look)
    assert [note["text"] for note in clinic.patients()[0]["notes"]] == list(written.values())


def test_h20_what_a_value_holds_never_becomes_structure(clinic: Clinic) -> None:
    clinic.write("mappings/built.yaml", BUILT)
    name = "X|Y\rOBX|1|ST|^~\\&\n\x1c\x0b"
    escaped = "X\\F\\Y\\X0D\\OBX\\F\\1\\F\\ST\\F\\\\S\\\\R\\\\E\\\\T\\\\X0A\\\\X1C\\\\X0B\\"
    loaded = Workspace(clinic.folder).mapping("built")
    document = loaded.from_format.decode(about("C1").replace(NAME.encode(), escaped.encode()))
    (tree,) = loaded.compiled(document, {}).documents
    again = loaded.to_format.decode(loaded.to_format.encode(tree)).tree
    assert [line.partition("|")[0] for line in again.lines if line] == ["MSH", "PID"]
    assert loaded.compiled(loaded.from_format.decode(again.body), {}).documents[0] == tree
    assert tree[1]["PID-5.1"] == name


def test_h21_bytes_that_are_no_text_in_their_charset_are_kept_and_refused_where_they_are(clinic: Clinic) -> None:
    def said(number: int, charset: str, name: bytes) -> bytes:
        header = HEADER.format(number).encode() + b"||||||" + charset.encode()
        return header + b"\rPID|1||P7||" + name + b"\r"

    good = [
        said(1, "ASCII", "សុភា".encode()),
        said(2, "8859/1", "José".encode("latin-1")),
        said(3, "ISO IR14", "ﾔﾏﾀﾞ".encode("shift_jis")),
        said(4, "KLINGON", "សុភា".encode()),
    ]
    bad = [
        said(5, "ASCII", "José".encode("latin-1")),
        said(6, "", "山田".encode("shift_jis")),
        said(7, "UNICODE UTF-8", b"\xff\xfe"),
        said(8, "KLINGON", b"\xff\xfe"),
    ]

    def look(answers: list[str], stored: list[Stored]) -> None:
        assert [s.state for s in stored] == ["processed"] * 4 + ["rejected"] * 4
        assert [s.codes for s in stored[4:]] == [["H005"], ["H005"], ["H005"], ["H004"]]
        wrong = [bad[0].index(b"\xe9"), bad[1].index(b"\x8e"), bad[2].index(b"\xff")]
        assert [s.record.faults[0].source for s in stored[4:7]] == [f"byte {n + 1}, line 2 (PID)" for n in wrong]
        assert all("\rMSA|AR|" in a and a.isascii() for a in answers[4:])

    told(clinic, good + bad, look)
    names = {p["control"]: p["name"] for p in clinic.patients()}
    assert names == {"1": "សុភា", "2": "José", "3": "ﾔﾏﾀﾞ", "4": "សុភា"}


def test_h21_sixteen_bits_are_read_and_answered_alike(clinic: Clinic) -> None:
    body = about("C1").decode().encode("utf-16")

    async def sent(running: Clinic) -> None:
        reader, writer = await running.connected()
        writer.write(mllp_frame(body))
        answer = (await reader.readuntil(b"\x1c\r"))[1:-2].decode("utf-16")
        assert "\rMSA|AA|C1" in answer
        writer.close()
        assert (await running.only()).body == body

    story(clinic, sent, "adt")
    assert [p["name"] for p in clinic.patients()] == [NAME]


def test_h22_a_byte_order_mark_is_no_part_of_the_message(clinic: Clinic) -> None:
    def look(answers: list[str], stored: list[Stored]) -> None:
        assert "\rMSA|AA|C1" in answers[0] and stored[0].record.keys["patient"] == "P7"
        assert stored[0].fates["patient"] == "delivered"

    told(clinic, [b"\xef\xbb\xbf" + about("C1")], look)


def test_h23_large_messages_pass_in_linear_time(clinic: Clinic) -> None:
    pdf = base64.b64encode(b"%PDF" * 190_000).decode()

    def observations(number: int) -> bytes:
        return about(number, *(f"OBX|{n}|NM|A^B^C||{n}" for n in range(number)))

    def look(answers: list[str], stored: list[Stored]) -> None:
        assert {s.state for s in stored} == {"processed"} and all("\rMSA|AA|" in a for a in answers)
        assert {s.fates["patient"] for s in stored} == {"delivered"}

    told(
        clinic,
        [
            about("pdf", f"OBX|1|ED|PDF||^application^pdf^Base64^{pdf}"),
            about("repetitions", "NTE|1||" + "~".join(f"r{n}" for n in range(60_000))),
            about("field", "NTE|1||" + "x" * 3_000_000),
            observations(100_000),
        ],
        look,
    )
    loaded = Workspace(clinic.folder).mapping("patient_from_hl7")

    def seconds(number: int) -> float:
        body = observations(number)
        best = 1e9
        for _ in range(3):
            begun = time.perf_counter()
            loaded.compiled(loaded.from_format.decode(body), {})
            best = min(best, time.perf_counter() - begun)
        return best

    assert seconds(40_000) < 12 * seconds(10_000) + 0.05, "four times as much must not take sixteen times as long"


DATES = [
    "20230231",
    "0000",
    "202601012460",
    "20260101120000+9999",
    "1",
    "20260101120000." + "1" * 30,
    "２０２６0101",
    "-20260101",
    "20261304",
]


def test_h24_dates_that_are_none_refuse_one_delivery_and_name_the_field(clinic: Clinic) -> None:
    def look(answers: list[str], stored: list[Stored]) -> None:
        for one in stored:
            assert one.fates == {"copy": "delivered", "patient": "refused"}
            (fault,) = one.record.faults
            assert (fault.code, fault.source, fault.target) == ("M222", "PID-7", "born")
            assert str(fault.at) == "mappings/patient_from_hl7.yaml:8:9" and fault.hint

    told(clinic, [born(n, date) for n, date in enumerate(DATES)], look)
    assert clinic.patients() == []


NUMBERS = ["1e400", "٣", "NaN", "--", "1_0", "0x10", "Infinity", "1,5", "²", "9" * 5000, "1.2.3", "\u2212" + "5"]


def test_h25_numbers_that_are_none_refuse_one_delivery_and_name_the_field(clinic: Clinic) -> None:
    def look(answers: list[str], stored: list[Stored]) -> None:
        for one in stored:
            assert one.fates == {"copy": "delivered", "patient": "refused"}, one.record.keys
            (fault,) = one.record.faults
            assert (fault.code, fault.target) == ("M221", "weight") and fault.source.startswith("OBX[") and fault.hint

    told(clinic, [about(n, f"OBX|1|NM|WEIGHT||{number}") for n, number in enumerate(NUMBERS)], look)


def test_h26_null_empty_and_absent_are_three_things(clinic: Clinic) -> None:
    clinic.write("mappings/patient_from_hl7.yaml", NULLS)
    bodies = [about(n).replace(b"|F", end) for n, end in enumerate((b'|""', b"|", b"", b'|"" ', b"|\\X22\\\\X22\\"))]

    def look(answers: list[str], stored: list[Stored]) -> None:
        assert {s.fates["patient"] for s in stored} == {"delivered"}

    told(clinic, bodies, look)
    assert sorted(clinic.patients(), key=lambda p: int(p["control"])) == [
        {"control": "0", "sex": None, "raw": '""'},
        {"control": "1"},
        {"control": "2"},
        {"control": "3", "sex": '"" ', "raw": '"" '},
        {"control": "4", "sex": '""', "raw": "\\X22\\\\X22\\"},
    ]


NULLS = """\
about: What is null and what is not there.
from: hl7v2
to: {format: json}
output:
  control: =MSH-10
  sex: =PID-8
  raw: =raw(PID-8)
"""

SEED = 20261104
MUTANTS = 2_000
PIECES = [
    b"|",
    b"^",
    b"~",
    b"\\",
    b"&",
    b"\r",
    b"\n",
    b"\0",
    b"\xff",
    b"\x0b",
    b"\x1c",
    b"MSH",
    b"MSH|^~\\&",
    b"BHS|^~\\&",
    b"\\X",
    b"\x1e",
]


def mutant(chance: random.Random, body: bytes) -> bytes:
    """A message with a few bytes cut out, doubled, or put in."""
    made = bytearray(body)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(made) + 1)
        match chance.randrange(4):
            case 0:
                del made[at : at + chance.randint(1, 40)]
            case 1:
                made[at:at] = made[max(0, at - chance.randint(1, 40)) : at]
            case 2:
                made[at:at] = chance.choice(PIECES)
            case _:
                made[at : at + 1] = bytes([chance.randrange(256)])
    return bytes(made)


def test_h27_mutants_are_read_or_refused_with_a_fault_and_always_answered(clinic: Clinic) -> None:
    chance = random.Random(SEED)
    loaded = Workspace(clinic.folder).mapping("patient_from_hl7")
    whole = about("C1", "PV1|1|I|A^B&C~D", "NTE|1||text\\F\\x", "OBX|1|NM|WEIGHT^W^L||12.5|kg")
    at = datetime(2026, 11, 4, tzinfo=UTC)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(MUTANTS):
        body = mutant(chance, whole)
        assert b"".join(loaded.from_format.messages(body)) == body
        for one in loaded.from_format.messages(body):
            outcomes[read(loaded, one)] += 1
        for verdict in (Verdict(True), Verdict(False, (Fault("H001", "no", source="PID-3"),))):
            answer = loaded.from_format.reply(body, verdict, at, "A1")
            assert answer is None or not {0x0B, 0x1C} & set(answer), "an answer would break its own frame"
    assert min(outcomes.values()) > MUTANTS / 20, outcomes


def read(loaded: Any, body: bytes) -> str:
    """Whether a message can be read; what is read is written again to the same bytes."""
    try:
        document = loaded.from_format.decode(body)
    except (Fault, Faults):
        return "refused"
    made = loaded.compiled(document, {})
    assert isinstance(made, Made) and all(isinstance(f, Fault) for f in made.faults)
    assert loaded.from_format.encode(document.tree) == body
    return "read"
