"""Pausing: a channel's senders keep what they have, a destination is sent nothing, and both survive a restart."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from typing import Any

import pytest

from interpres import catalog
from interpres.channel import Recipe, SourceCommon
from interpres.delivery import Outcome
from interpres.fault import Faults
from interpres.framing import mllp_frame
from interpres.mapping.compiling.compile import Made
from interpres.sources.folder.settings import FolderSettings
from interpres.sources.http import Http
from interpres.sources.http.settings import HttpSettings
from interpres.sources.mllp import Mllp
from interpres.sources.mllp.settings import MllpSettings
from tests.desk.conftest import Office
from tests.engine.fakes import drop, recipe, until

WHY = "NPCA is being updated"


def listening(word: str, settings: Any) -> Recipe:
    return replace(recipe(), source_word=word, source_settings=settings)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


async def connects(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


def test_a_name_that_ends_before_its_destination_pauses_nothing(office: Office) -> None:
    async def story() -> None:
        async with office.open(recipe()):
            with pytest.raises(Faults, match="C159 after the / in 'visits/' the destination is missing"):
                await office.ask("pause", place="visits/", reason=WHY)
            assert not place(await office.ask("status"))["paused"]

    asyncio.run(story())


def place(status: Any, destination: str = "") -> Any:
    (channel,) = status["channels"]
    return next(d for d in channel["destinations"] if d["destination"] == destination) if destination else channel


def test_a_paused_destination_is_sent_nothing_until_it_is_resumed(office: Office) -> None:
    async def story() -> None:
        async with office.open(recipe(to=("npca", "archive"))):
            told = await office.ask("pause", place="visits/npca", reason=WHY)
            assert (told["already"], told["paused"]["reason"]) == (False, WHY)
            for lane in "abc":
                assert (await drop(f'{{"lane": "{lane}"}}')).accepted
            await until(lambda: len(office.sent.get("archive", ())) == 3)
            status = await office.ask("status")
            assert place(status, "npca")["state"] == "paused"
            assert place(status, "npca")["paused"]["reason"] == WHY
            assert place(status, "npca")["deliveries"] == {"waiting": 3}
            assert place(status, "archive")["state"] == "up"
            assert "npca" not in office.sent
            was = await office.ask("resume", place="visits/npca", reason="it is done")
            assert was["was"]["reason"] == WHY
            await until(lambda: len(office.sent.get("npca", ())) == 3)

    asyncio.run(story())


def test_a_pause_survives_a_restart_and_can_be_ended_without_an_engine(office: Office) -> None:
    async def story() -> None:
        async with office.open():
            await office.ask("pause", place="visits/npca", reason=WHY)
            await office.ask("pause", place="visits", reason="moving house")
        async with office.open() as engine:
            assert not engine.listening
            assert {(p.channel, p.destination, p.reason) for p in engine.pausing.places} == {
                ("visits", "npca", WHY),
                ("visits", "", "moving house"),
            }
        assert (await office.ask("resume", place="visits", reason="moved"))["was"]["reason"] == "moving house"
        async with office.open() as engine:
            assert engine.listening
            assert (await drop('{"lane": "a"}')).accepted
            await asyncio.sleep(0.05)
            assert not office.sent
            await office.ask("resume", place="visits/npca", reason="it is done")
            await until(lambda: office.sent.get("npca"))

    asyncio.run(story())


def test_a_second_pause_keeps_the_first_reason_and_a_needless_resume_changes_nothing(office: Office) -> None:
    async def story() -> None:
        async with office.open():
            assert (await office.ask("resume", place="visits", reason="r"))["was"] is None
            await office.ask("pause", place="visits", reason=WHY)
            again = await office.ask("pause", place="visits", reason="another")
            assert (again["already"], again["paused"]["reason"]) == (True, WHY)
        alone = await office.ask("pause", place="visits", reason="another")
        assert (alone["already"], alone["paused"]["reason"]) == (True, WHY)

    asyncio.run(story())


def test_what_a_paused_channel_has_taken_goes_on(office: Office) -> None:
    going = asyncio.Event()

    async def slowly(_: Any) -> Outcome:
        await going.wait()
        return Outcome("delivered", "200")

    office.does("npca", slowly)

    async def story() -> None:
        async with office.open():
            for _ in range(2):
                await drop('{"lane": "a"}')
            await office.ask("pause", place="visits", reason=WHY)
            going.set()
            await until(lambda: len(office.sent.get("npca", ())) == 2)

    asyncio.run(story())


@pytest.mark.parametrize("word", ["mllp", "http"])
def test_a_paused_channel_does_not_listen_and_listens_again_at_the_same_place(
    office: Office, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    settings = MllpSettings(port=port) if word == "mllp" else HttpSettings(port=port, path="/visits")
    part = Mllp if word == "mllp" else Http
    others = catalog.part
    monkeypatch.setattr(catalog, "part", lambda room, name: part if (room, name) == ("sources", word) else others(room, name))

    async def story() -> None:
        async with office.open(listening(word, settings)) as engine:
            assert await connects(port)
            said = engine.listening["visits"]
            await office.ask("pause", place="visits", reason=WHY)
            assert not await connects(port)
            assert place(await office.ask("status"))["paused"]["reason"] == WHY
            told = await office.ask("resume", place="visits", reason="it is done")
            assert told["says"] == said
            assert await connects(port)
            assert place(await office.ask("status"))["taking"]

    asyncio.run(story())


def test_a_peer_of_a_paused_channel_has_its_answers_before_its_connection_ends(office: Office) -> None:
    port = free_port()
    going = asyncio.Event()
    hl7v2 = catalog.part("formats", "hl7v2")
    recipe_ = replace(
        recipe(mapping=lambda document, context: Made(({"visit": 1},))),
        source_word="mllp",
        source_settings=MllpSettings(port=port),
        source_common=SourceCommon(answer="delivered"),
        format=hl7v2(hl7v2.Settings()),
        keys={},
        lane=None,
    )

    async def slowly(_: Any) -> Outcome:
        await going.wait()
        return Outcome("delivered", "200")

    office.does("npca", slowly)

    async def story() -> None:
        async with office.open(recipe_):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(mllp_frame(b"MSH|^~\\&|HIS|A|B|C|20260101||ADT^A01|1|P|2.5\r"))
            await until(lambda: office.sent.get("npca"))
            pausing = asyncio.create_task(office.ask("pause", place="visits", reason=WHY))
            await asyncio.sleep(0.1)
            assert not await connects(port)
            going.set()
            await pausing
            assert b"MSA|AA|1" in await reader.read()
            writer.close()
            await writer.wait_closed()

    asyncio.run(story())


def test_a_paused_folder_is_not_looked_into(office: Office) -> None:
    inbox = office.folder / "inbox"
    settings = FolderSettings.model_validate({"path": "inbox", "complete": {"stable_seconds": 0.01}, "scan_seconds": 0.02})

    async def story() -> None:
        async with office.open(listening("folder", settings)):
            await office.ask("pause", place="visits", reason=WHY)
            (inbox / "one.json").write_text('{"lane": "a"}')
            await asyncio.sleep(0.3)
            assert (inbox / "one.json").exists()
            await office.ask("resume", place="visits", reason="it is done")
            await until(lambda: office.sent.get("npca"))
            assert not (inbox / "one.json").exists()

    asyncio.run(story())


def test_a_channel_whose_port_is_taken_meanwhile_stays_paused(office: Office) -> None:
    port = free_port()

    async def story() -> None:
        async with office.open(listening("mllp", MllpSettings(port=port))):
            await office.ask("pause", place="visits", reason=WHY)
            with socket.create_server(("127.0.0.1", port)):
                with pytest.raises(Faults) as taken:
                    await office.ask("resume", place="visits", reason="it is done")
                assert [f.code for f in taken.value] == ["E111"]
                assert place(await office.ask("status"))["paused"]
            assert (await office.ask("resume", place="visits", reason="now"))["says"]
            assert await connects(port)

    asyncio.run(story())


def test_an_engine_that_runs_until_idle_does_not_wait_for_what_is_paused(office: Office) -> None:
    async def story() -> None:
        async with office.open() as engine:
            await office.ask("pause", place="visits/npca", reason=WHY)
            await drop('{"lane": "a"}')
            async with asyncio.timeout(2):
                while not await engine.is_idle():
                    await asyncio.sleep(0.02)

    asyncio.run(story())


def test_the_reason_is_not_in_the_log(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> None:
        async with office.open():
            await office.ask("pause", place="visits", reason="for Sok Dara")

    asyncio.run(story())
    logged = capsys.readouterr()
    assert "paused" in logged.out
    assert "Sok" not in logged.out + logged.err


def test_the_log_of_a_start_says_what_is_still_paused(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> None:
        async with office.open():
            await office.ask("pause", place="visits", reason=WHY)
        capsys.readouterr()
        async with office.open():
            pass

    asyncio.run(story())
    assert "still paused" in capsys.readouterr().out
