"""The engine's socket: nobody else's, bounded, told apart from what a killed engine left, and never in the engine's way."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import stat
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest

from interpres import __version__
from interpres.desk import acts, client, line
from interpres.desk import socket as served
from interpres.desk.desk import this_user
from interpres.fault import Fault, Faults
from interpres.workspace import Workspace
from tests.desk.conftest import Office
from tests.engine.fakes import drop

PAUSED = {"place": "visits", "reason": "fibre works"}


async def said(office: Office, *lines: bytes) -> dict[str, Any]:
    """The last line that the engine answers to these."""
    reader, writer = await asyncio.open_unix_connection(str(office.socket))
    writer.writelines(lines)
    answer = (await reader.read()).splitlines()
    await line.closed(writer)
    found: dict[str, Any] = json.loads(answer[-1])
    return found


def codes(answer: dict[str, Any]) -> list[str]:
    return [fault["code"] for fault in answer["faults"]]


def request(word: str, **arguments: Any) -> bytes:
    return line.written(line.Request(word, arguments))


def test_every_act_has_its_shape() -> None:
    for word in acts.names():
        act = acts.named(word)
        assert act.REACH in ("reads", "asks", "changes", "engine"), word
        assert asyncio.iscoroutinefunction(act.act), word
        assert issubclass(act.Asked, msgspec.Struct), word


def test_a_socket_belongs_to_its_user_alone_and_goes_with_its_engine(office: Office) -> None:
    async def story() -> None:
        async with office.open():
            mode = office.socket.stat().st_mode
            assert stat.S_ISSOCK(mode)
            assert stat.S_IMODE(mode) == 0o600
        assert not office.socket.exists()

    asyncio.run(story())


def test_an_act_is_done_by_the_engine_and_without_one_on_the_store_with_the_same_result(office: Office) -> None:
    async def story() -> tuple[Any, Any]:
        async with office.open() as engine:
            by_engine = await office.ask("pause", **PAUSED)
            assert not engine.listening, "the engine was not asked"
            await office.ask("resume", **PAUSED)
        return by_engine, await office.ask("pause", **PAUSED)

    by_engine, alone = asyncio.run(story())
    for told in (by_engine, alone):
        assert told["paused"].pop("since")
        assert told["paused"]["who"] == this_user()
    assert by_engine.pop("engine") is True
    assert alone.pop("engine") is False
    assert by_engine == alone


def test_what_a_killed_engine_left_is_no_engine_and_makes_way_for_the_next(office: Office) -> None:
    async def story() -> None:
        async with office.open():
            pass
        left = socket.socket(socket.AF_UNIX)
        left.bind(str(office.socket))
        left.close()
        assert office.socket.exists()
        assert (await office.ask("status"))["engine"] is None
        async with office.open():
            assert (await office.ask("status"))["engine"]["pid"] == os.getpid()

    asyncio.run(story())


def test_something_else_in_its_place_is_left_alone(office: Office) -> None:
    async def story() -> None:
        async with office.open():
            pass
        office.socket.write_text("a person's own")
        with pytest.raises(Fault) as refused:
            async with office.open():
                pass
        assert refused.value.code == "E142"
        assert office.socket.read_text() == "a person's own"

    asyncio.run(story())


def test_a_path_longer_than_a_socket_can_have_works_all_the_same(office: Office) -> None:
    deep = office.folder / ("folder-" * 20)
    deep.mkdir()
    office.workspace = Workspace(office.folder, deep)
    assert len(os.fsencode(office.socket)) > line.LONGEST_PATH_BYTES

    async def story() -> None:
        async with office.open():
            assert office.socket.is_socket()
            assert (await office.ask("status"))["engine"]["pid"] == os.getpid()
        assert not office.socket.exists()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("length", "short"), [(line.LONGEST_PATH_BYTES, True), (line.LONGEST_PATH_BYTES + 1, False)], ids=["fits", "too long"]
)
def test_the_longest_address_that_fits_is_used_as_it_stands(tmp_path: Path, length: int, short: bool) -> None:
    room = length - len(os.fsencode(tmp_path)) - 2
    path = tmp_path / ("d" * (room - 1)) / "s"
    path.parent.mkdir()
    assert len(os.fsencode(path)) == length
    with line.address(path) as address:
        assert (address == str(path)) is short
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(address)
    assert path.is_socket()


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"status\n", "E144"),
        (b"[1]\n", "E144"),
        (b'{"act": 5}\n', "E144"),
        (b"\xff\xfe\n", "E144"),
        (b'{"act": "status", "protocol": 99, "version": "9.9"}\n', "E143"),
        (b'{"act": "statu"}\n', "N330"),
        (b'{"act": "status", "arguments": {"now": true}}\n', "N331"),
        (b'{"act": "pause", "arguments": {"place": "visits"}}\n', "N331"),
        (b'{"act": "pause", "arguments": {"place": "visits", "reason": " "}}\n', "N332"),
        (b'{"act": "pause", "arguments": {"place": "visit", "reason": "r"}}\n', "C159"),
        (b'{"act": "pause", "arguments": {"place": "visits/npc", "reason": "r"}}\n', "C159"),
    ],
)
def test_what_is_not_understood_is_answered_and_nothing_else_happens(office: Office, sent: bytes, code: str) -> None:
    async def story() -> None:
        async with office.open() as engine:
            answer = await said(office, sent)
            assert codes(answer) == [code]
            assert answer["version"] == __version__
            assert answer["protocol"] == line.PROTOCOL
            assert engine.listening

    asyncio.run(story())


def test_a_request_that_is_too_large_or_does_not_end_is_cut_off(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "LARGEST_BYTES", 2048)
    monkeypatch.setattr(served, "REQUEST_SECONDS", 0.1)

    async def story() -> None:
        async with office.open():
            assert codes(await said(office, b"x" * 5000)) == ["E144"]
            assert codes(await said(office, b'{"act": "status"}')) == ["E144"]
            assert (await office.ask("status"))["engine"]
            with pytest.raises(Fault) as too_large:
                await office.ask("pause", place="visits", reason="x" * 3000)
            assert too_large.value.code == "E144"

    asyncio.run(story())


def test_so_many_at_once_and_no_more_and_messages_go_on_meanwhile(office: Office) -> None:
    async def story() -> None:
        async with office.open():
            idle = [await asyncio.open_unix_connection(str(office.socket)) for _ in range(served.MOST_AT_ONCE)]
            await asyncio.sleep(0.05)
            assert codes(await said(office, request("status"))) == ["E145"]
            assert (await drop('{"lane": "a"}')).accepted
            for _, writer in idle:
                await line.closed(writer)
            await asyncio.sleep(0.05)
            assert (await office.ask("status"))["engine"]

    asyncio.run(story())


def slow(office: Office, what: Callable[..., Coroutine[Any, Any, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let status do this instead."""
    monkeypatch.setattr(acts.named("status"), "act", what)


