"""A system's two files: what is read of them, and every mistake told at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpres.fault import Faults
from interpres.openapi import Parameter
from interpres.system import System, address_fault, read_system
from tests.conftest import ROOT

OPENAPI = """openapi: 3.1.0
paths:
  /things/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
    get:
      operationId: readThing
      parameters:
        - {$ref: "#/components/parameters/Site"}
        - {name: deep, in: query, schema: {type: boolean}}
      responses:
        "200": {$ref: "#/components/responses/Thing"}
        "404": {description: None}
    post:
      operationId: writeThing
      security: []
      requestBody:
        content:
          text/plain: {schema: {type: string}}
          application/json: {schema: {$ref: thing.json}}
      responses:
        "201": {description: Made}
  /nameless:
    get: {responses: {"200": {description: No operationId}}}
components:
  parameters:
    Site: {name: X-Site, in: header, required: true, schema: {type: string}}
  responses:
    Thing: {description: It, content: {application/json: {schema: {$ref: thing.json}}}}
"""

SYSTEM = """about: A party
base_url: ${THINGS_URL}
sign_in:
  oauth2_password:
    token_path: /token
    client_id: ${THINGS_ID}
    client_secret: ${THINGS_SECRET}
    username: ${THINGS_USER}
    password: ${THINGS_PASSWORD}
headers:
  X-Site: ${THINGS_SITE}
limits: {in_flight: 2, timeout_seconds: 1.5}
answers:
  writeThing:
    refused: =http.status = 500 and code = 'no'
    delivered: =ok = true
operations:
  writeThing: {idempotent: true, key_header: Idempotency-Key}
