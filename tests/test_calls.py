"""One operation of a system over real connections: reliability.md 5.4, statuses (D1) and silence (D2); limits, sign-in."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Coroutine
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from interpres.answer import Answer
from interpres.calls import Calls
from interpres.document import MISSING
from interpres.fault import Fault, Faults, TryAgain
from interpres.system import read_system
from tests.conformance import run
from tests.peers import Answerer, Asked, HttpPeer, Said

OPENAPI = """openapi: 3.1.0
paths:
  /things/{id}:
    get:
      operationId: read
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: card, in: query, schema: {type: string}}
      responses: {"200": {description: It, content: {application/json: {schema: {}}}}}
  /things:
    post:
      operationId: write
      requestBody: {content: {application/json: {schema: {}}}}
      responses: {"200": {description: It, content: {application/json: {schema: {}}}}}
  /judged:
    post:
      operationId: judge
      requestBody: {content: {application/json: {schema: {}}}}
      responses: {"200": {description: It, content: {application/json: {schema: {}}}}}
  /open:
    get:
      operationId: open
      security: []
      responses: {"200": {description: It}}
"""

SYSTEM = """about: A party
base_url: ${URL}
headers: {X-Site: "${SITE}"}
limits: {in_flight: 3, timeout_seconds: 0.5, answer_bytes: 4096}
answers:
  judge:
    missing: =http.status = 404 and success = false
    hold: =status = 3
    delivered: =status = 1
    refused: =success = false
operations:
  write: {key_header: Idempotency-Key}
  judge: {idempotent: true}
"""

SIGN_IN = """sign_in:
  oauth2_password: {token_path: /token, client_id: c, client_secret: "${SECRET}", username: u, password: "${SECRET}"}
