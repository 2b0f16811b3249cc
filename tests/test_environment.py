"""Where secrets come from, which of them are refused, and that none is ever told (reliability.md 5.4, C4)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interpres.environment import Environment, expand, missing, placeholders, read_environment
from interpres.fault import Fault, Faults


def dotenv(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    file = folder / ".env"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    file.chmod(mode)
    return folder


def test_the_process_comes_before_the_file_and_quotes_keep_what_they_hold(tmp_path: Path) -> None:
    text = "# remark\n\nA=one\nexport B = 'two # 2' # remark\nC=\"it's\"\nD=four # remark\nE=a=b\nF=\nG=x#y\r\n"
    found = read_environment(dotenv(tmp_path, "\ufeff" + text), {"A": "process"})
    assert dict(found) == {"A": "process", "B": "two # 2", "C": "it's", "D": "four", "E": "a=b", "F": "", "G": "x#y"}


def test_a_name_may_lead_to_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter2\n")
    found = Environment({"NPCA_PASSWORD_FILE": str(tmp_path / "secret"), "GONE_FILE": str(tmp_path / "gone")})
    assert found["NPCA_PASSWORD"] == "hunter2"
    assert missing(["NPCA_PASSWORD", "NPCA_CLIENT_ID", "NPCA_CLIENT_ID"], found) == ["NPCA_CLIENT_ID"]
    with pytest.raises(Fault) as caught:
        found["GONE"]
    assert (
        str(caught.value)
        == "E102 the file that GONE_FILE names cannot be read: no such file or directory — see its path and rights"
    )


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(Faults) as caught:
        read_environment(dotenv(tmp_path, "A=hunter2\n", mode), {})
    assert [f.code for f in caught.value] == ["E101"]
    assert "hunter2" not in str(caught.value)


def test_lines_that_are_none_are_told_without_what_they_hold(tmp_path: Path) -> None:
    with pytest.raises(Faults) as caught:
        read_environment(dotenv(tmp_path, "A=1\nhunter2\n2B=3\n"), {})
    assert str(caught.value) == (
        ".env:2:1 E103 this line is no NAME=value — write NAME=value, or # before a remark\n"
        ".env:3:1 E103 this line is no NAME=value — write NAME=value, or # before a remark"
    )


def test_a_folder_or_other_bytes_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(Faults) as caught:
        read_environment(dotenv(tmp_path, b"A=\xff\n"), {})
    assert [f.code for f in caught.value] == ["E103"]
    (tmp_path / ".env").unlink()
    (tmp_path / ".env").mkdir()
    with pytest.raises(Faults) as caught:
        read_environment(tmp_path, {})
    assert [f.code for f in caught.value] == ["E102"]


def test_without_a_file_there_is_the_process_alone(tmp_path: Path) -> None:
    assert read_environment(tmp_path)["PATH"] == os.environ["PATH"]


def test_placeholders_are_found_and_replaced_once() -> None:
    tree = {"a": "${A}/x", "b": ["${B}", {"c": "${A}${C}"}], "d": 1, "e": "$A ${ A}"}
    assert list(placeholders(tree)) == ["A", "B", "A", "C"]
    assert expand(tree, {"A": "1", "B": "${A}", "C": "3"}) == {"a": "1/x", "b": ["${A}", {"c": "13"}], "d": 1, "e": "$A ${ A}"}
    with pytest.raises(Fault) as caught:
        expand(tree, {"A": "1"})
    assert (caught.value.code, caught.value.says) == ("E104", "B is not set")


def test_nothing_is_printed() -> None:
    assert "hunter2" not in repr(Environment({"A": "hunter2"}))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path: Path, held: bytes) -> None:
    dotenv(tmp_path, held)
    codes: set[str] = set()
    try:
        read_environment(tmp_path, {})
    except Faults as wrong:
        codes = {f.code for f in wrong}
    assert codes <= {"E103"}
