"""Said: what callers are answered — what became of their messages, problem details, or a FHIR OperationOutcome."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from interpres.fault import Fault
from interpres.source import Receipt

FHIR_JSON: Final = "application/fhir+json"
PROBLEM_JSON: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 5

_ISSUES: Final[Mapping[int, str]] = {
    401: "login",
    404: "not-found",
    405: "not-supported",
    408: "timeout",
    409: "conflict",
    413: "too-long",
    415: "not-supported",
    422: "invalid",
    500: "exception",
    503: "transient",
}
"""IssueType of FHIR R4 by status."""

CONFLICT: Final = "N304"
"""The engine's word for a key that was used before with another body."""


def status_of(receipt: Receipt) -> int:
    """200 processed, 202 stored and not yet processed, 409 conflict, 422 rejected, 503 not stored."""
    if receipt.cannot_store:
        return 503
    if not receipt.stored:
        return 409 if any(f.code == CONFLICT for f in receipt.faults) else 422
    if not receipt.accepted:
        return 422
    return 202 if receipt.early or any(fate.state == "received" for fate in receipt.fates) else 200


def what_became(receipt: Receipt, fhir: bool) -> Response:
    """The answer to what was handed in."""
    status = status_of(receipt)
    if status >= 400:
        faults = (*receipt.faults, *(f for fate in receipt.fates if not fate.accepted for f in fate.faults))
        return refused(status, faults, fhir, [fate.message_id for fate in receipt.fates])
    states = [{"message_id": fate.message_id, "state": fate.state} for fate in receipt.fates]
    if fhir:
        issues = [_issue("information", "informational", f"{s['state']} as {s['message_id']}") for s in states]
        return _json(status, _outcome(issues or [_issue("information", "informational", "taken")]), FHIR_JSON)
    return _json(status, states[0] if len(states) == 1 else {"messages": states}, "application/json")


def refused(
    status: int, faults: Iterable[Fault], fhir: bool, message_ids: Iterable[str] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """A no with its reasons: never a value, `says` and `hint` have none."""
    told = list(faults)
    more = dict(headers or {})
    if status == 503:
        more.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
    if fhir:
        issues = [_issue("error", _ISSUES.get(status, "processing"), _sentence(f), f.source or f.target) for f in told]
        return _json(status, _outcome(issues), FHIR_JSON, more)
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _sentence(told[0]) if told else "",
        "errors": [_error(f) for f in told],
    }
    if ids := list(message_ids):
        problem["message_ids"] = ids
    return _json(status, problem, PROBLEM_JSON, more)


def _error(fault: Fault) -> dict[str, str]:
    facts = {"code": fault.code, "detail": fault.says, "hint": fault.hint, "source": fault.source, "target": fault.target}
    return {name: text for name, text in facts.items() if text}


def _issue(severity: str, code: str, text: str, place: str = "") -> dict[str, Any]:
    issue: dict[str, Any] = {"severity": severity, "code": code, "details": {"text": text}}
    if place:
        issue["expression"] = [place]
    return issue


def _outcome(issues: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceType": "OperationOutcome", "issue": issues}


def _sentence(fault: Fault) -> str:
    where = f"{fault.target}: " if fault.target else ""
    return f"{fault.code} {where}{fault.says}" + (f" — {fault.hint}" if fault.hint else "")


def _json(status: int, tree: Any, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(tree, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return Response(body, status, headers=dict(headers or {}), media_type=media_type)
