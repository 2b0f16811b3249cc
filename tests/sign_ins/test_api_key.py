"""A key in a header or in the query."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from interpres.sign_ins.api_key import ApiKeySettings
from tests.conformance import SignInSuite, no_network, run


class TestApiKey(SignInSuite):
    word = "api_key"
    settings: ClassVar[dict[str, Any]] = {"key": "hunter2", "header": "X-API-Key", "prefix": "Key "}
    secret = "hunter2"

    def test_the_key_goes_where_it_is_told(self) -> None:
        signature = run(self.made(ask=no_network).sign())
        assert (signature.headers, signature.query) == ({"X-API-Key": "Key hunter2"}, {})
        part = type(self.made(ask=no_network))
        signature = run(part(ApiKeySettings(key="hunter2", query="k"), "npca", no_network).sign())
        assert (signature.headers, signature.query) == ({}, {"k": "hunter2"})

    def test_a_401_stays_one(self) -> None:
        sign_in = self.made(ask=no_network)
        assert run(sign_in.refused(run(sign_in.sign()))) is False

    @pytest.mark.parametrize("places", [{}, {"header": "a", "query": "b"}])
    def test_one_place_and_no_other(self, places: dict[str, str]) -> None:
        with pytest.raises(ValidationError):
            ApiKeySettings(key="x", **places)