"""

Story = Callable[[Calls, HttpPeer], Coroutine[Any, Any, Any]]


def told(folder: Path, answer: Answerer, story: Story, system: str = SYSTEM, **environment: str) -> HttpPeer:
    """Run a story against a peer that answers so."""
    place = folder / "schemas" / "things"
    place.mkdir(parents=True, exist_ok=True)
    (place / "system.yaml").write_text(system, "utf-8")
    (place / "openapi.yaml").write_text(OPENAPI, "utf-8")
    peer = HttpPeer(answer)

    async def whole() -> None:
        async with peer.serving() as url:
            given = {"URL": url, "SITE": "120415", "SECRET": "hunter2", **environment}
            calls = Calls({"things": read_system("things", folder / "schemas")}, given)
            try:
                await story(calls, peer)
            finally:
                await calls.close()

    run(whole())
    return peer


def one(folder: Path, said: Said, call: str = "things/write", system: str = SYSTEM, **facts: Any) -> Answer | TryAgain:
    """What one call comes to."""
    found: list[Answer | TryAgain] = []

    async def story(calls: Calls, peer: HttpPeer) -> None:
        parameters = {"id": "1"} if call == "things/read" else {}
        body = None if call == "things/read" else {"a": 1}
        try:
            found.append(await calls.call(call, parameters, body, "key-1", **facts))
        except TryAgain as sick:
            found.append(sick)

    told(folder, lambda asked: said, story, system)
    return found[0]


PAGE = Said(200, body=b"<html>please sign in</html>", headers={"Content-Type": "text/html; charset=utf-8"})

TABLE: list[tuple[Said, str, list[str]]] = [
    (Said(200, {"ok": True}), "delivered", []),
    (Said(201, {"ok": True}), "delivered", []),
    (Said(202), "delivered", []),
    (Said(204), "delivered", []),
    (Said(200, body=b"fine", headers={"Content-Type": "text/plain"}), "delivered", []),
    (PAGE, "held", ["N242"]),
    (Said(301, headers={"Location": "http://127.0.0.1:1/admin"}), "refused", ["N230"]),
    (Said(307, headers={"Location": "http://127.0.0.1:1/admin"}), "refused", ["N230"]),
    (Said(400, {"message": "no"}), "refused", ["N231"]),
    (Said(401), "again", []),
    (Said(403), "refused", ["N233"]),
    (Said(404), "refused", ["N234"]),
    (Said(408), "again", []),
    (Said(409), "refused", ["N235"]),
    (Said(413), "refused", ["N236"]),
    (Said(415), "refused", ["N237"]),
    (Said(418), "refused", ["N239"]),
    (Said(422, {"errors": {"visits.0.sex": ["Bob is invalid"]}}), "refused", ["N238", "N240"]),
    (Said(425), "again", []),
    (Said(429, headers={"Retry-After": "7"}), "again 7", []),
    (Said(429, headers={"Retry-After": "Fri, 01 Jan 2027 00:00:09 GMT", "Date": "Fri, 01 Jan 2027 00:00:00 GMT"}), "again 9", []),
    (Said(500), "again", []),
    (Said(502), "uncertain", []),
    (Said(503, headers={"Retry-After": "3"}), "again 3", []),
    (Said(504), "uncertain", []),
    (Said(599), "again", []),
]


@pytest.mark.parametrize("number", range(len(TABLE)), ids=lambda n: f"{TABLE[n][0].status}-{n}")
def test_d1_the_table_of_statuses(tmp_path: Path, number: int) -> None:
    said, state, codes = TABLE[number]
    answer = one(tmp_path, said)
    if isinstance(answer, TryAgain):
        again = "uncertain" if answer.uncertain else "again"
        assert (f"{again} {answer.after_seconds:g}" if answer.after_seconds is not None else again) == state
        return
    assert (answer.state, [f.code for f in answer.faults]) == (state, codes)
    assert answer.status == said.status
    assert "Bob" not in "".join(map(str, answer.faults))


@pytest.mark.parametrize(
    ("said", "state"),
    [
        (Said(200, {"status": 1}), "delivered"),
        (Said(200, {"status": 3, "success": True}), "held"),
        (Said(200, {"status": 2, "success": True}), "held"),
        (Said(200, {"success": False}), "refused"),
        (Said(422, {"success": False}), "refused"),
        (Said(404, {"success": False}), "missing"),
        (Said(404), "refused"),
        (Said(409, {"status": 1}), "delivered"),
        (Said(200), "held"),
        (Said(200, body=b"not json"), "held"),
        (Said(200, body=b'{"status": 1, "status": 3}'), "held"),
        (PAGE, "held"),
        (Said(500, {"success": False}), "again"),
        (Said(429, {"success": False}), "again"),
    ],
)
def test_answers_say_what_a_body_means_before_its_status_does(tmp_path: Path, said: Said, state: str) -> None:
    answer = one(tmp_path, said, "things/judge")
    assert (answer.state if isinstance(answer, Answer) else "again") == state


def test_a_formula_that_looks_at_the_status_may_overrule_one_that_says_try_again(tmp_path: Path) -> None:
    system = SYSTEM.replace("refused: =success = false", "refused: =http.status = 503 and http.headers.`x-why` = 'closed'")
    answer = one(tmp_path, Said(503, {}, headers={"X-Why": "closed"}), "things/judge", system)
    assert isinstance(answer, Answer) and answer.state == "refused"


def test_what_is_sent_and_what_comes_back(tmp_path: Path) -> None:
    async def story(calls: Calls, peer: HttpPeer) -> None:
        answer = await calls.call("things/read", {"id": "a/b", "card": Decimal("1.50"), "none": None})
        assert answer.tree == {"n": Decimal("5.50"), "big": 2**70}
        await calls.call("things/write", {}, {"x": Decimal("1.00")}, "key-1")
        await calls.call("things/write", {}, b"raw", None, media_type="text/csv")

    body = b'{"n": 5.50, "big": 1180591620717411303424}'
    get, post, raw = told(tmp_path, lambda asked: Said(200, body=body), story).asked
    assert (get.method, get.path, get.query, get.body) == ("GET", "/things/a%2Fb", {"card": "1.50"}, b"")
    assert get.headers["x-site"] == "120415" and "idempotency-key" not in get.headers
    assert (post.body, post.headers["content-type"], post.headers["idempotency-key"]) == (
        b'{"x":1.00}',
        "application/json",
        "key-1",
    )
    assert post.headers["accept"] == "application/json" and post.headers["user-agent"].startswith("interpres/")
    assert (raw.body, raw.headers["content-type"]) == (b"raw", "text/csv") and "idempotency-key" not in raw.headers


@pytest.mark.parametrize(
    ("said", "call", "uncertain"),
    [
        (Said(cut=True), "things/write", True),
        (Said(cut=True), "things/read", False),
        (Said(after_seconds=1.0), "things/write", True),
        (Said(after_seconds=1.0), "things/read", False),
        (Said(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), "things/write", True),
        (Said(raw=b"SSH-2.0-OpenSSH\r\n"), "things/write", True),
        (Said(raw=b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbad!"), "things/write", True),
    ],
)
def test_d2_silence_after_the_request_was_out_is_uncertain(tmp_path: Path, said: Said, call: str, uncertain: bool) -> None:
    answer = one(tmp_path, said, call)
    assert isinstance(answer, TryAgain) and answer.uncertain is uncertain


def test_d2_a_peer_that_cannot_be_reached_did_nothing(tmp_path: Path) -> None:
    free = socket.socket()
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()

    async def story(calls: Calls, peer: HttpPeer) -> None:
        with pytest.raises(TryAgain) as caught:
            await calls.call("things/write", {}, {"a": 1})
        assert caught.value.uncertain is False and caught.value.says == "things cannot be reached"

    told(tmp_path, lambda asked: Said(), story, URL=f"http://127.0.0.1:{port}")


def test_an_answer_beyond_the_limit_holds(tmp_path: Path) -> None:
    answer = one(tmp_path, Said(200, body=b'{"a":"' + b"x" * 8000 + b'"}'))
    assert isinstance(answer, Answer)
    assert (answer.state, [f.code for f in answer.faults], answer.tree) == ("held", ["N223"], MISSING)


def test_no_more_calls_than_allowed_at_once_and_connections_are_kept(tmp_path: Path) -> None:
    async def story(calls: Calls, peer: HttpPeer) -> None:
        await asyncio.gather(*[calls.call("things/write", {}, {"n": n}) for n in range(12)])

    peer = told(tmp_path, lambda asked: Said(after_seconds=0.02), story)
    assert (len(peer.asked), peer.most_at_once) == (12, 3) and peer.connections <= 3


def test_no_more_calls_a_second_than_allowed(tmp_path: Path) -> None:
    async def story(calls: Calls, peer: HttpPeer) -> None:
        began = time.monotonic()
        await asyncio.gather(*[calls.call("things/write", {}, {"n": n}) for n in range(5)])
        assert time.monotonic() - began >= 4 / 25

    told(tmp_path, lambda asked: Said(), story, SYSTEM.replace("in_flight: 3", "in_flight: 3, per_second: 25"))


def test_who_waits_too_long_for_a_place_tries_again(tmp_path: Path) -> None:
    async def story(calls: Calls, peer: HttpPeer) -> None:
        found = await asyncio.gather(*[calls.call("things/read", {"id": str(n)}) for n in range(6)], return_exceptions=True)
        assert {str(f) for f in found} == {
            "things did not answer within 0.5 seconds",
            "things was busy with 3 other calls for 0.5 seconds",
        }
        assert not any(f.uncertain for f in found if isinstance(f, TryAgain))

    told(tmp_path, lambda asked: Said(after_seconds=2), story)


class TokenPeer:
    """Issues tokens, and takes those that it has not taken back."""

    def __init__(self) -> None:
        self.issued = 0
        self.stale = 0

    def __call__(self, asked: Asked) -> Said:
        if asked.path == "/token":
            self.issued += 1
            return Said(200, {"access_token": f"t{self.issued}", "refresh_token": "r", "expires_in": 3600}, after_seconds=0.01)
        if asked.path == "/open":
            return Said(200, {"signed": "authorization" in asked.headers})
        good = asked.headers.get("authorization") == f"Bearer t{self.issued}" and self.issued > self.stale
        return Said(200, {}) if good else Said(401, {"message": "Unauthenticated."})


def test_a_stale_token_is_renewed_once_for_all_and_the_calls_are_made_again(tmp_path: Path) -> None:
    server = TokenPeer()

    async def story(calls: Calls, peer: HttpPeer) -> None:
        assert (await calls.call("things/read", {"id": "1"})).state == "delivered"
        server.stale = 1
        found = await asyncio.gather(*[calls.call("things/write", {}, {"n": n}) for n in range(20)])
        assert {a.state for a in found} == {"delivered"}
        assert (await calls.call("things/open")).tree == {"signed": False}

    system = SYSTEM.replace("in_flight: 3", "in_flight: 20") + SIGN_IN
    peer = told(tmp_path, server, story, system)
    assert [a.form["grant_type"] for a in peer.asked if a.path == "/token"] == ["password", "refresh_token"]


def test_a_401_for_a_new_token_too_is_the_accounts_affair_and_no_messages(tmp_path: Path) -> None:
    server = TokenPeer()
    server.stale = 10**6

    async def story(calls: Calls, peer: HttpPeer) -> None:
        with pytest.raises(TryAgain, match="not even a new one") as shut:
            await calls.call("things/write", {}, {"a": 1})
        assert not shut.value.uncertain

    peer = told(tmp_path, server, story, SYSTEM + SIGN_IN)
    assert [a.path for a in peer.asked] == ["/token", "/things", "/token", "/things"]


def test_calls_that_cannot_be_made_are_faults(tmp_path: Path) -> None:
    async def story(calls: Calls, peer: HttpPeer) -> None:
        with pytest.raises(Fault) as caught:
            await calls.call("things/raed")
        assert str(caught.value) == "N220 there is no operation 'things/raed' — did you mean 'things/read'?"
        with pytest.raises(Faults) as several:
            await calls.call("things/read", {"idd": "1"})
        assert [f.code for f in several.value] == ["N221", "N221"]

    assert told(tmp_path, lambda asked: Said(), story).asked == []


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"URL": "file:///etc/passwd"}, "schemas/things/system.yaml:2:11 E105 URL: the address is not one of http or https"),
        ({"URL": "http://u:hunter3@127.0.0.1"}, "schemas/things/system.yaml:2:11 E105 URL: the address holds credentials"),
        ({"SITE": "a\r\nX-Evil: hunter3"}, "N222 no request to things can be written"),
        ({"SITE": "ភ្នំពេញ"}, "N222 no request to things can be written"),
    ],
)
def test_an_environment_that_does_not_fit_is_a_fault_that_shows_nothing(
    tmp_path: Path, environment: dict[str, str], line: str
) -> None:
    async def story(calls: Calls, peer: HttpPeer) -> None:
        with pytest.raises(Fault) as caught:
            await calls.call("things/read", {"id": "1"})
        assert str(caught.value).startswith(line) and "hunter3" not in str(caught.value)

    assert told(tmp_path, lambda asked: Said(), story, **environment).asked == []


def test_a_name_that_is_not_set_is_a_fault(tmp_path: Path) -> None:
    async def story(calls: Calls, peer: HttpPeer) -> None:
        with pytest.raises(Fault) as caught:
            await Calls(calls._systems, {"URL": "http://127.0.0.1:1"}).call("things/read", {"id": "1"})
        assert caught.value.says == "SITE is not set"

    told(tmp_path, lambda asked: Said(), story)


def test_no_log_and_no_repr_holds_a_secret_or_a_patient(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def story(calls: Calls, peer: HttpPeer) -> None:
        answer = await calls.call("things/read", {"id": "1", "card": "PATIENT-7"})
        refused = await calls.call("things/write", {}, {"name": "PATIENT-7"})
        assert "PATIENT-7" not in f"{answer!r} {refused!r} {calls!r}"

    def answer(asked: Asked) -> Said:
        if asked.path == "/token":
            return Said(200, {"access_token": "t-hunter2", "expires_in": 60})
        return Said(422 if asked.method == "POST" else 200, {"errors": {"name": ["PATIENT-7 is invalid"]}})

    peer = told(tmp_path, answer, story, SYSTEM + SIGN_IN)
    assert peer.asked[1].query == {"card": "PATIENT-7"}
    for word in ("hunter2", "PATIENT-7"):
        assert word not in caplog.text
