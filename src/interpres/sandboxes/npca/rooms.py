"""Rooms: the endpoints of the NPCA sandbox, and what stands before their doors (token, facility header, trouble)."""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from interpres.fault import Fault, Faults
from interpres.sandbox import Application
from interpres.sandbox.wire import TROUBLE
from interpres.sandboxes.npca.envelopes import Refused, envelope, integer, page_of, pages, respond
from interpres.sandboxes.npca.ledger import Ledger, Taken
from interpres.sandboxes.npca.seed import Seed
from interpres.sandboxes.npca.verdict import ACCEPTED, PARTIAL, Judge, Verdict

if TYPE_CHECKING:
    from interpres.sandboxes.npca import NpcaSettings

CAMBODIA: Final = timezone(timedelta(hours=7))

_LOG = logging.getLogger("interpres.sandboxes.npca")

Room = Callable[[Request], Awaitable[Response]]


class Rooms:
    """One method an endpoint. Nothing here is concurrent: each request is answered from the ledger in one go."""

    def __init__(self, settings: NpcaSettings, ledger: Ledger, seed: Seed, judge: Judge) -> None:
        self._settings = settings
        self._ledger = ledger
        self._seed = seed
        self._judge = judge

    def application(self) -> Application:
        """The ASGI application."""
        api = "/api/v1/external"
        return Starlette(
            routes=[
                self._route("/oauth/token", "issueToken", self.token, "POST"),
                self._route(f"{api}/common/standard-data", "standardData", self.standard_data, "GET"),
                self._route(f"{api}/beneficiary/search", "searchBeneficiary", self._signed_in(self.beneficiary), "GET"),
                self._route(f"{api}/visits", "submitVisit", self._signed_in(self.submit), "POST"),
                self._route(f"{api}/visits/processed", "processedVisits", self._signed_in(self.processed), "GET"),
                Route("/_sandbox/visits", self.kept, methods=["GET"]),
                Route("/_sandbox/effects", self.effects, methods=["GET"]),
            ],
            exception_handlers={404: _no_route, 405: _no_method},
        )

    # the agency's endpoints

    async def token(self, request: Request) -> Response:
        """Password and refresh grants (RFC 6749, 4.3 and 6); a refresh token is good for one renewal."""
        form = await self._form(request)
        client = _same(form.get("client_id", ""), self._settings.client_id)
        secret = _same(form.get("client_secret", ""), self._settings.client_secret.get_secret_value())
        if not (client and secret):
            return _oauth(401, "invalid_client", "Client authentication failed")
        grant = form.get("grant_type", "")
        if grant == "password":
            user = _same(form.get("username", ""), self._settings.username)
            if not (_same(form.get("password", ""), self._settings.password.get_secret_value()) and user):
                return _oauth(400, "invalid_grant", "The user credentials were incorrect.")
        elif grant == "refresh_token":
            if not self._ledger.holds(form.get("refresh_token", ""), "refresh"):
                return _oauth(401, "invalid_request", "The refresh token is invalid.")
            self._ledger.revoke(form["refresh_token"])
        else:
            return _oauth(400, "unsupported_grant_type", "The authorization grant type is not supported by the server.")
        self._ledger.note("issueToken", grant)
        return respond(
            200,
            {
                "access_token": self._ledger.issue("access", self._settings.token_seconds),
                "refresh_token": self._ledger.issue("refresh", self._settings.refresh_seconds),
                "token_type": "Bearer",
                "expires_in": self._settings.token_seconds,
            },
            {"Cache-Control": "no-store"},
        )

    async def standard_data(self, request: Request) -> Response:
        """One page of a code list; the only endpoint without sign-in."""
        kind = request.query_params.get("type", "")
        if kind not in self._seed.lists:
            raise Refused(422, "The given data was invalid.", {"type": ["The selected type is invalid."]})
        words = request.query_params.get("query", "").casefold()
        entries = [e for e in self._seed.lists[kind] if any(words in str(v).casefold() for v in e.values())]
        page = page_of(request)
        return envelope(200, "Data retrieved successfully", pages(page, len(entries), entries[page.offset :][: page.size]))

    async def beneficiary(self, request: Request) -> Response:
        """Found and eligible, found and not eligible, or not found (404)."""
        card = request.query_params.get("card_code", "").strip()
        if not card:
            raise Refused(422, "The given data was invalid.", {"card_code": ["The card code field is required."]})
        found = self._seed.beneficiary(card, request.query_params.get("card_type"))
        if found is None:
            raise Refused(404, "Benefit card not found")
        return envelope(200, "Beneficiary found", dict(found))

    async def submit(self, request: Request) -> Response:
        """Keep the visits or refuse the body at its fields; the same idempotency key has one effect and one answer."""
        body = await self._body(request)
        key = request.headers.get("Idempotency-Key")
        digest = hashlib.sha256(body).hexdigest()
        if key is not None and (known := self._ledger.answered(key)) is not None:
            if known[0] != digest:
                raise Refused(409, "The idempotency key was used for another request.")
            self._ledger.note("submitVisit", "repeated", key=key)
            return respond(known[1], known[2])
        tree = self._tree(request, body)
        verdict = self._judge.judge(tree)
        if verdict.refused:
            self._ledger.note("submitVisit", "refused", key=key)
            raise Refused(422, "The given data was invalid.", verdict.refused)
        with self._ledger.together():
            answer = self._take(tree["visits"], verdict, key)
            if key is not None:
                self._ledger.remember(key, digest, 200, answer)
        return respond(200, answer)

    async def processed(self, request: Request) -> Response:
        """What became of visits, filtered, one page."""
        names = ("health_facility_code", "visit_code", "visit_ulid", "from", "to")
        filters: dict[str, Any] = {n: request.query_params[n] for n in names if n in request.query_params}
        if "status" in request.query_params:
            filters["status"] = integer(request, "status", 0)
        page = page_of(request)
        total, found = self._ledger.processed(filters, page.offset, page.size)
        return envelope(200, "Data retrieved successfully", pages(page, total, found))

    # what tests and demos ask

    async def kept(self, request: Request) -> Response:
        """Every visit that is kept; with `?code=` that one, and its body as it was last sent."""
        return respond(200, {"visits": self._ledger.visits(request.query_params.get("code"))})

    async def effects(self, request: Request) -> Response:
        """How often what happened."""
        return respond(200, self._ledger.effects())

    # before the doors

    def _route(self, path: str, operation: str, room: Room, method: str) -> Route:
        async def watched(request: Request) -> Response:
            began = time.monotonic()
            try:
                response = self._trouble(request) or await room(request)
            except Refused as refused:
                response = refused.response()
            took = (time.monotonic() - began) * 1000
            _LOG.info("%s %d %.0f ms", operation, response.status_code, took)
            return response

        return Route(path, watched, methods=[method], name=operation)

    def _trouble(self, request: Request) -> Response | None:
        kind = request.scope.get(TROUBLE, "")
        if kind == "500":
            return envelope(500, "Server Error", None)
        if kind == "429":
            wait = {"Retry-After": str(self._settings.retry_after_seconds)}
            return envelope(429, "Too Many Attempts.", None, wait)
        return None

    def _signed_in(self, room: Room) -> Room:
        async def behind(request: Request) -> Response:
            token = _bearer(request)
            if request.scope.get(TROUBLE) == "expired":
                self._ledger.revoke(token)
            if not self._ledger.holds(token, "access"):
                raise Refused(401, "Unauthenticated.")
            facility = request.headers.get(self._settings.facility_header, "")
            if not facility:
                raise Refused(400, f"The header {self._settings.facility_header} is required.")
            if facility not in self._seed.facilities:
                raise Refused(403, "This facility is not allowed to call.")
            return await room(request)

        return behind

    # what a body says

    async def _body(self, request: Request) -> bytes:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > self._settings.body_bytes:
                raise Refused(413, "The body is too long.")
        return bytes(body)

    async def _form(self, request: Request) -> dict[str, str]:
        from urllib.parse import parse_qsl

        text = (await self._body(request)).decode("utf-8", "replace")
        return dict(parse_qsl(text, keep_blank_values=True))

    def _tree(self, request: Request, body: bytes) -> Any:
        if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "The body must be application/json.")
        try:
            return self._judge.read(body)
        except (Fault, Faults) as wrong:
            raise Refused(400, "The body is not JSON.") from wrong

    def _take(self, visits: list[dict[str, Any]], verdict: Verdict, key: str | None) -> dict[str, Any]:
        now = datetime.now(CAMBODIA).isoformat(timespec="milliseconds")
        taken = [
            Taken(v["health_facility_code"], v["code"], PARTIAL if errors else ACCEPTED, now, v, list(errors), list(warnings))
            for v, errors, warnings in zip(visits, verdict.partial, verdict.warnings, strict=True)
        ]
        ulids = self._ledger.take(taken, key)
        partly = any(t.status == PARTIAL for t in taken)
        return {
            "success": True,
            "http_code": 200,
            "message": "Visit partially accepted" if partly else "Visit accepted",
            "data": [
                {"status": t.status, "visit_ulid": ulid, "visit_code": t.code, "errors": t.errors}
                for t, ulid in zip(taken, ulids, strict=True)
            ],
        }


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode(), known.encode())


def _oauth(status: int, error: str, description: str) -> Response:
    return respond(status, {"error": error, "error_description": description, "message": description})


async def _no_route(request: Request, _: Exception) -> Response:
    return envelope(404, "Not Found", None)


async def _no_method(request: Request, wrong: Exception) -> Response:
    return envelope(405, "Method Not Allowed", None, dict(getattr(wrong, "headers", None) or {}))
