"""The NPCA sandbox over real HTTP: every endpoint, its state, its answers' forms and its trouble."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from interpres.catalog import part
from interpres.document import Document
from interpres.promises.schemas import find_schema
from interpres.sandbox import Running, start
from tests.conftest import ROOT

API = "/api/v1/external"
SCHEMAS = ROOT / "schemas"
GOOD = ROOT / "samples" / "schemas" / "npca" / "good"


@contextmanager
def sandbox(**settings: Any) -> Iterator[httpx2.Client]:
    npca = part("sandboxes", "npca")
    with (
        start(npca(npca.Settings(**settings), SCHEMAS)) as running,
        httpx2.Client(base_url=running.base_url, timeout=5) as client,
    ):
        client.running = running  # type: ignore[attr-defined]
        yield client


@pytest.fixture(scope="module")
def shared() -> Iterator[httpx2.Client]:
    """One sandbox for the tests that leave nothing behind that another could see."""
    with sandbox() as client:
        sign_in(client)
        yield client


def environment(client: httpx2.Client) -> dict[str, str]:
    running: Running = client.running  # type: ignore[attr-defined]
    return running.environment


def credentials(client: httpx2.Client, **changes: str) -> dict[str, str]:
    known = environment(client)
    return {
        "grant_type": "password",
        "client_id": known["NPCA_CLIENT_ID"],
        "client_secret": known["NPCA_CLIENT_SECRET"],
        "username": known["NPCA_USERNAME"],
        "password": known["NPCA_PASSWORD"],
    } | changes


def sign_in(client: httpx2.Client) -> dict[str, Any]:
    token: dict[str, Any] = client.post("/oauth/token", data=credentials(client)).json()
    client.headers["Authorization"] = f"Bearer {token['access_token']}"
    client.headers["X-Facility-Code"] = environment(client)["NPCA_FACILITY_CODE"]
    return token


def good(name: str) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads((GOOD / f"{name}.json").read_text("utf-8"))
    return tree


def promised(name: str, answer: httpx2.Response) -> Any:
    """The answer's tree, after it was found to be what the schema promises."""
    tree = json.loads(answer.content, parse_float=Decimal)
    broken = [f.line(values=True) for f in find_schema(f"npca/{name}", SCHEMAS).checker.faults(Document("json", tree))]
    assert not broken
    return tree


class TestSignIn:
    def test_a_password_brings_a_token_of_the_promised_form(self, shared: httpx2.Client) -> None:
        answer = shared.post("/oauth/token", data=credentials(shared))
        assert answer.status_code == 200
        assert promised("token", answer)["expires_in"] == 3600
        assert answer.headers["Cache-Control"] == "no-store"

    def test_a_refresh_token_is_good_once(self, shared: httpx2.Client) -> None:
        first = shared.post("/oauth/token", data=credentials(shared)).json()
        renewal = credentials(shared, grant_type="refresh_token", refresh_token=first["refresh_token"])
        second = shared.post("/oauth/token", data=renewal)
        assert promised("token", second)["access_token"] != first["access_token"]
        again = shared.post("/oauth/token", data=renewal)
        assert again.status_code == 401
        assert promised("oauth_failure", again)["error"] == "invalid_request"

    @pytest.mark.parametrize(
        ("changes", "status", "error"),
        [
            ({"password": "wrong"}, 400, "invalid_grant"),
            ({"username": "ចាន់"}, 400, "invalid_grant"),
            ({"client_secret": "wrong"}, 401, "invalid_client"),
            ({"client_id": ""}, 401, "invalid_client"),
            ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type"),
        ],
    )
    def test_what_is_wrong_is_refused(self, shared: httpx2.Client, changes: dict[str, str], status: int, error: str) -> None:
        answer = shared.post("/oauth/token", data=credentials(shared, **changes))
        assert (answer.status_code, promised("oauth_failure", answer)["error"]) == (status, error)

    def test_tokens_expire_when_they_said(self) -> None:
        with sandbox(token_seconds=1) as client:
            assert sign_in(client)["expires_in"] == 1
            assert client.get(f"{API}/visits/processed").status_code == 200
            time.sleep(1.05)
            answer = client.get(f"{API}/visits/processed")
            assert (answer.status_code, promised("failure", answer)["message"]) == (401, "Unauthenticated.")

    @pytest.mark.parametrize("value", ["", "Bearer", "Bearer made-up", "Basic dXNlcjpwYXNz", "Bearer " + "x" * 5000])
    def test_unknown_tokens_are_refused(self, shared: httpx2.Client, value: str) -> None:
        answer = shared.get(f"{API}/visits/processed", headers={"Authorization": value})
        assert answer.status_code == 401

    def test_a_refresh_token_is_no_access_token(self, shared: httpx2.Client) -> None:
        token = shared.post("/oauth/token", data=credentials(shared)).json()["refresh_token"]
        assert shared.get(f"{API}/visits/processed", headers={"Authorization": f"Bearer {token}"}).status_code == 401

    @pytest.mark.parametrize(("facility", "status"), [("", 400), ("999999", 403), ("120415", 200)])
    def test_the_facility_header_is_wanted(self, shared: httpx2.Client, facility: str, status: int) -> None:
        answer = shared.get(f"{API}/visits/processed", headers={"X-Facility-Code": facility})
        assert answer.status_code == status


