"""Settings out of recipe files: everything wrong at once, each at its line, with what was probably meant."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field, SecretStr, field_validator

from interpres.fault import Faults
from interpres.settings import Settings, model_from_yaml, split_keys
from interpres.yaml import read


class Limits(Settings):
    in_flight: int = Field(default=4, ge=1)
    timeout_seconds: float = 30


class Party(Settings):
    about: str = Field(description="One sentence about it.")
    status: Literal["planned", "live"] = "planned"
    limits: Limits = Limits()
    doors: dict[str, Limits] = Field(default_factory=dict)
    names: list[str] = Field(default_factory=list)
    colour: str | list[str] = "red"
    secret: SecretStr | None = None
    with_: bool = Field(default=False, alias="with")

    @field_validator("colour")
    @classmethod
    def _no_blue(cls, colour: str | list[str]) -> str | list[str]:
        if colour == "blue":
            raise ValueError("blue is taken — choose another colour")
        return colour


def lines(text: str) -> list[str]:
    with pytest.raises(Faults) as caught:
        model_from_yaml(read(text, "party.yaml"), Party)
    return [str(f) for f in caught.value]


def test_a_good_file_becomes_the_model() -> None:
    party = model_from_yaml(read("about: x\nwith: true\nlimits: {timeout_seconds: 1.5}\ncolour: [a, 12]\n", "p"), Party)
    assert (party.with_, party.limits, party.colour) == (True, Limits(timeout_seconds=1.5), ["a", "12"])


def test_every_fault_is_told_at_its_place_in_the_order_of_the_file() -> None:
    text = (
        "statas: live\nlimits: {in_fligt: 2,\n  in_flight: 0}\nstatus: alive\ndoors:\n  front: {timeout_secs: 1}\n"
        "names: x\ncolour: blue\nwith: 3\n"
    )
    assert lines(text) == [
        "party.yaml:1:1 C101 there is no key 'statas' here — did you mean 'status'?",
        "party.yaml:1:1 C102 the key 'about' is missing — one sentence about it",
        "party.yaml:2:10 C101 there is no key 'in_fligt' here — did you mean 'in_flight'?",
        "party.yaml:3:14 C104 the number must be at least 1 — write another value",
        "party.yaml:4:9 C105 the value must be 'planned' or 'live' — did you mean 'live'?",
        "party.yaml:6:11 C101 there is no key 'timeout_secs' here — did you mean 'timeout_seconds'?",
        "party.yaml:7:8 C103 a list is wanted here — write another value",
        "party.yaml:8:9 C104 blue is taken — choose another colour",
        "party.yaml:9:7 C103 true or false is wanted here — write another value",
    ]


def test_the_sides_of_a_union_are_one_fault() -> None:
    assert lines("about: x\ncolour: {a: 1}\n") == ["party.yaml:2:9 C103 text is wanted here — write another value"]


def test_no_value_is_ever_told() -> None:
    assert "hunter2" not in "".join(lines("about: x\nsecret: [hunter2]\nlimits: hunter2\n"))


def test_a_file_that_is_no_map() -> None:
    assert lines("- a\n") == ["party.yaml:1:1 C103 keys and values are wanted here — write another value"]


def test_two_models_may_share_one_map() -> None:
    node = read("about: x\nport: 1\n", "p")
    ours, rest = split_keys(node, {"about"})
    assert model_from_yaml(ours, Party).about == "x"
    with pytest.raises(Faults) as caught:
        model_from_yaml(rest, Limits, also=["about", "parts"])
    assert [f.hint for f in caught.value] == ["did you mean 'parts'?"]
