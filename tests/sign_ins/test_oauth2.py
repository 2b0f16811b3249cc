"""Tokens: one renewal for all who wait, lives of every kind, and what a token endpoint may do (reliability.md 5.4, D3)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.answer import Reply
from interpres.bearer import LONGEST_REST_SECONDS, RefusedError, Token, token_of
from interpres.fault import TryAgain
from interpres.sign_in import SignIn
from interpres.sign_ins.oauth2_client_credentials import Oauth2ClientCredentials
from interpres.sign_ins.oauth2_password import Oauth2Password
from tests.conformance import SignInSuite, run

PASSWORD = {
    "token_path": "/oauth/token",
    "client_id": "c",
    "client_secret": "client-hunter2",
    "username": "u",
    "password": "hunter2",
}


class Clock:
    """Monotonic seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Endpoint:
    """A token endpoint: answers as it is told, a little late, and remembers what it was asked."""

    def __init__(self, **facts: Any) -> None:
        self.facts: dict[str, Any] = {"token_type": "Bearer", "expires_in": 3600, **facts}
        self.asked: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[dict[str, str]], Reply | None] = lambda form: None

    async def __call__(self, path: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        assert path == "/oauth/token"
        self.asked.append(dict(form))
        self.headers.append(dict(headers))
        await asyncio.sleep(0.01)
        if (told := self.answer(dict(form))) is not None:
            return told
        number = len(self.asked)
        facts = {"access_token": f"token-{number}", "refresh_token": f"refresh-{number}", **self.facts}
        return Reply(200, {}, json.dumps({k: v for k, v in facts.items() if v is not ...}).encode())

    @property
    def grants(self) -> list[str]:
        return [form["grant_type"] for form in self.asked]


def signed_in(endpoint: Endpoint, clock: Clock | None = None) -> SignIn:
    return Oauth2Password(Oauth2Password.Settings(**PASSWORD), "npca", endpoint, clock or Clock())


async def bearer(sign_in: SignIn) -> str:
    return (await sign_in.sign()).headers["Authorization"]


class TestOauth2Password(SignInSuite):
    word = "oauth2_password"
    settings: ClassVar[dict[str, Any]] = PASSWORD
    secret = "hunter2"

    def test_a_password_once_then_the_token_until_it_is_near_its_end(self) -> None:
        endpoint, clock = Endpoint(expires_in=3600), Clock()

        async def story() -> None:
            sign_in = signed_in(endpoint, clock)
            assert [await bearer(sign_in) for _ in range(3)] == ["Bearer token-1"] * 3
            clock.now += 3600 - 61
            assert await bearer(sign_in) == "Bearer token-1"
            clock.now += 2
            assert await bearer(sign_in) == "Bearer token-2"

        run(story())
        assert endpoint.grants == ["password", "refresh_token"]
        assert endpoint.asked[0] == {
            "grant_type": "password",
            "username": "u",
            "password": "hunter2",
            "client_id": "c",
            "client_secret": "client-hunter2",
        }
        assert endpoint.asked[1]["refresh_token"] == "refresh-1" and "password" not in endpoint.asked[1]

    def test_twenty_calls_at_once_make_one_request(self) -> None:
        endpoint = Endpoint()

        async def story() -> set[str]:
            sign_in = signed_in(endpoint)
            return set(await asyncio.gather(*[bearer(sign_in) for _ in range(20)]))

        assert run(story()) == {"Bearer token-1"} and len(endpoint.asked) == 1

    def test_a_storm_of_401_makes_one_refresh(self) -> None:
        endpoint = Endpoint()

        async def one(sign_in: SignIn) -> str:
            signature = await sign_in.sign()
            await asyncio.sleep(0.01)
            assert await sign_in.refused(signature)
            return await bearer(sign_in)

        async def story() -> set[str]:
            sign_in = signed_in(endpoint)
            return set(await asyncio.gather(*[one(sign_in) for _ in range(100)]))

        assert run(story()) == {"Bearer token-2"} and endpoint.grants == ["password", "refresh_token"]

    def test_a_late_401_for_an_old_token_renews_nothing(self) -> None:
        endpoint = Endpoint()

        async def story() -> None:
            sign_in = signed_in(endpoint)
            old = await sign_in.sign()
            assert await sign_in.refused(old) and await sign_in.refused(old)

        run(story())
        assert len(endpoint.asked) == 2

    def test_a_refresh_token_that_has_ended_is_followed_by_the_password(self) -> None:
        endpoint, clock = Endpoint(), Clock()
        refused = Reply(400, {}, b'{"error":"invalid_grant"}')
        endpoint.answer = lambda form: refused if form["grant_type"] == "refresh_token" else None

        async def story() -> str:
            sign_in = signed_in(endpoint, clock)
            await sign_in.sign()
            clock.now += 3600
            return await bearer(sign_in)

        assert run(story()) == "Bearer token-3" and endpoint.grants == ["password", "refresh_token", "password"]

    def test_a_refresh_without_a_new_refresh_token_keeps_the_old_one(self) -> None:
        endpoint, clock = Endpoint(), Clock()

        async def story() -> None:
            sign_in = signed_in(endpoint, clock)
            await sign_in.sign()
            endpoint.facts["refresh_token"] = ...
            for _ in range(2):
                clock.now += 3600
                await sign_in.sign()

        run(story())
        assert [form.get("refresh_token") for form in endpoint.asked] == [None, "refresh-1", "refresh-1"]

    @pytest.mark.parametrize(
        ("expires_in", "good_for"),
        [
            (3600, 3540),
            ("3600", 3540),
            (1, 0.9),
            (3600.5, 3540.5),
            (0, 0),
            (-5, 0),
            (..., 10**9),
            ("soon", 10**9),
            (None, 10**9),
            (True, 10**9),
        ],
    )
    def test_lives_of_every_kind(self, expires_in: Any, good_for: float) -> None:
        endpoint, clock = Endpoint(expires_in=expires_in, refresh_token=...), Clock()

        async def story() -> None:
            sign_in = signed_in(endpoint, clock)
            assert await bearer(sign_in) == "Bearer token-1"
            if good_for:
                clock.now += good_for - 0.05
                assert await bearer(sign_in) == "Bearer token-1"
            if good_for < 10**9:
                clock.now += 0.1
                assert await bearer(sign_in) == "Bearer token-2"

        run(story())

    def test_a_clock_that_is_set_back_keeps_nothing_alive(self) -> None:
        """What counts is the clock that was handed in, which only grows; the wall clock is not read."""
        endpoint, clock = Endpoint(expires_in=100), Clock()

        async def story() -> str:
            sign_in = signed_in(endpoint, clock)
            await sign_in.sign()
            clock.now += 91
            return await bearer(sign_in)

        assert run(story()) == "Bearer token-2"

    def test_a_refused_sign_in_is_not_asked_again_at_once(self) -> None:
        endpoint, clock = Endpoint(), Clock()
        endpoint.answer = lambda form: Reply(401, {}, b'{"error":"invalid_client","error_description":"hunter2 is wrong"}')
        waits = []

        async def story() -> None:
            sign_in = signed_in(endpoint, clock)
            for _ in range(9):
                with pytest.raises(TryAgain) as caught:
                    await sign_in.sign()
                assert "invalid_client" in caught.value.says and "hunter2" not in caught.value.says
                with pytest.raises(TryAgain) as resting:
                    await sign_in.sign()
                assert "rests" in resting.value.says
                waits.append(resting.value.after_seconds)
                clock.now += resting.value.after_seconds or 0
            endpoint.answer = lambda form: None
            assert await bearer(sign_in) == "Bearer token-10"

        run(story())
        assert len(endpoint.asked) == 10 and waits[:3] == [5, 10, 20] and max(waits) == LONGEST_REST_SECONDS

    def test_a_sick_endpoint_is_asked_once_for_all_who_wait(self) -> None:
        endpoint = Endpoint()
        endpoint.answer = lambda form: Reply(503, {"retry-after": "7"}, b"")

        async def story() -> list[Any]:
            sign_in = signed_in(endpoint)
            return await asyncio.gather(*[sign_in.sign() for _ in range(20)], return_exceptions=True)

        found = run(story())
        assert {type(e) for e in found} == {TryAgain} and {e.after_seconds for e in found} == {7.0}
        assert len(endpoint.asked) == 1 and not any(e.uncertain for e in found)

    def test_if_the_one_who_renews_is_cancelled_another_does_it(self) -> None:
        endpoint = Endpoint()

        async def story() -> list[str]:
            sign_in = signed_in(endpoint)
            first, *others = [asyncio.create_task(bearer(sign_in)) for _ in range(5)]
            await asyncio.sleep(0.002)
            first.cancel()
            return await asyncio.gather(*others)

        assert run(story()) == ["Bearer token-2"] * 4 and len(endpoint.asked) == 2

    def test_one_who_waits_may_be_cancelled_alone(self) -> None:
        endpoint = Endpoint()

        async def story() -> list[Any]:
            sign_in = signed_in(endpoint)
            tasks = [asyncio.create_task(bearer(sign_in)) for _ in range(3)]
            await asyncio.sleep(0.002)
            tasks[1].cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

        one, two, three = run(story())
        assert one == three == "Bearer token-1" and isinstance(two, asyncio.CancelledError)


class TestOauth2ClientCredentials(SignInSuite):
    word = "oauth2_client_credentials"
    settings: ClassVar[dict[str, Any]] = {
        "token_path": "/oauth/token",
        "client_id": "a b",
        "client_secret": "hunter2:",
        "scope": "s",
    }
    secret = "hunter2:"

    def test_the_secret_goes_in_basic_authentication(self) -> None:
        endpoint = Endpoint()
        made = Oauth2ClientCredentials(Oauth2ClientCredentials.Settings(**self.settings), "npca", endpoint, Clock())
        assert run(bearer(made)) == "Bearer token-1"
        assert endpoint.asked == [{"grant_type": "client_credentials", "scope": "s"}]
        assert endpoint.headers == [{"Authorization": "Basic YStiOmh1bnRlcjIlM0E="}]  # a+b:hunter2%3A


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>sign in</html>"),
        (200, b'{"access_token": 12}'),
        (200, b'{"access_token": "a b"}'),
        (200, b'{"access_token": "a\\nX-Evil: 1"}'),
        (200, b'{"access_token": ""}'),
        (200, b'{"access_token": "a", "token_type": "mac"}'),
        (200, b'{"error": "invalid_scope"}'),
        (400, b'{"error": "invalid_grant"}'),
        (404, b""),
        (302, b""),
        (200, b"[" * 100_000),
    ],
)
def test_what_is_no_token(status: int, body: bytes) -> None:
    with pytest.raises(RefusedError):
        token_of(Reply(status, {}, body), "npca", 0.0, None)


def test_a_token_is_in_no_repr() -> None:
    assert "hunter2" not in repr(Token("hunter2", "hunter2", 1.0))


@settings(max_examples=200, deadline=None)
@given(
    st.integers(100, 599),
    st.binary(max_size=60)
    | st.builds(
        lambda v: json.dumps({"access_token": "a", "expires_in": v}).encode(), st.none() | st.integers() | st.floats() | st.text()
    ),
)
def test_any_reply_is_a_token_a_refusal_or_a_sick_peer(status: int, body: bytes) -> None:
    found: object = None
    try:
        found = token_of(Reply(status, {}, body), "npca", 5.0, None)
    except (RefusedError, TryAgain) as wrong:
        found = wrong
    assert isinstance(found, Token | RefusedError | TryAgain)