class TestBeneficiary:
    @pytest.mark.parametrize(
        ("card", "state", "eligible"),
        [("12-0984-5512", "active", True), ("01-0226-0871", "expired", False), ("12-8841-0925", "suspended", False)],
    )
    def test_found(self, shared: httpx2.Client, card: str, state: str, eligible: bool) -> None:
        answer = shared.get(f"{API}/beneficiary/search", params={"card_code": card})
        found = promised("beneficiary", answer)
        assert (found["success"], found["http_code"]) == (True, 200)
        assert (found["data"]["card_status"], found["data"]["is_eligible"]) == (state, eligible)

    @pytest.mark.parametrize("asked", [{"card_code": "00-0000-0000"}, {"card_code": "12-0984-5512", "card_type": "NSSF"}])
    def test_not_found(self, shared: httpx2.Client, asked: dict[str, str]) -> None:
        answer = shared.get(f"{API}/beneficiary/search", params=asked)
        assert answer.status_code == 404
        assert promised("failure", answer) == {
            "success": False,
            "http_code": 404,
            "message": "Benefit card not found",
            "data": None,
        }

    def test_a_card_must_be_asked_for(self, shared: httpx2.Client) -> None:
        answer = shared.get(f"{API}/beneficiary/search")
        assert answer.status_code == 422
        assert promised("failure", answer)["errors"] == {"card_code": ["The card code field is required."]}

    def test_every_seeded_beneficiary_is_as_promised(self, shared: httpx2.Client) -> None:
        seed = json.loads((ROOT / "src/interpres/sandboxes/npca/seed.json").read_text("utf-8"))
        for known in seed["beneficiaries"]:
            asked = {"card_code": known["card_code"], "card_type": known["card_type"]}
            promised("beneficiary", shared.get(f"{API}/beneficiary/search", params=asked))


class TestStandardData:
    def test_every_type_without_signing_in(self, shared: httpx2.Client) -> None:
        kinds = find_parameter("type")["schema"]["enum"]
        for kind in kinds:
            answer = httpx2.get(f"{shared.base_url}{API}/common/standard-data", params={"type": kind})
            page = promised("standard_data", answer)["data"]
            assert page["total"] == len(page["data"]) > 0, kind

    def test_pages_and_search(self, shared: httpx2.Client) -> None:
        def ask(**asked: Any) -> dict[str, Any]:
            answer = shared.get(f"{API}/common/standard-data", params={"type": "payment_types"} | asked)
            page: dict[str, Any] = promised("standard_data", answer)["data"]
            return page

        whole, second = ask(), ask(per_page=4, page=2)
        assert (whole["total"], whole["last_page"], second["last_page"]) == (11, 1, 3)
        assert second["data"] == whole["data"][4:8]
        assert [e["name"] for e in ask(query="informal")["data"]] == ["HEF (Informal Worker)"]
        assert ask(query="no such thing")["data"] == []

    @pytest.mark.parametrize(
        "asked", [{"type": "moons"}, {}, {"type": "visit_types", "page": "0"}, {"type": "visit_types", "per_page": "٣"}]
    )
    def test_what_cannot_be_is_refused(self, shared: httpx2.Client, asked: dict[str, str]) -> None:
        answer = shared.get(f"{API}/common/standard-data", params=asked)
        assert answer.status_code == 422
        assert promised("failure", answer)["errors"]


