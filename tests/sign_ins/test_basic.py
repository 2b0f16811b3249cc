"""A name and a password with every call."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from interpres.sign_ins.basic import BasicSettings
from tests.conformance import SignInSuite, no_network, run


class TestBasic(SignInSuite):
    word = "basic"
    settings: ClassVar[dict[str, Any]] = {"username": "Aladdin", "password": "open sesame"}
    secret = "open sesame"

    def test_rfc_7617_example(self) -> None:
        signature = run(self.made(ask=no_network).sign())
        assert signature.headers == {"Authorization": "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}

    def test_a_name_with_a_colon_cannot_be_told_from_a_password(self) -> None:
        with pytest.raises(ValidationError):
            BasicSettings(username="a:b", password="c")
