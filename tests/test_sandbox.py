"""Sandbox and trouble: starting, stopping, ports, and the list of what goes wrong."""

import socket
from pathlib import Path

import pytest

from interpres.fault import Fault
from interpres.sandbox import HOST, Application, Sandbox, SandboxSettings, start
from interpres.sandbox.trouble import KINDS, Trouble
from tests.conftest import ROOT


class Silent(Sandbox):
    Settings = SandboxSettings
    closed = 0

    def application(self) -> Application:
        async def nothing(scope: object, receive: object, send: object) -> None: ...

        return nothing

    def environment(self, base_url: str) -> dict[str, str]:
        return {"SILENT_BASE_URL": base_url}

    def close(self) -> None:
        self.closed += 1


def test_a_free_port_is_taken_and_given_back() -> None:
    sandbox = Silent(SandboxSettings(), ROOT / "schemas")
    with start(sandbox) as running:
        assert running.environment == {"SILENT_BASE_URL": f"http://127.0.0.1:{running.port}"}
        socket.create_connection((HOST, running.port), 1).close()
    running.stop()
    assert sandbox.closed == 1
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((HOST, running.port), 1)


def test_a_port_that_is_taken_is_named() -> None:
    with start(Silent(SandboxSettings(), Path("schemas"))) as running, pytest.raises(Fault) as wrong:
        start(Silent(SandboxSettings(port=running.port), Path("schemas")))
    assert wrong.value.code == "E190"
    assert str(running.port) in wrong.value.says


def test_trouble_is_read_as_it_is_written() -> None:
    assert Trouble.parse("slow:0.2, 500:.1").rates == {"slow": 0.2, "500": 0.1}
    assert Trouble.parse("").rates == {}


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("slwo:0.2", "there is no trouble 'slwo' — did you mean 'slow'?"),
        ("slow", "trouble 'slow' is not a kind and a rate"),
        ("slow:٣", "is not a kind and a rate"),
        ("slow:2", "the rate of trouble 'slow' is more than 1"),
        ("slow:0.6,500:0.6", "the rates of trouble are more than 1 together"),
    ],
)
def test_what_is_no_trouble_is_refused(written: str, sentence: str) -> None:
    with pytest.raises(Fault) as wrong:
        Trouble.parse(written)
    assert wrong.value.code == "C190"
    assert sentence in wrong.value.line()


def test_dice_fall_as_often_as_they_are_told() -> None:
    dice = Trouble.parse(",".join(f"{kind}:0.1" for kind in KINDS)).dice(3)
    fallen = [dice.throw() for _ in range(6000)]
    for kind in KINDS:
        assert 450 < fallen.count(kind) < 750
    assert 2100 < fallen.count("") < 2700