class TestVisits:
    @pytest.mark.parametrize("name", sorted(f.stem for f in GOOD.glob("*.json")))
    def test_good_visits_are_accepted(self, shared: httpx2.Client, name: str) -> None:
        body = good(name)
        answer = shared.post(f"{API}/visits", json=body)
        taken = promised("submission", answer)
        assert [(t["status"], t["visit_code"]) for t in taken["data"]] == [(1, v["code"]) for v in body["visits"]]

    def test_a_visit_sent_again_is_updated_and_keeps_its_ulid(self) -> None:
        with sandbox() as client:
            sign_in(client)
            ulids = {
                client.post(f"{API}/visits", json=good(name)).json()["data"][0]["visit_ulid"]
                for name in ("ipd_admission", "ipd_update", "ipd_discharge")
            }
            assert len(ulids) == 1
            code = good("ipd_discharge")["visits"][0]["code"]
            (kept,) = client.get("/_sandbox/visits", params={"code": code}).json()["visits"]
            assert (kept["submissions"], kept["visit"]) == (3, good("ipd_discharge")["visits"][0])
            counts = client.get("/_sandbox/effects").json()["counts"]
            assert (counts["submitVisit created"], counts["submitVisit updated"]) == (1, 2)

    def test_the_same_code_of_another_facility_is_another_visit(self) -> None:
        with sandbox() as client:
            sign_in(client)
            for facility in ("020101", "121020"):
                body = good("opd_smallest")
                body["visits"][0]["health_facility_code"] = facility
                client.post(f"{API}/visits", json=body)
            assert len(client.get("/_sandbox/visits").json()["visits"]) == 2

    def test_what_is_not_covered_is_accepted_in_part(self, shared: httpx2.Client) -> None:
        body = good("ipd_discharge")
        body["visits"][0]["invoices"][0]["payment_type"] = "HEF (CNP)"
        taken = promised("submission", shared.post(f"{API}/visits", json=body))
        assert (taken["success"], taken["message"], taken["data"][0]["status"]) == (True, "Visit partially accepted", 3)
        assert taken["data"][0]["errors"] == [
            {
                "field": "visits.0.invoices.0.payment_type",
                "message": "payment_type is not covered for visit_type IPD",
            }
        ]

    def test_a_body_is_refused_at_its_fields_and_nothing_of_it_is_kept(self) -> None:
        with sandbox() as client:
            sign_in(client)
            body = good("two_visits")
            body["visits"][1]["patient"]["sex"] = "X"
            del body["visits"][1]["admitted_at"]
            answer = client.post(f"{API}/visits", json=body)
            assert answer.status_code == 422
            failure = promised("failure", answer)
            assert (failure["success"], failure["message"]) == (False, "The given data was invalid.")
            assert set(failure["errors"]) == {"visits.1.patient.sex", "visits.1.admitted_at"}
            assert all(s.endswith(".") and s[0].isupper() for said in failure["errors"].values() for s in said)
            assert client.get("/_sandbox/visits").json()["visits"] == []

    def test_the_rules_are_kept_too(self, shared: httpx2.Client) -> None:
        body = good("opd_complete")
        body["visits"][0]["invoices"][0]["total"] += 1
        answer = shared.post(f"{API}/visits", json=body)
        assert (answer.status_code, set(answer.json()["errors"])) == (422, {"visits.0.invoices.0.total"})

    @pytest.mark.parametrize(
        ("content", "kind", "status"),
        [
            (b"{", "application/json", 400),
            (b"", "application/json", 400),
            (b"[" * 100_000, "application/json", 400),
            (b'{"visits": NaN}', "application/json", 400),
            (b"\xff\xfe", "application/json", 400),
            (b"[]", "application/json", 422),
            (b"null", "application/json; charset=utf-8", 422),
            (b'{"visits": []}', "application/json", 422),
            (b'{"visits": [null]}', "application/json", 422),
            (b"{}", "text/plain", 415),
        ],
    )
    def test_bodies_that_are_no_visits(self, shared: httpx2.Client, content: bytes, kind: str, status: int) -> None:
        answer = shared.post(f"{API}/visits", content=content, headers={"Content-Type": kind})
        assert answer.status_code == status
        promised("failure", answer)

    def test_a_body_that_is_too_long_is_not_read(self) -> None:
        with sandbox(body_bytes=1000) as client:
            sign_in(client)
            answer = client.post(f"{API}/visits", content=b"x" * 1001, headers={"Content-Type": "application/json"})
            assert answer.status_code == 413


