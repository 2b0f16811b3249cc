"""Envelopes: the form of every answer — success, code, message, data — and of its pages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII)

MOST_PER_PAGE = 1000


class Refused(Exception):
    """A request that is answered with a failure; `errors` are sentences by field."""

    def __init__(self, status: int, message: str, errors: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors

    def response(self) -> Response:
        """422 names its fields instead of data, every other failure has no data."""
        facts: dict[str, Any] = {"success": False, "http_code": self.status, "message": self.message}
        return respond(self.status, facts | ({"errors": self.errors} if self.errors else {"data": None}))


@dataclass(frozen=True, slots=True)
class Page:
    """Which page is asked for: number from 1, size from 1 to `MOST_PER_PAGE`."""

    number: int
    size: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


def respond(status: int, tree: Any, headers: Mapping[str, str] | None = None) -> Response:
    """JSON with exact numbers."""
    return Response(_ENCODER.encode(tree), status, dict(headers or {}), media_type="application/json")


def envelope(status: int, message: str, data: Any, headers: Mapping[str, str] | None = None) -> Response:
    """The envelope around data."""
    facts = {"success": status < 400, "http_code": status, "message": message, "data": data}
    return respond(status, facts, headers)


def pages(page: Page, total: int, entries: Sequence[Any]) -> dict[str, Any]:
    """One page as `data`; there is always a last page, even of nothing."""
    last = max(1, -(-total // page.size))
    return {"current_page": page.number, "data": list(entries), "per_page": page.size, "total": total, "last_page": last}


def page_of(request: Request) -> Page:
    """The page that a request asks for. Raises `Refused` 422."""
    return Page(integer(request, "page", 1, least=1), integer(request, "per_page", 100, least=1, most=MOST_PER_PAGE))


def integer(request: Request, name: str, default: int, *, least: int = 0, most: int = 999_999_999) -> int:
    """A whole number of the query. Raises `Refused` 422 for anything else."""
    written = request.query_params.get(name)
    if written is None:
        return default
    if not _DIGITS.fullmatch(written) or not least <= int(written) <= most:
        sentence = f"The {name} must be a whole number from {least} to {most}."
        raise Refused(422, "The given data was invalid.", {name: [sentence]})
    return int(written)