status: live
"""


def written(folder: Path, system: str = SYSTEM, openapi: str | None = OPENAPI) -> Path:
    place = folder / "schemas" / "things"
    place.mkdir(parents=True)
    (place / "system.yaml").write_text(system, "utf-8")
    if openapi is not None:
        (place / "openapi.yaml").write_text(openapi, "utf-8")
    return folder / "schemas"


def lines(folder: Path, system: str = SYSTEM, openapi: str | None = OPENAPI) -> list[str]:
    with pytest.raises(Faults) as caught:
        read_system("things", written(folder, system, openapi))
    return [str(f) for f in caught.value]


def read(folder: Path) -> System:
    return read_system("things", written(folder))


def test_operations_are_read_with_what_the_system_says_of_them(tmp_path: Path) -> None:
    things = read(tmp_path)
    assert list(things.operations) == ["readThing", "writeThing"]
    get, post = things.operations.values()
    assert (get.method, get.path, get.idempotent, get.signed, get.media_type) == ("GET", "/things/{id}", True, True, None)
    assert [p.name for p in get.parameters] == ["id", "X-Site", "deep"] and [p.name for p in get.asked] == ["id", "deep"]
    assert get.parameters[0] == Parameter("id", "path", True)
    assert get.answers_as == {"application/json"}
    assert (post.body, post.media_type, post.signed) == ("things/thing", "application/json", False)
    assert (post.idempotent, post.key_header) == (True, "Idempotency-Key")


def test_nothing_is_expanded_and_what_is_missing_is_told_at_its_place(tmp_path: Path) -> None:
    things = read(tmp_path)
    assert things.base_url == "${THINGS_URL}" and things.headers == {"X-Site": "${THINGS_SITE}"}
    given = {"THINGS_URL": "http://x", "THINGS_ID": "a", "THINGS_USER": "b", "THINGS_SITE": "c"}
    assert [f"{f.at} {f.code} {f.says}" for f in things.not_set(given)] == [
        "schemas/things/system.yaml:7:20 E104 THINGS_SECRET is not set",
        "schemas/things/system.yaml:9:15 E104 THINGS_PASSWORD is not set",
    ]


def test_answers_are_formulas_in_the_order_of_the_file(tmp_path: Path) -> None:
    refused, delivered = read(tmp_path).meanings["writeThing"]
    assert (refused.state, refused.reads_status, delivered.state, delivered.reads_status) == ("refused", True, "delivered", False)
    names = {"http": {"status": 500, "headers": {}}, "item": None}
    assert refused.true_for({"code": "no"}, names) is True
    assert refused.true_for({"code": "yes"}, names) is False
    assert delivered.true_for({"ok": True}, names) is True


def test_every_mistake_is_told_in_one_go(tmp_path: Path) -> None:
    wrong = (
        SYSTEM.replace("${THINGS_URL}", "ftp://things")
        .replace("${THINGS_SECRET}", "hunter2")
        .replace("writeThing:\n    refused", "writeThng:\n    refused")
        .replace("=ok = true", "ok = true")
        .replace("  writeThing: {idempotent", "  writThing: {idempotent")
        .replace("X-Site:", "X Site:")
    )
    found = lines(tmp_path, wrong)
    assert [line.removeprefix("schemas/things/system.yaml:") for line in found] == [
        "2:11 C160 the address is not one of http or https — write it as in https://host/root",
        "7:20 C163 the client_secret stands in the file — write ${NAME} and set NAME in the environment or in .env; "
        "take it that this client_secret is known by now",
        "11:3 C161 this cannot be a header — headers are one line each, named in ASCII without spaces",
        "14:3 C162 schemas/things/openapi.yaml has no operation 'writeThng' — did you mean 'writeThing'?",
        "16:16 C121 delivered is not a formula — begin it with '=', as in =ok = true",
        "18:3 C162 schemas/things/openapi.yaml has no operation 'writThing' — did you mean 'writeThing'?",
    ]
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize(
    ("was", "is_", "told"),
    [
        (
            "limits: {in_flight: 2",
            "limits: {in_fligt: 2",
            "12:10 C101 there is no key 'in_fligt' here — did you mean 'in_flight'?",
        ),
        ("in_flight: 2", "in_flight: 0", "12:21 C104 the number must be at least 1 — how many calls may be under way at once"),
        (
            "status: live",
            "status: alive",
            "19:9 C105 the value must be 'planned', 'sandbox', 'live' or 'blocked' — did you mean 'live'?",
        ),
        ("about: A party\n", "", "1:1 C102 the key 'about' is missing — one sentence: who this is"),
        (
            "  oauth2_password:",
            "  oauth2_pasword:",
            "4:3 C110 there is no sign-in 'oauth2_pasword' — did you mean 'oauth2_password'?",
        ),
        ("    token_path: /token\n", "", "5:5 C102 the key 'token_path' is missing — where tokens are issued, behind base_url"),
        ("=ok = true", "=ok = ", "16:21 M111 the formula ends"),
        ("=ok = true", "=upcase(ok)", "16:17 M105 there is no transform 'upcase'"),
        ("    delivered:", "    deliverd:", "16:5 C101 there is no key 'deliverd' here — did you mean 'delivered'?"),
    ],
)
def test_one_mistake(tmp_path: Path, was: str, is_: str, told: str) -> None:
    assert was in SYSTEM
    (line,) = lines(tmp_path, SYSTEM.replace(was, is_))
    assert line.startswith(f"schemas/things/system.yaml:{told}")


@pytest.mark.parametrize(
    ("openapi", "told"),
    [
        (None, "schemas/things/openapi.yaml C164 schemas/things/openapi.yaml cannot be read: no such file or directory"),
        ("openapi: 3.1.0\n", "schemas/things/openapi.yaml:1:1 C165 this is not OpenAPI: it has no paths"),
        (
            OPENAPI.replace("parameters/Site", "parameters/Sit", 1),
            "schemas/things/openapi.yaml:9:18 C165 this reference leads to nothing",
        ),
        (
            OPENAPI.replace("readThing", "writeThing"),
            "schemas/things/openapi.yaml:15:7 C165 the operationId 'writeThing' is given twice",
        ),
    ],
)
def test_a_contract_that_cannot_be_read(tmp_path: Path, openapi: str | None, told: str) -> None:
    assert lines(tmp_path, SYSTEM, openapi)[0].startswith(told)


def test_addresses_that_are_none() -> None:
    for good in ("http://127.0.0.1:8080", "https://host/root/", "https://[::1]/x"):
        assert address_fault(good) is None
    for bad in (
        "",
        "host",
        "file:///etc/passwd",
        "gopher://x",
        "http://",
        "http://u:p@x",
        "http://x?y=1",
        "http://x#y",
        "http://x:y",
        "http://a b",
    ):
        fault = address_fault(bad)
        assert fault is not None and fault.code == "C160" and "u:p" not in str(fault)


def test_parameters_find_their_places(tmp_path: Path) -> None:
    get = read(tmp_path).operations["readThing"]
    assert get.placed({"id": "a/b ?ក", "deep": "true"}) == ("/things/a%2Fb%20%3F%E1%9E%80", [("deep", "true")], {})
    for values, says in (
        ({}, "readThing needs a value for 'id'"),
        ({"id": ".."}, "the value for 'id' would lead to another path"),
        ({"id": "x", "depp": "y"}, "readThing has no parameter 'depp'"),
    ):
        with pytest.raises(Faults) as caught:
            get.placed(values)
        assert [(f.code, f.says) for f in caught.value] == [("N221", says)]


def test_the_shipped_systems_are_read_without_a_fault() -> None:
    for file in (ROOT / "schemas").glob("*/system.yaml"):
        assert read_system(file.parent.name, ROOT / "schemas").operations