class TestIdempotency:
    def test_the_same_key_has_one_effect_and_one_answer(self) -> None:
        with sandbox() as client:
            sign_in(client)
            answers = [
                client.post(f"{API}/visits", json=good("opd_smallest"), headers={"Idempotency-Key": "k-1"}) for _ in range(3)
            ]
            assert len({a.content for a in answers}) == 1
            effects = client.get("/_sandbox/effects").json()
            assert effects["counts"]["submitVisit created"] == 1
            assert effects["counts"]["submitVisit repeated"] == 2
            assert (effects["visits"], effects["keys"]) == ({"V-7": 1}, 1)

    def test_the_same_key_with_another_body_is_refused(self) -> None:
        with sandbox() as client:
            sign_in(client)
            key = {"Idempotency-Key": "k-1"}
            client.post(f"{API}/visits", json=good("opd_smallest"), headers=key)
            assert client.post(f"{API}/visits", json=good("opd_complete"), headers=key).status_code == 409
            assert len(client.get("/_sandbox/visits").json()["visits"]) == 1

    def test_a_refused_body_leaves_its_key_free(self) -> None:
        with sandbox() as client:
            sign_in(client)
            key = {"Idempotency-Key": "k-1"}
            assert client.post(f"{API}/visits", json={"visits": []}, headers=key).status_code == 422
            assert client.post(f"{API}/visits", json=good("opd_smallest"), headers=key).status_code == 200


@pytest.fixture(scope="module")
def three() -> Iterator[httpx2.Client]:
    """A sandbox that keeps three visits: accepted, accepted in part, accepted with warnings."""
    with sandbox() as client:
        sign_in(client)
        for name in ("opd_complete", "ipd_discharge", "emergency_with_warnings"):
            body = good(name)
            if name == "ipd_discharge":
                body["visits"][0]["invoices"][0]["payment_type"] = "HEF (CNP)"
            assert client.post(f"{API}/visits", json=body).status_code == 200
        yield client


class TestProcessed:
    def ask(self, client: httpx2.Client, **asked: Any) -> dict[str, Any]:
        page: dict[str, Any] = promised("processed", client.get(f"{API}/visits/processed", params=asked))["data"]
        return page

    def test_all(self, three: httpx2.Client) -> None:
        page = self.ask(three)
        assert [v["status"] for v in page["data"]] == [1, 3, 1]
        assert page["data"][1]["errors"][0]["field"] == "visits.0.invoices.0.payment_type"

    def test_warnings_are_validation_results(self, three: httpx2.Client) -> None:
        (visit,) = self.ask(three, visit_code="V2611-4410")["data"]
        fields = [w["field"] for w in visit["validation_results"]]
        assert "visits.0.vital_signs.0.observations.0.value" in fields
        assert visit["errors"] == []

    def test_filters(self, three: httpx2.Client) -> None:
        first = self.ask(three)["data"][0]
        assert self.ask(three, visit_ulid=first["visit_ulid"])["data"] == [first]
        assert [v["visit_code"] for v in self.ask(three, status=3)["data"]] == ["V2611-3055"]
        assert [v["visit_code"] for v in self.ask(three, health_facility_code="121020")["data"]] == ["V2611-4410"]
        day = first["processed_at"][:10]
        assert self.ask(three, **{"from": day, "to": day})["total"] == 3
        assert self.ask(three, **{"from": "2999-01-01"})["data"] == []
        assert self.ask(three, to="1999-01-01")["total"] == 0
        assert self.ask(three, visit_code="' OR 1=1 --")["total"] == 0

    def test_pages(self, three: httpx2.Client) -> None:
        page = self.ask(three, per_page=2, page=2)
        assert (page["current_page"], page["per_page"], page["total"], page["last_page"]) == (2, 2, 3, 2)
        assert [v["visit_code"] for v in page["data"]] == ["V2611-4410"]

    def test_a_status_is_a_number(self, three: httpx2.Client) -> None:
        assert three.get(f"{API}/visits/processed", params={"status": "one"}).status_code == 422


