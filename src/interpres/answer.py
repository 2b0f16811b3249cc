"""Answer: what a system said to a call, and what its status means where nothing more is known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal

from interpres.document import MISSING
from interpres.fault import Fault, TryAgain

LONGEST_WAIT_SECONDS: Final = 7 * 86400.0
MOST_FAULTS: Final = 100
LONGEST_TEXT: Final = 1000

State = Literal["delivered", "held", "refused", "missing"]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back over HTTP, unread. Names of headers are in lower case; `fault` is set where the body could not be taken."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    fault: Fault | None = None

    @property
    def media_type(self) -> str:
        """The media type without its parameters, in lower case; empty where none is said."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Answer:
    """A call's end. `tree` is the decoded body (MISSING where there is none that can be read); `faults` say why it is refused
    or held; `after_seconds` is what the system asked to wait. `items` are the entries of the list that was asked for, each with
    its own end; None where there is no such list."""

    state: State
    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tree: Any = field(default=MISSING, repr=False)
    faults: tuple[Fault, ...] = ()
    after_seconds: float | None = None
    items: tuple[Answer, ...] | None = None


_PASSING: Final[Mapping[int, str]] = {
    408: "waited too long for our request",
    425: "does not want the request so early",
    429: "has been asked too often",
    502: "stands behind a gateway that got no good answer from it",
    503: "is not ready to answer",
    504: "stands behind a gateway that got no answer from it in time",
}
_UNKNOWN_END: Final = frozenset({502, 504})
"""A gateway answered in place of the system, which may have acted all the same (RFC 9110, 15.6.3 and 15.6.5)."""

_REFUSED: Final[Mapping[int, tuple[str, str, str]]] = {
    400: (
        "N231",
        "does not understand the request",
        "see what it answered; the mapping or openapi.yaml differs from what it wants",
    ),
    403: ("N233", "does not allow us this", "ask its operator what this account may do, and see the headers of system.yaml"),
    404: ("N234", "knows nothing at this address", "see base_url, and the path of the operation in openapi.yaml"),
    405: ("N234", "does not offer this method here", "see the operation in openapi.yaml"),
    409: ("N235", "says that this contradicts what it already has", "compare with what was sent before, then resend or drop"),
    413: ("N236", "finds the request too large", "send less at once, or ask its operator for the limit"),
    415: ("N237", "does not take this media type", "see the content of the operation in openapi.yaml"),
    422: ("N238", "does not accept what the request says", "see what it answered, mend the record, and send it again"),
}


def passing(reply: Reply, system: str, now: datetime | None = None) -> TryAgain | None:
    """What is raised for 408, 425, 429 and 5xx: nothing is wrong with the message. None for any other status.

    `uncertain` where only a gateway answered. `after_seconds` is the Retry-After (RFC 9110, 10.2.3).
    """
    if reply.status not in _PASSING and not 500 <= reply.status <= 599:
        return None
    says = f"{system} {_PASSING.get(reply.status, 'has a fault of its own')} ({reply.status})"
    return TryAgain(says, after_seconds=retry_after_seconds(reply, now), uncertain=reply.status in _UNKNOWN_END)


def shut_out(reply: Reply, system: str) -> TryAgain | None:
    """What is raised for a 401 that a new sign-in did not change: nothing was done, and no message is to blame.

    What waits goes on by itself once the account is mended, so that it is as if the system were away.
    """
    if reply.status != 401:
        return None
    return TryAgain(
        f"{system} does not accept our sign-in, not even a new one (401): see its sign_in, and the rights of that account"
    )


def refusal(status: int, system: str) -> Fault:
    """What a status says that will not be another one next time: 3xx and 4xx."""
    if 300 <= status <= 399:
        hint = "see base_url in its system.yaml: a redirect is never followed, for it could lead anywhere"
        return Fault("N230", f"{system} wants to be asked at another address ({status})", hint)
    hint = "see what it answered"
    code, says, hint = _REFUSED.get(status, ("N239", "refuses the request", hint))
    return Fault(code, f"{system} {says} ({status})", hint)


def retry_after_seconds(reply: Reply, now: datetime | None = None) -> float | None:
    """Retry-After in seconds, given as seconds or as a date, which is held against the reply's own Date: clocks differ."""
    written = reply.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,10}", written, re.ASCII):
        return min(float(written), LONGEST_WAIT_SECONDS)
    until = _date(written)
    if until is None:
        return None
    since = _date(reply.headers.get("date", "")) or now or datetime.now(UTC)
    return min(max((until - since).total_seconds(), 0.0), LONGEST_WAIT_SECONDS)


def _date(written: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(written)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def peer_faults(tree: Any, system: str) -> tuple[Fault, ...]:
    """What an answer says is wrong, field by field, as faults N240 with the field as target and the peer's sentence as value.

    Read are: `errors` by field (Laravel, as NPCA's 422), lists of `{field, message}` (NPCA's status 3), problem details with
    `errors` of `{pointer, detail}` (RFC 9457, 3), and issues of a FHIR OperationOutcome. A peer's sentence may repeat a
    patient's data, so that it stands where values stand.
    """
    found: list[Fault] = []
    for field_name, sentence in _complaints(tree):
        target = field_path(field_name)
        says = f"{system} does not accept this field" if target else f"{system} does not accept it"
        found.append(Fault("N240", says, "see its sentence, mend the record, and send it again", target=target, value=sentence))
        if len(found) == MOST_FAULTS:
            break
    return tuple(found)


def field_path(written: str) -> str:
    """A field as our paths name it, from 0: `visits[0].patient.sex` for `visits.0.patient.sex` and `/visits/0/patient/sex`."""
    text = written.removeprefix("#").strip()
    parts = text[1:].split("/") if text.startswith("/") else re.split(r"[.\[\]]+", text.removeprefix("$").strip(".[]"))
    if not all(p and p.isprintable() and not any(c.isspace() for c in p) for p in parts) or len(text) > 300:
        return ""
    path = "".join(f"[{p}]" if p.isdecimal() and p.isascii() else f".{p}" for p in parts)
    return path.removeprefix(".")


def _complaints(tree: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(tree, dict):
        return
    yield from _errors(tree.get("errors"))
    yield from _errors(tree.get("invalid-params"))
    data = tree.get("data")
    for item in data if isinstance(data, list) else [data]:
        if isinstance(item, dict):
            yield from _errors(item.get("errors"))
    if tree.get("resourceType") == "OperationOutcome":
        yield from _issues(tree.get("issue"))


def _errors(errors: Any) -> Iterator[tuple[str, str]]:
    if isinstance(errors, dict):
        for name, sentences in errors.items():
            for sentence in sentences if isinstance(sentences, list) else [sentences]:
                yield str(name), _text(sentence)
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict):
            named = next((error[k] for k in ("field", "pointer", "path", "name", "source") if isinstance(error.get(k), str)), "")
            said = next((error[k] for k in ("message", "detail", "reason", "title") if isinstance(error.get(k), str)), "")
            yield named, _text(said)
        else:
            yield "", _text(error)


def _issues(issues: Any) -> Iterator[tuple[str, str]]:
    for issue in issues if isinstance(issues, list) else []:
        if isinstance(issue, dict) and issue.get("severity") in ("fatal", "error"):
            places = issue.get("expression") or issue.get("location") or [""]
            details = issue.get("details")
            said = details.get("text") if isinstance(details, dict) else None
            yield _text(places[0] if isinstance(places, list) and places else ""), _text(said or issue.get("diagnostics") or "")


def _text(value: Any) -> str:
    return value[:LONGEST_TEXT] if isinstance(value, str) else ""
