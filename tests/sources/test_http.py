"""The HTTP listener with real requests: reliability.md 5.4, W1, W2, W5, W9 and W10, and who may call."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from interpres.fault import Fault, Faults
from interpres.settings import model_from_yaml
from interpres.source import Fate, Receipt, Setting, Source
from interpres.sources.http import Http
from interpres.sources.http.settings import HttpSettings
from interpres.yaml import read
from tests.conformance import Door, Echo, Running, SourceSuite, accepted, cannot_store, connect, rejected, run, until


class Silent(Echo):
    """JSON as a format whose protocol has no answer of its own."""

    media_type = "application/json"

    def reply(self, *_: Any) -> None:
        return None


@dataclass
class Got:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def tree(self) -> Any:
        return json.loads(self.body)


class Caller:
    """HTTP by hand, so that it can be wrong."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, source: Source) -> Caller:
        assert isinstance(source, Http)
        return cls(*await connect(source.port))

    async def raw(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def got(self) -> Got:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Got(int(head[0].split(" ")[1]), headers, body)

    async def asked(self, body: bytes = b'{"a":1}', method: str = "POST", path: str = "/in", **headers: str) -> Got:
        said = {"Host": "x", "Content-Type": "application/json", "Content-Length": str(len(body))}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in said.items() if value)
        await self.raw(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        return await self.got()

    async def close(self) -> None:
        self.writer.close()


class TestHttp(SourceSuite):
    word = "http"

    def settings(self, folder: Path) -> dict[str, Any]:
        return {"port": 0, "path": "/in"}

    def setting(self, folder: Path, door: Door) -> Setting:
        return Setting("visits", Silent(), folder, folder / "var", refused=door.refused.append, environment={"KEY": "hunter2"})

    async def send(self, source: Source, body: bytes) -> None:
        caller = await Caller.to(source)
        assert (await caller.asked(body)).status == 200
        await caller.close()

    def told(self, tmp_path: Path, story: Any, door: Door | None = None, **settings: Any) -> Door:
        """Run a story; afterwards the listener must still serve."""
        door = door or Door()

        async def whole() -> None:
            source = self.made(tmp_path, door, **settings)
            async with Running(source, door) as it:
                caller = await Caller.to(source)
                await story(caller, source)
                await caller.close()
                assert not it.task.done()

        run(whole())
        return door

    def test_what_became_of_it_is_answered(self, tmp_path: Path) -> None:
        receipts = {
            b'"ok"': accepted(),
            b'"early"': accepted(early=True),
            b'"later"': accepted("received"),
            b'"filtered"': accepted("filtered"),
            b'"two"': Receipt(True, (Fate("A", "processed"), Fate("B", "held"))),
            b'"bad"': rejected(),
            b'"full"': cannot_store(),
            b'"used"': Receipt(False, faults=(Fault("N304", "its id was used before, for other content"),)),
        }

        async def story(caller: Caller, source: Http) -> None:
            found = {body: await caller.asked(body) for body in receipts}
            assert [g.status for g in found.values()] == [200, 202, 202, 200, 200, 422, 503, 409]
            assert found[b'"ok"'].tree == {"message_id": "01J0000000000000000000000A", "state": "processed"}
            assert found[b'"two"'].tree == {
                "messages": [{"message_id": "A", "state": "processed"}, {"message_id": "B", "state": "held"}]
            }
            bad = found[b'"bad"']
            assert bad.headers["content-type"] == "application/problem+json"
            assert bad.tree["errors"] == [{"code": "V001", "detail": "it breaks a promise"}] and bad.tree["status"] == 422
            assert b"secret" not in bad.body
            assert found[b'"full"'].headers["retry-after"] == "5"

        self.told(tmp_path, story, Door(answer=lambda intake: receipts[intake.body]))

    def test_w2_wrong_requests_have_their_own_no(self, tmp_path: Path) -> None:
        async def story(caller: Caller, source: Http) -> None:
            async def status(**facts: Any) -> Got:
                other = await Caller.to(source)
                got = await other.asked(**facts)
                await other.close()
                return got

            assert (await status(path="/")).status == 404
            assert (await status(path="/in/../in")).status == 404
            wrong = await status(method="PUT")
            assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
            assert (await status(Content_Type="text/plain")).status == 415
            assert (await status(Content_Encoding="gzip")).status == 415
            assert (await status(Idempotency_Key="x" * 300)).status == 400
            assert (await status(Content_Type="application/fhir+json; charset=utf-8")).status == 200
            assert (await status(Content_Type="")).status == 200
            for got in (wrong, await status(path="/x")):
                assert got.headers["content-type"] == "application/problem+json"

        door = self.told(tmp_path, story)
        assert [f.code for f in door.refused] == ["N130", "N130", "N131", "N132", "N132", "N133", "N130"]
        assert len(door.taken) == 2

    def test_callers_that_speak_fhir_are_answered_in_fhir(self, tmp_path: Path) -> None:
        async def story(caller: Caller, source: Http) -> None:
            good = await caller.asked(Content_Type="application/fhir+json")
            assert (good.status, good.tree["resourceType"]) == (200, "OperationOutcome")
            assert good.tree["issue"][0]["severity"] == "information"
            bad = await caller.asked(b'"bad"', Accept="application/fhir+json")
            assert (bad.status, bad.headers["content-type"]) == (422, "application/fhir+json")
            assert bad.tree["issue"] == [
                {"severity": "error", "code": "invalid", "details": {"text": "V001 it breaks a promise"}}
            ]
            lost = await caller.asked(path="/x", Accept="application/fhir+json")
            assert (lost.status, lost.tree["issue"][0]["code"]) == (404, "not-found")

        self.told(tmp_path, story, Door(answer=lambda intake: rejected() if b"bad" in intake.body else accepted()))

    def test_a_format_with_an_answer_of_its_own_gives_it(self, tmp_path: Path) -> None:
        door = Door(answer=lambda intake: rejected())

        async def whole() -> None:
            settings = HttpSettings(port=0, path="/in")
            source = Http(settings, Setting("visits", Echo(), tmp_path, tmp_path / "var"))
            async with Running(source, door):
                caller = await Caller.to(source)
                got = await caller.asked(b"MSH|1", Content_Type="text/plain")
                assert (got.status, got.body, got.headers["content-type"]) == (422, b"AE V001 SH|1", "text/plain; charset=utf-8")
                await caller.close()

        run(whole())

    def test_w5_the_idempotency_key_is_handed_on_as_data(self, tmp_path: Path) -> None:
        async def story(caller: Caller, source: Http) -> None:
            await caller.asked(Idempotency_Key="abc", X_Engine_Lane="other", X_Forwarded_For="6.6.6.6")

        (intake,) = self.told(tmp_path, story).taken
        assert dict(intake.envelope) == {"peer": "127.0.0.1", "content_type": "application/json", "idempotency_key": "abc"}

    def test_w1_bodies_beyond_the_limit_are_not_read(self, tmp_path: Path) -> None:
        async def story(caller: Caller, source: Http) -> None:
            await caller.raw(b"POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\n")
            assert (await caller.got()).status == 413
            chunked = await Caller.to(source)
            await chunked.raw(
                b"POST /in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"400\r\n" + b"x" * 1024 + b"\r\n"
            )
            assert (await chunked.got()).status == 413
            await chunked.close()

        door = self.told(tmp_path, story, limits={"body_bytes": 1000})
        assert door.taken == [] and [f.code for f in door.refused] == ["N136", "N136"]

    def test_w1_bodies_that_do_not_come_are_not_waited_for(self, tmp_path: Path) -> None:
        async def story(caller: Caller, source: Http) -> None:
            await caller.raw(b"POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
            assert (await caller.got()).status == 408
            silent, slow = await Caller.to(source), await Caller.to(source)
            await slow.raw(b"POST /in HT")
            assert await silent.reader.read() == b"" and await slow.reader.read() == b""
            await silent.close()
            await slow.close()

        assert self.told(tmp_path, story, limits={"body_seconds": 0.15}).taken == []

    def test_w1_requests_that_contradict_themselves(self, tmp_path: Path) -> None:
        async def story(caller: Caller, source: Http) -> None:
            start = b"POST /in HTTP/1.1\r\nHost: x\r\n"
            for status, head in (
                (400, start + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
                (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
                (431, start + b"X: " + b"y" * 100_000 + b"\r\n\r\n"),
            ):
                other = await Caller.to(source)
                await other.raw(head)
                assert (await other.got()).status == status
                await other.close()

        assert self.told(tmp_path, story).taken == []

    def test_a_caller_that_goes_away_in_the_middle_is_nobodys_trouble(self, tmp_path: Path) -> None:
        async def story(caller: Caller, source: Http) -> None:
            await caller.raw(b"POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
            await until(lambda: not source.idle())
            caller.writer.transport.abort()
            await until(source.idle)

        assert self.told(tmp_path, story).taken == []

    @pytest.mark.parametrize(
        ("callers", "good"),
        [
            ({"api_key": {"key": "${KEY}"}}, {"X-API-Key": "hunter2"}),
            ({"api_key": {"header": "X-Other", "key": "${KEY}"}}, {"X-Other": "hunter2"}),
            (
                {"basic": {"username": "his", "password": "${KEY}"}},
                {"Authorization": "Basic " + base64.b64encode(b"his:hunter2").decode()},
            ),
        ],
    )
    def test_who_may_call_is_asked_before_anything_is_read(
        self, tmp_path: Path, callers: Mapping[str, Any], good: dict[str, str]
    ) -> None:
        ((name, value),) = good.items()
        bad = [
            {},
            {name: ""},
            {name: value[:-1]},
            {name: value + "x"},
            {name: "Basic !!"},
            {name: "\xff"},
            {"Authorization": "Bearer x"},
        ]

        async def story(caller: Caller, source: Http) -> None:
            assert (await caller.asked(**good)).status == 200
            for headers in bad:
                other = await Caller.to(source)
                got = await other.asked(path="/anything", **headers)
                assert got.status == 401 and "www-authenticate" in got.headers
                await other.close()

        door = self.told(tmp_path, story, callers=callers)
        assert len(door.taken) == 1 and {f.code for f in door.refused} == {"N134"}
        assert "hunter2" not in "".join(map(str, door.refused))

    def test_a_key_that_is_not_set_is_a_fault(self, tmp_path: Path) -> None:
        source = self.made(tmp_path, Door(), callers={"api_key": {"key": "${OTHER}"}})
        with pytest.raises(Fault) as caught:
            run(source.open())
        assert str(caught.value).startswith("E104 OTHER is not set")

    def test_our_own_mistake_is_a_500_and_nobody_elses(self, tmp_path: Path) -> None:
        def broken(intake: Any) -> Receipt:
            if intake.body == b'"bug"':
                raise ZeroDivisionError
            return accepted()

        async def story(caller: Caller, source: Http) -> None:
            assert (await caller.asked(b'"bug"')).status == 500
            other = await Caller.to(source)
            assert (await other.asked()).status == 200
            await other.close()

        assert [f.code for f in self.told(tmp_path, story, Door(answer=broken)).refused] == ["X001"]

    def test_w9_nothing_of_an_address_is_logged(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)

        async def story(caller: Caller, source: Http) -> None:
            assert (await caller.asked(path="/in?card=PATIENT-7")).status == 200
            assert (await caller.asked(path="/PATIENT-7")).status == 404

        door = self.told(tmp_path, story)
        assert "PATIENT-7" not in caplog.text + "".join(map(str, door.refused))

    def test_what_was_received_is_answered_when_the_engine_stops(self, tmp_path: Path) -> None:
        async def late() -> Receipt:
            await asyncio.sleep(0.15)
            return accepted()

        door = Door(answer=lambda intake: late())

        async def story() -> None:
            source = self.made(tmp_path, door)
            async with Running(source, door) as it:
                caller = await Caller.to(source)
                asking = asyncio.create_task(caller.asked())
                await until(lambda: door.taken)
                await it.stop()
                assert (await asking).status == 200
                await caller.close()

        run(story())

    def test_a_taken_port_is_a_fault(self, tmp_path: Path) -> None:
        async def story() -> str:
            source = self.made(tmp_path, Door())
            await source.open()
            assert isinstance(source, Http)
            with pytest.raises(Fault) as caught:
                await self.made(tmp_path, Door(), port=source.port).open()
            await source.close()
            return caught.value.code

        assert run(story()) == "E111"


def test_settings_say_what_is_wrong_with_them() -> None:
    with pytest.raises(Faults) as caught:
        model_from_yaml(read("path: in\ncallers: {}\nlimits: {body_byte: 1}\n", "c"), HttpSettings)
    assert [f.line() for f in caught.value] == [
        "c:1:7 C104 a path begins with a slash and has no '?' or '#' — write it as in /fhir",
        "c:2:10 C104 one way to know callers is wanted — write api_key or basic",
        "c:3:10 C101 there is no key 'body_byte' here — did you mean 'body_bytes'?",
    ]