class TestState:
    def test_what_was_received_outlives_the_server(self, tmp_path: Path) -> None:
        file = tmp_path / "sandboxes" / "npca.sqlite"
        with sandbox(state=file) as client:
            sign_in(client)
            headers = dict(client.headers) | {"Idempotency-Key": "k-1"}
            first = client.post(f"{API}/visits", json=good("opd_smallest"), headers=headers)
        with sandbox(state=file) as client:
            again = client.post(f"{API}/visits", json=good("opd_smallest"), headers=headers)
            assert again.content == first.content
            assert client.get("/_sandbox/effects").json()["visits"] == {"V-7": 1}

    def test_unknown_paths_and_methods(self, shared: httpx2.Client) -> None:
        assert promised("failure", shared.get("/nowhere"))["http_code"] == 404
        wrong = shared.delete(f"{API}/visits")
        assert (wrong.status_code, wrong.headers["Allow"]) == (405, "POST")
        promised("failure", wrong)

    def test_the_log_names_operations_and_never_values(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level("INFO", "interpres.sandboxes.npca"), sandbox() as client:
            sign_in(client)
            client.get(f"{API}/beneficiary/search", params={"card_code": "12-0984-5512"})
            client.post(f"{API}/visits", json=good("opd_complete"))
        lines = [r.getMessage() for r in caplog.records if r.name == "interpres.sandboxes.npca"]
        assert [line.split()[:2] for line in lines] == [
            ["issueToken", "200"],
            ["searchBeneficiary", "200"],
            ["submitVisit", "200"],
        ]
        assert not any(value in line for line in lines for value in ("12-0984-5512", "ហេង", "V2611-2207"))


class TestTrouble:
    def test_500_does_nothing(self) -> None:
        with sandbox(trouble="500:1") as client:
            assert client.post("/oauth/token", data=credentials(client)).status_code == 500
            assert client.get("/_sandbox/effects").json()["counts"] == {}

    def test_429_says_when_to_come_back(self) -> None:
        with sandbox(trouble="429:1", retry_after_seconds=7) as client:
            answer = client.post("/oauth/token", data=credentials(client))
            assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")

    def test_slow_answers_come_late_and_are_right(self) -> None:
        with sandbox(trouble="slow:1", slow_seconds=0.3) as client:
            began = time.monotonic()
            assert client.post("/oauth/token", data=credentials(client)).status_code == 200
            assert time.monotonic() - began >= 0.3

    def test_expired_takes_a_good_token_away(self) -> None:
        with sandbox(trouble="expired:1") as client:
            sign_in(client)
            assert client.get(f"{API}/visits/processed").status_code == 401

    @pytest.mark.parametrize(("kind", "kept"), [("drop", 0), ("drop-after", 1)])
    def test_dropped_connections_before_and_after_having_acted(self, tmp_path: Path, kind: str, kept: int) -> None:
        file = tmp_path / "npca.sqlite"
        with sandbox(state=file) as client:
            sign_in(client)
            headers = dict(client.headers)
        with sandbox(state=file, trouble=f"{kind}:1") as client:
            with pytest.raises(httpx2.TransportError):
                client.post(f"{API}/visits", json=good("opd_smallest"), headers=headers)
            assert len(client.get("/_sandbox/visits").json()["visits"]) == kept

    def test_the_same_seed_brings_the_same_trouble(self) -> None:
        def story(seed: int) -> list[int]:
            with sandbox(trouble="500:0.3,429:0.3", trouble_seed=seed) as client:
                return [client.get(f"{API}/common/standard-data?type=visit_types").status_code for _ in range(20)]

        assert story(7) == story(7) != story(8)
        assert set(story(7)) == {200, 429, 500}


def test_it_runs_beside_a_running_loop() -> None:
    async def ask() -> int:
        with sandbox() as client:
            async with httpx2.AsyncClient(base_url=client.base_url) as other:
                answers = await asyncio.gather(*(other.post("/oauth/token", data=credentials(client)) for _ in range(5)))
                return sum(a.status_code == 200 for a in answers)

    assert asyncio.run(ask()) == 5


def find_parameter(name: str) -> dict[str, Any]:
    from ruamel.yaml import YAML

    openapi = YAML(typ="safe").load((SCHEMAS / "npca" / "openapi.yaml").read_text("utf-8"))
    parameters = openapi["paths"][f"{API}/common/standard-data"]["get"]["parameters"]
    found: dict[str, Any] = next(p for p in parameters if p["name"] == name)
    return found
