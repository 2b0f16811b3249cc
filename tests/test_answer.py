"""What an answer's status means, what a peer complains of, and how long it asks us to wait."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.answer import Reply, field_path, passing, peer_faults, refusal, retry_after_seconds, shut_out

NOW = datetime(2026, 11, 4, 8, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "Wed, 04 Nov 2026 08:00:30 GMT"}, 30.0),
        ({"retry-after": "Wed, 04 Nov 2026 07:00:30 GMT"}, 0.0),
        ({"retry-after": "Wed, 04 Nov 2026 10:00:30 GMT", "date": "Wed, 04 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"retry-after": "99999999"}, 7 * 86400.0),
        ({"retry-after": "٣"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1e3"}, None),
        ({"retry-after": "Wed, 99 Nov 2026 10:00:30 GMT"}, None),
    ],
)
def test_how_long_a_peer_asks_us_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(Reply(503, headers), NOW) == seconds


def test_which_statuses_pass() -> None:
    passing_ones = {s for s in range(200, 600) if passing(Reply(s), "npca")}
    assert passing_ones == {408, 425, 429, *range(500, 600)}
    uncertain = {s for s in passing_ones if (p := passing(Reply(s), "npca")) and p.uncertain}
    assert uncertain == {502, 504}


def test_a_401_is_nobody_s_message() -> None:
    shut = shut_out(Reply(401), "npca")
    assert shut is not None and "sign-in" in shut.says and not shut.uncertain
    assert all(shut_out(Reply(status), "npca") is None for status in (200, 400, 403, 407, 500))


def test_every_other_status_has_a_sentence_of_its_own_kind() -> None:
    assert str(refusal(301, "npca")).startswith("N230 npca wants to be asked at another address (301) — ")
    codes = {status: refusal(status, "npca").code for status in (400, 403, 404, 405, 409, 413, 415, 422, 418)}
    assert len(set(codes.values())) == 8 and codes[418] == "N239"


@pytest.mark.parametrize(
    ("tree", "found"),
    [
        (
            {"errors": {"visits.0.patient.sex": ["The sex is invalid."], "visits.0.admitted_at": ["Required.", "A date."]}},
            [
                ("visits[0].patient.sex", "The sex is invalid."),
                ("visits[0].admitted_at", "Required."),
                ("visits[0].admitted_at", "A date."),
            ],
        ),
        (
            {"data": [{"status": 3, "errors": [{"field": "visits.0.invoices.0.payment_type", "message": "not covered"}]}]},
            [("visits[0].invoices[0].payment_type", "not covered")],
        ),
        (
            {"title": "no", "errors": [{"detail": "must be positive", "pointer": "#/age/0"}]},
            [("age[0]", "must be positive")],
        ),
        (
            {
                "resourceType": "OperationOutcome",
                "issue": [
                    {"severity": "error", "details": {"text": "unknown code"}, "expression": ["Patient.name[0].family"]},
                    {"severity": "warning", "diagnostics": "fine"},
                ],
            },
            [("Patient.name[0].family", "unknown code")],
        ),
        ({"errors": "x"}, []),
        ({"errors": [7, "odd"]}, [("", ""), ("", "odd")]),
        ([], []),
        (None, []),
    ],
)
def test_what_a_peer_complains_of(tree: Any, found: list[tuple[str, str]]) -> None:
    faults = peer_faults(tree, "npca")
    assert [(f.target, f.value) for f in faults] == found
    assert {f.code for f in faults} <= {"N240"}
    for fault in faults:
        assert not fault.value or fault.value not in str(fault)


def test_a_thousand_complaints_are_a_hundred_faults() -> None:
    assert len(peer_faults({"errors": {f"f{n}": ["x"] for n in range(1000)}}, "npca")) == 100


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("a.b.0.c", "a.b[0].c"),
        ("$.a[0].b", "a[0].b"),
        ("/a/0/b", "a[0].b"),
        ("#/a", "a"),
        ("a b", ""),
        ("a\nb", ""),
        ("", ""),
        ("ឈ្មោះ.0", "ឈ្មោះ[0]"),
        ("x" * 400, ""),
    ],
)
def test_paths_of_fields(written: str, path: str) -> None:
    assert field_path(written) == path


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["errors", "data", "issue", "field", "message", "resourceType"]) | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_any_tree_is_read(tree: Any) -> None:
    for fault in peer_faults(tree, "npca"):
        assert fault.code == "N240" and "\n" not in fault.target
