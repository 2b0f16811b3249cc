"""Calls that go on while what is known of systems is renewed: what did not change keeps its connection and token."""

from __future__ import annotations

import asyncio
from pathlib import Path

from interpres.calls import Calls
from interpres.environment import Environment
from interpres.system import System, read_system
from tests.conformance import run
from tests.peers import Asked, HttpPeer, Said
from tests.test_calls import OPENAPI, SIGN_IN, SYSTEM

SIGNED = SYSTEM.replace("timeout_seconds: 0.5", "timeout_seconds: 5") + SIGN_IN


def system(folder: Path, text: str = SIGNED) -> System:
    place = folder / "schemas" / "things"
    place.mkdir(parents=True, exist_ok=True)
    (place / "system.yaml").write_text(text, "utf-8")
    (place / "openapi.yaml").write_text(OPENAPI, "utf-8")
    return read_system("things", folder / "schemas")


def agency(asked: Asked) -> Said:
    return Said(200, {"access_token": "t", "expires_in": 60}) if asked.path == "/token" else Said(200, {"ok": True})


def test_what_did_not_change_keeps_its_connection_and_its_token(tmp_path: Path) -> None:
    async def story() -> None:
        peer = HttpPeer(agency)
        async with peer.serving() as url:
            environment = {"URL": url, "SITE": "1", "SECRET": "s"}
            calls = Calls({"things": system(tmp_path)}, environment)
            await calls.call("things/write", {}, {"a": 1})
            calmer = SIGNED.replace("idempotent: true", "idempotent: false")
            await calls.renew({"things": system(tmp_path, calmer)}, dict(environment))
            await calls.call("things/write", {}, {"a": 2})
            assert [a.path for a in peer.asked] == ["/token", "/things", "/things"]
            assert peer.connections == 1
            assert not calls.operation("things/judge").idempotent, "what is known of operations is today's"
            await calls.close()

    run(story())


def test_a_new_secret_signs_in_anew_and_a_new_address_is_gone_to(tmp_path: Path) -> None:
    async def story() -> None:
        here, there = HttpPeer(agency), HttpPeer(agency)
        async with here.serving() as url, there.serving() as other:
            secret = tmp_path / "secret"
            secret.write_text("old")
            environment = {"URL": url, "SITE": "1", "SECRET_FILE": str(secret)}
            known = {"things": system(tmp_path)}

            calls = Calls(known, Environment(environment))
            await calls.call("things/write", {}, {"a": 1})
            secret.write_text("new")
            await calls.renew(known, Environment(environment))
            await calls.call("things/write", {}, {"a": 2})
            assert [a.form["password"] for a in here.asked if a.path == "/token"] == ["old", "new"]
            await calls.renew(known, Environment({**environment, "URL": other}))
            await calls.call("things/write", {}, {"a": 3})
            assert [a.path for a in there.asked] == ["/token", "/things"]
            await calls.close()

    run(story())


def test_a_call_that_is_under_way_ends_where_it_began(tmp_path: Path) -> None:
    def slow(asked: Asked) -> Said:
        said = agency(asked)
        said.after_seconds = 0.2 if asked.path == "/things" else 0.0
        return said

    async def story() -> None:
        here, there = HttpPeer(slow), HttpPeer(agency)
        async with here.serving() as url, there.serving() as other:
            known = {"things": system(tmp_path)}
            calls = Calls(known, {"URL": url, "SITE": "1", "SECRET": "s"})
            under_way = [asyncio.create_task(calls.call("things/write", {}, {"a": n})) for n in range(3)]
            while len([a for a in here.asked if a.path == "/things"]) < 3:
                await asyncio.sleep(0.01)
            await calls.renew(known, {"URL": other, "SITE": "1", "SECRET": "s"})
            after = await calls.call("things/write", {}, {"a": 9})
            assert not any(t.done() for t in under_way), "the new line does not wait for the old one"
            assert [a.state for a in (*await asyncio.gather(*under_way), after)] == ["delivered"] * 4
            assert len([a for a in there.asked if a.path == "/things"]) == 1
            assert not any(line.in_use for line in calls._retired), "the last call closed the line"
            await calls.close()

    run(story())


def test_a_system_that_is_gone_from_the_files_still_ends_what_is_owed_to_it(tmp_path: Path) -> None:
    async def story() -> None:
        peer = HttpPeer(agency)
        async with peer.serving() as url:
            environment = {"URL": url, "SITE": "1", "SECRET": "s"}
            calls = Calls({"things": system(tmp_path)}, environment)
            await calls.renew({}, environment)
            assert (await calls.call("things/write", {}, {"a": 1})).state == "delivered"
            await calls.close()

    run(story())
