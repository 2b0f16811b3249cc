"""MLLP frames from bytes in any pieces: reliability.md 5.4, rows H1 to H7, and no piece of bytes that breaks the reader."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from interpres.framing import Event, Frame, MllpReader, Refusal, State, Stop, mllp_frame

ONE = b"MSH|^~\\&|A|B\rPID|1\r"
TWO = b"MSH|^~\\&|C|D\rPID|2\r"


def read(*pieces: bytes, end: bool = False, **limits: int) -> list[Event]:
    reader = MllpReader(**limits)
    events = [event for piece in pieces for event in reader.receive(piece)]
    return events + (list(reader.end()) if end else [])


def codes(events: list[Event]) -> list[str | None]:
    return [event.fault.code if event.fault else None for event in events]


def test_h1_an_empty_frame_is_refused_and_the_line_goes_on() -> None:
    events = read(b"\x0b\x1c\r" + mllp_frame(ONE))
    assert isinstance(events[0], Refusal) and events[0].fault.code == "N101"
    assert events[1:] == [Frame(ONE)]


def test_h2_raw_text_without_a_start_is_no_mllp() -> None:
    events = read(ONE)
    assert isinstance(events[0], Stop) and codes(events) == ["N104"]
    assert events[0].head == b""


def test_h3_a_frame_without_its_0d_is_damaged_and_the_next_one_is_not() -> None:
    for between in (b"", b"\n", b"\x00"):
        events = read(b"\x0b" + ONE + b"\x1c" + between + mllp_frame(TWO))
        assert events == [Frame(ONE, events[0].fault), Frame(TWO)]
        assert codes(events) == ["N105", None]


def test_h3_a_line_that_ends_behind_1c_gives_the_damaged_frame() -> None:
    events = read(b"\x0b" + ONE + b"\x1c", end=True)
    assert codes(events) == ["N105"] and isinstance(events[0], Frame) and events[0].body == ONE


def test_h4_two_frames_in_one_piece_and_one_frame_in_many() -> None:
    stream = mllp_frame(ONE) + b"\x00\x00\r\n" + mllp_frame(TWO) + b"\r\n"
    assert read(stream) == [Frame(ONE), Frame(TWO)]
    assert read(*[stream[i : i + 1] for i in range(len(stream))]) == [Frame(ONE), Frame(TWO)]


def test_h5_a_start_inside_is_damage_and_no_split() -> None:
    events = read(mllp_frame(ONE + b"\x0b" + TWO) + mllp_frame(TWO))
    assert events == [Frame(ONE + b"\x0b" + TWO, events[0].fault), Frame(TWO)]
    assert codes(events) == ["N106", None]
    assert events[0].fault is not None and events[0].fault.source == f"byte {len(ONE) + 1}"


def test_an_end_inside_is_damage() -> None:
    events = read(mllp_frame(b"MSH|a\x1cb"))
    assert codes(events) == ["N107"] and isinstance(events[0], Frame) and events[0].body == b"MSH|a\x1cb"


def test_h6_a_frame_without_an_end_stops_at_the_limit() -> None:
    reader = MllpReader(frame_bytes=1000)
    events = [e for piece in [b"\x0b" + ONE] + [b"x" * 100] * 50 for e in reader.receive(piece)]
    assert codes(events) == ["N103"] and isinstance(events[0], Stop)
    assert events[0].head.startswith(b"MSH") and len(events[0].head) <= 1000
    assert reader.state is State.CLOSED and not list(reader.receive(mllp_frame(ONE)))


def test_a_frame_as_large_as_the_limit_is_taken() -> None:
    assert read(mllp_frame(b"x" * 1000), frame_bytes=1000) == [Frame(b"x" * 1000)]


def test_h7_other_protocols_are_told_from_the_first_byte() -> None:
    for hello in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ):
        assert codes(read(hello, mllp_frame(ONE))) == ["N104"]


def test_junk_behind_a_frame_is_passed_over_up_to_a_limit() -> None:
    assert read(mllp_frame(ONE), b"garbage", mllp_frame(TWO), b"garbage" * 2, mllp_frame(ONE), junk_bytes=14) == [
        Frame(ONE),
        Frame(TWO),
        Frame(ONE),
    ]
    assert codes(read(mllp_frame(ONE), b"garbage" * 3, junk_bytes=14)) == [None, "N104"]


def test_a_line_that_ends_inside_a_frame_is_told() -> None:
    events = read(b"\x0b" + ONE, end=True)
    assert codes(events) == ["N102"] and isinstance(events[0], Stop)
    assert read(mllp_frame(ONE), end=True) == [Frame(ONE)]


@settings(max_examples=200, deadline=None)
@example([b"\x1c", b"\r", b"\x1c", ONE, b"\x1c"], 1)
@given(
    st.lists(st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", b"\x00", b"MSH|", b"\xff", ONE]), max_size=40), st.integers(1, 7)
)
def test_the_pieces_make_no_difference(parts: list[bytes], size: int) -> None:
    stream = b"\x0b" + b"".join(parts)
    whole = read(stream, end=True, frame_bytes=200, junk_bytes=20)
    cut = read(*[stream[i : i + size] for i in range(0, len(stream), size)], end=True, frame_bytes=200, junk_bytes=20)
    assert [(type(e), e.fault, getattr(e, "body", None)) for e in whole] == [
        (type(e), e.fault, getattr(e, "body", None)) for e in cut
    ]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=50).map(lambda b: b.translate(None, b"\x0b\x1c")).filter(bool), max_size=6))
def test_every_message_comes_back_as_it_was(messages: list[bytes]) -> None:
    assert read(b"".join(map(mllp_frame, messages))) == [Frame(m) for m in messages]
