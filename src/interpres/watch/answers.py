"""Answers: the three addresses at which an engine can be asked how it does, as a web application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from interpres.watch.exposition import MEDIA_TYPE

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.routing import Route

Answer = Callable[[], Awaitable[tuple[int, str, bytes]]]
"""Status, media type and body."""

JSON: Final = "application/json"


def application(answers: Mapping[str, Answer]) -> Starlette:
    """One route for each path: GET and HEAD. What goes wrong in an answer is not told to whoever asked."""
    from starlette.applications import Starlette
    from starlette.responses import Response
    from starlette.routing import Route

    def route(path: str, answer: Answer) -> Route:
        async def endpoint(_: Request) -> Response:
            status, media_type, body = await answer()
            return Response(body, status, {"Content-Type": media_type, "Cache-Control": "no-store"})

        return Route(path, endpoint, methods=["GET"])

    return Starlette(routes=[route(path, answer) for path, answer in answers.items()])


def json_answer(status: int, facts: Mapping[str, Any]) -> tuple[int, str, bytes]:
    """An answer for people and machines, laid out."""
    return status, JSON, msgspec.json.format(msgspec.json.encode(facts)) + b"\n"


def text_answer(text: str) -> tuple[int, str, bytes]:
    """What Prometheus reads."""
    return 200, MEDIA_TYPE, text.encode()