def test_progress_comes_before_the_result(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(desk: Any, _: Any) -> Any:
        for number in (1, 2):
            await desk.tell({"done": number, "of": 2})
        return {"well": True}

    slow(office, act, monkeypatch)

    async def story() -> None:
        async with office.open():
            assert await office.ask("status") == {"well": True}
        assert office.told == [{"done": 1, "of": 2}, {"done": 2, "of": 2}]

    asyncio.run(story())


def test_a_bug_in_an_act_ends_that_act_and_nothing_else(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(*_: Any) -> Any:
        raise ZeroDivisionError("Sok Dara")

    slow(office, act, monkeypatch)

    async def story() -> None:
        async with office.open():
            with pytest.raises(Faults) as told:
                await office.ask("status")
            assert [f.code for f in told.value] == ["X001"]
            assert "Sok" not in str(told.value)
            assert (await drop('{"lane": "a"}')).accepted

    asyncio.run(story())


def test_an_engine_that_goes_away_in_the_midst_is_told(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(*_: Any) -> Any:
        await asyncio.sleep(60)

    slow(office, act, monkeypatch)
    monkeypatch.setattr(served, "END_SECONDS", 0.05)

    async def story() -> None:
        async with office.open():
            asking = asyncio.create_task(office.ask("status"))
            await asyncio.sleep(0.1)
        with pytest.raises(Fault) as gone:
            await asking
        assert gone.value.code == "E146"

    asyncio.run(story())


def test_whoever_waits_for_a_silent_engine_is_told_so_once_and_gets_its_answer(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(*_: Any) -> Any:
        await asyncio.sleep(0.2)
        return {"here": True}

    slow(office, act, monkeypatch)
    monkeypatch.setattr(client, "SILENCE_SECONDS", 0.05)

    async def story() -> None:
        async with office.open():
            assert await office.ask("status") == {"here": True}
        (note,) = office.told
        assert "has not answered yet" in note["note"]

    asyncio.run(story())


def test_another_version_is_told_as_a_note_and_another_protocol_as_a_fault(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        async with office.open():
            monkeypatch.setattr(client, "__version__", "99.0")
            await office.ask("status")
            assert office.told == [{"note": f"the engine is version {__version__}, this command line 99.0"}]
            asked = line.Request("status", {}, line.PROTOCOL + 1, "99.0")
            (fault,) = (await said(office, line.written(asked)))["faults"]
            assert fault["code"] == "E143"
            assert "99.0" in fault["says"]
            assert __version__ in fault["says"]
        old = line.written(line.Reply(result={}, protocol=line.PROTOCOL + 1, version="99.0"))
        with pytest.raises(Fault) as newer:
            line.read_reply(old)
        assert newer.value.code == "E143"

    asyncio.run(story())


def test_a_store_that_somebody_holds_without_a_socket_is_waited_for_a_little(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PATIENCE_SECONDS", 0.2)

    async def story() -> None:
        async with office.running():
            with pytest.raises(Fault) as held:
                await office.ask("pause", **PAUSED)
            assert held.value.code == "E120"
            assert (await office.ask("status"))["engine"] is None, "looking needs no lock"

    asyncio.run(story())


def test_where_nothing_has_run_there_is_nothing_to_act_on(office: Office) -> None:
    with pytest.raises(Fault) as nothing:
        asyncio.run(office.ask("status"))
    assert nothing.value.code == "E114"
