"""Real losses of other engines, each told again as a test that has its name; where the house shows it already, that is named.

T-LATEACK, an acknowledgement that comes late and is credited to the next message, is the MLLP destination's and comes with it.
"""

from __future__ import annotations

import ast
import asyncio
import json
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest

from interpres.answer import Answer
from interpres.calls import Calls
from interpres.delivery import Outcome, Parcel
from interpres.engine import outlet, planner, work
from interpres.fault import TryAgain
from interpres.framing import mllp_frame
from interpres.retry import Retry
from interpres.sources import folder
from interpres.sources.mllp import peer
from interpres.store.sqlite import writer
from interpres.store.store import Search
from interpres.system import read_system
from tests.bad_input.clinic import Clinic, message, story
from tests.conftest import ROOT
from tests.crash.kills.ground import OPENAPI, SYSTEM
from tests.engine.fakes import House, asking, drop, recipe, until

SHOWN_ELSEWHERE = {
    "T-RETRYSTORM": ["tests/engine/test_rest.py::test_a_dead_destination_costs_nothing_but_probes"],
    "T-FANOUT": ["tests/engine/test_outlet.py::test_a_dead_destination_does_not_hold_up_another"],
    "T-READFAIL": [
        "tests/sources/test_folder.py::test_f6_a_file_that_cannot_be_read_is_put_back_and_told",
        "tests/sources/test_folder.py::test_what_the_engine_cannot_store_goes_back_where_it_lay",
        "tests/crash/test_machine.py::test_a_full_disk_is_a_no_that_asks_to_come_again_and_heals_by_itself",
    ],
    "T-REPOLL": [
        "tests/sources/test_folder.py::test_f3_a_file_is_taken_whole_or_not_at_all",
        "tests/sources/test_folder.py::test_what_a_crash_left_claimed_is_taken_up_first",
    ],
    "T-PARTIAL": [
        "tests/sources/test_folder.py::test_f3_a_file_that_changes_while_it_is_read_goes_back_and_is_taken_later",
        "tests/sources/test_folder.py::test_a_marker_says_that_a_file_is_complete",
        "tests/engine/test_trouble.py::test_a_source_that_ends_with_an_error_is_started_again",
        "tests/engine/test_meter.py::test_a_source_that_came_to_its_end_is_told",
    ],
    "T-MOVE": [
        "tests/sources/test_folder.py::test_a_file_that_was_refused_lies_in_rejected_and_its_receipt_names_no_value",
        "tests/sources/test_folder.py::test_f6_a_file_that_cannot_be_filed_is_taken_once_and_filed_later",
    ],
    "T-ATOMICSINK": [
        "tests/destinations/test_folder.py::test_written_synced_renamed_and_the_folder_synced",
        "tests/destinations/test_folder.py::test_a_disk_that_will_not_have_it_is_tried_again_and_nothing_is_left",
    ],
    "T-PIPELINE": [
        "tests/bad_input/test_mllp.py::test_h4_frames_in_any_pieces_with_anything_between_are_all_taken",
        "tests/test_framing.py::test_h4_two_frames_in_one_piece_and_one_frame_in_many",
    ],
    "T-PORTSCAN": [
        "tests/bad_input/test_mllp.py::test_h2_h7_what_is_no_mllp_is_closed_and_counted_without_a_word",
        "tests/bad_input/test_mllp.py::test_h8_silent_peers_are_let_go_and_keep_nobody_out",
    ],
}
"""The story of each, as it happened to others:

T-FANOUT: one dead destination stopped, or lost, what was owed to the others. T-READFAIL: a file that could not be read was
removed all the same. T-REPOLL: a folder was looked through again during a download, and one file was taken five times, in part.
T-PARTIAL: a file was taken while it was being written; then the poller was dead, though it said "started". T-MOVE: a file that
failed lay among the processed. T-ATOMICSINK: the next program read a file that was half written. T-PIPELINE: of several messages
in one segment of TCP, with NULs between them, one was taken. T-PORTSCAN: a port scan put the listener into an endless loop.
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    return House(tmp_path, monkeypatch)


@pytest.mark.parametrize("name", SHOWN_ELSEWHERE)
def test_what_shows_it_is_there(name: str) -> None:
    for told in SHOWN_ELSEWHERE[name]:
        file, _, test = told.partition("::")
        tree = ast.parse((ROOT / file).read_text("utf-8"))
        assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, told


# T-HALFCLOSE


def test_t_halfclose(tmp_path: Path) -> None:
    """T-HALFCLOSE: the peer had closed its half of a connection that was kept open; the engine wrote into it happily, and what it
    wrote was lost or came back as an error. Here the end is seen before the next request leaves: that one goes out once, on a
    new connection, and nothing is in doubt."""

    async def told() -> tuple[list[Any], int, list[bytes]]:
        keys: list[bytes] = []
        connections = 0

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(2)
            keys.append(head.lower().split(b"idempotency-key: ")[1].split(b"\r")[0])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            writer.write_eof()
            await reader.read()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        calls = _calls(tmp_path, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        answers = []
        for key in ("one", "two", "three"):
            answers.append(await calls.call("sink/take", body=b"{}", key=key))
            await asyncio.sleep(0.05)
        await calls.close()
        server.close()
        return answers, connections, keys

    answers, connections, keys = asyncio.run(told())
    assert [a.state for a in answers] == ["delivered"] * 3
    assert keys == [b"one", b"two", b"three"]
    assert connections == 3


def _calls(tmp_path: Path, url: str) -> Calls:
    folder_ = tmp_path / "schemas" / "sink"
    folder_.mkdir(parents=True)
    (folder_ / "system.yaml").write_text(SYSTEM.format(url=url, timeout_seconds=2), "utf-8")
    (folder_ / "openapi.yaml").write_text(OPENAPI, "utf-8")
    return Calls({"sink": read_system("sink", tmp_path / "schemas")}, {})


# T-RETRYSTORM


def test_t_retrystorm(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """T-RETRYSTORM: a receiver was slow to acknowledge; the queue sent each message again and again beside the first attempt, and
    thousands of duplicates flooded it. Here a lane has one message under way, the waits grow, and it is always the same key."""
    at: list[float] = []
    under_way = most = 0

    async def slow(parcel: Parcel) -> Outcome:
        nonlocal under_way, most
        at.append(asyncio.get_running_loop().time())
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        if len(at) <= 4:
            raise TryAgain("did not answer in time", uncertain=True)
        return Outcome("delivered", "200")

    async def told() -> None:
        house.does("npca", slow)
        engine = house.engine(recipe(word="honest"))
        await engine.start()
        for road in engine._roads.values():
            for one in road.outlets.values():
                one.attempts.retry = Retry(first_seconds=0.1)
        await asyncio.gather(*(drop(f'{{"lane": "L", "n": {n}}}') for n in range(20)))
        await until(lambda: sum(e.kind == "delivery" and e.state == "delivered" for e in house.events) == 20, 10)
        await engine.drain()

    asyncio.run(told())
    assert most == 1
    keys = [p.key for p in house.sent["npca"]]
    assert keys[:5] == keys[:1] * 5 and len(set(keys)) == 20 and len(keys) == 24
    waits = [after - before for before, after in pairwise(at[:5])]
    assert all(wait >= 0.05 * 2**n for n, wait in enumerate(waits)), waits


# T-QUEUEEDGE


@dataclass(frozen=True)
class Edge:
    """A buffer: where its size stands, the size it is tried with (its own where ten times that is soon there), and how messages
    come so that it fills."""

    room: ModuleType
    name: str
    size: int
    shape: Literal["lanes", "one lane", "one intake"]
    asks: bool = False


EDGES = {
    "hands of a destination": Edge(outlet, "HANDS", outlet.HANDS, "lanes"),
    "hands, and all in one lane": Edge(outlet, "HANDS", 16, "one lane"),
    "messages of a lane that are worked on together": Edge(work, "MESSAGES_AT_ONCE", 16, "one lane", True),
    "lanes that are worked on side by side": Edge(work, "LANES_AT_ONCE", work.LANES_AT_ONCE, "lanes", True),
    "messages of an intake that are processed at once": Edge(planner, "AT_ONCE", 32, "one intake"),
    "messages of an intake, and some are asked about": Edge(planner, "AT_ONCE", 16, "one intake", True),
    "changes of one transaction": Edge(writer, "AT_ONCE", 16, "lanes"),
    "changes that may wait for the disk": Edge(writer, "MOST_CHANGES", 16, "lanes"),
}


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("buffer", EDGES)
def test_t_queueedge(house: House, monkeypatch: pytest.MonkeyPatch, buffer: str, more: int) -> None:
    """T-QUEUEEDGE: of a queue of more than a thousand, message 1001 was never delivered and never marked as an error. Here ten
    times each buffer, and one more, all come to their end, in the order of their lanes."""
    edge = EDGES[buffer]
    monkeypatch.setattr(edge.room, edge.name, edge.size)
    count = 10 * edge.size + more
    bodies = [
        f'{{"lane": "L{n if edge.shape == "lanes" else n % 3 if edge.shape == "one intake" else 0}", "n": {n}}}'
        for n in range(count)
    ]

    async def told() -> Counter[str]:
        house.calls = _Registry()
        async with house.running(recipe(enrich=(asking(),) if edge.asks else ())) as engine:
            if edge.shape == "one intake":
                await drop("\n".join(bodies))
            else:
                await asyncio.gather(*(drop(body) for body in bodies))
            await until(lambda: sum(e.kind == "delivery" and e.state == "delivered" for e in house.events) == count, 30)
            assert await engine.store.verify() == ()
            return Counter({(c.destination, c.state): c.number for c in await engine.store.counts()})

    assert asyncio.run(told()) == {("", "processed"): count, ("npca", "delivered"): count}
    lanes: dict[str, list[int]] = {}
    for parcel in house.sent["npca"]:
        tree = json.loads(parcel.payload)["from"]
        lanes.setdefault(tree["lane"], []).append(tree["n"])
    assert sum(map(len, lanes.values())) == count
    assert all(numbers == sorted(set(numbers)) for numbers in lanes.values())


class _Registry:
    """Answers each question a moment later."""

    async def call(self, call: str, parameters: Any = None) -> Answer:
        await asyncio.sleep(0)
        return Answer("delivered", 200, tree={"card": "known"})


@pytest.mark.parametrize("more", [0, 1])
def test_t_queueedge_frames_of_one_connection(tmp_path: Path, more: int) -> None:
    """T-QUEUEEDGE at the listener: ten times the frames that a connection may have in hand, sent in one go."""
    count = 10 * peer.IN_HAND + more

    async def told(running: Clinic) -> None:
        sent = b"".join(mllp_frame(message(header=HEADER.format(n))) for n in range(count))
        answers = await running.tell(sent, count)
        assert [a.split("\rMSA|AA|")[1].split("\r")[0] for a in answers] == [f"C{n}" for n in range(count)]
        found = await running.settled()
        assert [f.fates for f in found] == [{"copy": "delivered", "patient": "delivered"}] * count

    story(Clinic(tmp_path), told, "adt", seconds=60)


@pytest.mark.parametrize("more", [0, 1])
def test_t_queueedge_files_in_hand(tmp_path: Path, more: int) -> None:
    """T-QUEUEEDGE at the watched folder: ten times the files that may be in hand."""
    count = 10 * folder.IN_HAND + more

    async def told(running: Clinic) -> None:
        for n in range(count):
            running.drop("hl7_files", f"{n:04}.hl7", message(header=HEADER.format(n)))
        for n in range(count):
            assert (await running.receipt("hl7_files", f"{n:04}.hl7"))["state"] == "accepted"
        assert len(await running.settled()) == len(running.copies()) == count

    story(Clinic(tmp_path), told, "hl7_files", seconds=60)


HEADER = "MSH|^~\\&|HIS|WARD|EHR|CLINIC|20261104083012||ADT^A04^ADT_A01|C{}|P|2.5"


# T-RECOVERYORDER and T-ROUTEPIN


def test_t_recoveryorder(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """T-RECOVERYORDER: after a crash the threads of the queue began before the recovery had ended, and sent the same message a
    second time. Here nothing is sent, and nothing taken, before what was interrupted has found its state."""

    async def never(_: Parcel) -> Outcome:
        await asyncio.sleep(60)
        raise AssertionError

    async def told() -> list[str]:
        house.does("npca", never)
        first = house.engine(recipe(word="honest"))
        await first.start()
        await asyncio.gather(*(drop(f'{{"lane": "L{n % 3}", "n": {n}}}') for n in range(9)))
        await until(lambda: len(house.sent["npca"]) == 3)
        await first.drain(0.1)
        events: list[str] = []
        house.does("npca", lambda p: events.append(f"sent {json.loads(p.payload)['from']['n']}") or Outcome("delivered", "200"))
        second = house.engine(recipe(word="honest"))
        interrupted = second.store.settle_interrupted

        def slowly(*given: Any, **named: Any) -> asyncio.Future[int]:
            async def late() -> int:
                events.append("recovering")
                await asyncio.sleep(0.1)
                count = await interrupted(*given, **named)
                events.append("recovered")
                return count

            return asyncio.ensure_future(late())

        monkeypatch.setattr(second.store, "settle_interrupted", slowly)
        await second.start()
        await until(lambda: sum(e.startswith("sent") for e in events) == 9)
        await second.drain()
        return events

    events = asyncio.run(told())
    assert events[:2] == ["recovering", "recovered"]
    numbers = [int(e.split()[1]) for e in events[2:]]
    assert sorted(numbers) == list(range(9))
    assert all([n for n in numbers if n % 3 == lane] == [lane, lane + 3, lane + 6] for lane in range(3))


def test_t_routepin(house: House) -> None:
    """T-ROUTEPIN: after a restart old messages went to destinations that had been added meanwhile. Here who is owed what is
    decided when a message is processed, and a destination that is new gets what arrives from then on."""

    async def told() -> None:
        house.does("npca", lambda _: TryAgain("is away"))
        async with house.running():
            await drop('{"lane": "L", "n": 0}')
        house.does("npca", lambda _: Outcome("delivered", "200"))
        both = replace(recipe(to=("npca", "registry")), digest="another")
        async with house.running(both) as engine:
            await drop('{"lane": "L", "n": 1}')
            await until(lambda: len(house.sent.get("registry", [])) == 1, 10)
            await until(lambda: len({p.key for p in house.sent["npca"]}) == 2, 10)
            owed = {}
            for record in await engine.store.find(Search()):
                owed[record.sequence] = [d.destination for d in await engine.store.deliveries(record.sequence)]
        assert owed == {1: ["npca"], 2: ["npca", "registry"]}
        assert [json.loads(p.payload)["from"]["n"] for p in house.sent["registry"]] == [1]

    asyncio.run(told())
