"""units.py: every code of UCUM's own table is known with and without its prefix, and what is none is refused in words."""

from __future__ import annotations

import importlib.resources
import re
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpres.values.units import wrong_with


def ucum_codes() -> list[tuple[str, bool]]:
    """The codes of the table that the Regenstrief Institute publishes, with whether each takes a prefix (ucumvert carries it)."""
    pytest.importorskip("ucumvert", reason="the table of UCUM comes with the extra 'units'")
    table = importlib.resources.files("ucumvert").joinpath("vendor/ucum-essence.xml").read_text("utf-8")
    base = [(unescape(code), True) for code in re.findall(r'<base-unit[^>]*? Code="([^"]+)"', table)]
    units = re.findall(r'<unit[^>]*? Code="([^"]+)"[^>]*?isMetric="(yes|no)"', table)
    return base + [(unescape(code), metric == "yes") for code, metric in units]


def test_the_codes_are_those_of_the_published_table() -> None:
    codes = ucum_codes()
    assert len(codes) > 300
    assert [code for code, _ in codes if wrong_with(code)] == []
    assert [code for code, metric in codes if metric and wrong_with(f"m{code}")] == []


@pytest.mark.parametrize(
    "unit",
    [
        "mg/dL",
        "10*9/L",
        "10^3/uL",
        "/min",
        "{score}",
        "g/dL{dry}",
        "kg/m2",
        "m.s-2",
        "(mg/dL)",
        "L/min/{1.73_m2}",
        "1/d",
        "KiBy",
        "%",
    ],
)
def test_units_of_laboratories(unit: str) -> None:
    assert wrong_with(unit) == ""


@pytest.mark.parametrize(
    ("unit", "why"),
    [
        ("", "blank"),
        ("µmol/L", "write u for micro"),
        ("MG/DL", "wrong case"),
        ("mm[HG]", "UCUM writes mm[Hg]"),
        ("beats/min", "no such code"),
        ("m mol", "space"),
        ("mg//dL", "missing"),
        ("mg/", "ends"),
        ("(mg", "never closed"),
        ("mg)", "closes"),
        ("{a b}", "space"),
        ("mg{", "pair"),
        ("m(s)", "opens"),
        ("k[ft_i]", "no such code"),
        ("(" * 100, "opens"),
        ("m" * 300, "more than"),
    ],
)
def test_what_is_none(unit: str, why: str) -> None:
    assert why in wrong_with(unit)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="mgLk10*^/.(){}[]-+ '%Hgµ", max_size=14))
def test_any_text_gets_an_answer_without_any_of_it(unit: str) -> None:
    assert isinstance(wrong_with(unit), str)
